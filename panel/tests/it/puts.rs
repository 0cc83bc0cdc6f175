//! Puts of pages and scripts: rights, limits, hooks, tokens.

use serde_json::json;

use crate::lab::{Lab, Mode, Page, TOKEN, metric};
use panel::Settings;

fn refused(page: &mut Page, pv: &str, value: serde_json::Value) -> String {
    let answer = page.put(1, pv, &value);
    assert_eq!(answer["ok"], false, "{pv} = {value}: {answer}");
    answer["reason"].as_str().expect("a reason").to_owned()
}

#[test]
fn a_put_meets_the_rights_limits_and_hooks_of_a_client() {
    let lab = Lab::new();
    let mut page = lab.writer();
    assert_eq!(page.put(5, "lab:number", &json!(2.5)), json!({ "type": "put", "id": 5, "ok": true }));
    assert_eq!(lab.number.get(), 2.5);
    assert_eq!(refused(&mut page, "lab:number", json!(7)), "7 is outside -5..=5");
    assert_eq!(refused(&mut page, "lab:number", json!(3)), "not three");
    assert_eq!(refused(&mut page, "lab:fixed", json!(3)), "this PV is read-only");
    assert_eq!(refused(&mut page, "lab:nothing", json!(3)), "there is no such PV");
    assert_eq!(lab.number.get(), 2.5, "a refused put stores nothing");
    lab.ioc.stop();
}

#[test]
fn values_of_each_form_become_those_of_the_pv() {
    let lab = Lab::new();
    let mut page = lab.writer();
    for (pv, value, stored) in [
        ("lab:mode", json!("On"), json!(1)),
        ("lab:mode", json!(0), json!(0)),
        ("lab:mode", json!(true), json!(1)),
        ("lab:count", json!("12"), json!(12)),
        ("lab:count", json!(-7), json!(-7)),
        (
            "lab:text",
            json!("a long text, longer than the 39 bytes of a STRING"),
            json!("a long text, longer than the 39 bytes of a STRING"),
        ),
        ("lab:text", json!(5), json!("5")),
        ("lab:name", json!("fits"), json!("fits")),
        ("lab:wave", json!([1, 2.5, "NaN"]), json!([1.0, 2.5, "NaN"])),
        ("lab:number.EGU", json!("um"), json!("um")),
    ] {
        let answer = page.put(1, pv, &value);
        assert_eq!(answer["ok"], true, "{pv} = {value}: {answer}");
        assert_eq!(lab.json(&format!("/api/pv/{pv}"))["value"], stored, "{pv} = {value}");
    }
    for (pv, value, word) in [
        ("lab:mode", json!("Sideways"), "Sideways"),
        ("lab:mode", json!(5), "5"),
        ("lab:count", json!(3_000_000_000_u64), "3000000000"),
        ("lab:count", json!("many"), "many"),
        ("lab:count", json!(null), "a number, a text or a list"),
        ("lab:count", json!({ "a": 1 }), "a number, a text or a list"),
        ("lab:wave", json!([1, "x"]), "is no number"),
        ("lab:wave", json!([1, [2]]), "is no number"),
        ("lab:name", json!("x".repeat(40)), "40 bytes"),
    ] {
        let reason = refused(&mut page, pv, value.clone());
        assert!(reason.contains(word), "{pv} = {value}: {reason}");
    }
    assert_eq!(lab.mode.get(), Mode::On);
    lab.ioc.stop();
}

#[test]
fn a_put_is_answered_when_the_device_is_done() {
    let lab = Lab::new();
    let mut page = lab.writer();
    page.say(&json!({ "op": "put", "id": 1, "pv": "lab:pump:seq.CMD", "value": "wait(3600)" }));
    page.subscribe(9, "lab:pump:seq.BUSY");
    page.update(9, |update| update["value"] == 1);
    // While the device is busy, all others are served, and commands that wait are answered too.
    assert_eq!(page.put(2, "lab:count", &json!(4))["ok"], true);
    assert_eq!(page.put(3, "lab:pump:seq.ABORT", &json!(1))["ok"], true);
    let aborted = page.find(|message| message["type"] == "put" && message["id"] == 1);
    assert_eq!(aborted["ok"], false, "{aborted}");
    let wrong = page.put(4, "lab:pump:seq.CMD", &json!("dance()"));
    assert!(wrong["reason"].as_str().is_some_and(|reason| reason.contains("dance")), "{wrong}");
    lab.ioc.stop();
}

#[test]
fn nobody_puts_without_the_token() {
    let lab = Lab::new();
    let mut page = lab.page();
    assert_eq!(refused(&mut page, "lab:number", json!(2)), "writing needs the token");
    page.say(&json!({ "op": "token", "token": "wrong" }));
    let answer = page.next("write");
    assert_eq!((&answer["granted"], &answer["reason"]), (&json!(false), &json!("the token is wrong")));
    assert_eq!(refused(&mut page, "lab:number", json!(2)), "writing needs the token");
    page.say(&json!({ "op": "token", "token": TOKEN }));
    assert_eq!(page.next("write")["granted"], true);
    assert_eq!(page.put(2, "lab:number", &json!(2))["ok"], true);
    page.say(&json!({ "op": "token", "token": "" }));
    assert_eq!(page.next("write")["granted"], false, "it can be given back");
    assert_eq!(refused(&mut page, "lab:number", json!(1)), "writing needs the token");
    assert_eq!(metric(&lab, "panel_refused_total{reason=\"not_granted\"}"), 3.0);
    assert_eq!(lab.number.get(), 2.0);
    lab.ioc.stop();
}

#[test]
fn a_panel_without_a_token_is_read_only_whatever_is_said() {
    let lab = Lab::with(Settings::default());
    let mut page = lab.page();
    assert_eq!(page.next("hello")["write"], "off");
    for token in ["", TOKEN] {
        page.say(&json!({ "op": "token", "token": token }));
        assert_eq!(page.next("write")["granted"], false);
        assert_eq!(refused(&mut page, "lab:number", json!(2)), "this panel is read-only");
        let answer = lab.put("lab:number", token, "{\"value\":2}");
        assert_eq!((answer.status, answer.error().contains("--panel-write")), (403, true));
    }
    assert_eq!(lab.number.get(), 1.5);
    lab.ioc.stop();
}

#[test]
fn ten_wrong_tokens_end_the_connection() {
    let lab = Lab::new();
    let mut page = lab.page();
    for _ in 0..10 {
        page.say(&json!({ "op": "token", "token": "wrong" }));
        assert_eq!(page.next("write")["granted"], false);
    }
    // Beats may be on their way.
    page.ended();
    assert_eq!(metric(&lab, "panel_refused_total{reason=\"wrong_token\"}"), 10.0);
    lab.ioc.stop();
}

#[test]
fn scripts_put_with_the_token_and_are_told_why_not() {
    let lab = Lab::new();
    let done = lab.put("lab:number", TOKEN, "{\"value\":2.5}");
    assert_eq!((done.status, done.json()), (200, json!({ "ok": true })));
    assert_eq!(lab.number.get(), 2.5);
    let plain = [("Authorization", format!("Bearer {TOKEN}")), ("Content-Type", "text/plain".to_owned())];
    let plain: Vec<_> = plain.iter().map(|(name, value)| (*name, &**value)).collect();
    assert_eq!(lab.ask("PUT /api/pv/lab%3Atext HTTP/1.1", &plain, "µ".as_bytes()).status, 200);
    assert_eq!(lab.text.get(), "µ");
    for (name, token, body, status) in [
        ("lab:number", "wrong", "{\"value\":1}", 403),
        ("lab:fixed", TOKEN, "{\"value\":1}", 403),
        ("lab:nothing", TOKEN, "{\"value\":1}", 404),
        ("lab:number", TOKEN, "{\"value\":9}", 409),
        ("lab:number", TOKEN, "{\"value\":3}", 409),
        ("lab:count", TOKEN, "{\"value\":\"x\"}", 400),
        ("lab:number", TOKEN, "{\"other\":1}", 400),
        ("lab:number", TOKEN, "{value}", 400),
        ("lab:number", TOKEN, "", 400),
    ] {
        let answer = lab.put(name, token, body);
        assert_eq!(answer.status, status, "{name} {body}: {}", answer.text());
        assert!(!answer.error().is_empty());
    }
    assert_eq!(lab.ask("PUT /api/pv/lab:text HTTP/1.1", &plain, b"\xFF").status, 400);
    assert_eq!(lab.ask("PUT /api/pv/lab:number HTTP/1.1", &[], b"{\"value\":1}").status, 403);
    assert_eq!(lab.number.get(), 2.5);
    assert_eq!(metric(&lab, "panel_puts_total{result=\"done\"}"), 2.0);
    lab.ioc.stop();
}

#[test]
fn ten_wrong_tokens_of_scripts_end_their_socket_too() {
    use std::io::{Read, Write};
    let lab = Lab::new();
    let mut socket = crate::lab::connect(lab.address);
    let request = "PUT /api/pv/lab:number HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\nContent-Length: 0\r\n\r\n";
    for _ in 0..10 {
        socket.write_all(request.as_bytes()).expect("it is sent");
    }
    let mut all = String::new();
    socket.read_to_string(&mut all).expect("the server closes");
    assert_eq!(all.matches("HTTP/1.1 403").count(), 10, "{all}");
    lab.ioc.stop();
}

#[test]
fn each_write_is_in_the_audit_log() {
    wrapper::launch::start_verbose_log(0);
    let lab = Lab::new();
    let mut page = lab.try_page(&[("x-forwarded-for", "10.9.8.7")]).expect("a page");
    page.say(&json!({ "op": "token", "token": TOKEN }));
    page.put(1, "lab:number", &json!(4.25));
    page.put(2, "lab:number", &json!(4.75e3));
    page.put(3, "lab:text", &json!("line\n2026 INFO forged"));
    let lines = wrapper::launch::log_lines(0);
    let own = |front: &str| {
        let lines = lines.iter().filter(|line| line.target == "panel::audit" && line.text.contains(front));
        lines.map(|line| line.text.clone()).next().unwrap_or_else(|| panic!("no {front}"))
    };
    let done = own("\"lab:number\" = 4.25:");
    assert!(
        done.starts_with("127.0.0.1:") && done.contains("(for \"10.9.8.7\")") && done.ends_with(": \"done\""),
        "{done}"
    );
    assert!(own("= 4750.0:").contains("outside"));
    assert!(!own("forged").contains('\n'), "no line can be forged");
    lab.ioc.stop();
}
