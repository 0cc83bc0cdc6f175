use super::*;
use crate::ioc::IocBuilder;

fn parse(text: &str) -> Result<Vec<String>, ConfigError> {
    let group = ConfigFile::parse("a.toml", text)?.group()?;
    let pvs = IocBuilder::new().group(group).describe();
    Ok(pvs.iter().map(|pv| format!("{} {}[{}] {}", pv.name, pv.pv_type, pv.count, pv.access)).collect())
}

fn refused(text: &str) -> String {
    parse(text).expect_err("refused").to_string()
}

#[test]
fn types_come_from_the_value_or_are_said() {
    let text = r#"
        pv = [
            { name = "a", value = 1 }, { name = "b", value = 1.5 }, { name = "c", value = true },
            { name = "d", value = "text" }, { name = "e", labels = ["x", "y"], value = "y" },
            { name = "f", value = [1, 2.5, nan] }, { name = "g", type = "short", max_length = 8 },
            { name = "h", type = "double", access = "ro" }, { name = "i", type = "string", value = "s" },
            { name = "j", type = "byte", value = [0, 255], max_length = 10 }, { name = "k", value = ["a", "b"] },
            { name = "l", type = "text", max_length = 20 }, { name = "m", type = "float", value = 1 },
        ]
    "#;
    let expected = [
        "a long[1] rw",
        "b double[1] rw",
        "c enum[1] rw",
        "d text[10000] rw",
        "e enum[1] rw",
        "f double[3] rw",
        "g short[8] rw",
        "h double[1] ro",
        "i string[1] rw",
        "j char[10] rw",
        "k string[2] rw",
        "l text[20] rw",
        "m float[1] rw",
    ];
    assert_eq!(parse(text).expect("good"), expected);
}

#[test]
fn all_that_a_pv_can_have_arrives() {
    let text = r#"
        [[group]]
        prefix = "{p}:"
        macros = { p = "lab" }
        [[group.pv]]
        name = "v"
        value = 2
        type = "double"
        units = "mm"
        precision = 2
        display_limits = [0, 10]
        control_limits = [-1, 11]
        alarm_limits = [-2, 12]
        warning_limits = [0, 9.5]
        deadbands = [0.1, 1]
        every_post = true
        feed_depth = 7
        doc = "A length"
        aliases = ["other:{p}"]
    "#;
    let group = ConfigFile::parse("a.toml", text).expect("good").group().expect("good");
    let pv = &group.built()[0];
    let meta = pv.meta();
    assert_eq!((&*pv.name, &*meta.units, meta.precision, &*pv.fixed.doc), ("lab:v", "mm", 2, "A length"));
    let limits = [meta.display, meta.control, meta.alarm, meta.warning].map(|pair| (pair.low, pair.high));
    assert_eq!(limits, [(0.0, 10.0), (-1.0, 11.0), (-2.0, 12.0), (0.0, 9.5)]);
    assert!(pv.fixed.every_post && pv.fixed.feed_depth.is_some_and(|depth| depth.get() == 7));
    assert_eq!(*pv.fixed.aliases, ["other:lab".to_owned()]);
}

#[test]
fn records_and_alarms_are_declared_too() {
    let text = r#"
        [[pv]]
        name = "a"
        value = 1.5
        record = "ai"
        alarm_limits = [0, 1]
        hysteresis = 0.1
        alarm_group = "g"
        [[pv]]
        name = "b"
        labels = ["off", "on"]
        value = "on"
        record = "bi"
        state_severities = ["none", "minor"]
        change_severity = "major"
        alarm_group = "g"
    "#;
    let group = ConfigFile::parse("a.toml", text).expect("good").group().expect("good");
    let alarms: Vec<_> = group.built().iter().map(|pv| pv.read(false).update.alarm.severity).collect();
    assert_eq!(alarms, [crate::AlarmSeverity::Major; 2], "both show the worst alarm of the group");
    let pv = "[[pv]]\nname = 'a'\nvalue = 1\n";
    assert!(refused(&format!("{pv}record = 'aii'")).contains("aii"));
    assert!(refused(&format!("{pv}state_severities = ['none']")).starts_with("a.toml:1: PV \"a\""));
    assert!(refused(&format!("{pv}change_severity = 'bad'")).starts_with("a.toml:4: unknown variant `bad`"));
}

#[test]
fn a_mistake_is_named_with_its_file_and_line() {
    assert_eq!(
        refused("\n\nx = 1"),
        "a.toml:3: unknown field `x`, expected one of `device`, `pv`, `group`, `autosave`, `status`"
    );
    assert!(refused("[[pv]]\nname = 'a'\nunit = 'mm'").starts_with("a.toml:3: unknown field `unit`"));
    assert!(refused("[[pv]]\nname = 'a'\nunits = 5").starts_with("a.toml:3: invalid type: integer `5`"));
    assert!(refused("[[pv]]\nname = 'a'\ntype = 'int'").starts_with("a.toml:3: unknown variant `int`"));
    assert!(refused("[[pv]]\nvalue = 1").contains("missing field `name`"));
    assert!(refused("[[pv]\n").starts_with("a.toml:1: "));
    let twice = "[[pv]]\nname = 'a'\nvalue = 1\n[[pv]]\nname = 'a'\nvalue = 2";
    assert_eq!(refused(twice), r#"a.toml:4: PV "a": the name is taken"#);
    let inner = "[[group]]\nprefix = 'p:'\n[[group.pv]]\nname = 'x'\nvalue = 1\n[[group.pv]]\nname = 'a b'\nvalue = 1";
    assert_eq!(refused(inner), r#"a.toml:6: PV "p:a b": a name must not have ' '"#);
    assert!(refused("[[group]]\nprefix = '{q}'").contains("no macro \"q\""));
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let pv = |rest: &str| refused(&format!("[[pv]]\nname = 'a'\n{rest}"));
    assert!(pv("").ends_with("it needs a type or a value"));
    assert!(
        pv("type = 'short'\nvalue = 40000").ends_with("the value 40000 is not a whole number of 16 bits")
    );
    assert!(pv("type = 'double'\nvalue = 'x'").ends_with("the value \"x\" is not a number"));
    assert!(pv("type = 'bool'\nmax_length = 3").ends_with("there are no arrays of bool"));
    assert!(pv("type = 'byte'\nvalue = 3").contains("arrays"));
    assert!(pv("labels = ['x']\nvalue = 'y'").contains("one of its labels"));
    assert!(pv("value = [1, 2]\nmax_length = 1").ends_with("the value has 2 elements, 1 fit"));
    assert!(pv("value = 1\ncontrol_limits = [5, 2]").contains("must be below"));
}

#[test]
fn devices_have_a_kind_a_prefix_and_arguments() {
    let text = "[device.a]\nkind = 'clock'\nprefix = 'x:'\narguments = { delay = 0.5 }\n[device.clock]\n";
    let file = ConfigFile::parse("a.toml", text).expect("good");
    let devices: Vec<_> = file.devices().map(|(name, table)| (name, table.kind.as_deref())).collect();
    assert_eq!(devices, [("a", Some("clock")), ("clock", None)]);
    assert_eq!(file.device_error("clock", "is odd").to_string(), "a.toml:5: device \"clock\": is odd");
}

#[test]
fn the_schema_knows_every_key() {
    let schema = ConfigFile::schema().to_string();
    for key in ["device", "arguments", "control_limits", "feed_depth", "additionalProperties"] {
        assert!(schema.contains(key), "{key}");
    }
}

#[test]
fn the_file_in_the_documents_is_good() {
    let page = include_str!("../../../docs/config.md");
    let text = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).expect("a sample");
    let file = ConfigFile::parse("docs/config.md", text).expect("a good file");
    let names = IocBuilder::new().group(file.group().expect("good PVs")).names().join(" ");
    assert_eq!(names, "lab:temperature lab:101:door lab:101:spectrum");
    assert_eq!(file.devices().map(|(name, _)| name).collect::<Vec<_>>(), ["chart", "fast_clock"]);
    let known = |key: &str| ConfigFile::schema().to_string().contains(&format!("{key:?}"));
    let keys =
        page.split("| key of a PV |").nth(1).expect("a table").lines().filter(|l| l.starts_with("| `"));
    let first = keys.flat_map(|row| row.split('|').nth(1).expect("a cell").split('`').skip(1).step_by(2));
    assert!(first.clone().count() > 15);
    first.for_each(|key| assert!(known(key), "{key}"));
}
