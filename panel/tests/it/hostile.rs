//! What no page says.

use std::io::{Read, Write};

use serde_json::json;
use tungstenite::Message;

use crate::lab::{Lab, TOKEN, connect, until};

#[test]
fn a_message_that_is_none_is_answered_and_the_page_lives() {
    let lab = Lab::new();
    let mut page = lab.page();
    let deep = format!(
        "{{\"op\":\"put\",\"id\":1,\"pv\":\"lab:count\",\"value\":{}1{}}}",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "{\"op\":\"dance\"}",
        "{\"op\":\"subscribe\",\"id\":-1,\"pv\":\"lab:count\"}",
        "{\"op\":\"subscribe\",\"id\":184467440737095516160,\"pv\":\"lab:count\"}",
        "{\"op\":\"subscribe\",\"id\":1}",
        "{\"op\":\"subscribe\",\"id\":1,\"pv\":\"lab:count\",\"depth\":\"deep\"}",
        "{\"op\":\"ack\",\"n\":1e400}",
        "\u{0}\u{1}",
        &deep,
    ] {
        page.socket.send(Message::text(text)).expect("it is sent");
        let reason = page.next("error")["reason"].as_str().map(str::to_owned).expect("a reason");
        assert!(reason.starts_with("not understood: "), "{reason}");
    }
    page.socket.send(Message::binary(vec![0xFF; 100])).expect("it is sent");
    assert!(page.next("error")["reason"].as_str().is_some_and(|reason| reason.contains("binary")));
    assert_eq!(page.subscribe(u64::MAX, "lab:count")["id"], u64::MAX, "any id that fits");
    page.update(u64::MAX, |_| true);
    for name in [
        "",
        "lab:count.",
        "lab:count.{\"arr\":{}}",
        "lab:count.NOPE",
        "\u{202E}",
        &"x".repeat(60_000),
        "lab:count.{{{{{{",
    ] {
        let answer = page.subscribe(5, name);
        assert!(["refused", "meta"].contains(&answer["type"].as_str().expect("a type")), "{answer}");
    }
    lab.ioc.stop();
}

#[test]
fn frames_of_garbage_end_their_connection_and_no_other() {
    let lab = Lab::new();
    let mut good = lab.page();
    fastrand_frames(|bytes| {
        let mut page = lab.page();
        // The server may close before it has taken all.
        let _ = page.socket.get_mut().write_all(bytes);
        let _ = page.socket.get_mut().shutdown(std::net::Shutdown::Write);
        let mut rest = Vec::new();
        let _ = page.socket.get_mut().read_to_end(&mut rest);
    });
    good.subscribe(1, "lab:count");
    good.update(1, |_| true);
    until("no page is left over", || crate::lab::metric(&lab, "panel_pages") == 1.0);
    lab.ioc.stop();
}

/// Bytes of all kinds, the same in every run.
fn fastrand_frames(mut each: impl FnMut(&[u8])) {
    let mut state = 7_u64;
    for round in 0..60 {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        let mut bytes: Vec<u8> = (0..round * 20 + 2).map(|_| next()).collect();
        // Some begin as frames do: unmasked text, a huge length, reserved bits, fragments.
        match round % 6 {
            0 => bytes[..2].copy_from_slice(&[0x81, 0x7F]),
            1 => bytes[..2].copy_from_slice(&[0x82, 0xFF]),
            2 => bytes[..2].copy_from_slice(&[0xF1, 0x80]),
            3 => bytes[..2].copy_from_slice(&[0x00, 0x80]),
            4 => bytes[..2].copy_from_slice(&[0x81, 0x84]),
            _ => {}
        }
        each(&bytes);
    }
}

#[test]
fn requests_that_are_none_end_their_socket_and_no_other() {
    let lab = Lab::new();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PUT /api/pv/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"PUT /api/pv/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
    ] {
        let mut stream = connect(lab.address);
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(lab.get("/api/pvs").status, 200);
    for path in [
        "/api/pv/%00",
        "/api/pv/../../etc/passwd",
        "/assets/%2e%2e%2fCargo.toml",
        "/api/pv/",
        "/api/image/.png",
        "/api/image/lab:image",
    ] {
        assert!((400..500).contains(&lab.get(path).status), "{path}");
    }
    lab.ioc.stop();
}

#[test]
fn html_in_a_value_stays_text() {
    let lab = Lab::new();
    let evil = "<script>alert(1)</script>\"'&\u{2028}";
    assert_eq!(lab.put("lab:text", TOKEN, &json!({ "value": evil }).to_string()).status, 200);
    let answer = lab.get("/api/pv/lab:text");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json()["value"], evil);
    let unknown = lab.get("/api/pv/%3Cscript%3E");
    assert_eq!((unknown.status, unknown.header("content-type")), (404, Some("application/json")));
    lab.ioc.stop();
}
