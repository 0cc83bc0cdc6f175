//! `seqioc bench` against a server of ours, of EPICS base and of caproto.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::launch::{SOON, Server, free_port, isolated, wait_for};
use crate::peers::Script;
use crate::raw::DBR_DOUBLE;

const SCRIPT: Duration = Duration::from_secs(120);

/// `seqioc bench` that finds one server only; its measurements are short.
fn bench(udp: u16, args: &[&str]) -> Command {
    let mut command = isolated(env!("CARGO_BIN_EXE_seqioc"));
    command
        .args(["bench", "--time", "0.05"])
        .args(args)
        .env("EPICS_CA_ADDR_LIST", format!("127.0.0.1:{udp}"))
        .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
        .env("EPICS_CA_REPEATER_PORT", "0");
    command
}

fn run(udp: u16, args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = bench(udp, args).output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), text(stdout), text(stderr))
}

const READING: [&str; 5] = ["connect", "get", "get, 100 at once", "monitor, first value", "monitor, updates"];
const PUTTING: [&str; 7] = [
    "connect",
    "get",
    "get, 100 at once",
    "put, 100 at once",
    "put with completion",
    "monitor, first value",
    "monitor, updates",
];

/// Each of these was measured, without an error, and its numbers fit one another.
fn good(found: &str, names: &[&str]) {
    let found: Value = serde_json::from_str(found).unwrap_or_else(|error| panic!("{error}: {found}"));
    let measurements = found["measurements"].as_array().expect("a list");
    let measured: Vec<_> = measurements.iter().map(|one| one["name"].as_str().expect("a name")).collect();
    assert_eq!(measured, names);
    for one in measurements {
        let number = |key: &str| one[key].as_f64().unwrap_or_else(|| panic!("no {key} in {one}"));
        assert_eq!(number("errors"), 0.0, "{one}");
        assert!(number("count") > 0.0 || one["name"] == "monitor, updates", "{one}");
        assert!((number("per_second") * number("seconds") - number("count")).abs() < 0.01, "{one}");
        if let Some(times) = one["microseconds"].as_object() {
            let times = ["p50", "p90", "p99", "max"].map(|key| times[key].as_f64().expect("a time"));
            assert!(times[0] > 0.0 && times.is_sorted(), "{one}");
        }
    }
    assert_eq!(found["failures"], serde_json::json!({}));
}

fn value(server: &Server, name: &str) -> f64 {
    let mut circuit = server.circuit();
    let channel = circuit.create(name);
    circuit.get(channel, DBR_DOUBLE, 1).double(0)
}

#[test]
fn a_server_is_measured_without_a_put_unless_told_to() {
    let server = Server::with(&["clock"], 0);
    let done = || value(&server, "wt:seq.DONE");
    let (status, out, err) = run(server.udp, &["--json", "wt:delay", "wt:request", "wt:seq.ACK"]);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    good(&out, &READING);
    assert_eq!(done(), 0.0, "nothing was put");
    let (status, out, err) = run(server.udp, &["--json", "--put", "wt:delay", "wt:request"]);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    good(&out, &PUTTING);
    assert!(done() >= 1.0, "a put to request is a command");
    assert_eq!((value(&server, "wt:delay"), value(&server, "wt:request")), (0.2, 0.0));
}

#[test]
fn people_get_a_table() {
    let server = Server::with(&["clock"], 0);
    let (status, out, err) = run(server.udp, &["wt:delay", "wt:delay"]);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    let lines: Vec<_> = out.lines().collect();
    assert!(lines[0].starts_with("measurement             per second     count  errors    p50 us"), "{out}");
    let names: Vec<_> = lines[1..].iter().map(|line| line[..22].trim_end()).collect();
    assert_eq!(names, READING);
    assert!(!out.contains('#') && !out.contains('\x1b'), "no bar where there is no terminal: {out:?}");
}

#[test]
fn what_is_not_there_and_what_cannot_be_put_is_named() {
    let server = Server::with(&["clock"], 0);
    let (status, out, err) = run(server.udp, &["--json", "-w", "2", "wt:delay", "nobody:has:it"]);
    assert_eq!((status, err.as_str()), (Some(1), "seqioc bench: nobody:has:it: not connected\n"));
    good(&out, &READING);
    let (status, out, err) = run(server.udp, &["-w", "0.2", "nobody:has:it"]);
    assert_eq!(
        (status, out.as_str(), err.as_str()),
        (Some(1), "", "seqioc bench: nobody:has:it: not connected\n")
    );
    let (status, out, err) = run(server.udp, &["--json", "--put", "wt:response", "wt:delay"]);
    assert_eq!(status, Some(1), "{out}");
    assert!(err.starts_with("seqioc bench: wt:response: not put, clients may not write"), "{err}");
    good(&out, &PUTTING);
    for wrong in [&["--time", "0", "wt:delay"][..], &[], &["--time", "no", "wt:delay"]] {
        assert_eq!(run(server.udp, wrong).0, Some(2), "{wrong:?}");
    }
}

#[test]
fn a_put_that_is_refused_is_counted_and_its_pv_named() {
    let server = Server::with(&["example"], 0);
    // What CMD has at the start is no command.
    let (status, out, err) = run(server.udp, &["--json", "--put", "TEST:SERVER.seq.CMD"]);
    assert_eq!(status, Some(1), "{out}");
    assert!(err.lines().any(|line| line.starts_with("seqioc bench: TEST:SERVER.seq.CMD: ")), "{err}");
    let found: Value = serde_json::from_str(&out).expect("JSON");
    let errors = |name: &str| {
        let all = found["measurements"].as_array().expect("a list");
        all.iter().find(|one| one["name"] == name).expect("it was measured")["errors"].as_u64()
    };
    assert!(errors("put, 100 at once") > Some(0) && errors("put with completion") > Some(0), "{out}");
    assert_eq!(errors("get"), Some(0));
}

#[test]
fn a_server_that_goes_away_ends_it_in_time() {
    let server = Server::with(&["clock"], 0);
    let mut command = bench(server.udp, &["--time", "3600", "-w", "1", "wt:delay"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    wait_for("it measures", SOON, || {
        let circuits = server.log();
        // It connects again and again, then gets for an hour.
        (child.try_wait().expect("a child").is_none() && circuits.contains("Server startup")).then_some(())
    });
    let (..) = server.stop("KILL");
    let status = wait_for("its end", 3 * SOON, || child.try_wait().expect("a child can be asked"));
    assert_eq!(status.code(), Some(1));
}

/// Against the servers of others.
fn peer(script: &str) {
    let port = free_port();
    let Some(_server) = Script::start(script, port, SCRIPT) else { return };
    let pvs = ["p:double", "p:long", "p:string", "p:enum"];
    let (status, out, err) = run(port, &[&["--json", "--put", "-w", "60"], &pvs[..]].concat());
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    good(&out, &PUTTING);
    let context = ca::client::Context::new(ca::ClientConfig::isolated(port)).expect("a socket");
    let double = context.channel("p:double").get(DBR_DOUBLE, 1, 3 * SOON).wait().expect("it is there");
    assert_eq!(double.expect("data").payload[..], 3.0_f64.to_be_bytes(), "it has the value that it had");
}

#[test]
fn a_server_of_base_is_measured() {
    peer("serve_rsrv.py");
}

#[test]
fn a_server_of_caproto_is_measured() {
    peer("serve_caproto.py");
}
