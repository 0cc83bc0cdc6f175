//! `seqioc search`: who has a name.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Output};

use serde_json::Value;

use crate::launch::{Server, free_port, isolated};

/// Searches on this port of this host alone, or with these settings instead.
fn search(port: u16, settings: &[(&str, &str)], args: &[&str]) -> (i32, String, String) {
    let mut command: Command = isolated(env!("CARGO_BIN_EXE_seqioc"));
    command
        .arg("search")
        .args(args)
        .env("EPICS_CA_ADDR_LIST", "127.0.0.1")
        .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
        .env("EPICS_CA_SERVER_PORT", port.to_string())
        .envs(settings.iter().copied());
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("an exit status"), text(stdout), text(stderr))
}

#[test]
fn every_server_of_a_name_is_shown_and_a_second_one_warned_of() {
    let port = free_port();
    let servers = [Server::with(&["clock"], port), Server::with(&[], port)];
    let (status, out, err) = search(port, &[], &["wt:delay"]);
    assert_eq!(status, 0, "{out}{err}");
    let mut rows = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(rows.next(), Some(vec!["NAME", "SERVER", "AFTER", "ANSWERED", "BY"]));
    let mut found = Vec::new();
    for row in rows {
        let [name, server, after, unit, responder, via] = row[..] else { panic!("{row:?}") };
        assert!(after.parse::<f64>().is_ok_and(|after| after > 0.0) && unit == "ms", "{row:?}");
        assert_eq!((name, responder, via), ("wt:delay", &format!("127.0.0.1:{port}")[..], "(UDP)"));
        found.push(server.to_owned());
    }
    let mut both = servers.each_ref().map(|server| format!("127.0.0.1:{}", server.tcp));
    both.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, both);
    assert_eq!(err.matches("warning: 2 servers have wt:delay: ").count(), 1, "{err}");
    let (status, out, err) = search(port, &[], &["TEST:SERVER.VAL"]);
    let server = format!("127.0.0.1:{}", servers[1].tcp);
    assert!(status == 0 && err.is_empty() && out.lines().count() == 2 && out.contains(&server), "{out}{err}");
}

#[test]
fn a_name_that_nobody_answers_is_exit_status_1_and_tells_who_was_asked() {
    let server = Server::start();
    let (status, out, err) = search(server.udp, &[], &["-w", "0.3", "wt:delay", "nobody:has:it"]);
    assert_eq!(status, 1);
    assert!(out.lines().any(|line| line.starts_with("nobody:has:it") && line.ends_with("nobody")), "{out}");
    assert!(out.lines().any(|line| line.starts_with("wt:delay") && line.ends_with("(UDP)")), "{out}");
    let asked = format!("1 of 2 names unanswered within 300ms; asked over UDP: 127.0.0.1:{}\n", server.udp);
    assert!(err.ends_with(&asked), "{err}");
}

#[test]
fn name_servers_answer_too_and_dead_ones_are_named() {
    let server = Server::start();
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let silent = silent.local_addr().expect("bound").to_string();
    let refused = format!("127.0.0.1:{}", free_port());
    let list = format!("127.0.0.1:{} {refused} {silent}", server.tcp);
    let settings = [("EPICS_CA_ADDR_LIST", ""), ("EPICS_CA_NAME_SERVERS", &list[..])];
    let (status, out, _) = search(free_port(), &settings, &["--json", "-w", "0.5", "wt:delay", "wt:delay"]);
    assert_eq!(status, 0, "{out}");
    let said: Value = serde_json::from_str(&out).expect("JSON");
    let names = said["names"].as_array().expect("a list");
    assert_eq!(names.len(), 1, "asked for once");
    let answers = names[0]["answers"].as_array().expect("a list");
    let here = format!("127.0.0.1:{}", server.tcp);
    assert_eq!(answers.len(), 1, "{out}");
    assert_eq!(
        [&answers[0]["server"], &answers[0]["responder"], &answers[0]["via"]],
        [&here, &here, "name server"]
    );
    assert!(answers[0]["after_ms"].as_f64().is_some_and(|after| after > 0.0 && after < 500.0), "{out}");
    assert_eq!((&said["asked"], &names[0]["servers"]), (&Value::Array(Vec::new()), &Value::from(1)));
    let failed = said["failed_name_servers"].as_array().expect("a list");
    assert_eq!(failed.len(), 2, "{out}");
    let why = |server: &str| {
        let found = failed.iter().find(|failed| failed["server"] == server).expect("it is named");
        found["error"].as_str().expect("text").to_owned()
    };
    assert!(why(&refused).contains("refused"), "{out}");
    assert_eq!(why(&silent), "does not tell its version in time");
}

#[test]
fn what_cannot_be_searched_is_refused_with_the_rule() {
    for (args, status, rule) in [
        (&["-w", "0", "a"][..], 2, "must be above 0 s and at most 86400 s"),
        (&["-w", "soon", "a"], 2, "not a number of seconds"),
        (&[], 2, "<NAME>"),
        (&[""], 1, "\"\" has 0 bytes; a name has 1..=991"),
    ] {
        let (code, _, err) = search(free_port(), &[], args);
        assert_eq!(code, status, "{args:?}: {err}");
        assert!(err.contains(rule), "{args:?}: {err}");
    }
}
