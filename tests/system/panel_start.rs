//! How `seqioc run` starts its panel, and what it says about it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::launch::{SOON, Server, run_to_end, seqioc, wait_for};

/// The line of the panel and the one behind it.
fn lines(server: &Server) -> (String, String) {
    let line = std::iter::repeat_with(|| server.line()).find(|line| line.starts_with("panel: "));
    (line.expect("it does not end"), server.line())
}

/// A request to the panel of a ready line; the whole answer.
fn ask(url: &str, request: &str) -> String {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).expect("it is served");
    stream.set_read_timeout(Some(SOON)).expect("a time-out");
    let (line, rest) = request.split_once("\r\n").unwrap_or((request, ""));
    let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{rest}\r\n");
    stream.write_all(head.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn put(url: &str, token: &str) -> String {
    let head = format!("Authorization: Bearer {token}\r\nContent-Length: 0\r\n");
    ask(url, &format!("PUT /api/pv/wt:delay\r\n{head}"))
}

#[test]
fn the_start_lines_tell_the_address_and_the_command_that_allows_to_write() {
    let server = Server::spawn(seqioc(&["run", "clock", "--local", "-q", "--panel", "127.0.0.1:0"]));
    let (panel, hint) = lines(&server);
    let url = panel.strip_prefix("panel: ").expect("its front");
    assert!(ask(url, "GET /api/pvs").contains("\"wt:request\""));
    let command = hint.split_once("to write as well: ").map_or("", |(_, command)| command).to_owned();
    assert!(command.ends_with("run clock --local -q --panel 127.0.0.1:0 --panel-write"), "{hint}");
    assert!(put(url, "").contains(" 403 "), "read-only");
    // The command does what it says.
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let server = Server::spawn(seqioc(&words));
    let (panel, hint) = lines(&server);
    let url = panel.strip_prefix("panel: ").expect("its front");
    let token = hint.strip_prefix("  token for writing: ").expect("the token");
    assert!(
        put(url, "wrong").contains(" 403 ") && put(url, token).contains(" 400 "),
        "no body, but the right to write"
    );
    assert_eq!(server.log(), "", "quiet: warnings only");
}

#[test]
fn the_ready_line_has_the_address_and_the_token() {
    let flags = ["run", "clock", "--local", "--ready", "json", "--panel", "0", "--panel-write"];
    let server = Server::spawn(seqioc(&flags));
    let ready: serde_json::Value = serde_json::from_str(&server.line()).expect("JSON");
    let text = |key: &str| ready[key].as_str().unwrap_or_else(|| panic!("no {key} in {ready}")).to_owned();
    assert!(put(&text("panel"), &text("panel_token")).contains(" 400 "));
    let again = Server::spawn(seqioc(&flags));
    let other: serde_json::Value = serde_json::from_str(&again.line()).expect("JSON");
    assert_ne!(other["panel_token"], ready["panel_token"], "another one after each start");
    let off = Server::spawn(seqioc(&["run", "clock", "--local", "--ready", "json", "--panel", "off"]));
    let ready: serde_json::Value = serde_json::from_str(&off.line()).expect("JSON");
    assert!(ready.get("panel").is_none() && ready["ready"] == true);
}

#[test]
fn an_address_that_cannot_be_had_is_a_warning() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let mut server =
        Server::spawn(seqioc(&["run", "clock", "--local", "--ready", "json", "--panel", &address]));
    server.ready();
    logged(&server, "no panel: ");
    logged(&server, &address);
}

/// Waits for words in the log, which is read beside the standard output.
fn logged(server: &Server, words: &str) {
    wait_for(words, SOON, || server.log().contains(words).then_some(()));
}

#[test]
#[cfg(unix)]
fn a_token_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!("panel-token-{}", std::process::id()));
    std::fs::write(&path, "0123456789abcdef-file\n").expect("it is written");
    let name = path.to_str().expect("UTF-8").to_owned();
    let args = [
        "run",
        "clock",
        "--local",
        "--ready",
        "json",
        "--panel",
        "0",
        "--panel-write",
        "--panel-token-file",
        &name,
    ];
    for (mode, works) in [(0o644, false), (0o660, false), (0o600, true)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
        let server = Server::spawn(seqioc(&args));
        let ready: serde_json::Value = serde_json::from_str(&server.line()).expect("JSON");
        assert!(ready.get("panel_token").is_none(), "what a file has is not printed");
        assert_eq!(ready.get("panel").is_some(), works, "mode {mode:o}");
        match ready["panel"].as_str() {
            Some(url) => assert!(put(url, "0123456789abcdef-file").contains(" 400 ")),
            None => logged(&server, "must be 0600"),
        }
    }
    std::fs::remove_file(&path).expect("it was there");
}

#[test]
fn writing_over_the_network_without_tls_is_warned_of() {
    let args = ["run", "clock", "--local", "--ready", "json", "--panel", "0.0.0.0:0", "--panel-write"];
    let mut server = Server::spawn(seqioc(&args));
    server.ready();
    logged(&server, "without TLS");
}

#[test]
fn flags_that_cannot_be_are_refused_with_the_rule() {
    for (args, word) in [
        (&["--panel", "lab.example:80"][..], "neither \"off\" nor an address"),
        (&["--panel-origin", "ftp://a"], "neither http nor https"),
        (&["--panel-token-file", "x"], "--panel-write"),
    ] {
        let output = run_to_end(&[&["run", "clock"], args].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(word), "{args:?}: {said}");
    }
}
