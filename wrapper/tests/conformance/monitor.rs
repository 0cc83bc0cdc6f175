//! EVENT_ADD, EVENT_CANCEL, EVENTS_OFF and EVENTS_ON, and a client that does not read.

use ca_proto::wire::Command;
use wrapper::{Alarm, Post};

use crate::raw::{Raw, message};
use crate::support::{
    Bench, VALUE, ask, assert_closed, assert_error, assert_quiet, assert_update, header, peek,
};

/// The payload of EVENT_ADD with this mask.
fn event(mask: u16) -> [u8; 16] {
    let mut payload = [0; 16];
    payload[12..14].copy_from_slice(&mask.to_be_bytes());
    payload
}

/// The ids of the updates until the server is quiet, sorted.
fn updated(raw: &mut Raw) -> Vec<u32> {
    let mut ids = Vec::new();
    // Updates leave behind the answers of their pass: the second ECHO is behind all of them.
    for _ in 0..2 {
        raw.send(Command::Echo, 0, 0, 0, 0, &[]);
        let seen = raw.until(|m| m.is(Command::Echo));
        ids.extend(seen.iter().filter(|m| m.is(Command::EventAdd)).map(|m| m.header.p2));
    }
    ids.sort_unstable();
    ids
}

#[test]
fn server_40_a_subscription_starts_with_exactly_one_update() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (double, array) = (raw.channel("c:double"), raw.channel("c:array"));
    let id = raw.monitor(double, 6, 1, VALUE);
    assert_update(&mut raw, id, 1.5);
    let id = raw.monitor(array, 20, 0, VALUE);
    let update = raw.next();
    assert_eq!(update.header, header(Command::EventAdd, 40, 20, 3, 1, id));
    assert_eq!(update.payload[16..24], 1.0f64.to_be_bytes());
    assert_quiet(&mut raw);
}

#[test]
fn server_41_a_thousand_subscriptions_have_a_thousand_first_updates() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let add = |id| message(Command::EventAdd, 6, 1, double.sid, id, &event(VALUE));
    raw.send_bytes(&(1..=1000).flat_map(add).collect::<Vec<_>>());
    (1..=1000).for_each(|id| assert_update(&mut raw, id, 1.5));
    assert_quiet(&mut raw);
    bench.double.post(2.0);
    (1..=1000).for_each(|id| assert_update(&mut raw, id, 2.0));
    assert_quiet(&mut raw);
}

#[test]
fn server_42_mask_0_is_error_48_and_close() {
    let bench = Bench::start();
    for mask in [0, 256] {
        let mut raw = bench.connect();
        let double = raw.channel("c:double");
        let request = message(Command::EventAdd, 6, 1, double.sid, 9, &event(mask));
        raw.send_bytes(&request);
        assert_error(&raw.next(), double.cid, 48, &request);
        assert_closed(&mut raw);
    }
}

#[test]
fn server_42_the_mask_selects() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let ids: Vec<_> = (1..=15).map(|mask| (mask, raw.monitor(double, 6, 1, mask))).collect();
    let with = |bits: u16| -> Vec<u32> {
        ids.iter().filter(|(mask, _)| mask & bits != 0).map(|(_, id)| *id).collect()
    };
    assert_eq!(updated(&mut raw), with(15), "the first updates");
    bench.double.post(2.0);
    assert_eq!(updated(&mut raw), with(1 | 2), "a new value");
    bench.double.post_with(2.0, Post::new().alarm(Alarm::COMM));
    assert_eq!(updated(&mut raw), with(4), "a new alarm");
    bench.double.post(3.0);
    assert_eq!(updated(&mut raw), with(1 | 2 | 4), "a new value without the alarm");
}

#[test]
fn server_43_a_put_is_one_update_however_many_kinds_of_change_it_is() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let limited = raw.channel("c:limited");
    let ids = [1, 4, 7].map(|mask| raw.monitor(limited, 6, 1, mask));
    ids.into_iter().for_each(|id| assert_update(&mut raw, id, 1.0));
    raw.send(Command::Write, 6, 1, limited.sid, limited.cid, &15.0f64.to_be_bytes());
    ids.into_iter().for_each(|id| assert_update(&mut raw, id, 15.0));
    assert_quiet(&mut raw);
}

#[test]
fn server_44_an_equal_value_is_no_update() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let id = raw.monitor(double, 6, 1, VALUE);
    assert_update(&mut raw, id, 1.5);
    bench.double.post(1.5);
    raw.send(Command::Write, 6, 1, double.sid, double.cid, &1.5f64.to_be_bytes());
    assert_quiet(&mut raw);
    bench.double.post(1.75);
    assert_update(&mut raw, id, 1.75);
}

#[test]
fn server_45_changed_metadata_are_one_update_to_property_subscribers_only() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (limited, units) = (raw.channel("c:limited"), raw.channel("c:limited.EGU"));
    let ids = [1, 2, 4, 8].map(|mask| raw.monitor(limited, 34, 1, mask));
    ids.into_iter().for_each(|_| _ = raw.next());
    // By a client, by the author; a change that changes nothing is none.
    raw.put_text(units, "um");
    let update = raw.next();
    assert_eq!(update.header, header(Command::EventAdd, 88, 34, 1, 1, ids[3]));
    assert_eq!(update.payload[8..12], *b"um\0\0");
    bench.limited.describe(|meta| meta.precision = 4).expect("good");
    assert_eq!(raw.next().header.p2, ids[3]);
    bench.limited.describe(|meta| meta.precision = 4).expect("good");
    raw.put_text(units, "um");
    assert_quiet(&mut raw);
}

#[test]
fn server_46_a_cancel_is_confirmed_as_event_add_and_nothing_follows() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let array = raw.channel("c:array");
    let id = raw.monitor(array, 20, 100_000, VALUE);
    assert_eq!(raw.next().header, header(Command::EventAdd, 800_016, 20, 100_000, 1, id));
    // libca cuts the count to 16 bits; the confirmation has the first one.
    raw.send(Command::EventCancel, 20, 100_000 & 0xFFFF, array.sid, id, &[]);
    assert_eq!(raw.next().header, header(Command::EventAdd, 0, 20, 100_000, array.sid, id));
    bench.array.post(vec![7.0]);
    assert_quiet(&mut raw);
    // Updates that wait when the cancel comes are dropped.
    let double = raw.channel("c:double");
    let id = raw.monitor(double, 6, 1, VALUE);
    assert_update(&mut raw, id, 1.5);
    raw.send(Command::EventsOff, 0, 0, 0, 0, &[]);
    assert_quiet(&mut raw);
    bench.double.post(2.0);
    raw.send(Command::EventCancel, 6, 1, double.sid, id, &[]);
    raw.send(Command::EventsOn, 0, 0, 0, 0, &[]);
    assert_eq!(raw.next().header, header(Command::EventAdd, 0, 6, 1, double.sid, id));
    assert_quiet(&mut raw);
}

#[test]
fn server_47_a_new_subscription_after_a_cancel_starts_fresh() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let old = raw.monitor(double, 6, 1, VALUE);
    assert_update(&mut raw, old, 1.5);
    for i in 0..50 {
        let (first, second) = (f64::from(i) + 100.0, f64::from(i) + 200.0);
        let old = if i == 0 { old } else { raw.monitor(double, 6, 1, VALUE) };
        if i > 0 {
            assert_update(&mut raw, old, f64::from(i) + 199.0);
        }
        bench.double.post(first);
        raw.send(Command::EventCancel, 6, 1, double.sid, old, &[]);
        let new = raw.monitor(double, 6, 1, VALUE);
        let seen = raw.until(|m| m.header.p2 == new);
        assert_eq!(seen.last().expect("the update").double(), first);
        assert!(seen[..seen.len() - 1].iter().all(|m| m.header.p2 == old));
        bench.double.post(second);
        assert_update(&mut raw, new, second);
        assert_quiet(&mut raw);
        raw.send(Command::EventCancel, 6, 1, double.sid, new, &[]);
        assert_eq!(raw.next().header, header(Command::EventAdd, 0, 6, 1, double.sid, new));
    }
}

#[test]
fn filters_have_a_state_for_each_subscription_and_share_the_feed() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (plain, filtered) = (raw.channel("c:double"), raw.channel("c:double.{dbnd:{abs:1}}"));
    let (slice, counted) = (raw.channel("c:array.[-1]"), raw.channel("c:double.{dec:{n:2}}"));
    let ids = [filtered, plain, counted].map(|channel| raw.monitor(channel, 6, 1, VALUE));
    ids.into_iter().for_each(|id| assert_update(&mut raw, id, 1.5));
    let last = raw.monitor(slice, 6, 0, VALUE);
    assert_update(&mut raw, last, 3.0);
    bench.double.post(2.0);
    assert_update(&mut raw, ids[1], 2.0);
    let second = raw.monitor(filtered, 6, 1, VALUE);
    assert_update(&mut raw, second, 2.0);
    bench.double.post(2.75);
    ids.into_iter().for_each(|id| assert_update(&mut raw, id, 2.75));
    bench.array.post(vec![5.0, 7.0]);
    assert_update(&mut raw, last, 7.0);
    assert_quiet(&mut raw);
    assert_eq!(bench.ioc.report().circuits[0].pushes, 3, "one push per post and field");
}

#[test]
fn server_49_events_off_holds_updates_and_on_gives_the_last_once() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (double, long) = (raw.channel("c:double"), raw.channel("c:long"));
    let ids = [raw.monitor(double, 6, 1, VALUE), raw.monitor(double, 6, 1, VALUE)];
    ids.into_iter().for_each(|id| assert_update(&mut raw, id, 1.5));
    let unchanged = raw.monitor(long, 5, 1, VALUE);
    assert_eq!(raw.next().header, header(Command::EventAdd, 8, 5, 1, 1, unchanged));
    raw.send(Command::EventsOff, 0, 0, 0, 0, &[]);
    assert_quiet(&mut raw);
    (1..=10).for_each(|i| bench.double.post(f64::from(i)));
    assert_quiet(&mut raw);
    let ioid = ask(&mut raw, double, 6, 1);
    let reply = raw.next();
    assert_eq!((reply.header, reply.double()), (header(Command::ReadNotify, 8, 6, 1, 1, ioid), 10.0));
    let late = raw.monitor(double, 6, 1, VALUE);
    assert_quiet(&mut raw);
    raw.send(Command::EventsOn, 0, 0, 0, 0, &[]);
    let mut seen: Vec<_> = (0..3).map(|_| raw.next()).map(|m| (m.header.p2, m.double())).collect();
    seen.sort_by_key(|(id, _)| *id);
    assert_eq!(seen, [(ids[0], 10.0), (ids[1], 10.0), (late, 10.0)]);
    assert_quiet(&mut raw);
}

#[test]
fn server_50_a_client_that_stops_reading_delays_nobody_and_ends_up_to_date() {
    let bench = Bench::start();
    let (mut stopped, mut other) = (bench.connect(), bench.connect());
    let (double, long, array) =
        (stopped.channel("c:double"), stopped.channel("c:long"), stopped.channel("c:array"));
    let scalar = stopped.monitor(double, 6, 1, VALUE);
    let whole = stopped.monitor(long, 5, 1, VALUE);
    let frames = stopped.monitor(array, 6, 0, VALUE);
    peek(&stopped, 1);
    let watched = other.channel("c:double");
    for i in 1..=100 {
        bench.array.post(vec![f64::from(i); 131_072]);
        bench.double.post(f64::from(i));
        bench.long.post(i);
        assert_eq!(other.get(watched, 6, 1).double(), f64::from(i));
    }
    let mut last = (0.0, 0, 0.0);
    while last != (100.0, 100, 100.0) {
        let update = stopped.next();
        match update.header.p2 {
            id if id == scalar => last.0 = update.double(),
            id if id == whole => last.1 = update.long(),
            id => {
                assert_eq!(id, frames);
                last.2 = update.double();
            }
        }
    }
    assert_quiet(&mut stopped);
}

#[test]
fn server_51_what_waits_for_a_client_that_does_not_read_is_bounded() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let array = raw.channel("c:array");
    raw.monitor(array, 6, 0, VALUE);
    peek(&raw, 1);
    (1..=200).for_each(|i| bench.array.post(vec![f64::from(i); 131_072]));
    // A megabyte each: most of the 200 were never kept, besides what the two sockets hold.
    let seen = raw.until(|m| m.double() == 200.0);
    assert!(seen.len() < 60, "{} updates waited", seen.len());
    let values: Vec<_> = seen.iter().map(crate::raw::Message::double).collect();
    assert!(values.is_sorted(), "{values:?}");
}
