//! EVENT_ADD, EVENT_CANCEL, EVENTS_OFF and EVENTS_ON.

use ca_proto::dbr::{ArrayData, Scalar, Value};
use ca_proto::server::{AccessRights, Update};
use ca_proto::{CloseReason, EventMask, Limits};

use crate::support::CHANGE;
use crate::talk::{Message, Talk, cancel, clear, echo, error, events, get, message, monitor};

fn update(ty: u16, id: u32, payload: &[u8]) -> Message {
    let payload = payload.to_vec();
    Message { command: 1, data_type: ty, count: 1, p1: 1, p2: id, payload, extended: false }
}

fn double(id: u32, value: f64) -> Message {
    update(6, id, &value.to_be_bytes())
}

fn confirmation(ty: u16, count: u32, sid: u32, id: u32) -> Message {
    Message { count, p1: sid, ..update(ty, id, &[]) }
}

/// A channel to the double with one subscription, its first update taken.
fn subscribed() -> (Talk, u32) {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    assert_eq!(talk.ask(&monitor(6, 1, sid, 20, 1)), [double(20, 1.5)]);
    (talk, sid)
}

fn post(talk: &mut Talk, value: f64) {
    talk.pvs.post("double", Scalar::Double(value), CHANGE);
}

#[test]
fn a_subscription_gets_exactly_one_update_at_once_and_one_for_each_post() {
    let (mut talk, _) = subscribed();
    assert_eq!(talk.take(), []);
    post(&mut talk, 2.0);
    assert_eq!(talk.take(), [double(20, 2.0)]);
    post(&mut talk, 3.0);
    post(&mut talk, 4.0);
    assert_eq!(talk.take(), [double(20, 3.0), double(20, 4.0)]);
}

#[test]
fn a_put_of_the_same_circuit_is_an_update() {
    let (mut talk, sid) = subscribed();
    assert_eq!(talk.ask(&crate::talk::put(sid, 1, 7.0)), [double(20, 7.0)]);
}

#[test]
fn a_thousand_subscriptions_of_one_pv_cost_one_push() {
    let mut talk = Talk::new();
    let sids = [talk.open(1, "double"), talk.open(2, "double")];
    let requests: Vec<u8> = (0..1000).flat_map(|id| monitor(6, 1, sids[id as usize % 2], id, 1)).collect();
    assert_eq!(talk.ask(&requests).len(), 1000);
    post(&mut talk, 2.0);
    assert_eq!(talk.pvs.mailbox.pushes(), 1);
    let updates = talk.take();
    assert!((0..1000).map(|id| double(id, 2.0)).eq(updates));
    assert_eq!(talk.circuit.counters().updates, 2000);
    assert_eq!(talk.circuit.subscription_count(), 1000);
}

#[test]
fn each_subscription_has_its_own_type_and_count() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "array");
    talk.ask(&[monitor(6, 0, sid, 1, 1), monitor(6, 2, sid, 2, 1), monitor(20, 5, sid, 3, 1)].concat());
    talk.pvs.post("array", Value::array(ArrayData::Double(vec![8.0; 4])), CHANGE);
    let sizes: Vec<_> = talk.take().iter().map(|m| (m.p2, m.data_type, m.count, m.payload.len())).collect();
    assert_eq!(sizes, [(1, 6, 4, 32), (2, 6, 2, 16), (3, 20, 5, 56)]);
}

#[test]
fn a_count_beyond_the_capacity_is_kept_and_filled_with_zeros() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    let answer = talk.ask_one(&monitor(6, 3, sid, 20, 1));
    assert_eq!((answer.count, answer.payload.len()), (3, 24), "clients compare the count with theirs");
}

#[test]
fn a_subscription_hears_of_its_kinds_of_change_only() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    let masks = [1, 2, 4, 8, 5, 15];
    let requests: Vec<u8> = masks.iter().flat_map(|mask| monitor(6, 1, sid, (*mask).into(), *mask)).collect();
    assert_eq!(talk.ask(&requests).len(), masks.len());
    let cases: [(EventMask, &[u32]); 5] = [
        (EventMask::VALUE, &[1, 5, 15]),
        (EventMask::LOG, &[2, 15]),
        (EventMask::ALARM, &[4, 5, 15]),
        (EventMask::PROPERTY, &[8, 15]),
        (EventMask::VALUE | EventMask::ALARM, &[1, 4, 5, 15]),
    ];
    for (mask, ids) in cases {
        talk.pvs.post("double", Scalar::Double(2.0), mask);
        let heard: Vec<_> = talk.take().iter().map(|m| m.p2).collect();
        assert_eq!(heard, ids, "{mask:?}");
    }
}

#[test]
fn a_mask_of_0_or_above_255_is_48_and_closes() {
    for mask in [0, 256, 0xFFFF] {
        let mut talk = Talk::new();
        let sid = talk.open(1, "double");
        let request = monitor(6, 1, sid, 20, mask);
        talk.send(&request);
        assert_eq!(talk.closed, Some(CloseReason::EventMask(mask)));
        assert_eq!(error(&talk.take()[0]), (1, 48, &request[..16]));
    }
}

#[test]
fn a_subscription_without_its_payload_closes_and_reads_no_other_message() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    talk.send(&[message(1, 6, 1, [sid, 20], &[]), echo(&[1; 16])].concat());
    assert!(talk.closed.is_some());
    assert_eq!(talk.take().len(), 1);
}

#[test]
fn a_type_that_does_not_exist_closes_without_a_word_and_35_fails_each_time() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    assert_eq!(talk.ask_one(&monitor(35, 1, sid, 20, 1)).p1, 152);
    talk.send(&monitor(39, 1, sid, 20, 1));
    assert_eq!(talk.closed, Some(CloseReason::DataType(39)));
    assert_eq!(talk.take(), []);
}

#[test]
fn a_subscription_that_can_only_fail_may_be_cancelled() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    talk.ask_one(&monitor(35, 1, sid, 20, 1));
    assert_eq!(talk.ask(&cancel(35, 1, sid, 20)), [confirmation(35, 1, sid, 20)]);
}

#[test]
fn without_read_access_there_is_one_368_and_then_silence() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "secret");
    let answer = talk.ask_one(&monitor(6, 1, sid, 20, 1));
    assert_eq!((answer.p1, answer.payload), (368, vec![0; 8]));
    talk.pvs.post("secret", Scalar::Double(2.0), CHANGE);
    assert_eq!(talk.take(), []);
}

#[test]
fn a_value_that_cannot_be_converted_is_an_update_with_152() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "string");
    let failed = Message { p1: 152, ..double(20, 0.0) };
    assert_eq!(talk.ask(&monitor(6, 1, sid, 20, 1)), [failed]);
    talk.pvs.post("string", Scalar::String("2".into()), CHANGE);
    assert_eq!(talk.take(), [double(20, 2.0)]);
}

#[test]
fn a_cancel_is_confirmed_with_the_original_type_and_count_and_silence_follows() {
    let (mut talk, _) = subscribed();
    let sid = talk.open(2, "double");
    talk.ask_one(&monitor(20, 7, sid, 21, 1));
    post(&mut talk, 2.0);
    talk.input.extend(cancel(6, 0, sid, 21));
    talk.execute();
    assert_eq!(talk.take(), [confirmation(20, 7, sid, 21), double(20, 2.0)]);
    post(&mut talk, 3.0);
    assert_eq!(talk.take(), [double(20, 3.0)]);
    assert_eq!(talk.pvs.feed_count(), 1);
}

#[test]
fn the_last_cancel_ends_the_feed_and_the_next_subscription_opens_a_fresh_one() {
    let (mut talk, sid) = subscribed();
    talk.ask_one(&cancel(6, 1, sid, 20));
    assert_eq!(talk.pvs.feed_count(), 0);
    post(&mut talk, 2.0);
    assert_eq!(talk.ask(&monitor(6, 1, sid, 21, 1)), [double(21, 2.0)]);
    post(&mut talk, 3.0);
    assert_eq!(talk.take(), [double(21, 3.0)]);
}

#[test]
fn a_cancel_of_what_does_not_exist_is_242_and_closes() {
    let (mut talk, sid) = subscribed();
    talk.ask_one(&cancel(6, 1, sid, 20));
    let again = cancel(6, 1, sid, 20);
    talk.send(&again);
    assert_eq!(talk.closed, Some(CloseReason::UnknownSubscription(20)));
    assert_eq!(error(&talk.take()[0]), (1, 242, &again[..16]));
}

#[test]
fn an_update_made_before_a_subscription_is_not_sent_to_it() {
    let (mut talk, sid) = subscribed();
    post(&mut talk, 2.0);
    talk.input.extend(monitor(6, 1, sid, 21, 1));
    talk.execute();
    assert_eq!(talk.take(), [double(21, 2.0), double(20, 2.0)]);
    post(&mut talk, 3.0);
    assert_eq!(talk.take(), [double(20, 3.0), double(21, 3.0)]);
}

#[test]
fn events_off_keeps_the_last_value_and_on_sends_it_once() {
    let (mut talk, sid) = subscribed();
    talk.ask(&events(false));
    for n in 1..=10 {
        post(&mut talk, n.into());
    }
    assert_eq!(talk.take(), []);
    assert_eq!(talk.ask_one(&get(6, 1, sid, 9)).payload, 10f64.to_be_bytes(), "gets are not held");
    assert_eq!(talk.ask_one(&echo(b"")).command, 23);
    assert_eq!(talk.ask(&events(true)), [double(20, 10.0)]);
    assert_eq!(talk.take(), []);
}

#[test]
fn subscriptions_made_while_off_get_their_first_update_at_on() {
    let (mut talk, sid) = subscribed();
    talk.ask(&events(false));
    assert_eq!(talk.ask(&[monitor(6, 1, sid, 21, 1), monitor(6, 1, sid, 22, 1)].concat()), []);
    post(&mut talk, 2.0);
    talk.ask_one(&cancel(6, 1, sid, 22));
    let mut updates = talk.ask(&events(true));
    updates.sort_by_key(|m| m.p2);
    assert_eq!(updates, [double(20, 2.0), double(21, 2.0)]);
}

#[test]
fn events_off_and_on_twice_is_no_error() {
    let (mut talk, _) = subscribed();
    talk.ask(&[events(true), events(false), events(false), events(true)].concat());
    post(&mut talk, 2.0);
    assert_eq!(talk.take(), [double(20, 2.0)]);
}

/// 100 subscriptions and room for about three updates at a time.
fn narrow() -> (Talk, u32) {
    let mut talk = Talk::with(Limits { output_high_water: 64, ..Limits::default() });
    let sid = talk.open(1, "double");
    let requests: Vec<u8> = (0..100).flat_map(|id| monitor(6, 1, sid, id, 1)).collect();
    assert_eq!(talk.ask(&requests).len(), 100);
    (talk, sid)
}

#[test]
fn an_update_that_does_not_fit_goes_on_where_it_stopped() {
    let (mut talk, _) = narrow();
    post(&mut talk, 2.0);
    post(&mut talk, 3.0);
    let expected = [2.0, 3.0].into_iter().flat_map(|v| (0..100).map(move |id| double(id, v)));
    assert!(talk.take().into_iter().eq(expected));
    assert!(talk.peak <= 64 + 24, "the output held {} bytes", talk.peak);
}

#[test]
fn changes_of_the_subscriptions_during_an_update_that_does_not_fit_lose_nothing() {
    let (mut talk, sid) = narrow();
    post(&mut talk, 2.0);
    let Some(ca_proto::server::Delivery::Update(feed, entry)) = talk.pvs.mailbox.pop(true) else {
        panic!("an update waits")
    };
    talk.circuit.handle_update(feed, entry, &mut talk.pvs, &mut talk.out);
    assert_eq!(talk.out.len(), 72, "three updates fit");
    talk.sent = crate::talk::drain(&mut talk.out);
    talk.input.extend([cancel(6, 1, sid, 1), cancel(6, 1, sid, 50), monitor(6, 1, sid, 200, 1)].concat());
    let answers = talk.take();
    let ids = |message: &Message| message.payload.len().eq(&8).then_some(message.p2);
    let heard: Vec<_> = answers.iter().filter_map(ids).filter(|id| *id < 200).collect();
    assert!((0..100).filter(|id| *id != 50).eq(heard), "the cancelled one was not reached");
    assert_eq!(answers.iter().filter(|m| m.p2 == 200).count(), 1);
}

#[test]
fn a_channel_cleared_during_an_update_that_does_not_fit_is_silent() {
    let (mut talk, sid) = narrow();
    post(&mut talk, 2.0);
    let Some(ca_proto::server::Delivery::Update(feed, entry)) = talk.pvs.mailbox.pop(true) else {
        panic!("an update waits")
    };
    talk.circuit.handle_update(feed, entry, &mut talk.pvs, &mut talk.out);
    talk.sent = crate::talk::drain(&mut talk.out);
    talk.input.extend(clear(sid, 1));
    let answers = talk.take();
    assert_eq!(answers.last().map(|m| m.command), Some(12));
    assert_eq!(answers.len(), 4);
}

#[test]
fn a_slow_client_keeps_the_first_values_and_gets_the_last() {
    let mut talk = Talk::with(Limits { feed_entries: 4, ..Limits::default() });
    let sid = talk.open(1, "double");
    talk.ask_one(&monitor(6, 1, sid, 20, 1));
    for n in 1..=100 {
        post(&mut talk, n.into());
    }
    assert_eq!(talk.take(), [1.0, 2.0, 3.0, 100.0].map(|v| double(20, v)));
    assert_eq!(talk.pvs.mailbox.squashed(), 96);
}

#[test]
fn more_subscriptions_than_the_limit_are_refused() {
    let mut talk = Talk::with(Limits { subscriptions: 1, ..Limits::default() });
    let sid = talk.open(1, "double");
    talk.ask_one(&monitor(6, 1, sid, 20, 1));
    let request = monitor(6, 1, sid, 21, 1);
    talk.send(&request);
    assert_eq!(error(&talk.take()[0]), (1, 48, &request[..16]));
    let reason = talk.closed.expect("closed").to_string();
    assert!(reason.contains("more than 1 subscription"), "{reason}");
}

#[test]
fn rights_that_change_are_told_with_one_368_when_reading_is_lost_and_the_value_when_it_is_back() {
    let mut talk = Talk::new();
    let (sid, other) = (talk.open(1, "double"), talk.open(2, "enum"));
    talk.ask_one(&monitor(6, 1, sid, 20, 1));
    talk.ask_one(&monitor(3, 1, other, 21, 1));
    let first = talk.pvs.pvs.iter().position(|pv| pv.name == "double").expect("it is there");
    for (rights, status) in [(AccessRights::empty(), 368), (AccessRights::all(), 1)] {
        talk.pvs.pvs[first].rights = rights;
        talk.pvs.mailbox.recheck_rights();
        let told = talk.take();
        assert_eq!(told.len(), 2, "nothing for the other channel: {told:?}");
        assert_eq!((told[0].command, told[0].p1, told[0].p2), (22, 1, rights.bits()));
        assert_eq!((told[1].command, told[1].p1, told[1].p2), (1, status, 20));
        talk.pvs.post("double", Scalar::Double(f64::from(status)), CHANGE);
        assert_eq!(talk.take().len(), usize::from(status == 1));
    }
    talk.pvs.mailbox.recheck_rights();
    assert_eq!(talk.take(), []);
}

/// Lets every other update pass.
#[derive(Debug, Default)]
struct EveryOther(u32);

impl ca_proto::server::MonitorFilter for EveryOther {
    fn pass(&mut self, update: &Update, mask: EventMask) -> Option<(Update, EventMask)> {
        self.0 += 1;
        (self.0 % 2 == 1).then(|| (update.clone(), mask))
    }
}

#[test]
fn a_filter_has_a_state_of_its_own_for_each_subscription() {
    let (mut talk, sid) = subscribed();
    talk.pvs.filter = || Some(Box::new(EveryOther::default()));
    assert_eq!(talk.ask(&monitor(6, 1, sid, 8, 1)), [double(8, 1.5)], "the first update passes");
    post(&mut talk, 2.0);
    assert_eq!(talk.take(), [double(20, 2.0)]);
    assert_eq!(talk.ask(&monitor(6, 1, sid, 9, 1)), [double(9, 2.0)]);
    post(&mut talk, 3.0);
    assert_eq!(talk.take(), [double(20, 3.0), double(8, 3.0)]);
}
