//! What a client circuit asks for and what it makes of the data that come.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use ca_proto::client::{Data, Event, Failed, Refused};
use ca_proto::{AlarmSeverity, AlarmStatus, Cid, CloseReason, Eca, Ioid, SubscriptionId};

use crate::client_talk::{Client, LARGEST, created, data, got, rights, update};
use crate::talk::{extended, message, version};

fn put(client: &mut Client, data_type: u16, count: u32, payload: &'static [u8]) -> Result<(), Refused> {
    let payload = Bytes::from_static(payload);
    client.circuit.put(Cid(1), data_type, count, payload, (Ioid(1), false), &mut client.out)
}

fn reply(data_type: u16, count: u32, payload: &[u8]) -> Data {
    Data { status: Eca::NORMAL, data_type, count, payload: payload.into() }
}

#[test]
fn client_16_a_failure_has_a_status_and_its_payload_counts_for_nothing() {
    let mut client = Client::open(10);
    client.get(6, 10, 1);
    let events = client.hear(&got(6, 10, Eca::GETFAIL.0, 1, &[0; 8]));
    assert_eq!(data(&events).status, Eca::GETFAIL);
    assert!(data(&events).array().is_err());
    assert_eq!(client.closed, None, "too short for 10 elements, which does not matter");
}

#[test]
fn client_17_a_payload_too_short_for_its_type_fails_the_request_and_ends_the_circuit() {
    for (data_type, count, bytes) in
        [(6, 2, 8), (20, 1, 16), (31, 1, 416), (7, 2, 80), (38, 1, 32), (39, 1, 64)]
    {
        let mut client = Client::open(10);
        client.get(31, 10, 1);
        let events = client.hear(&got(data_type, count, 1, 1, &vec![0; bytes]));
        assert_eq!(data(&events).status, Eca::GETFAIL, "libca reads beyond the buffer");
        let reason = CloseReason::ShortData { data_type, count: count.into(), bytes };
        assert_eq!(client.closed, Some(reason));
    }
}

#[test]
fn client_18_an_update_without_bytes_is_an_empty_array_unless_a_cancel_is_under_way() {
    let mut client = Client::open(10);
    client.monitor(6, 0, 5);
    let empty = update(6, 0, 1, 5, &[]);
    assert_eq!(data(&client.hear(&empty)).count, 0, "libca drops it");
    assert_eq!(client.hear(&update(6, 1, 100, 5, &[])), [], "a confirmation that nobody asked for");
    client.circuit.cancel(SubscriptionId(5), &mut client.out);
    assert_eq!(client.hear(&empty), []);
    assert_eq!(client.circuit.subscription_count(), 0);
}

#[test]
fn client_19_updates_behind_a_cancel_are_dropped() {
    let mut client = Client::open(10);
    client.monitor(6, 0, 5);
    client.take();
    client.circuit.cancel(SubscriptionId(5), &mut client.out);
    client.circuit.cancel(SubscriptionId(5), &mut client.out);
    let said = client.take();
    assert_eq!((said.len(), said[0].command, said[0].p1, said[0].p2), (1, 2, 100, 5));
    assert_eq!(client.hear(&update(6, 1, 1, 5, &[0; 8])), []);
    assert_eq!(client.hear(&update(6, 0, 100, 5, &[])), [], "the confirmation");
    assert_eq!(client.circuit.subscription_count(), 0);
    assert_eq!(client.hear(&update(6, 1, 1, 5, &[0; 8])), []);
}

#[test]
fn client_21_count_0_is_for_servers_that_know_it() {
    for (minor, asked) in [(13, 0), (12, 10), (4, 10)] {
        let mut client = Client::silent();
        client.create(1);
        client.hear(&[version(0, minor), rights(1, 3), created(1, 100, 6, 10)].concat());
        client.get(6, 0, 1);
        client.monitor(6, 0, 2);
        assert_eq!(client.take().iter().map(|m| m.count).collect::<Vec<_>>(), [asked; 2], "minor {minor}");
    }
    let mut silent = Client::silent();
    silent.circuit.suppose(13);
    silent.create(1);
    silent.hear(&[rights(1, 3), created(1, 100, 6, 10)].concat());
    silent.get(6, 0, 1);
    assert_eq!(silent.take()[0].count, 0, "its answer to the search told the version");
}

#[test]
fn client_22_subscriptions_are_cut_to_the_channel_and_gets_of_more_refused() {
    let mut client = Client::open(10);
    client.monitor(6, 1000, 2);
    assert_eq!(client.take()[0].count, 10);
    let refused = client.circuit.get(Cid(1), 6, 11, Ioid(1), &mut client.out);
    assert_eq!(refused, Err(Refused::Count { count: 11, capacity: 10 }));
    assert_eq!(refused.map_err(|r| r.eca()), Err(Eca::BADCOUNT));
}

#[test]
fn client_23_strings_go_short_alone_in_cells_together_and_never_without_an_end() {
    let mut client = Client::open(10);
    put(&mut client, 0, 1, b"7\0").expect("short");
    put(&mut client, 0, 1, b"12345678").expect("the end is added");
    put(&mut client, 0, 2, &[0; 80]).expect("cells");
    let sizes: Vec<_> = client.take().iter().map(|m| m.payload.len()).collect();
    assert_eq!(sizes, [8, 16, 80]);
    assert_eq!(put(&mut client, 0, 1, &[b'x'; 40]), Err(Refused::Text));
    assert_eq!(put(&mut client, 0, 2, &[b'x'; 80]), Err(Refused::Text));
    assert!(matches!(put(&mut client, 0, 2, b"ab\0\0"), Err(Refused::Payload { .. })));
    assert!(matches!(put(&mut client, 6, 2, &[0; 8]), Err(Refused::Payload { .. })));
    assert_eq!(client.take(), []);
}

#[test]
fn client_24_puts_are_of_plain_types_or_acknowledgements() {
    let mut client = Client::open(10);
    for data_type in 0..=40 {
        let refused = put(&mut client, data_type, 0, &[]);
        let allowed = matches!(data_type, 0..=6 | 35 | 36);
        assert_eq!(refused == Err(Refused::DataType(data_type)), !allowed, "{data_type}: {refused:?}");
    }
}

#[test]
fn client_33_a_stamp_of_zero_is_none_and_too_many_nanoseconds_are_no_panic() {
    let stamped = |seconds: u32, nanos: u32| {
        let payload = [&[0; 4][..], &seconds.to_be_bytes(), &nanos.to_be_bytes(), &[0; 12]].concat();
        reply(20, 1, &payload).stamp()
    };
    assert_eq!(stamped(0, 0), None);
    let late = stamped(1, u32::MAX).expect("a stamp").to_system();
    assert!(late < UNIX_EPOCH + Duration::from_secs(631_152_002));
    assert!(stamped(u32::MAX, u32::MAX).is_some_and(|stamp| stamp.to_system() > UNIX_EPOCH));
    assert_eq!(reply(6, 1, &[0; 8]).stamp(), None, "a plain type has none");
    let alarm = reply(20, 1, &[&[0, 99, 0, 99][..], &[0; 20]].concat()).alarm().expect("has one");
    assert_eq!((alarm.status, alarm.severity), (AlarmStatus::Udf, AlarmSeverity::Invalid));
}

#[test]
fn client_34_strings_end_at_a_nul_or_with_their_cell() {
    assert_eq!(reply(0, 1, b"ab\0cd\0\0\0").text().as_deref(), Ok("ab"));
    assert_eq!(reply(0, 1, &[b'x'; 40]).text(), Ok("x".repeat(39)), "a NUL is not required");
    assert_eq!(reply(0, 1, b"\xB5m\0\0\0\0\0\0").text().as_deref(), Ok("\u{B5}m"), "Latin-1");
    assert_eq!(reply(0, 1, "µm\0".as_bytes()).text().as_deref(), Ok("µm"), "UTF-8");
    let mut labels = vec![0; 424];
    labels[5] = 200;
    labels[6..9].copy_from_slice(b"off");
    labels[32..58].fill(b'y');
    let labels = reply(24, 1, &labels).labels();
    assert_eq!((labels.len(), &*labels[0], &*labels[1]), (16, "off", &*"y".repeat(26)));
}

#[test]
fn client_35_chars_are_unsigned_and_a_long_string_ends_at_its_nul() {
    let chars = reply(4, 8, b"\xFFabc\0def");
    assert_eq!(chars.array().expect("good").element(0), Some(ca_proto::dbr::Scalar::Char(255)));
    assert_eq!(reply(4, 8, b"move\0xyz").text().as_deref(), Ok("move"));
    assert_eq!(reply(4, 8, b"12345678").text().as_deref(), Ok("12345678"));
}

#[test]
fn client_37_answers_out_of_order_find_their_requests() {
    let mut client = Client::open(1);
    (1..=3).for_each(|ioid| client.get(6, 1, ioid));
    for ioid in [3u8, 1, 2] {
        let events = client.hear(&got(6, 1, 1, ioid.into(), &[ioid; 8]));
        assert_eq!(events, [Event::Got(Ioid(ioid.into()), reply(6, 1, &[ioid; 8]))]);
    }
    assert_eq!(client.circuit.pending(), 0);
}

#[test]
fn malformed_client_01_an_incomplete_header_is_waited_for_and_the_echo_runs() {
    let mut client = Client::new();
    assert_eq!(client.hear(&[0; 15]), []);
    assert_eq!((client.closed.clone(), client.waiting()), (None, 15));
    assert!(client.circuit.timeout() > client.now);
}

#[test]
fn malformed_client_03_a_size_that_is_no_multiple_of_8_ends_the_circuit() {
    let mut client = Client::new();
    let mut bytes = message(23, 0, 0, [0; 2], &[0; 8]);
    bytes[3] = 7;
    client.hear(&bytes);
    assert!(matches!(client.closed, Some(CloseReason::Malformed(_))));
}

#[test]
fn malformed_client_06_two_gigabytes_that_were_not_asked_for_are_not_kept() {
    let mut client = Client::open(10);
    client.get(6, 10, 1);
    let events = client.hear(&extended(15, 6, 10, [1, 1], 2 << 30));
    assert!(
        matches!(events[..], [Event::Error { about: Failed::Request(Ioid(1)), status: Eca::TOLARGE, .. }]),
        "{events:?}"
    );
    for _ in 0..1000 {
        client.hear(&[0; 65536]);
        assert_eq!(client.waiting(), 0, "dropped as it comes");
    }
}

#[test]
fn malformed_client_07_a_size_near_two_to_the_32_is_a_large_size() {
    let mut client = Client::open(10);
    for command in [0, 1, 11, 15, 18, 22, 23] {
        let mut client = Client::open(10);
        client.hear(&extended(command, 6, u32::MAX, [1, 1], u32::MAX - 7));
        client.hear(&[0; 65536]);
        assert_eq!((client.closed.clone(), client.waiting()), (None, 0), "{command}");
    }
    client.monitor(6, 0, 5);
    let large = extended(1, 6, u32::try_from(LARGEST).expect("small") / 8 + 1, [1, 5], LARGEST as u32 + 8);
    let events = client.hear(&large);
    assert!(matches!(
        events[..],
        [Event::Error { about: Failed::Subscription(_), status: Eca::TOLARGE, .. }]
    ));
}

#[test]
fn malformed_client_09_less_data_than_announced_is_never_read_beyond() {
    let mut client = Client::open(10);
    client.monitor(6, 0, 5);
    let events = client.hear(&update(6, 10, 1, 5, &[0; 8]));
    assert_eq!(data(&events).status, Eca::GETFAIL);
    assert!(matches!(client.closed, Some(CloseReason::ShortData { .. })));
}

#[test]
fn malformed_client_10_a_count_beyond_memory_is_no_overflow() {
    let mut client = Client::open(10);
    client.get(6, 10, 1);
    client.hear(&[extended(15, 31, u32::MAX, [1, 1], 8), vec![0; 8]].concat());
    assert!(matches!(client.closed, Some(CloseReason::ShortData { .. })));
}

#[test]
fn malformed_client_14_a_type_that_does_not_exist_is_not_asked_for() {
    let mut client = Client::open(10);
    assert_eq!(client.circuit.get(Cid(1), 39, 1, Ioid(1), &mut client.out), Err(Refused::DataType(39)));
    let mask = ca_proto::EventMask::VALUE;
    let refused = client.circuit.subscribe(Cid(1), SubscriptionId(1), 39, 1, mask, &mut client.out);
    assert_eq!((refused, client.take()), (Err(Refused::DataType(39)), Vec::new()));
}

#[test]
fn malformed_client_15_a_type_that_cannot_be_put_is_not_put() {
    let mut client = Client::open(10);
    assert_eq!(put(&mut client, 7, 1, &[]), Err(Refused::DataType(7)));
    assert_eq!(client.take(), []);
}

#[test]
fn malformed_client_27_a_string_without_an_end_is_not_put() {
    let mut client = Client::open(10);
    assert_eq!(put(&mut client, 0, 1, &[b'x'; 40]).map_err(|refused| refused.eca()), Err(Eca::BADSTR));
    assert_eq!(client.take(), []);
}

#[test]
fn an_update_is_as_large_as_the_channel_at_most() {
    let mut client = Client::open(1);
    client.monitor(20, 0, 5);
    let events = client.hear(&update(20, 100, 1, 5, &[0; 816]));
    assert!(matches!(events[..], [Event::Error { about: Failed::Subscription(_), .. }]), "{events:?}");
    assert_eq!(data(&client.hear(&update(20, 1, 1, 5, &[0; 24]))).count, 1, "the circuit is kept");
}

#[test]
fn malformed_client_16_a_command_that_no_server_sends_ends_the_circuit() {
    for command in [4, 5, 7, 8, 9, 13, 16, 17, 20, 21, 24, 25, 28, 999] {
        let mut client = Client::new();
        client.hear(&message(command, 0, 0, [0; 2], &[]));
        assert_eq!(client.closed, Some(CloseReason::Command(command)));
    }
}
