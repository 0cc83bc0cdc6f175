//! The life of a client circuit: silence, and both circuits in memory with every split of both streams.

use std::time::Duration;

use ca_proto::client::{Event, Health};
use ca_proto::dbr::Scalar;
use ca_proto::{Cid, Eca, EventMask, Ioid, SubscriptionId};
use proptest::prelude::*;

use crate::client_talk::{Client, Pair, SILENCE, data, got};
use crate::support::CHANGE;
use crate::talk::{message, messages};

const ANSWER: Duration = Duration::from_secs(5);

fn echo() -> Vec<u8> {
    message(23, 0, 0, [0; 2], &[])
}

#[test]
fn client_26_silence_is_asked_about_then_given_up_and_a_late_echo_heals() {
    let mut client = Client::open(1);
    client.monitor(6, 1, 2);
    client.get(6, 1, 3);
    client.take();
    client.now += SILENCE;
    assert_eq!(client.circuit.handle_timeout(client.now, &mut client.out), Health::Responsive);
    assert_eq!(client.take().iter().map(|m| m.command).collect::<Vec<_>>(), [23]);
    client.now += ANSWER;
    assert_eq!(client.circuit.handle_timeout(client.now, &mut client.out), Health::Unresponsive);
    assert_eq!(client.take().len(), 1, "it is asked again, the connection is kept");
    assert_eq!((client.circuit.pending(), client.circuit.channel_count()), (0, 1));
    assert_eq!(client.hear(&got(6, 1, 1, 3, &[0; 8])), [], "too late");
    client.now += Duration::from_secs(100);
    assert_eq!(client.hear(&echo()), [Event::Responsive]);
    assert_eq!(client.hear(&echo()), [], "once");
    assert_eq!(client.circuit.timeout(), client.now + SILENCE);
    client.circuit.refresh(SubscriptionId(2), Ioid(4), &mut client.out).expect("still there");
    let said = client.take();
    assert_eq!((said[0].command, said[0].p1, said[0].p2), (15, 100, 4), "no new subscription");
}

#[test]
fn a_server_that_takes_nothing_counts_as_silent() {
    let mut client = Client::open(1);
    client.circuit.handle_stuck(client.now, &mut client.out);
    assert_eq!((client.circuit.health(), client.take().len()), (Health::Unresponsive, 1));
    assert_eq!(client.hear(&echo()), [Event::Responsive]);
}

/// A conversation with everything in it; what the client is told.
fn conversation(pieces: (usize, usize)) -> Pair {
    let mut pair = Pair::new(pieces);
    pair.create(1, "double");
    pair.create(2, "array");
    pair.create(3, "nobody");
    let out = &mut pair.client.out;
    pair.client.circuit.get(Cid(1), 20, 0, Ioid(10), out).expect("allowed");
    pair.client.circuit.get(Cid(2), 34, 0, Ioid(11), out).expect("allowed");
    pair.client.circuit.subscribe(Cid(1), SubscriptionId(20), 20, 0, EventMask::VALUE, out).expect("open");
    pair.client.circuit.subscribe(Cid(2), SubscriptionId(21), 6, 0, EventMask::VALUE, out).expect("open");
    pair.run();
    pair.put(1, 2.5, 12, true);
    pair.put(1, 3.5, 13, false);
    pair.server.pvs.post("double", Scalar::Double(4.5), CHANGE);
    pair.run();
    pair.client.circuit.cancel(SubscriptionId(20), &mut pair.client.out);
    pair.client.circuit.clear(Cid(2), &mut pair.client.out);
    pair.run();
    pair.server.pvs.post("double", Scalar::Double(5.5), CHANGE);
    pair.run();
    pair
}

#[test]
fn client_30_events_are_never_switched_off_so_they_are_never_left_off() {
    let said = messages(&conversation((1 << 20, 1 << 20)).said);
    assert!(said.iter().all(|message| !matches!(message.command, 8 | 9)), "{said:?}");
}

#[test]
fn both_circuits_understand_each_other_at_every_split_of_both_streams() {
    let whole = conversation((1 << 20, 1 << 20));
    let updates = whole.events.iter().filter(|event| matches!(event, Event::Update(..))).count();
    assert_eq!(updates, 5, "{:?}", whole.events);
    assert!(whole.events.contains(&Event::PutDone(Ioid(12), Eca::NORMAL)));
    assert_eq!(whole.server.pvs.feed_count(), 0);
    assert_eq!((whole.client.circuit.subscription_count(), whole.client.circuit.pending()), (0, 0));
    for up in 1..=48 {
        for down in [1, 2, 3, 5, 7, 8, 15, 16, 17, 23, 24, 25, 40, 64, 100] {
            let split = conversation((up, down));
            assert_eq!((&split.events, &split.said), (&whole.events, &whole.said), "{up} {down}");
        }
    }
}

#[test]
fn a_small_value_that_is_kept_does_not_keep_a_receive_buffer() {
    let mut client = Client::open(1);
    client.get(6, 1, 1);
    client.get(6, 1, 2);
    let both = [got(6, 1, 1, 1, &[1; 8]), got(6, 1, 1, 2, &[2; 8])].concat();
    let events = client.hear(&both);
    let payload = |at: usize| data(&events[at..=at]).payload.as_ptr() as usize;
    assert_ne!(payload(0).abs_diff(payload(1)), 24, "they would lie in one buffer");
}

proptest! {
    #[test]
    fn no_bytes_of_a_server_make_the_client_panic(bytes: Vec<u8>, cut in 0usize..64) {
        let mut client = Client::open(10);
        client.get(6, 10, 1);
        client.monitor(20, 0, 5);
        let cut = cut.min(bytes.len());
        client.hear(&bytes[..cut]);
        if client.closed.is_none() {
            client.hear(&bytes[cut..]);
        }
    }

    #[test]
    fn no_messages_of_a_server_make_the_client_panic(
        all in proptest::collection::vec((0u16..30, 0u16..40, 0u16..20, 0u32..8, 0u32..8, 0usize..64), 0..20),
    ) {
        let mut client = Client::open(10);
        client.get(6, 10, 1);
        client.monitor(20, 0, 5);
        for (command, data_type, count, p1, p2, size) in all {
            if client.closed.is_none() {
                client.hear(&message(command, data_type, count, [p1, p2], &vec![0xFF; size]));
            }
        }
    }
}
