//! `seqioc cmd` against a server of its own.

use std::process::{Child, Command, ExitStatus, Stdio};

use crate::launch::{Lines, SOON, Server, isolated, wait_exit, wait_for};
use crate::raw::DBR_STRING;

/// `seqioc cmd`, which finds this server only.
fn command(server: &Server, prefix: &str, text: &str) -> Command {
    of_words(server, &[prefix, text])
}

fn of_words(server: &Server, words: &[&str]) -> Command {
    let mut command = isolated(env!("CARGO_BIN_EXE_seqioc"));
    command
        .arg("cmd")
        .args(words)
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
    assert_eq!((status.code(), err.as_str()), (Some(1), "seqioc cmd: Aborted\n"), "{out}");
    assert_eq!(circuit.get(state, DBR_STRING, 1).text(), "Aborted");
}

/// The exit status of `seqioc cmd` with these words, and all that it says.
fn said(server: &Server, words: &[&str]) -> (Option<i32>, String) {
    let (status, out, err) = end(of_words(server, words).spawn().expect("it starts"));
    (status.code(), out + &err)
}

#[test]
fn a_command_can_be_name_and_arguments() {
    let server = Server::with(&["example"], 0);
    let run = |words: &[&str]| said(&server, &[&["TEST:SERVER."], words].concat());
    let (status, text) = run(&["linear", "-1", "end=2", "step=1"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.ends_with("values: [-1, 0, 1]\n"), "{text}");
    assert_eq!(run(&["fail", "no air"]), (Some(1), "seqioc cmd: Failed: no air\n".to_owned()));
    let (status, text) = run(&["[1,", "2]"]);
    assert_eq!(status, Some(2));
    assert!(text.contains("\"[1,\" is not the name of a command"), "{text}");
}

#[test]
fn without_a_command_those_of_the_device_are_listed() {
    let server = Server::with(&["example", "clock"], 0);
    let (status, text) = said(&server, &["TEST:SERVER."]);
    assert_eq!(status, Some(0), "{text}");
    let line = text.lines().find(|line| line.starts_with("move(")).expect("a line");
    let words: Vec<_> = line.split("  ").filter(|word| !word.is_empty()).map(str::trim).collect();
    assert_eq!(
        words,
        ["move(to: number, velocity: number 1/s = 1.0)", "moves VAL, with progress; can be aborted"]
    );
    let (status, text) = said(&server, &["wt:", "--json"]);
    assert_eq!(status, Some(0), "{text}");
    let listed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((listed[0]["name"].as_str(), listed[1].as_object()), (Some("request"), None));
    let (status, text) = said(&server, &["NOBODY:", "-w", "0.2"]);
    assert_eq!(status, Some(1));
    assert!(text.starts_with("seqioc: no device with the prefix \"NOBODY:\""), "{text}");
}

/// Whether this host has a shell; bash is everywhere.
#[cfg(unix)]
fn is_there(shell: &str) -> bool {
    let there = Command::new(shell).args(["-c", "true"]).status().is_ok_and(|status| status.success());
    if !there {
        assert_ne!(shell, "bash");
        eprintln!("skipped, there is no {shell}");
    }
    there
}

/// The line that a real shell on a terminal has after these keys.
#[cfg(unix)]
fn typed(server: &Server, shell: &str, script: &std::path::Path, keys: &str) -> String {
    let mut typing = isolated("python3");
    typing
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/peers/types_in_shell.py"))
        .arg(shell)
        .arg(script)
        .args([env!("CARGO_BIN_EXE_seqioc"), keys])
        .env("EPICS_CA_ADDR_LIST", format!("127.0.0.1:{}", server.udp))
        .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
        .env("EPICS_CA_REPEATER_PORT", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let (status, out, err) = end(typing.spawn().expect("Python starts"));
    assert!(status.success(), "{shell} {keys:?}: {out}{err}");
    out.trim_end_matches('\n').to_owned()
}

/// Keys, and what they become.
#[cfg(unix)]
const TYPED: [(&str, &str); 8] = [
    ("seqioc cmd TEST:SERVER. li\t", "seqioc cmd TEST:SERVER. linear "),
    ("seqioc cmd TEST:SERVER. linear st\t", "seqioc cmd TEST:SERVER. linear st"),
    ("seqioc cmd TEST:SERVER. linear sta\t", "seqioc cmd TEST:SERVER. linear start="),
    ("seqioc cmd TEST:SERVER. move to=5 \t", "seqioc cmd TEST:SERVER. move to=5 velocity="),
    ("true; seqioc cmd wt: \t", "true; seqioc cmd wt: request "),
    ("seqioc cmd TEST:S\t", "seqioc cmd TEST:SERVER. "),
    ("seqioc cmd NOBODY: \t", "seqioc cmd NOBODY: "),
    ("seqioc diag\t", "seqioc diagnose "),
];

#[test]
#[cfg(unix)]
fn shells_complete_the_commands_of_a_device_and_their_arguments() {
    let server = Server::with(&["example", "clock"], 0);
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    for shell in ["bash", "zsh"].into_iter().filter(|shell| is_there(shell)) {
        let script = folder.join(format!("completion-{}.{shell}", std::process::id()));
        let completion = isolated(env!("CARGO_BIN_EXE_seqioc")).args(["completion", shell]).output();
        std::fs::write(&script, completion.expect("it starts").stdout).expect("a file");
        for (keys, line) in TYPED {
            assert_eq!(typed(&server, shell, &script, keys), line, "{shell}");
        }
        std::fs::remove_file(script).expect("the file is ours");
    }
}

/// On a terminal there is a bar, on both.
#[test]
#[cfg(unix)]
fn a_terminal_shows_a_bar() {
    let server = Server::with(&["example"], 0);
    for words in [&["cmd", "TEST:SERVER.", "move", "0.3"][..], &["bench", "--time", "0.3", "TEST:SERVER.VAL"]]
    {
        let mut terminal = isolated("python3");
        terminal
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/peers/terminal.py"))
            .arg(env!("CARGO_BIN_EXE_seqioc"))
            .args(words)
            .env("EPICS_CA_ADDR_LIST", format!("127.0.0.1:{}", server.udp))
            .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
            .env("EPICS_CA_REPEATER_PORT", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (status, out, err) = end(terminal.spawn().expect("Python starts"));
        assert!(status.success(), "{out}{err}");
        assert!(out.contains("\r\x1b[K[##") && out.contains(" % "), "{words:?}: {out:?}");
    }
}
