//! Every command, taken and refused.

use super::*;

fn settings() -> Settings {
    Settings::new((1920, 1080))
}

fn after(command: Command) -> (Settings, Effect) {
    settings().after(&command).expect("a good command")
}

#[track_caller]
fn refused(command: Command) -> String {
    settings().after(&command).expect_err("a mistake").to_string()
}

fn names(command: &str, names: &[&str]) -> Command {
    let list: Vec<Arg> = names.iter().map(|name| Arg::from(*name)).collect();
    Command::new(command).arg("rest", list)
}

#[test]
fn a_new_size_may_leave_one_side_as_it_is() {
    let size = |command| after(command).0.size;
    assert_eq!(size(Command::new("size").arg("width", 800).arg("height", 600)), (800, 600));
    assert_eq!(size(Command::new("size").arg("width", Arg::None).arg("height", 480)), (640, 480));
    let refusal = refused(Command::new("size").arg("width", 1921));
    assert_eq!(refusal, "width 1921 is outside 160..=1920");
    assert_eq!(refused(Command::new("size").arg("height", 119)), "height 119 is outside 120..=1080");
    assert!(refused(Command::new("size").arg("width", -1)).contains("outside"));
}

#[test]
fn other_traces_start_another_chart() {
    let (axes, _) = after(Command::new("axes").arg("y_low", 1.0).arg("y_high", 2.0));
    let (watching, effect) = axes.after(&names("watch", &["a:x", "a:y"])).expect("good names");
    assert_eq!(
        (watching.kind, watching.source.clone(), effect),
        (Kind::Time, Source::Watched, Effect::NewTraces)
    );
    assert_eq!(watching.y, (None, None), "bounds of another chart");
    assert_eq!(watching.traces.iter().map(|trace| &*trace.name).collect::<Vec<_>>(), ["a:x", "a:y"]);
    assert_eq!(watching.traces[0].style, Style::Steps);
    let (own, effect) = watching.after(&Command::new("counter")).expect("good");
    assert_eq!((own.source, own.kind, effect), (Source::Own, Kind::Time, Effect::NewTraces));
    let (given, effect) = after(Command::new("").arg("values", vec![1.0, 4.0]));
    assert_eq!(
        (given.source, given.kind, effect),
        (Source::Given, Kind::Array, Effect::List(vec![1.0, 4.0]))
    );
    assert!(given.revision > settings().revision);
}

#[test]
fn names_are_counted_and_must_be_names() {
    assert_eq!(refused(names("watch", &[])), "the number of names 0 is outside 1..=8");
    assert!(refused(names("arrays", &["x"; 9])).contains("9 is outside 1..=8"));
    assert!(refused(names("watch", &["a b"])).contains(r#""a b" is no name of a PV"#));
    let xy = after(Command::new("xy").arg("x", "m:x").arg("y", "m:y")).0;
    assert_eq!((xy.kind, &*xy.labels.0, &*xy.labels.1), (Kind::Pairs, "m:x", "m:y"));
    let bins = |bins: i32| Command::new("histogram").arg("name", "x").arg("bins", bins);
    assert_eq!(after(bins(20)).0.kind, Kind::Histogram { bins: 20 });
    assert_eq!(refused(bins(0)), "bins 0 is outside 1..=1000");
}

#[test]
fn a_trace_has_the_look_it_is_given_and_keeps_the_rest() {
    let look = |trace: i32| Command::new("look").arg("trace", trace);
    let (colored, _) = after(look(2).arg("color", "#ff8000"));
    assert_eq!((colored.traces[1].color, colored.traces[1].style), (Some((255, 128, 0)), Style::Line));
    let (dotted, _) = colored.after(&look(2).arg("style", "points")).expect("good");
    assert_eq!((dotted.traces[1].color, dotted.traces[1].style), (Some((255, 128, 0)), Style::Points));
    assert_eq!(refused(look(3)), "trace 3 is outside 1..=2");
    assert_eq!(refused(look(0)), "trace 0 is outside 1..=2");
    assert_eq!(refused(look(1).arg("color", "red")), r#"color "red" is not written as #rrggbb"#);
    assert!(refused(look(1).arg("color", "#+12345")).contains("not written"));
    assert_eq!(refused(look(1).arg("style", "dots")), r#"style "dots" is none of line, points, steps"#);
}

#[test]
fn bounds_are_finite_and_in_order() {
    let axes = |low: f64, high: f64| Command::new("axes").arg("y_low", low).arg("y_high", high);
    assert_eq!(after(axes(-1.0, 2.0)).0.y, (Some(-1.0), Some(2.0)));
    assert!(refused(axes(2.0, 2.0)).contains("y_low 2 must be below y_high 2"));
    assert!(refused(axes(1.0, 1.0 + 1e-12)).contains("must be below"));
    assert!(refused(axes(f64::NAN, 1.0)).contains("outside"));
    assert!(refused(axes(0.0, f64::INFINITY)).contains("outside"));
}

#[test]
fn choices_and_numbers_have_their_rule_in_the_refusal() {
    assert_eq!(after(Command::new("theme").arg("name", "dark")).0.theme, Theme::Dark);
    assert_eq!(refused(Command::new("theme").arg("name", "blue")), r#"name "blue" is none of Light, Dark"#);
    assert_eq!(after(Command::new("format").arg("name", "Mono")).0.format, Format::Mono);
    assert_eq!(refused(Command::new("rate").arg("per_second", 0.0)), "per_second 0 is outside 0.1..=1000");
    assert_eq!(after(Command::new("rate").arg("per_second", 60.0)).0.rate, 60.0);
    assert!(refused(Command::new("window").arg("seconds", f64::NAN)).contains("outside"));
    let long = "é".repeat(MAX_TEXT + 1);
    assert_eq!(refused(Command::new("title").arg("text", long)), "text has 201 characters, at most 200 fit");
    assert_eq!(after(Command::new("labels").arg("x", "mm").arg("y", "")).0.labels.0, "mm");
    assert_eq!(after(Command::new("clear")).1, Effect::Clear);
}

#[test]
fn every_listed_command_is_known() {
    for spec in commands() {
        let given = spec
            .args()
            .iter()
            .fold(Command::new(spec.name()), |command, arg| command.arg(&arg.name, Arg::None));
        if let Err(error) = settings().after(&given) {
            assert!(!error.to_string().contains("no command"), "{spec}: {error}");
        }
    }
}
