//! The command line: what is printed, which names are served, how it exits.

use std::collections::BTreeSet;

use crate::launch::{SOON, Server, free_port, isolated, run_to_end, seqioc, wait_for};
use crate::raw::DBR_DOUBLE;

const GOLDEN: &str = include_str!("../golden/pvs.txt");

fn golden() -> Vec<&'static str> {
    GOLDEN.lines().collect()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn has(server: &Server, name: &str) -> bool {
    server.circuit().try_create(name).is_some()
}

#[test]
fn the_served_names_are_the_golden_ones() {
    let output = run_to_end(&["list", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let devices: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let pvs = devices.as_array().expect("a list").iter().flat_map(|device| {
        device["pvs"].as_array().expect("a list").iter().map(|pv| pv["name"].as_str().expect("a name"))
    });
    let listed: Vec<_> = pvs.collect();
    assert_eq!(
        listed,
        golden(),
        "a name changed: clients depend on it; if it should, change tests/golden/pvs.txt"
    );
    let plain = run_to_end(&["list"]);
    assert!(golden().iter().all(|name| text(&plain.stdout).contains(name)), "{}", text(&plain.stdout));
    assert_eq!(Server::start().pvs, golden().len());
}

#[test]
fn one_device_can_be_listed() {
    let output = run_to_end(&["list", "clock"]);
    let listed = text(&output.stdout);
    assert!(listed.contains("wt:request") && !listed.contains("TEST:SERVER"), "{listed}");
}

#[test]
fn the_list_has_columns_also_with_long_names() {
    let output = run_to_end(&["list", "beamline"]);
    let listed = text(&output.stdout);
    let starts: BTreeSet<_> = listed
        .lines()
        .filter(|line| line.starts_with("  BEAMLINE:SERVER."))
        .map(|line| line.find(" ro ").or_else(|| line.find(" rw ")).expect("its access"))
        .collect();
    assert_eq!(starts.len(), 1, "{listed}");
}

#[test]
fn list_pvs_logs_every_name_and_serves() {
    let server = Server::with(&["--list-pvs"], 0);
    wait_for("all names", SOON, || {
        let log = server.log();
        let lines: BTreeSet<_> = log.lines().map(str::trim).collect();
        golden().iter().all(|name| lines.contains(name)).then_some(())
    });
    assert!(has(&server, "wt:delay"));
}

#[test]
fn list_pvs_as_markdown_prints_a_table_and_ends() {
    let output = run_to_end(&["run", "--list-pvs=markdown"]);
    assert_eq!(output.status.code(), Some(0));
    let rows: Vec<_> = text(&output.stdout).lines().collect();
    assert_eq!(rows[0], "| PV | type | count | access | units | record | meaning |");
    let names: Vec<_> =
        rows[2..].iter().map(|row| row.split('|').nth(1).unwrap_or_default().trim()).collect();
    assert_eq!(names, golden());
    assert!(rows.iter().all(|row| row.matches('|').count() == 8), "{rows:#?}");
}

#[test]
fn the_log_says_what_the_original_says() {
    let server = Server::start();
    let tcp = server.tcp;
    let (_, _, log) = server.stop("TERM");
    let wanted = [
        "server starting up",
        &format!("Listening on 127.0.0.1:{tcp}"),
        "Server startup complete",
        "Server exiting",
    ];
    let mut rest = log.as_str();
    for line in wanted {
        let Some(at) = rest.find(line) else { panic!("no {line:?} in its place in\n{log}") };
        rest = &rest[at..];
    }
}

#[test]
fn the_words_for_people_tell_the_ports_and_what_to_try() {
    let server = Server::spawn(seqioc(&["run", "--local", "-q", "--panel", "off"]));
    let ready = server.line();
    assert!(ready.starts_with(&format!("ready: {} PVs on TCP port ", golden().len())), "{ready}");
    let udp = ready.rsplit(' ').next().unwrap_or_default().to_owned();
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| !line.contains("EPICS_CA_SERVER_PORT")) {
        lines.push(server.line());
    }
    assert!(lines.iter().any(|line| line.contains("TEST:SERVER.seq.CMD")), "{lines:#?}");
    let settings = lines.last().expect("a line");
    assert!(settings.contains("EPICS_CA_ADDR_LIST=127.0.0.1"), "{settings}");
    assert!(settings.ends_with(&format!("EPICS_CA_SERVER_PORT={udp}")), "{settings}, {ready}");
    assert_eq!(server.log(), "", "quiet: warnings only");
}

#[test]
fn the_prefix_of_one_device_is_replaced() {
    let server = Server::with(&["clock", "--prefix", "LAB:"], 0);
    assert!(has(&server, "LAB:request") && has(&server, "LAB:seq.CMD"));
    assert!(!has(&server, "wt:request") && !has(&server, "LAB:wt:request"));
}

#[test]
fn a_prefix_goes_before_those_of_several_devices() {
    let server = Server::with(&["clock", "example", "--prefix", "LAB:"], 0);
    assert!(has(&server, "LAB:wt:request") && has(&server, "LAB:TEST:SERVER.seq.CMD"));
    assert!(!has(&server, "LAB:request") && !has(&server, "wt:request"));
}

#[test]
fn an_unknown_device_is_told_the_known_ones() {
    for args in [["run", "toaster"], ["list", "toaster"]] {
        let output = run_to_end(&args);
        assert_eq!(output.status.code(), Some(2));
        let error = text(&output.stderr);
        assert!(["toaster", "clock", "example"].iter().all(|word| error.contains(word)), "{error}");
    }
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    for args in [
        &["run", "--no-such-flag"][..],
        &["run", "--interfaces", "not-an-address"],
        &["run", "--ready", "yaml"],
        &["run", "-q", "-v"],
        &["dance"],
        &[],
    ] {
        let output = run_to_end(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn help_names_every_flag_and_the_exit_status() {
    let help = |args: &[&str]| {
        let output = run_to_end(args);
        assert_eq!(output.status.code(), Some(0));
        text(&output.stdout).to_owned()
    };
    let run = help(&["run", "--help"]);
    for flag in [
        "--prefix",
        "--list-pvs",
        "markdown",
        "--interfaces",
        "--local",
        "--ready",
        "--panel",
        "--quiet",
        "--verbose",
    ] {
        assert!(run.contains(flag), "no {flag} in\n{run}");
    }
    let main = help(&["--help"]);
    assert!(["run", "list", "Exit status"].iter().all(|word| main.contains(word)), "{main}");
    assert!(help(&["list", "--help"]).contains("--json"));
}

#[test]
#[cfg(unix)]
fn the_binary_is_a_tool_when_it_is_called_by_its_name() {
    let folder = std::env::temp_dir().join(format!("seqioc-tools-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, subcommand) in
        [("caget", "get"), ("caput", "put"), ("camonitor", "monitor"), ("cainfo", "info")]
    {
        let link = folder.join(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_seqioc"), &link).expect("a link");
        let by_name = isolated(&link).output().expect("it runs");
        let complaint = |name: &str| format!("No pv name specified. ('{name} -h' for help.)\n");
        assert_eq!((by_name.status.code(), text(&by_name.stderr)), (Some(1), &complaint(name)[..]));
        let ours = run_to_end(&[subcommand]);
        let program = format!("seqioc {subcommand}");
        assert_eq!((ours.status.code(), text(&ours.stderr)), (Some(1), &complaint(&program)[..]));
    }
    std::fs::remove_dir_all(folder).expect("it can be removed");
}

#[test]
fn a_second_instance_on_the_same_port_warns_and_serves() {
    let port = free_port();
    let first = Server::with(&["clock"], port);
    assert_eq!((first.udp, first.tcp), (port, port));
    let second = Server::with(&["example"], port);
    assert_eq!(second.udp, port, "searches share their port");
    assert_ne!(second.tcp, port);
    wait_for("the warning", SOON, || {
        let log = second.log();
        (log.contains("WARN") && log.contains(&format!("{port} is taken"))).then_some(())
    });
    assert!(has(&first, "wt:delay") && has(&second, "TEST:SERVER.VAL"));
}

#[test]
fn a_killed_server_starts_again_on_its_port_at_once() {
    let port = free_port();
    let first = Server::with(&[], port);
    let mut circuit = first.circuit();
    let delay = circuit.create("wt:delay");
    assert_eq!(circuit.get(delay, DBR_DOUBLE, 1).double(0), 0.2);
    let (status, ..) = first.stop("KILL");
    assert_eq!(status.code(), None, "a signal ended it");
    let again = Server::with(&[], port);
    assert_eq!((again.udp, again.tcp), (port, port), "nobody else has its port: {}", again.log());
    assert!(has(&again, "wt:delay"));
}
