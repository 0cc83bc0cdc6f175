//! WRITE and WRITE_NOTIFY.

use ca_proto::dbr::{ArrayData, Scalar, Value};
use ca_proto::server::Ticket;
use ca_proto::{CloseReason, Eca, EventMask};

use crate::support::CHANGE;
use crate::talk::{Message, Talk, clear, error, events, extended, get, message, monitor, put, put_notify};

fn done(ty: u16, count: u32, status: u32, ioid: u32) -> Message {
    let payload = Vec::new();
    Message { command: 19, data_type: ty, count, p1: status, p2: ioid, payload, extended: false }
}

/// A channel to the slow PV with these puts pending.
fn pending(ioids: &[u32]) -> (Talk, u32, Vec<Ticket>) {
    let mut talk = Talk::new();
    let sid = talk.open(1, "slow");
    for ioid in ioids {
        assert_eq!(talk.ask(&put_notify(sid, *ioid, 1.0)), []);
    }
    let tickets = talk.pvs.pending.clone();
    assert_eq!(tickets.len(), ioids.len());
    (talk, sid, tickets)
}

#[test]
fn a_put_has_no_answer_and_the_next_get_of_the_segment_sees_it() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    let answer = talk.ask_one(&[put(sid, 1, 4.5), get(6, 1, sid, 9)].concat());
    assert_eq!(answer.payload, 4.5f64.to_be_bytes());
}

#[test]
fn a_single_string_may_come_as_8_bytes_or_as_40() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    for (text, value) in [(&b"12.5\0"[..], 12.5f64), (b" 7 \0", 7.0), (b"", 0.0), (&[b'3'; 1], 3.0)] {
        for size in [8, 40] {
            let mut payload = text.to_vec();
            payload.resize(size, 0);
            assert_eq!(talk.ask(&message(4, 0, 1, [sid, 1], &payload)), []);
            assert_eq!(talk.ask_one(&get(6, 1, sid, 9)).payload, value.to_be_bytes(), "{text:?}");
        }
    }
}

#[test]
fn a_label_or_its_index_sets_an_enum_and_other_text_fails() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "enum");
    for (text, status, value) in
        [("error", 1, 2), ("0", 1, 0), ("running", 1, 1), ("wild", 160, 1), ("3", 160, 1)]
    {
        let request = message(19, 0, 1, [sid, 8], &[text.as_bytes(), &[0]].concat());
        assert_eq!(talk.ask_one(&request), done(0, 1, status, 8), "{text}");
        assert_eq!(talk.ask_one(&get(3, 1, sid, 9)).payload[..2], [0, value], "{text}");
    }
}

#[test]
fn a_failed_put_is_error_160_with_the_request_in_it_to_the_bit() {
    let mut talk = Talk::new();
    let sid = talk.open(5, "double");
    let request = message(4, 0, 1, [sid, 0xDEAD_BEEF], b"abc\0");
    assert_eq!(error(&talk.ask_one(&request)), (5, 160, &request[..16]));
    let array = talk.open(6, "array");
    let mut long = extended(4, 6, 70_000, [array, 77], 8);
    long.extend([0; 8]);
    assert_eq!(error(&talk.ask_one(&long)), (6, 160, &long[..24]), "too few bytes for the count");
}

#[test]
fn a_put_to_a_read_only_pv_is_376() {
    let mut talk = Talk::new();
    let sid = talk.open(5, "readonly");
    let request = put(sid, 5, 1.0);
    assert_eq!(error(&talk.ask_one(&request)), (5, 376, &request[..16]));
    assert_eq!(talk.ask_one(&put_notify(sid, 8, 1.0)), done(6, 1, 376, 8));
    assert_eq!(talk.ask_one(&get(6, 1, sid, 9)).payload, 2.5f64.to_be_bytes());
}

#[test]
fn a_put_with_completion_is_answered_with_type_count_and_id() {
    let mut talk = Talk::new();
    let sid = talk.open(5, "double");
    assert_eq!(talk.ask_one(&put_notify(sid, 0xFFFF_FFFE, 1.0)), done(6, 1, 1, 0xFFFF_FFFE));
    let failed = message(19, 0, 1, [sid, 8], b"abc\0");
    assert_eq!(talk.ask_one(&failed), done(0, 1, 160, 8), "and there is no ERROR beside it");
}

#[test]
fn a_put_with_completion_takes_plain_types_only_and_a_put_takes_any() {
    let mut talk = Talk::new();
    let sid = talk.open(5, "double");
    let sts_long = [0, 0, 0, 0, 0, 0, 0, 6];
    assert_eq!(talk.ask(&message(4, 12, 1, [sid, 5], &sts_long)), []);
    assert_eq!(talk.ask_one(&get(6, 1, sid, 9)).payload, 6f64.to_be_bytes());
    for ty in [7, 12, 34, 37, 38] {
        assert_eq!(talk.ask_one(&message(19, ty, 1, [sid, 8], &[0; 88])), done(ty, 1, 160, 8));
    }
    for ty in [37, 38] {
        assert_eq!(error(&talk.ask_one(&message(4, ty, 1, [sid, 8], &[0; 48]))).1, 160);
    }
}

#[test]
fn a_type_that_does_not_exist_is_114_and_closes() {
    for command in [4, 19] {
        let mut talk = Talk::new();
        let sid = talk.open(5, "double");
        let request = message(command, 39, 1, [sid, 8], &[0; 8]);
        talk.send(&request);
        assert_eq!(talk.closed, Some(CloseReason::DataType(39)));
        match command {
            4 => assert_eq!(error(&talk.take()[0]), (5, 114, &request[..16])),
            _ => assert_eq!(talk.take(), [done(39, 1, 114, 8)]),
        }
    }
}

#[test]
fn bytes_behind_the_payload_are_never_read() {
    let mut talk = Talk::new();
    let sid = talk.open(5, "double");
    let answers = talk.ask(&[message(4, 6, 1, [sid, 5], &[]), put(sid, 5, 9.0)].concat());
    assert_eq!(error(&answers[0]).1, 160);
    assert_eq!(answers.len(), 1);
    assert_eq!(talk.ask_one(&message(19, 6, 2, [sid, 8], &[0; 8])), done(6, 2, 160, 8));
}

#[test]
fn an_array_takes_what_fits_and_no_elements_empty_it() {
    let mut talk = Talk::new();
    let sid = talk.open(5, "empty");
    let twelve = [7f64; 12].map(f64::to_be_bytes).concat();
    assert_eq!(talk.ask_one(&message(19, 6, 12, [sid, 8], &twelve)), done(6, 12, 1, 8));
    assert_eq!(talk.ask_one(&get(6, 0, sid, 9)).count, 10);
    assert_eq!(talk.ask_one(&message(19, 6, 0, [sid, 8], &[])), done(6, 0, 1, 8));
    assert_eq!(talk.ask_one(&get(6, 0, sid, 9)).count, 0);
}

#[test]
fn ten_thousand_puts_with_completion_are_answered_in_order() {
    let mut talk = Talk::new();
    let sid = talk.open(5, "double");
    let mut requests: Vec<u8> = (0..10_000).flat_map(|n| put_notify(sid, n, n.into())).collect();
    requests.extend(get(6, 1, sid, 1));
    let answers = talk.ask(&requests);
    assert_eq!(answers.len(), 10_001);
    assert!((0..10_000).zip(&answers).all(|(n, answer)| *answer == done(6, 1, 1, n)));
    assert_eq!(answers[10_000].payload, 9999f64.to_be_bytes());
}

#[test]
fn a_pending_put_delays_nothing_else() {
    let (mut talk, sid, tickets) = pending(&[8]);
    assert_eq!(tickets[0].sid.0, sid);
    let other = talk.open(2, "double");
    assert_eq!(talk.ask_one(&put_notify(other, 9, 1.0)), done(6, 1, 1, 9));
    assert_eq!(talk.ask_one(&get(6, 1, sid, 10)).payload, 1f64.to_be_bytes());
    assert_eq!(talk.ask_one(&crate::talk::echo(b"")).command, 23);
    talk.pvs.mailbox.answer(tickets[0], Eca::NORMAL);
    assert_eq!(talk.take(), [done(6, 1, 1, 8)]);
}

#[test]
fn pending_puts_are_answered_in_the_order_in_which_they_are_done() {
    let (mut talk, _, tickets) = pending(&[8, 9, 10]);
    for (at, status) in [(2, Eca::NORMAL), (0, Eca::PUTFAIL), (1, Eca::NORMAL)] {
        talk.pvs.mailbox.answer(tickets[at], status);
    }
    assert_eq!(talk.take(), [done(6, 1, 1, 10), done(6, 1, 160, 8), done(6, 1, 1, 9)]);
}

#[test]
fn a_plain_put_to_a_slow_pv_is_never_answered() {
    let (mut talk, sid, _) = pending(&[]);
    assert_eq!(talk.ask(&put(sid, 1, 2.0)), []);
    assert!(talk.pvs.pending.is_empty());
}

#[test]
fn an_answer_leaves_behind_the_updates_that_were_pushed_before_it() {
    let (mut talk, _, tickets) = pending(&[8]);
    let (small, bulk) = (talk.open(2, "double"), talk.open(3, "array"));
    talk.ask(&[monitor(6, 1, small, 20, 1), monitor(6, 0, bulk, 30, 1)].concat());
    let frame = Value::array(ArrayData::Double(vec![0.5; 50_000]));
    for n in 1..=3 {
        talk.pvs.post("array", frame.clone(), CHANGE);
        talk.pvs.post("double", Scalar::Double(n.into()), CHANGE);
    }
    talk.pvs.mailbox.answer(tickets[0], Eca::NORMAL);
    talk.pvs.post("double", Scalar::Double(4.0), CHANGE);
    let answers = talk.take();
    let at = answers.iter().position(|m| m.command == 19).expect("an answer");
    let before = |id| answers[..at].iter().filter(|m| m.p2 == id).count();
    assert!(before(20) >= 3, "three small updates were pushed before the answer");
    assert_eq!(before(30), 3, "and three bulk ones");
    assert_eq!(answers.len(), 8);
}

#[test]
fn an_answer_is_not_held_by_events_off() {
    let (mut talk, sid, tickets) = pending(&[8]);
    talk.ask(&monitor(6, 1, sid, 20, 1));
    talk.ask(&events(false));
    talk.pvs.post("slow", Scalar::Double(3.0), EventMask::VALUE);
    talk.pvs.mailbox.answer(tickets[0], Eca::NORMAL);
    assert_eq!(talk.take(), [done(6, 1, 1, 8)]);
    assert_eq!(talk.ask_one(&events(true)).payload, 3f64.to_be_bytes());
}

#[test]
fn the_answer_of_a_cleared_channel_is_swallowed() {
    let (mut talk, sid, tickets) = pending(&[8]);
    talk.ask(&clear(sid, 1));
    talk.pvs.mailbox.answer(tickets[0], Eca::NORMAL);
    assert_eq!(talk.take(), []);
}

#[test]
fn alarms_are_acknowledged_by_types_35_and_36_and_by_nothing_else() {
    let mut talk = Talk::new();
    let sid = talk.open(5, "double");
    let mut acks = |command, ty, value: u16| -> (u32, [u8; 4]) {
        let request = message(command, ty, 1, [sid, 8], &value.to_be_bytes());
        let status = talk.ask(&request).first().map_or(0, |answer| answer.p1);
        let state = talk.ask_one(&get(37, 1, sid, 9)).payload;
        (status, [state[4], state[5], state[6], state[7]])
    };
    assert_eq!(acks(19, 36, 1), (1, [0, 1, 0, 2]), "MINOR does not acknowledge MAJOR");
    assert_eq!(acks(19, 35, 0), (1, [0, 0, 0, 1]), "without ACKT only the alarm of now is left");
    assert_eq!(acks(4, 36, 3), (0, [0, 0, 0, 0]));
    assert_eq!(acks(19, 36, 4), (160, [0, 0, 0, 0]), "there is no severity 4");
}
