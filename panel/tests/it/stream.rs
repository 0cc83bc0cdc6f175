//! What a page is told.

use serde_json::json;
use wrapper::GroupBuilder;

use crate::lab::{Lab, Mode, until};

#[test]
fn a_page_is_greeted_and_beaten_to() {
    let lab = Lab::new();
    let mut page = lab.page();
    let hello = page.hear().expect("a message");
    assert_eq!(
        (&hello["type"], &hello["version"], &hello["write"]),
        (&json!("hello"), &json!(1), &json!("token"))
    );
    assert!(hello["name"].is_string() && hello["time"].as_f64() > Some(1e9));
    assert_eq!(page.hear().expect("a message")["type"], "beat");
    let mut other = lab.page();
    assert_eq!(other.next("hello")["instance"], hello["instance"], "one server");
    assert_ne!(Lab::new().page().next("hello")["instance"], hello["instance"], "another one");
    lab.ioc.stop();
}

#[test]
fn a_subscription_brings_metadata_the_value_and_each_change() {
    let lab = Lab::new();
    let mut page = lab.page();
    let meta = page.subscribe(7, "lab:number");
    assert_eq!(
        (&meta["type"], &meta["units"], &meta["kind"]),
        (&json!("meta"), &json!("mm"), &json!("double"))
    );
    let first = page.update(7, |_| true);
    assert_eq!(
        (&first["value"], &first["severity"], &first["status"]),
        (&json!(1.5), &json!(0), &json!("NO_ALARM"))
    );
    lab.number.post(4.5);
    let high = page.update(7, |update| update["value"] == 4.5);
    assert_eq!((&high["severity"], &high["status"]), (&json!(1), &json!("HIGH")));
    let mode = page.subscribe(8, "lab:mode");
    assert_eq!(mode["labels"], json!(["Off", "On"]));
    lab.mode.post(Mode::On);
    page.update(8, |update| update["value"] == 1);
    lab.count.post_with(9, wrapper::Post::new().alarm(wrapper::Alarm::LINK).message("the pipe is cut"));
    page.subscribe(9, "lab:count");
    let alarm = page.update(9, |_| true);
    assert_eq!((&alarm["message"], &alarm["severity"]), (&json!("the pipe is cut"), &json!(3)));
    lab.ioc.stop();
}

#[test]
fn a_subscription_that_ended_brings_nothing_and_its_id_can_be_used_again() {
    let lab = Lab::new();
    let mut page = lab.page();
    page.subscribe(1, "lab:number");
    page.subscribe(2, "lab:count");
    page.update(2, |_| true);
    page.say(&json!({ "op": "unsubscribe", "id": 1 }));
    page.say(&json!({ "op": "unsubscribe", "id": 99 }));
    // An answer to a later message: the one before has been read.
    assert_eq!(page.subscribe(3, "lab:nothing")["type"], "refused");
    lab.number.post(2.5);
    lab.count.post(5);
    page.update(2, |update| {
        assert_ne!(update["id"], 1);
        update["value"] == 5
    });
    assert_eq!(page.subscribe(2, "lab:text")["pv"], "lab:text", "the one before ends");
    page.update(2, |update| update["value"] == "one");
    lab.count.post(6);
    lab.text.post("two".to_owned());
    page.update(2, |update| {
        assert_ne!(update["value"], 6);
        update["value"] == "two"
    });
    lab.ioc.stop();
}

#[test]
fn long_arrays_come_as_deep_as_they_are_wanted() {
    let lab = Lab::new();
    lab.wave.post((0..4000).map(f64::from).collect::<Vec<_>>());
    let mut page = lab.page();
    for (id, depth, length) in [(1, "plot", 1000), (2, "text", 32), (3, "full", 4000)] {
        page.say(&json!({ "op": "subscribe", "id": id, "pv": "lab:wave", "depth": depth }));
        let update = page.update(id, |_| true);
        assert_eq!(update["value"].as_array().map(Vec::len), Some(length), "{depth}");
        assert_eq!(update.get("of").is_some(), length != 4000, "{depth}");
    }
    lab.ioc.stop();
}

#[test]
fn a_pv_that_goes_and_comes_back_is_told_and_resumes() {
    let lab = Lab::new();
    let mut page = lab.page();
    page.subscribe(1, "lab:count");
    page.update(1, |_| true);
    assert!(lab.ioc.remove("lab:count"));
    assert_eq!(page.next("gone")["id"], 1);
    let mut group = GroupBuilder::new("lab:");
    let back = group.pv("count", 41).units("turns").add().expect("a PV");
    lab.ioc.add(group).expect("it is added");
    assert_eq!(page.find(|message| message["type"] == "meta" && message["id"] == 1)["units"], "turns");
    page.update(1, |update| update["value"] == 41);
    back.post(42);
    page.update(1, |update| update["value"] == 42);
    lab.ioc.stop();
}

#[test]
fn changed_metadata_and_rights_are_told_once() {
    let lab = Lab::new();
    let mut page = lab.page();
    assert_eq!(page.subscribe(1, "lab:number")["writable"], true);
    let view = lab.ioc.handle().view();
    let units = view.open("lab:number.EGU").expect("a field");
    units.put_text("um", "a test").wait().expect("it is put");
    assert_eq!(page.next("meta")["units"], "um");
    lab.number.allow(wrapper::AccessRights::READ);
    assert_eq!(page.next("meta")["writable"], false);
    // Two beats on which nothing is told again.
    page.hears_no("meta", 2);
    lab.ioc.stop();
}

#[test]
fn the_log_is_told_while_it_is_wanted() {
    let log = wrapper::launch::start_verbose_log;
    log(0);
    let lab = Lab::new();
    let mut page = lab.page();
    page.say(&json!({ "op": "log", "on": true }));
    wrapper_log("first line of this test");
    let has = |message: &serde_json::Value, text: &str| {
        let lines = message["lines"].as_array().cloned().unwrap_or_default();
        lines.iter().any(|line| line["text"] == text && line["level"] == "WARN")
    };
    page.find(|message| has(message, "first line of this test"));
    let lines = lab.json("/api/log");
    assert!(has(&lines, "first line of this test"), "{lines}");
    page.say(&json!({ "op": "log", "on": false }));
    page.subscribe(1, "lab:nothing");
    wrapper_log("second line of this test");
    for _ in 0..2 {
        let next = page.hear().expect("a message");
        assert!(!has(&next, "second line of this test"), "{next}");
    }
    lab.ioc.stop();
}

fn wrapper_log(text: &str) {
    tracing::warn!("{text}");
}

#[test]
fn the_report_is_told_while_it_is_wanted() {
    let lab = Lab::new();
    let mut page = lab.page();
    page.say(&json!({ "op": "server", "on": true }));
    for _ in 0..2 {
        let report = page.next("server");
        assert_eq!(report["report"]["panel"]["pages"], 1, "{report}");
    }
    page.say(&json!({ "op": "server", "on": false }));
    page.subscribe(1, "lab:nothing");
    page.hears_no("server", 3);
    lab.ioc.stop();
}

#[test]
fn a_device_that_restarts_is_seen_to() {
    let lab = Lab::new();
    let mut page = lab.writer();
    page.subscribe(1, "lab:pump:health.RESTARTS");
    page.subscribe(2, "lab:pump:speed");
    let failed = page.put(1, "lab:pump:seq.CMD", &json!("panic()"));
    assert_eq!(failed["ok"], false, "{failed}");
    page.update(1, |update| update["value"] == 1);
    until("up again", || lab.json("/api/pv/lab:pump:health.ALIVE")["value"] == 1);
    let done = page.put(2, "lab:pump:seq.CMD", &json!("wait(0)"));
    assert_eq!(done["ok"], true, "{done}");
    lab.ioc.stop();
}

#[test]
fn events_of_scripts_are_those_of_pages() {
    use std::io::{BufRead, BufReader, Write};
    let lab = Lab::new();
    let mut stream = crate::lab::connect(lab.address);
    let request = "GET /api/events?pv=lab:number&pv=lab:count HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut lines =
        BufReader::new(stream.try_clone().expect("a copy")).lines().map(|line| line.expect("a line"));
    let mut data = |wanted: &dyn Fn(&serde_json::Value) -> bool| loop {
        let line = lines.next().expect("it goes on");
        let Some(text) = line.strip_prefix("data: ") else { continue };
        let events: serde_json::Value = serde_json::from_str(text).expect("JSON");
        if events.as_array().is_some_and(|list| list.iter().any(wanted)) {
            return;
        }
        if wanted(&events) {
            return;
        }
    };
    data(&|update| update["id"] == 0 && update["value"] == 1.5);
    lab.count.post(3);
    data(&|update| update["id"] == 1 && update["value"] == 3);
    lab.ioc.remove("lab:count");
    data(&|gone| gone["id"] == 1 && gone["reason"] == "it is no longer served");
    assert_eq!(lab.get("/api/events").status, 400);
    assert_eq!(lab.get("/api/events?pv=lab:nothing").status, 404);
    drop(lines);
    drop(stream);
    until("the stream ends with its reader", || crate::lab::metric(&lab, "panel_pages") == 0.0);
    lab.ioc.stop();
}
