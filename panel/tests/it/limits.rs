//! Too many and too much.

use std::io::Write;

use serde_json::json;

use crate::lab::{Answer, Lab, TOKEN, connect, metric, until};

#[test]
fn the_page_beyond_the_last_is_told_so_and_comes_in_when_one_leaves() {
    let lab = Lab::new();
    let mut pages: Vec<_> = (0..64).map(|_| lab.page()).collect();
    assert_eq!(lab.try_page(&[]).err(), Some(503));
    assert_eq!(lab.get("/api/events?pv=lab:number").status, 503);
    assert!(lab.get("/api/pvs").status == 200, "scripts are served");
    assert_eq!(metric(&lab, "panel_pages"), 64.0);
    pages.pop();
    until("room for another", || lab.try_page(&[]).is_ok());
    assert_eq!(pages[0].next("hello")["version"], 1);
    drop(pages);
    until("all pages gone", || metric(&lab, "panel_pages") == 0.0);
    lab.ioc.stop();
}

#[test]
fn a_page_has_so_many_subscriptions_and_no_more() {
    let lab = Lab::new();
    let mut page = lab.page();
    for id in 0..4096 {
        page.say(&json!({ "op": "subscribe", "id": id, "pv": "lab:count" }));
    }
    let refused = page.subscribe(5000, "lab:number");
    assert_eq!(refused["type"], "refused");
    assert!(refused["reason"].as_str().is_some_and(|reason| reason.contains("4096")), "{refused}");
    assert_eq!(metric(&lab, "panel_subscriptions"), 4096.0);
    page.say(&json!({ "op": "unsubscribe", "id": 0 }));
    assert_eq!(page.subscribe(5001, "lab:number")["type"], "meta");
    lab.count.post(8);
    page.update(4095, |update| update["value"] == 8);
    drop(page);
    until("the subscriptions end with the page", || metric(&lab, "panel_subscriptions") == 0.0);
    lab.ioc.stop();
}

#[test]
fn a_page_has_so_many_puts_under_way_and_no_more() {
    let lab = Lab::new();
    let mut page = lab.writer();
    page.subscribe(1, "lab:pump:seq.BUSY");
    page.say(&json!({ "op": "put", "id": 0, "pv": "lab:pump:seq.CMD", "value": "wait(3600)" }));
    page.update(1, |update| update["value"] == 1);
    for id in 1..200 {
        page.say(&json!({ "op": "put", "id": id, "pv": "lab:pump:speed", "value": 3600 }));
    }
    // The device takes 16; the others are answered at once, by it or by the panel.
    for _ in 0..180 {
        let answer = page.next("put");
        let reason = answer["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("limit"), "{answer}");
    }
    assert_eq!(page.put(900, "lab:pump:seq.ABORT", &json!(1))["ok"], true);
    lab.ioc.stop();
}

#[test]
fn a_body_that_is_too_large_is_not_taken() {
    let lab = Lab::new();
    let body = format!("{{\"value\":\"{}\"}}", "x".repeat(70_000));
    assert_eq!(lab.put("lab:text", TOKEN, &body).status, 413);
    let announced = [("Content-Length", "99999999999"), ("Authorization", "Bearer 0123456789abcdef-test")];
    assert_eq!(lab.ask("PUT /api/pv/lab:text HTTP/1.1", &announced, b"{").status, 413);
    let head = format!("GET /api/pvs HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let mut stream = connect(lab.address);
    let _ = stream.write_all(head.as_bytes());
    assert_eq!(Answer::read(&mut stream).status, 431);
    let many: String = (0..200).map(|n| format!("X-{n}: 1\r\n")).collect();
    let mut stream = connect(lab.address);
    let _ = stream.write_all(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n").as_bytes());
    assert_eq!(Answer::read(&mut stream).status, 431);
    assert_eq!(lab.text.get(), "one");
    lab.ioc.stop();
}

#[test]
fn a_message_that_is_too_large_ends_the_page() {
    let lab = Lab::new();
    let mut page = lab.page();
    let fits = json!({ "op": "token", "token": "x".repeat(65_000) });
    page.say(&fits);
    assert_eq!(page.next("write")["granted"], false);
    let _ = page.socket.send(tungstenite::Message::text("x".repeat(70_000)));
    page.ended();
    assert!(lab.try_page(&[]).is_ok(), "others are served");
    lab.ioc.stop();
}

#[test]
fn sockets_that_say_nothing_are_bounded_and_closed_in_time() {
    let lab = Lab::new();
    let idle: Vec<_> = (0..256).map(|_| connect(lab.address)).collect();
    let mut refused = connect(lab.address);
    // It may have been accepted before all of the others were.
    let _ = refused.write_all(b"GET /api/pvs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answer = Answer::read(&mut refused);
    assert!(answer.status == 503 && answer.error() == "too many connections", "{answer:?}");
    // Their time for a request ends.
    until("room again", || {
        let mut stream = connect(lab.address);
        let request = b"GET /api/pvs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let _ = stream.write_all(request);
        Answer::read(&mut stream).status == 200
    });
    drop(idle);
    lab.ioc.stop();
}

#[test]
fn a_head_that_comes_slowly_is_given_up() {
    use std::io::Read;
    let lab = Lab::new();
    let mut stream = connect(lab.address);
    stream.write_all(b"GET /api/pvs HTTP/1.1\r\nHost: loc").expect("it is sent");
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest);
    assert!(ended.is_ok() && !String::from_utf8_lossy(&rest).contains("200 OK"), "{ended:?}");
    lab.ioc.stop();
}
