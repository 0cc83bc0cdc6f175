//! `seqioc diagnose`: the settings as they are meant and as they are.

use std::process::{Command, Output};

use serde_json::Value;

use crate::launch::{SOON, Server, free_port, isolated, run_to_end, wait_for};

/// What it prints with these settings, and its exit status.
fn diagnose(args: &[&str], settings: &[(&str, &str)]) -> (i32, String) {
    let mut command: Command = isolated(env!("CARGO_BIN_EXE_seqioc"));
    let Output { status, stdout, stderr } =
        command.arg("diagnose").args(args).envs(settings.iter().copied()).output().expect("it starts");
    assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    (status.code().expect("an exit status"), String::from_utf8(stdout).expect("UTF-8"))
}

fn as_json(settings: &[(&str, &str)]) -> (i32, Value) {
    let (status, text) = diagnose(&["--json"], settings);
    (status, serde_json::from_str(&text).expect("JSON"))
}

fn list(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().map(|item| item.as_str().expect("text")).collect()
}

/// Who is at the server's port of 127.0.0.1 now.
fn now(said: &Value) -> String {
    let all = said["server"]["now"].as_array().expect("a list");
    let here = all.iter().find(|one| one["address"].as_str().is_some_and(|a| a.starts_with("127.0.0.1:")));
    here.expect("this host has loopback")["who"].as_str().expect("text").to_owned()
}

#[test]
fn settings_are_told_with_where_they_come_from_and_what_they_mean() {
    let (port, repeater) = (free_port().to_string(), free_port().to_string());
    let settings = [
        ("EPICS_CA_ADDR_LIST", "127.0.0.1 192.0.2.1:7000"),
        ("EPICS_CA_AUTO_ADDR_LIST", "NO"),
        ("EPICS_CA_SERVER_PORT", &port),
        ("EPICS_CA_REPEATER_PORT", &repeater),
        ("EPICS_CAS_INTF_ADDR_LIST", "127.0.0.1"),
        ("EPICS_CLI_TIMEOUT", "3"),
    ];
    let (status, said) = as_json(&settings);
    assert_eq!((status, list(&said["mistakes"])), (0, vec![]));
    let variables = said["variables"].as_array().expect("a list");
    let variable = |name: &str| variables.iter().find(|one| one["name"] == name).expect("a variable");
    for (name, value) in settings {
        let variable = variable(name);
        assert_eq!(
            (&variable["value"], &variable["from"]),
            (&Value::from(value), &Value::from("environment"))
        );
    }
    let unset = variable("EPICS_CA_CONN_TMO");
    assert_eq!(
        (&unset["value"], &unset["from"], &unset["default"]),
        (&Value::Null, &"default".into(), &"30".into())
    );
    let here = format!("127.0.0.1:{port}");
    assert_eq!(variable("EPICS_CA_ADDR_LIST")["effect"], format!("searches go to {here}, 192.0.2.1:7000"));
    assert_eq!(list(&said["client"]["searches"]), [&here[..], "192.0.2.1:7000"]);
    assert_eq!((list(&said["server"]["serves"]), now(&said)), (vec!["127.0.0.1"], "nobody".to_owned()));
    assert_eq!(list(&said["server"]["beacons"]), [format!("127.0.0.1:{repeater}")]);
    assert_eq!(said["exports"], Value::Array(Vec::new()), "nobody elsewhere reaches loopback");
    let (status, text) = diagnose(&[], &settings);
    assert_eq!(status, 0);
    for part in [
        "EPICS_CA_ADDR_LIST              = 127.0.0.1 192.0.2.1:7000 (environment)",
        "EPICS_CA_CONN_TMO               = 30                     (default)",
        "nothing helps: only loopback is served",
        "mistakes\n  none\n",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
fn servers_and_the_repeater_of_this_host_are_seen() {
    let (port, repeater) = (free_port(), free_port());
    let numbers = (port.to_string(), repeater.to_string());
    let settings = [("EPICS_CA_SERVER_PORT", &numbers.0[..]), ("EPICS_CA_REPEATER_PORT", &numbers.1)];
    let (_, said) = as_json(&settings);
    assert_eq!((now(&said), &said["client"]["repeater_runs"]), ("nobody".to_owned(), &Value::from(false)));
    let mut command = isolated(env!("CARGO_BIN_EXE_seqioc"));
    command.args(["repeater", "--port", &numbers.1]);
    let process = Server::spawn(command);
    assert!(process.line().starts_with("ready"));
    let _one = Server::with(&["clock"], port);
    let (status, said) = as_json(&settings);
    assert_eq!((status, list(&said["mistakes"])), (0, vec![]));
    assert_eq!(
        (&now(&said)[..], &said["client"]["repeater_runs"]),
        ("a server, version 4.13", &Value::from(true))
    );
    let _other = Server::with(&["example"], port);
    if cfg!(target_os = "linux") {
        wait_for("two are seen", SOON, || {
            let (status, said) = as_json(&settings);
            let shared = format!("2 servers share UDP port {port}: ");
            (status == 1 && list(&said["mistakes"])[0].starts_with(&shared)).then_some(())
        });
    }
}

#[test]
#[cfg(unix)]
fn what_is_no_utf_8_is_not_set_and_named() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let mut command = isolated(env!("CARGO_BIN_EXE_seqioc"));
    let bytes = OsStr::from_bytes(b"127.0.0.1\xff");
    let command = command.arg("diagnose").env("EPICS_CA_NAME_SERVERS", bytes).env("OTHER", bytes);
    let Output { status, stdout, .. } = command.output().expect("it starts");
    let text = String::from_utf8(stdout).expect("UTF-8");
    assert_eq!(status.code(), Some(1), "{text}");
    assert!(text.contains("EPICS_CA_NAME_SERVERS           = -                      (default)"), "{text}");
    assert!(text.contains("\n  EPICS_CA_NAME_SERVERS is not UTF-8; it counts as not set\n"), "{text}");
}

#[test]
fn a_client_with_the_printed_lines_finds_a_server_of_this_host() {
    let port = free_port().to_string();
    let (_, said) = as_json(&[("EPICS_CA_SERVER_PORT", &port)]);
    for export in said["exports"].as_array().expect("a list") {
        let ip = export["address"].as_str().expect("an address");
        let mut server = isolated(env!("CARGO_BIN_EXE_seqioc"));
        server.args(["run", "clock", "--ready", "json", "--panel", "off"]);
        server.env("EPICS_CAS_SERVER_PORT", &port).env("EPICS_CAS_AUTO_BEACON_ADDR_LIST", "NO");
        server.env("EPICS_CAS_INTF_ADDR_LIST", ip);
        let mut server = Server::spawn(server);
        server.ready();
        let lines =
            list(&export["lines"]).into_iter().map(|line| line.strip_prefix("export ").expect("a line"));
        let mut get = isolated(env!("CARGO_BIN_EXE_seqioc"));
        get.args(["get", "-t", "-w", "20", "wt:delay"]).envs(lines.filter_map(|line| line.split_once('=')));
        let got = get.output().expect("it starts");
        assert_eq!((got.status.code(), &got.stdout[..]), (Some(0), &b"0.2\n"[..]), "{export}");
    }
}

#[test]
fn mistakes_are_listed_with_the_rule_and_are_exit_status_1() {
    let port = free_port().to_string();
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let repeater = taken.local_addr().expect("bound").port().to_string();
    let (status, text) = diagnose(
        &[],
        &[
            ("EPICS_CA_SERVER_PORT", &port),
            ("EPICS_CA_REPEATER_PORT", &repeater),
            ("EPICS_CA_AUTO_ADDR_LIST", "NO"),
            ("EPICS_CA_CONN_TMO", "soon"),
            ("EPICS_CA_ADRLIST", "127.0.0.1"),
            ("EPICS_CAS_INTF_ADDR_LIST", "203.0.113.7"),
        ],
    );
    assert_eq!(status, 1);
    let (_, mistakes) = text.split_once("\nmistakes\n").expect("mistakes");
    for part in [
        "EPICS_CA_CONN_TMO=\"soon\" must be a number of seconds above 0; 30 s are used",
        "list nobody: clients find nothing",
        "EPICS_CA_ADRLIST is read by nobody; EPICS_CA_ADDR_LIST is, for one",
        "EPICS_CAS_INTF_ADDR_LIST lists 203.0.113.7, which this host does not have now",
        &format!("UDP port {repeater} is taken by somebody who is no repeater: no beacons are heard"),
    ] {
        assert!(mistakes.contains(part), "no {part:?} in\n{mistakes}");
    }
    assert_eq!(mistakes.lines().count(), 5, "{mistakes}");
    assert_eq!(run_to_end(&["diagnose", "everything"]).status.code(), Some(2));
}
