//! `-vvv`: every message decoded, on both sides, and not otherwise.

use std::process::Output;

use crate::launch::{SOON, Server, isolated, wait_for};
use crate::raw::{DBR_DOUBLE, DBR_STRING};

/// A get with more arguments; what it logged.
fn get(server: &Server, more: &[&str]) -> String {
    let Output { status, stdout, stderr } = isolated(env!("CARGO_BIN_EXE_seqioc"))
        .arg("get")
        .args(more)
        .args(["-t", "wt:delay"])
        .env("EPICS_CA_ADDR_LIST", "127.0.0.1")
        .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
        .env("EPICS_CA_SERVER_PORT", server.udp.to_string())
        .output()
        .expect("it starts");
    assert_eq!((status.code(), &stdout[..]), (Some(0), &b"0.2\n"[..]));
    String::from_utf8(stderr).expect("UTF-8")
}

/// The messages of a log, in their order.
fn messages(log: &str) -> Vec<&str> {
    log.lines().filter_map(|line| line.split_once("TRACE ca::wire: ")).map(|(_, message)| message).collect()
}

/// The search, the channel and the get stand in this order, each request `asks` and each answer `hears` of a peer that
/// begins so.
#[track_caller]
fn expect_exchange(log: &str, [asks, hears]: [&str; 2], [udp, tcp]: [&str; 2]) {
    let messages = messages(log);
    let mut rest = messages.iter();
    for (way, peer, message) in [
        (asks, udp, ": SEARCH \"wt:delay\" cid "),
        (hears, udp, ": SEARCH found: "),
        (asks, tcp, ": CREATE_CHAN \"wt:delay\" cid "),
        (hears, tcp, ": CREATE_CHAN cid "),
        (asks, tcp, ": READ_NOTIFY sid "),
        (hears, tcp, ": READ_NOTIFY ioid "),
    ] {
        let start = format!("{way} {peer}");
        let found = rest.any(|line| line.starts_with(&start) && line.contains(message));
        assert!(found, "no {start}..{message} in its place in\n{messages:#?}");
    }
}

#[test]
fn three_v_log_every_message_of_client_and_server_with_direction_and_peer() {
    let server = Server::with(&["-vvv"], 0);
    let log = get(&server, &["-vvv"]);
    let (udp, tcp) = (format!("127.0.0.1:{}:", server.udp), format!("127.0.0.1:{}:", server.tcp));
    expect_exchange(&log, ["sent to", "received from"], [&udp, &tcp]);
    assert!(log.contains(" DBR_TIME_DOUBLE x 1 = 0.2\n"), "{log}");
    let log = wait_for("the answer is logged", SOON, || {
        let log = server.log();
        log.contains("READ_NOTIFY ioid ").then_some(log)
    });
    expect_exchange(&log, ["received from", "sent to"], ["127.0.0.1:"; 2]);
}

#[test]
fn fewer_v_log_no_message() {
    let server = Server::with(&["-vv"], 0);
    assert_eq!(get(&server, &[]), "");
    let log = get(&server, &["-vv"]);
    assert!(log.contains("DEBUG ca::client") && messages(&log).is_empty(), "{log}");
    let (_, _, log) = server.stop("TERM");
    assert!(log.contains("TRACE ca::server") && messages(&log).is_empty(), "{log}");
}

#[test]
fn an_audit_has_a_line_for_each_put_with_who_the_values_and_what_became_of_it() {
    let server = Server::with(&["--audit", "clock"], 0);
    let mut circuit = server.circuit();
    let [delay, field, request, cmd] =
        ["wt:delay", "wt:delay.DESC", "wt:request", "wt:seq.CMD"].map(|name| circuit.create(name));
    for (channel, data_type, payload) in [
        (delay, DBR_DOUBLE, &0.5_f64.to_be_bytes()[..]),
        (delay, DBR_DOUBLE, &3601.0_f64.to_be_bytes()),
        (field, DBR_STRING, b"slow\0"),
        (request, DBR_DOUBLE, &1.0_f64.to_be_bytes()),
        (cmd, DBR_STRING, b"dance()\0"),
    ] {
        circuit.push_put_notify(channel, data_type, 1, payload);
    }
    circuit.flush();
    let lines = wait_for("five lines", SOON, || {
        let log = server.log();
        let lines: Vec<_> = log
            .lines()
            .filter_map(|line| line.split_once("put to "))
            .map(|(_, rest)| rest.to_owned())
            .collect();
        (lines.len() >= 5).then_some(lines)
    });
    for (line, (start, end)) in lines.iter().zip([
        ("wt:delay: 0.2 -> 0.5 by \"", "): done"),
        ("wt:delay: 0.5 -> 3601.0 by \"", "): refused: 3601 is outside 0..=3600"),
        ("wt:delay.DESC: \"slow\" by \"", "): done"),
        ("wt:seq.CMD: \"This is command string\" -> \"dance()\" by \"", "): refused: "),
        ("wt:request: 0.0 -> 1.0 by \"", "): done"),
    ]) {
        assert!(line.starts_with(start) && line.contains("(127.0.0.1:") && line.contains(end), "{lines:#?}");
    }
    assert_eq!(lines.len(), 5, "{lines:#?}");
}
