//! VERSION, identity, ECHO: the circuit itself.

use ca_proto::{CloseReason, Limits};

use crate::support::pvs;
use crate::talk::{Talk, create, echo, error, extended, get, message, messages, version};

fn silent() -> Talk {
    let mut talk = Talk::silent(pvs(), Limits::default(), 0);
    assert_eq!(talk.take().len(), 1);
    talk
}

fn name(command: u16, text: &str) -> Vec<u8> {
    message(command, 0, 0, [0, 0], &[text.as_bytes(), &[0]].concat())
}

#[test]
fn the_server_greets_before_the_client_says_anything() {
    let mut talk = Talk::silent(pvs(), Limits::default(), 0);
    talk.run();
    assert_eq!(talk.sent, message(0, 0, 13, [0, 0], &[]));
}

#[test]
fn the_clients_version_is_not_answered_and_may_be_repeated_with_another_priority() {
    let mut talk = silent();
    assert_eq!(talk.ask(&version(0, 13)), []);
    assert_eq!(talk.ask(&version(99, 12)), []);
    assert_eq!(talk.circuit.priority(), 99);
    assert_eq!(talk.ask(&message(0, 1, 13, [77, 0], &[])), [], "a sequence number in p1 is no error");
}

#[test]
fn a_version_below_4_or_a_priority_above_99_closes_without_a_word() {
    for (priority, minor) in [(100, 13), (0, 3), (0, 0)] {
        let mut talk = silent();
        talk.send(&version(priority, minor));
        assert_eq!(talk.closed, Some(CloseReason::Version { minor, priority }));
        assert_eq!(talk.take(), []);
    }
}

#[test]
fn before_version_every_request_is_answered_by_error_278_and_version_heals() {
    let mut talk = silent();
    let requests = [create(1, "double"), get(6, 1, 0, 9), echo(b"12345678"), name(20, "user")];
    for request in requests {
        let answer = talk.ask_one(&request);
        assert_eq!(error(&answer), (0xFFFF_FFFF, 278, &request[..16]));
    }
    assert_eq!(talk.ask(&version(0, 13)), []);
    assert_eq!(talk.open(1, "double"), 0, "0 is a valid id");
}

#[test]
fn user_and_host_come_in_any_order_without_an_answer() {
    for order in [[20, 21], [21, 20]] {
        let mut talk = Talk::new();
        for command in order {
            let text = if command == 20 { "Operator" } else { "Console.Lab" };
            assert_eq!(talk.ask(&name(command, text)), []);
        }
        talk.open(1, "double");
        let client = &talk.pvs.clients[0];
        assert_eq!((&*client.user, &*client.host), ("Operator", "console.lab"));
        assert_eq!(talk.circuit.client(), client);
    }
}

#[test]
fn user_and_host_after_the_first_channel_are_refused_and_the_circuit_stays() {
    let mut talk = Talk::new();
    talk.open(1, "double");
    for command in [20, 21] {
        let request = name(command, "late");
        assert_eq!(error(&talk.ask_one(&request)), (0xFFFF_FFFF, 142, &request[..16]));
    }
    assert_eq!(talk.circuit.client().user, "");
}

#[test]
fn a_user_name_that_is_empty_too_long_or_without_an_end_closes() {
    let long = [vec![b'x'; 512], vec![0; 8]].concat();
    for payload in [&b""[..], &[0; 8], b"12345678", &long] {
        let mut talk = Talk::new();
        let request = message(20, 0, 0, [0, 0], payload);
        talk.send(&request);
        assert_eq!(talk.closed, Some(CloseReason::Identity));
        assert_eq!(error(&talk.take()[0]), (0xFFFF_FFFF, 142, &request[..16]));
    }
    let mut talk = Talk::new();
    let longest = "y".repeat(511);
    assert_eq!(talk.ask(&name(21, &longest)), []);
    assert_eq!(talk.circuit.client().host, longest);
}

#[test]
fn echo_and_read_sync_come_back_whole() {
    let mut talk = Talk::new();
    for payload in [&b""[..], b"abcdefgh", &[7; 1000]] {
        let request = echo(payload);
        talk.send(&request);
        assert_eq!(std::mem::take(&mut talk.sent), request);
    }
    let sync = message(10, 0, 0, [0, 0], &[]);
    talk.send(&sync);
    assert_eq!(talk.sent, sync);
}

#[test]
fn an_echo_with_a_long_header_comes_back_with_it() {
    let mut talk = Talk::new();
    let request = extended(23, 0, 70_000, [5, 6], 0);
    talk.send(&request);
    assert_eq!(talk.sent, request);
}

#[test]
fn commands_that_no_client_sends_close_with_error_142() {
    for command in [5, 7, 11, 13, 14, 16, 17, 22, 24, 25, 26, 27] {
        let mut talk = Talk::new();
        let request = message(command, 0, 0, [1, 2], &[]);
        talk.send(&request);
        assert_eq!(talk.closed, Some(CloseReason::Command(command)));
        assert_eq!(error(&talk.take()[0]), (0xFFFF_FFFF, 142, &request[..16]), "command {command}");
    }
}

#[test]
fn an_unknown_command_closes_and_is_never_quoted() {
    for command in [28, 255, 0x4745] {
        let mut talk = Talk::new();
        talk.send(&message(command, 0, 0, [1, 2], &[]));
        assert_eq!(talk.closed, Some(CloseReason::Command(command)));
        assert_eq!(talk.take(), [], "libca indexes a table with a quoted command");
    }
}

#[test]
fn nothing_after_the_message_that_closes_is_executed() {
    let mut talk = Talk::new();
    talk.send(&[message(5, 0, 0, [0, 0], &[]), create(1, "double"), echo(b"")].concat());
    assert!(talk.closed.is_some());
    assert_eq!(messages(&talk.sent).len(), 1);
}

#[test]
fn counters_tell_requests_and_errors() {
    let mut talk = Talk::new();
    talk.open(1, "double");
    talk.ask(&name(20, "late"));
    let counters = talk.circuit.counters();
    assert_eq!((counters.requests, counters.errors), (3, 1));
    assert_eq!(talk.circuit.channel_count(), 1);
}

#[test]
fn a_request_in_the_long_form_comes_back_in_the_long_form_however_small() {
    let mut talk = Talk::new();
    let request = extended(23, 1, 2, [3, 4], 8);
    talk.send(&[&request[..], b"12345678"].concat());
    assert_eq!(talk.sent, [&request[..], b"12345678"].concat());
    talk.sent.clear();
    let unknown = extended(4, 6, 1, [9999, 7], 8);
    talk.send(&[&unknown[..], &[0; 8]].concat());
    assert_eq!(error(&talk.take()[0]), (0xFFFF_FFFF, 142, &unknown[..]));
}

#[test]
fn a_literal_size_of_65535_of_an_old_client_comes_back_in_the_short_form() {
    let mut talk = Talk::silent(pvs(), Limits::default(), 0);
    talk.ask(&version(0, 8));
    let mut request = message(4, 6, 1, [1, 2], &[]);
    request[2..4].fill(0xFF);
    talk.send(&request);
    // The peer's decoder would take the request for a long one: its bytes are compared instead.
    assert_eq!(talk.sent[16..32], request);
    assert!(talk.closed.is_some());
}
