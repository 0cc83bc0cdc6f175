//! `seqioc cmd` against a server of its own.

use std::process::{Child, Command, ExitStatus, Stdio};

use crate::launch::{Lines, SOON, Server, isolated, wait_exit, wait_for};
use crate::raw::DBR_STRING;

/// `seqioc cmd`, which finds this server only.
fn command(server: &Server, prefix: &str, text: &str) -> Command {
    let mut command = isolated(env!("CARGO_BIN_EXE_seqioc"));
    command
        .args(["cmd", prefix, text])
        .env("EPICS_CA_ADDR_LIST", format!("127.0.0.1:{}", server.udp))
        .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
        .env("EPICS_CA_REPEATER_PORT", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn end(mut child: Child) -> (ExitStatus, String, String) {
    let mut out = Lines::of(child.stdout.take().expect("a pipe"));
    let mut err = Lines::of(child.stderr.take().expect("a pipe"));
    let status = wait_exit(&mut child, SOON);
    if status.is_none() {
        child.kill().expect("it can be killed");
    }
    out.join();
    err.join();
    (status.expect("it ends"), out.text(), err.text())
}

fn run(server: &Server, prefix: &str, text: &str) -> (Option<i32>, String, String) {
    let child = command(server, prefix, text).spawn().expect("it starts");
    let (status, out, err) = end(child);
    (status.code(), out, err)
}

#[test]
fn a_command_is_followed_to_its_end_and_its_result_printed() {
    let server = Server::with(&["example"], 0);
    let (status, out, err) = run(&server, "TEST:SERVER.", "linear(0, 3, 1)");
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("3 points stored") && out.ends_with("values: [0, 1, 2]\n"), "{out}");
    assert!(!out.contains('\x1b') && !out.contains('#'), "no bar where there is no terminal: {out:?}");
}

#[test]
fn a_command_that_fails_or_is_refused_says_why_and_exits_with_1() {
    let server = Server::with(&["example"], 0);
    let (status, _, err) = run(&server, "TEST:SERVER.", "fail('no air')");
    assert_eq!((status, err.as_str()), (Some(1), "seqioc cmd: Failed: no air\n"));
    let (status, _, err) = run(&server, "TEST:SERVER.", "dance()");
    assert_eq!(status, Some(1));
    assert!(err.contains("dance") && err.contains("linear"), "{err}");
    let (status, _, err) = run(&server, "NOBODY:", "[1]");
    assert_eq!(status, Some(1));
    assert!(err.starts_with("seqioc: no device with the prefix \"NOBODY:\""), "{err}");
}

#[test]
#[cfg(unix)]
fn an_interrupt_aborts_the_command() {
    let server = Server::with(&["example"], 0);
    let child = command(&server, "TEST:SERVER.", "move(1000)").spawn().expect("it starts");
    let mut circuit = server.circuit();
    let state = circuit.create("TEST:SERVER.seq.STATE");
    wait_for("the move", SOON, || (circuit.get(state, DBR_STRING, 1).text() == "Busy").then_some(()));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let (status, out, err) = end(child);
    assert_eq!((status.code(), err.as_str()), (Some(1), "seqioc cmd: Aborted: aborted\n"), "{out}");
    assert_eq!(circuit.get(state, DBR_STRING, 1).text(), "Aborted");
}
