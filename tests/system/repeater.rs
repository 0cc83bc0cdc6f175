//! `seqioc repeater`: the process, and beside the repeaters and clients of EPICS base and caproto.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use ca::ClientConfig;
use ca::client::Context;

use crate::launch::{SOON, Server, free_port, run_to_end, seqioc, wait_for};
use crate::peers::Script;

const SCRIPT: Duration = Duration::from_secs(90);
/// The repeaters of others.
const OTHERS: [&str; 2] = ["caproto_repeater.py", "base_repeater.py"];

/// A repeater on a port of its own, and that port.
fn repeater(variables: &[(&str, &str)]) -> (Server, u16) {
    let mut command = seqioc(&["repeater", "--port", "0", "--verbose"]);
    command.envs(variables.iter().copied());
    let repeater = Server::spawn(command);
    let line = repeater.line();
    let port = line.strip_prefix("ready: repeats on UDP port ").expect("the ready line");
    (repeater, port.parse().expect("a port"))
}

/// A server whose beacons go to this repeater, several in a second.
fn server(port: u16) -> Server {
    let args = ["run", "--ready", "json", "--interfaces", "127.0.0.1"];
    let mut command = seqioc(&args);
    beacons_to(&mut command, port);
    let mut server = Server::spawn(command);
    let ready: serde_json::Value = serde_json::from_str(&server.line()).expect("JSON");
    server.udp = u16::try_from(ready["udp"].as_u64().expect("a port")).expect("a port");
    server
}

fn beacons_to(command: &mut Command, port: u16) {
    command
        .env("EPICS_CAS_BEACON_ADDR_LIST", format!("127.0.0.1:{port}"))
        .env("EPICS_CAS_BEACON_PERIOD", "0.3");
}

fn is_free(port: u16) -> bool {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

/// `seqioc repeater` on this port ends at once, and says why.
#[track_caller]
fn steps_back(port: u16) {
    let output = run_to_end(&["repeater", "--port", &port.to_string()]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, format!("a repeater runs already: UDP port {port} is taken\n"));
}

#[test]
fn it_runs_until_a_signal_and_leaves_its_port() {
    for signal in ["INT", "TERM"] {
        let (repeater, port) = repeater(&[]);
        assert!(!is_free(port));
        repeater.signal(signal);
        let line = repeater.line();
        assert!(line.starts_with("0 clients; 0 registrations"), "{line}");
        let (status, time, log) = repeater.stop("0");
        assert!(status.success() && time < SOON, "{status} {log}");
        assert!(is_free(port));
    }
}

#[test]
fn the_second_on_a_host_ends_with_a_line_and_without_an_error() {
    let (_repeater, port) = repeater(&[]);
    steps_back(port);
}

#[test]
fn the_port_is_the_one_of_the_environment() {
    let port = free_port();
    let mut command = seqioc(&["repeater"]);
    command.env("EPICS_CA_REPEATER_PORT", port.to_string());
    let repeater = Server::spawn(command);
    assert_eq!(repeater.line(), format!("ready: repeats on UDP port {port}"));
}

#[test]
fn only_groups_among_the_destinations_of_beacons_are_joined() {
    let list = [("EPICS_CAS_BEACON_ADDR_LIST", "224.0.0.1 239.255.1.1 10.0.0.255")];
    let (repeater, port) = repeater(&list);
    assert!(!is_free(port));
    let (status, _, log) = repeater.stop("TERM");
    assert!(status.success() && !log.contains("10.0.0.255"), "{log}");
}

#[test]
fn help_says_what_it_is_for_and_which_port() {
    let output = run_to_end(&["repeater", "--help"]);
    let help = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    for word in ["--port", "EPICS_CA_REPEATER_PORT", "5065", "caRepeater", "with 0 at once"] {
        assert!(help.contains(word), "no {word} in\n{help}");
    }
}

#[test]
fn libca_and_caproto_hear_beacons_through_our_repeater() {
    let (repeater, port) = repeater(&[]);
    let server = server(port);
    let Some(script) = Script::start_beside("hears_beacons.py", &[], server.udp, port, SCRIPT) else {
        return;
    };
    let said = script.finish();
    assert_eq!(said, "caproto\nlibca\n");
    let log = repeater.log();
    assert_eq!(log.matches("registered").count(), 2, "{log}");
    print!("our repeater:\n{log}");
}

#[test]
fn others_step_back_from_our_repeater() {
    let (_repeater, port) = repeater(&[]);
    for other in OTHERS {
        let Some(script) = Script::start_beside(other, &[], 0, port, SCRIPT) else { return };
        assert_eq!(script.finish(), "running\nended\n", "{other}");
    }
}

#[test]
fn our_client_hears_beacons_through_the_repeaters_of_others() {
    for other in OTHERS {
        let port = free_port();
        let Some(script) = Script::start_beside(other, &[], 0, port, SCRIPT) else { return };
        script.wait_line("running");
        steps_back(port);
        let server = server(port);
        let isolated = ClientConfig::isolated(server.udp);
        let config = ClientConfig { repeater: true, repeater_port: port, ..isolated };
        let context = Context::new(config).expect("a socket");
        wait_for("beacons", SOON, || (context.is_registered() && context.beacons() > 2).then_some(()));
        println!("our client is registered with {other} and has heard {} beacons", context.beacons());
    }
}
