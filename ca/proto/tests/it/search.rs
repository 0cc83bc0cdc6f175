//! SEARCH inside a circuit; datagrams have their tests beside the code.

use ca_proto::server::search::handle_datagram;
use proptest::prelude::*;

use crate::support::PORT;
use crate::talk::{Message, Talk, message, version};

fn search(reply: u16, cid: u32, name: &str) -> Vec<u8> {
    message(6, reply, 13, [cid, cid], &[name.as_bytes(), &[0]].concat())
}

#[test]
fn a_known_name_is_answered_with_the_port_and_no_payload() {
    let mut talk = Talk::new();
    let answer = talk.ask_one(&message(6, 5, 13, [1, 77], b"double\0"));
    let payload = Vec::new();
    let expected =
        Message { command: 6, data_type: PORT, count: 0, p1: u32::MAX, p2: 77, payload, extended: false };
    assert_eq!(answer, expected, "the id is copied from p2");
}

#[test]
fn an_unknown_name_is_not_found_only_where_that_was_asked_for() {
    let mut talk = Talk::new();
    assert_eq!(talk.ask(&search(5, 3, "nobody")), []);
    let answer = talk.ask_one(&search(10, 3, "nobody"));
    assert_eq!((answer.command, answer.data_type, answer.count), (14, 10, 13));
    assert_eq!((answer.p1, answer.p2, answer.payload.len()), (3, 3, 0));
}

#[test]
fn an_empty_name_has_no_answer_and_a_version_below_4_closes() {
    let mut talk = Talk::new();
    assert_eq!(talk.ask(&message(6, 10, 13, [1, 1], b"")), []);
    assert_eq!(talk.ask(&message(6, 10, 13, [1, 1], &[0; 8])), []);
    talk.send(&message(6, 10, 3, [1, 1], b"double\0"));
    assert!(talk.closed.is_some());
}

fn datagram_answers(datagram: &[u8]) -> Vec<Vec<u8>> {
    let mut replies = Vec::new();
    handle_datagram(datagram, PORT, |name| name == "double", |reply| replies.push(reply.to_vec()));
    replies
}

#[test]
fn an_unknown_command_ends_the_datagram_but_not_the_answers_before_it() {
    let (hello, search) = (message(0, 1, 13, [7, 0], &[]), search(5, 3, "double"));
    let echo = message(23, 0, 0, [0, 0], &[]);
    let all = datagram_answers(&[&hello[..], &search, &echo, &search].concat());
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].len(), 16 + 24);
}

#[test]
fn a_client_before_minor_11_gets_no_version_in_front() {
    let all = datagram_answers(&[version(0, 10), search(5, 3, "double")].concat());
    assert_eq!(all[0].len(), 24);
}

proptest! {
    #[test]
    fn any_datagram_is_handled_without_panic_and_replies_stay_within_1024_bytes(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        hello: bool,
    ) {
        let head = if hello { message(0, 1, 13, [7, 0], &[]) } else { Vec::new() };
        let all = datagram_answers(&[head, bytes].concat());
        prop_assert!(all.iter().all(|reply| reply.len() <= 1024));
    }
}
