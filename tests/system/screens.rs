//! `seqioc screens` and `seqioc ophyd`: what they write, and what its readers make of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::bob;
use crate::config::File;
use crate::launch::{Server, run_to_end, seqioc, wait_exit};
use crate::peers::{Peers, Script};

/// Qt, pyepics and all widgets, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(240);
/// Folder of the files that people review.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/screens");

/// A folder of its own, without the files of an earlier run.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("screens_{name}"));
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{}: {error}", path.display()),
        _ => path,
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Runs it; status, and what it said.
#[track_caller]
fn seqioc_says(args: &[&str]) -> (i32, String) {
    let output = run_to_end(args);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().expect("a status"), String::from_utf8(said).expect("UTF-8"))
}

#[track_caller]
fn made(command: &str, name: &str, args: &[&str]) -> BTreeMap<String, String> {
    let folder = folder(name);
    let (status, said) = seqioc_says(&[&[command, text(&folder)], args].concat());
    assert_eq!(status, 0, "{said}");
    files(&folder)
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
            (name, fs::read_to_string(path).expect("UTF-8"))
        })
        .collect()
}

fn table() -> serde_json::Value {
    serde_json::from_slice(&run_to_end(&["list", "--json"]).stdout).expect("JSON")
}

fn string<'a>(value: &'a serde_json::Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

#[test]
fn pydm_loads_every_screen_and_its_widgets_show_and_put() {
    let folder = folder("pydm");
    let (status, said) = seqioc_says(&["screens", text(&folder)]);
    assert_eq!(status, 0, "{said}");
    let server = Server::start();
    if let Some(script) =
        Script::start_in(Peers::Screens, "screens_pydm.py", &[text(&folder)], server.udp, DEADLINE)
    {
        script.finish();
    }
}

/// All demo devices, and groups with names that Python or ophyd has already.
const GROUPS: &str = r#"
[device.beamline]
[device.chart]
[device.clock]
[device.example]
[device.motor]
[device.sequencer]

[[group]]
prefix = "temp:A:"
[[group.pv]]
name = "value"
value = 21.5
access = "ro"
[[group.pv]]
name = "log"
value = 3
access = "ro"
[[group.pv]]
name = "setpoint"
value = 20.0
[[group.pv]]
name = "class"
value = 1

[[group]]
prefix = "temp:A:inner:"
[[group.pv]]
name = "value"
value = 4.5
access = "ro"
"#;

#[test]
fn ophyd_and_happi_make_devices_of_the_modules() {
    let (folder, config) = (folder("ophyd"), File::new("ophyd", GROUPS));
    let list = folder.with_extension("json");
    // With the PVs about the IOC, which are listed then.
    let flags = ["--config", config.path(), "--status-prefix", "IOC:"];
    let table = run_to_end(&[&["run"], &flags[..], &["--list-pvs=json"]].concat()).stdout;
    fs::write(&list, table).expect("a file");
    let (status, said) = seqioc_says(&["ophyd", text(&folder), "--table", text(&list)]);
    assert_eq!(status, 0, "{said}");
    let server = Server::with(&flags, 0);
    let args = [text(&folder), text(&list)];
    if let Some(script) = Script::start_in(Peers::Ophyd, "screens_ophyd.py", &args, server.udp, DEADLINE) {
        script.finish();
    }
}

#[test]
fn phoebus_knows_every_widget_and_property() {
    let known = bob::Known::read();
    let mut widgets = BTreeMap::new();
    for (name, text) in made("screens", "phoebus", &[]) {
        if name.ends_with(".bob") {
            let root = bob::parse(&text);
            known.check(&name, &root);
            bob::count(&root, &mut widgets);
        }
    }
    let used: Vec<_> = widgets.keys().map(String::as_str).collect();
    let all = [
        "action_button",
        "combo",
        "group",
        "image",
        "label",
        "led",
        "progressbar",
        "rectangle",
        "textentry",
        "textupdate",
        "xyplot",
    ];
    assert_eq!(used, all, "{widgets:?}");
}

#[test]
fn every_pv_is_on_a_screen_with_the_widget_of_its_type() {
    let screens = made("screens", "pvs", &[]);
    for device in table().as_array().expect("a list") {
        let own = screens
            .iter()
            .filter(|(name, _)| name.ends_with(".bob") && name.starts_with(string(device, "device")));
        let mut shown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        own.for_each(|(_, text)| bob::pvs(&bob::parse(text), &mut shown));
        for pv in device["pvs"].as_array().expect("a list") {
            let kinds = shown.get(&format!("ca://{}", string(pv, "name"))).cloned().unwrap_or_default();
            let has = |kind: &str| kinds.contains(kind);
            let (pv_type, writable) = (string(pv, "pv_type"), string(pv, "access") == "rw");
            let right = match (pv_type, pv["array"] == true) {
                // Bytes: the image, or nothing.
                ("char", true) => kinds.is_empty() || has("image"),
                ("text" | "string", _) => {
                    has(if writable { "textentry format 6" } else { "textupdate format 6" })
                }
                (_, true) => has("xyplot"),
                ("enum", _) if writable => has("combo") || has("action_button"),
                _ if writable => has("textentry") || has("action_button"),
                _ => has("textupdate"),
            };
            assert!(right, "{pv_type} {}: {kinds:?}", string(pv, "name"));
        }
    }
    let chart = bob::parse(&screens["chart.bob"]);
    let image = bob::find(&chart, "image").expect("an image");
    for (property, value) in [
        ("pv_name", "ca://chart:image"),
        ("color_mode", "3"),
        ("unsigned", "true"),
        ("data_width", "640"),
        ("data_height", "240"),
    ] {
        assert_eq!(image.text_of(property), Some(value), "{property}");
    }
}

#[test]
fn links_lead_to_screens_that_are_there() {
    let screens = made("screens", "links", &[]);
    for (name, text) in &screens {
        for link in text.split("<file>").skip(1).filter_map(|rest| rest.split('<').next()) {
            assert!(screens.contains_key(link), "{name} leads to {link}");
        }
    }
    let overview = &screens["overview.bob"];
    for device in table().as_array().expect("a list") {
        assert!(overview.contains(&format!("<file>{}.bob</file>", string(device, "device"))));
    }
}

/// With SEQIOC_GOLDEN=write they are made new.
#[test]
fn the_files_of_a_device_are_the_golden_ones() {
    let mut made_now = made("screens", "golden", &["clock"]);
    made_now.extend(made("ophyd", "golden_ophyd", &["clock"]));
    if std::env::var("SEQIOC_GOLDEN").is_ok_and(|value| value == "write") {
        fs::create_dir_all(GOLDEN).expect("a folder");
        made_now
            .iter()
            .for_each(|(name, text)| fs::write(Path::new(GOLDEN).join(name), text).expect("a file"));
    }
    let golden = files(Path::new(GOLDEN));
    assert_eq!(made_now.keys().collect::<Vec<_>>(), golden.keys().collect::<Vec<_>>());
    for (name, text) in made_now {
        assert!(
            golden[&name] == text,
            "{name} is not as in tests/golden/screens; if it should not be, make that new"
        );
    }
}

#[test]
fn the_same_table_makes_the_same_bytes_and_what_differs_is_kept() {
    let folder = folder("force");
    let arguments = ["screens", text(&folder), "clock", "example"];
    assert_eq!(seqioc_says(&arguments).0, 0);
    let (status, said) = seqioc_says(&arguments);
    assert!(status == 0 && said.contains("0 files written, 6 as they were"), "{said}");
    let (mine, gone) = (folder.join("clock.ui"), folder.join("overview.bob"));
    fs::write(&mine, "my own").expect("a file");
    fs::remove_file(&gone).expect("it is there");
    let (status, said) = seqioc_says(&arguments);
    assert!(status == 1 && said.contains("clock.ui would be replaced"), "{status}: {said}");
    assert_eq!(fs::read_to_string(&mine).expect("a file"), "my own");
    assert!(!gone.exists(), "nothing is written beside what differs");
    let (status, said) = seqioc_says(&[&arguments[..], &["--force"]].concat());
    assert!(status == 0 && said.contains("2 files written, 4 as they were"), "{said}");
    assert!(
        files(&folder).keys().all(|name| name.ends_with(".ui") || name.ends_with(".bob")),
        "nothing is left beside"
    );
}

#[test]
fn prefix_and_config_are_those_of_run() {
    let clock = made("screens", "prefix", &["clock", "--prefix", "lab7:"]);
    assert!(
        clock["clock.bob"].contains("<pv_name>ca://lab7:request</pv_name>")
            && !clock["clock.bob"].contains("wt:")
    );
    let config = folder("config").with_extension("toml");
    let lines =
        "[device.hall]\nkind = \"clock\"\nprefix = \"hall:\"\n[[pv]]\nname = \"lab:<&>\"\nvalue = 1.5\n";
    fs::write(&config, lines).expect("a file");
    let hall = made("screens", "config", &["--config", text(&config)]);
    let names: Vec<_> = hall.keys().map(String::as_str).collect();
    assert_eq!(names, ["hall.bob", "hall.ui", "overview.bob", "overview.ui", "pvs.bob", "pvs.ui"]);
    assert!(hall["hall.bob"].contains("ca://hall:request"));
    assert!(hall["pvs.bob"].contains("<pv_name>ca://lab:&lt;&amp;&gt;</pv_name>"));
    for text in hall.iter().filter(|(name, _)| name.ends_with(".bob")).map(|(_, text)| text) {
        bob::Known::read().check("pvs", &bob::parse(text));
    }
}

#[test]
fn any_ioc_gives_its_table() {
    let table = run_to_end(&["run", "clock", "--list-pvs=json"]).stdout;
    let file = folder("table").with_extension("json");
    fs::write(&file, &table).expect("a file");
    let from_file = made("screens", "table", &["clock", "--table", text(&file)]);
    let stripped = |text: &str| text.replace("   tells the time after a delay", "");
    let from_box = made("screens", "table_box", &["clock"]);
    for (name, text) in &from_box {
        assert!(stripped(text) == from_file[name], "{name}");
    }
    let folder = folder("stdin");
    let mut command = seqioc(&["screens", text(&folder), "clock", "--table", "-"]);
    let input = fs::File::open(&file).expect("a file");
    let mut child =
        command.stdin(Stdio::from(input)).stdout(Stdio::null()).spawn().expect("the binary starts");
    assert!(wait_exit(&mut child, DEADLINE).is_some_and(|status| status.success()));
    assert_eq!(files(&folder), from_file);
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    let folder = folder("refused");
    let table = |pvs: &str| {
        let file = folder.with_extension("json");
        fs::write(&file, format!(r#"[{{"device": "d", "prefix": "p:", "pvs": [{pvs}]}}]"#)).expect("a file");
        seqioc_says(&["screens", text(&folder), "--table", text(&file)])
    };
    let named = |name: &str| {
        table(&format!(r#"{{"name": "{name}", "pv_type": "double", "array": false, "access": "rw"}}"#))
    };
    for ((status, said), reason) in [
        (seqioc_says(&["screens", text(&folder), "toaster"]), "there is no device \"toaster\""),
        (named("p:a b"), "name \"p:a b\" of device \"d\": must have no blanks"),
        (named("p:$(x)"), "must have no $("),
        (
            table(r#"{"name": "x", "pv_type": "quark", "array": false, "access": "rw"}"#),
            "unknown variant `quark`",
        ),
        (seqioc_says(&["screens", text(&folder), "--table", "/no/such"]), "/no/such"),
        (seqioc_says(&["ophyd", "/dev/null/x", "clock"]), "/dev/null/x"),
    ] {
        assert!(status > 0 && said.contains(reason), "{status}: {said}");
    }
    assert!(!folder.exists(), "nothing is written");
    let clash = seqioc_says(&["screens", text(&folder), "--table", "x", "--prefix", "y:"]);
    assert!(clash.0 == 2 && clash.1.contains("cannot be used with"), "{}", clash.1);
}
