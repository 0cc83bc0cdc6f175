//! CREATE_CHAN and CLEAR_CHANNEL.

use ca_proto::{CloseReason, Limits};

use crate::talk::{Message, Talk, cancel, clear, create, error, get, message, monitor, put, put_notify};

fn plain(command: u16, data_type: u16, count: u32, p1: u32, p2: u32) -> Message {
    Message { command, data_type, count, p1, p2, payload: Vec::new(), extended: false }
}

#[test]
fn rights_come_before_the_channel_with_nothing_between() {
    let mut talk = Talk::new();
    let answers = talk.ask(&create(5, "double"));
    assert_eq!(answers, [plain(22, 0, 0, 5, 3), plain(18, 6, 1, 5, 100)]);
    let answers = talk.ask(&create(6, "readonly"));
    assert_eq!(answers, [plain(22, 0, 0, 6, 1), plain(18, 6, 1, 6, 101)]);
}

#[test]
fn an_array_tells_its_capacity_in_a_long_header() {
    let mut talk = Talk::new();
    let answers = talk.ask(&create(5, "array"));
    assert_eq!(answers[1], Message { extended: true, ..plain(18, 6, 100_000, 5, 100) });
    assert_eq!(talk.ask(&create(6, "text"))[1], plain(18, 4, 100, 6, 101));
}

#[test]
fn a_client_before_minor_9_sees_at_most_65534_elements() {
    let mut talk = Talk::new();
    let answers = talk.ask(&message(18, 0, 0, [5, 8], b"array\0"));
    assert_eq!(answers[1], plain(18, 6, 0xFFFE, 5, 100));
}

#[test]
fn an_unknown_name_fails_and_the_circuit_stays() {
    let mut talk = Talk::new();
    assert_eq!(talk.ask_one(&create(5, "nobody")), plain(26, 0, 0, 5, 0));
    assert_eq!(talk.ask_one(&create(6, &"x".repeat(3000))), plain(26, 0, 0, 6, 0));
    assert_eq!(talk.ask_one(&message(18, 0, 0, [7, 13], b"")), plain(26, 0, 0, 7, 0));
    talk.open(8, "double");
}

#[test]
fn a_name_ends_at_its_nul_or_at_the_last_byte() {
    let mut talk = Talk::new();
    talk.ask(&message(18, 0, 0, [5, 13], b"enum\0garbage"));
    assert_eq!(talk.circuit.channel_count(), 1);
    assert_eq!(talk.ask_one(&message(18, 0, 0, [6, 13], b"12345678")).command, 26);
    assert_eq!(talk.ask(&message(18, 0, 0, [7, 13], b"readonly\0\0\0\0\0\0\0\0")).len(), 2);
    assert_eq!(talk.ask_one(&message(18, 0, 0, [8, 13], b"readonly")).command, 26, "read as `readonl`");
}

#[test]
fn two_channels_to_one_name_have_ids_of_their_own_and_live_independently() {
    let mut talk = Talk::new();
    let (one, two) = (talk.open(1, "double"), talk.open(2, "double"));
    assert_ne!(one, two);
    talk.ask_one(&clear(one, 1));
    assert_eq!(talk.ask_one(&get(6, 1, two, 9)).payload, 1.5f64.to_be_bytes());
}

#[test]
fn a_minor_version_below_4_at_creation_closes_without_a_word() {
    let mut talk = Talk::new();
    talk.send(&message(18, 0, 0, [1, 3], b"double\0"));
    assert!(matches!(talk.closed, Some(CloseReason::Version { minor: 3, .. })));
    assert_eq!(talk.take(), []);
}

#[test]
fn the_minor_version_at_creation_decides_about_long_headers() {
    let mut talk = Talk::new();
    talk.ask(&message(18, 0, 0, [1, 8], b"double\0"));
    talk.send(&crate::talk::extended(23, 0, 0, [0, 0], 0));
    assert!(matches!(talk.closed, Some(CloseReason::Malformed(_))), "0xFFFF is a literal length now");
}

#[test]
fn clear_is_echoed_and_nothing_follows_for_the_channel() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    talk.ask_one(&monitor(6, 1, sid, 7, 1));
    assert_eq!(talk.pvs.feed_count(), 1);
    assert_eq!(talk.ask_one(&clear(sid, 1)), plain(12, 0, 0, sid, 1));
    assert_eq!(talk.pvs.feed_count(), 0);
    talk.pvs.post("double", ca_proto::dbr::Scalar::Double(9.0), ca_proto::EventMask::VALUE);
    assert_eq!(talk.take(), []);
    assert_eq!((talk.circuit.channel_count(), talk.circuit.subscription_count()), (0, 0));
}

#[test]
fn an_update_on_its_way_is_not_sent_after_the_clear() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    talk.ask_one(&monitor(6, 1, sid, 7, 1));
    talk.pvs.post("double", ca_proto::dbr::Scalar::Double(9.0), ca_proto::EventMask::VALUE);
    talk.input.extend(clear(sid, 1));
    talk.execute();
    assert_eq!(talk.take(), [plain(12, 0, 0, sid, 1)]);
}

#[test]
fn an_id_that_was_never_issued_closes_with_error_142() {
    let requests = |sid| {
        [get(6, 1, sid, 9), put(sid, 1, 1.0), put_notify(sid, 9, 1.0), monitor(6, 1, sid, 9, 1)]
            .into_iter()
            .chain([cancel(6, 1, sid, 9), clear(sid, 1), message(3, 6, 1, [sid, 9], &[])])
    };
    for request in requests(99) {
        let mut talk = Talk::new();
        talk.open(1, "double");
        talk.send(&request);
        assert_eq!(talk.closed, Some(CloseReason::UnknownChannel(99)));
        let answers = talk.take();
        assert_eq!(answers.len(), 1);
        assert_eq!(error(&answers[0]), (0xFFFF_FFFF, 142, &request[..16]));
    }
}

#[test]
fn requests_without_an_answer_to_a_cleared_channel_are_ignored_and_counted() {
    let mut talk = Talk::new();
    let (sid, other) = (talk.open(1, "double"), talk.open(2, "double"));
    talk.ask(&clear(sid, 1));
    let stale = [put(sid, 1, 5.0), monitor(6, 1, sid, 9, 1), cancel(6, 1, sid, 9), clear(sid, 1)];
    for request in stale {
        assert_eq!(talk.ask(&request), []);
    }
    assert_eq!(talk.circuit.counters().stale, 4);
    assert_eq!(talk.ask_one(&get(6, 1, other, 3)).payload, 1.5f64.to_be_bytes(), "nothing was put");
}

#[test]
fn requests_with_an_answer_to_a_cleared_channel_are_answered_as_failed() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    talk.ask(&clear(sid, 1));
    let answer = talk.ask_one(&get(20, 1, sid, 9));
    assert_eq!((answer.command, answer.data_type, answer.p1, answer.p2), (15, 20, 152, 9));
    assert_eq!(talk.ask_one(&put_notify(sid, 8, 1.0)), plain(19, 6, 1, 160, 8));
    assert_eq!(talk.circuit.counters().stale, 2);
}

#[test]
fn a_cleared_channel_is_remembered_among_thousands() {
    let mut talk = Talk::new();
    let sids: Vec<_> = (0..20_000).map(|cid| talk.open(cid, "double")).collect();
    for (cid, sid) in sids.iter().enumerate() {
        talk.ask_one(&clear(*sid, cid as u32));
    }
    assert_eq!(talk.ask(&clear(sids[0], 0)), []);
}

#[test]
fn more_channels_than_the_limit_are_refused_and_the_circuit_stays() {
    let mut talk = Talk::with(Limits { channels: 2, ..Limits::default() });
    talk.open(1, "double");
    let sid = talk.open(2, "double");
    let request = create(3, "double");
    let answers = talk.ask(&request);
    assert_eq!(error(&answers[0]).1, 48);
    assert_eq!(answers[1], plain(26, 0, 0, 3, 0));
    talk.ask(&clear(sid, 2));
    talk.open(3, "double");
}

#[test]
fn closing_the_circuit_ends_all_subscriptions() {
    let mut talk = Talk::new();
    for (id, name) in [(1, "double"), (2, "array"), (3, "double")] {
        let sid = talk.open(id, name);
        talk.ask_one(&monitor(6, 1, sid, id, 1));
    }
    assert_eq!(talk.pvs.feed_count(), 2, "channels to one PV share a feed");
    talk.circuit.close(&mut talk.pvs);
    assert_eq!(talk.pvs.feed_count(), 0);
}

#[test]
fn a_channel_whose_pv_is_gone_is_closed_with_server_disconn_and_the_others_stay() {
    let mut talk = Talk::new();
    let (gone, stays) = (talk.open(1, "double"), talk.open(2, "enum"));
    talk.ask(&[monitor(6, 1, gone, 7, 1), monitor(3, 1, stays, 8, 1)].concat());
    talk.pvs.gone.push(0);
    talk.pvs.mailbox.recheck_rights();
    assert_eq!(talk.take(), [plain(27, 0, 0, 1, 0)]);
    assert_eq!((talk.circuit.channel_count(), talk.circuit.subscription_count()), (1, 1));
    assert_eq!(talk.pvs.feed_count(), 1);
    assert_eq!(talk.ask(&put(gone, 1, 1.0)), [], "a late request is ignored");
    assert_eq!(talk.ask(&get(3, 1, stays, 9)).len(), 1);
}
