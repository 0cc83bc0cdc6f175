//! Channels of a client circuit: greeting, creation, rights, loss, errors.

use ca_proto::client::{AccessRights, Event, Failed, Refused};
use ca_proto::dbr::NativeType;
use ca_proto::{Cid, Eca, Ioid, SubscriptionId};

use crate::client_talk::{Client, created, data, got, rights, update};
use crate::talk::{extended, message, version};

fn opened(cid: u32, count: u32) -> Event {
    Event::Created { cid: Cid(cid), native: NativeType::Double, count }
}

fn error(cid: u32, status: u32, request: &[u8], text: &str) -> Vec<u8> {
    message(11, 0, 0, [cid, status], &[request, text.as_bytes(), &[0]].concat())
}

#[test]
fn client_09_a_new_circuit_says_version_client_host_then_channels() {
    let mut client = Client::silent();
    client.circuit.create(Cid(1), "pv", &mut client.out);
    let said = client.take();
    assert_eq!(said.iter().map(|m| m.command).collect::<Vec<_>>(), [0, 20, 21, 18]);
    assert_eq!((said[0].data_type, said[0].count), (7, 13), "priority and minor version");
    assert_eq!((&said[1].payload[..8], &said[2].payload[..8]), (&b"operator"[..], &b"console\0"[..]));
}

#[test]
fn client_10_a_creation_tells_our_minor_version() {
    let said = Client::new().create(5);
    assert_eq!((said[0].command, said[0].p1, said[0].p2), (18, 5, 13));
    assert_eq!(said[0].payload, b"pv\0\0\0\0\0\0");
}

#[test]
fn client_11_rights_may_come_before_and_after_and_none_are_assumed() {
    let mut client = Client::new();
    client.create(1);
    assert_eq!(client.hear(&created(1, 100, 6, 1)), [opened(1, 1)]);
    let early = client.circuit.get(Cid(1), 6, 1, Ioid(1), &mut client.out);
    assert_eq!(early, Err(Refused::Rights(Eca::NORDACCESS)));
    assert_eq!(client.circuit.rights(Cid(1)), None, "not told, which is not the same as none");
    assert_eq!(client.hear(&rights(1, 1)), [Event::Rights(Cid(1), AccessRights::READ)]);
    client.get(6, 1, 2);
    assert_eq!(client.hear(&rights(1, 0)), [Event::Rights(Cid(1), AccessRights::empty())]);
    assert!(client.circuit.get(Cid(1), 6, 1, Ioid(3), &mut client.out).is_err());
}

#[test]
fn client_12_a_refused_or_removed_channel_is_gone_with_all_its_requests() {
    for command in [26, 27] {
        let mut client = Client::open(1);
        client.monitor(6, 0, 8);
        client.get(6, 1, 9);
        let events = client.hear(&message(command, 0, 0, [1, 0], &[]));
        let subscriptions = vec![SubscriptionId(8)];
        assert!(
            matches!(&events[0], Event::Error { about: Failed::Request(Ioid(9)), status: Eca::DISCONN, .. }),
            "{events:?}"
        );
        assert_eq!(events[1..], [Event::Gone { cid: Cid(1), subscriptions }]);
        assert_eq!((client.circuit.channel_count(), client.circuit.pending()), (0, 0));
        assert_eq!(client.hear(&message(command, 0, 0, [1, 0], &[])), [], "once");
    }
}

#[test]
fn client_13_a_late_creation_of_a_cleared_channel_is_cleared() {
    let mut client = Client::new();
    client.create(1);
    assert_eq!(client.circuit.clear(Cid(1), &mut client.out), []);
    assert_eq!(client.take(), [], "nothing to clear yet");
    assert_eq!(client.hear(&created(1, 100, 6, 1)), []);
    let said = client.take();
    assert_eq!((said[0].command, said[0].p1, said[0].p2), (12, 100, 1));
}

#[test]
fn client_14_the_servers_version_may_come_before_or_after_or_never() {
    for at in 0..3 {
        let mut client = Client::silent();
        client.create(1);
        let all = [rights(1, 3), created(1, 100, 6, 5)];
        let mut bytes = Vec::new();
        for (index, message) in all.iter().enumerate() {
            if index == at {
                bytes.extend(version(0, 13));
            }
            bytes.extend(message);
        }
        assert!(client.hear(&bytes).contains(&opened(1, 5)), "{at}");
        client.get(6, 0, 1);
        assert_eq!(client.take()[0].count, if at == 2 { 5 } else { 0 }, "never: a count that all know");
    }
}

#[test]
fn client_15_long_headers_are_read_whatever_they_hold() {
    let mut client = Client::new();
    client.create(1);
    client.hear(&rights(1, 3));
    assert_eq!(client.hear(&extended(18, 6, 70_000, [1, 100], 0)), [opened(1, 70_000)]);
    client.get(6, 0, 1);
    let small = [extended(15, 6, 2, [1, 1], 16), vec![0; 16]].concat();
    for cut in 1..small.len() {
        let mut client = Client::open(1000);
        client.get(6, 0, 1);
        assert_eq!(client.hear(&small[..cut]), []);
        assert_eq!(data(&client.hear(&small[cut..])).count, 2);
    }
}

#[test]
fn client_25_an_error_finds_whom_it_is_about_by_the_request_in_it() {
    let mut client = Client::open(1);
    client.get(6, 1, 1);
    client.monitor(6, 1, 2);
    let about =
        |client: &mut Client, cid, request: &[u8]| match &client.hear(&error(cid, 160, request, "no"))[..] {
            [Event::Error { about, status: Eca::PUTFAIL, text }] if text == "no" => *about,
            other => panic!("{other:?}"),
        };
    let request = |command, p2| message(command, 6, 1, [100, p2], &[]);
    assert_eq!(about(&mut client, 1, &request(15, 1)), Failed::Request(Ioid(1)));
    assert_eq!(about(&mut client, 1, &request(15, 1)), Failed::Channel(Cid(1)), "nobody waits any more");
    let plain_put = Failed::Put { ioid: Ioid(77), data_type: 6, count: 1 };
    assert_eq!(about(&mut client, 1, &request(4, 77)), plain_put);
    assert_eq!(about(&mut client, 1, &request(1, 2)), Failed::Subscription(SubscriptionId(2)));
    assert_eq!(about(&mut client, u32::MAX, &request(18, 2)), Failed::Circuit);
    let long = extended(15, 6, 1, [100, 3], 0);
    client.get(6, 1, 3);
    assert_eq!(about(&mut client, 1, &long), Failed::Request(Ioid(3)));
    client.take();
    client.circuit.cancel(SubscriptionId(2), &mut client.out);
    assert_eq!(client.take(), [], "what the server refused it would not know: rsrv closes then");
}

#[test]
fn client_38_the_answer_to_an_old_read_has_a_channel_where_others_have_a_status() {
    let mut client = Client::open(1);
    assert_eq!(client.hear(&message(3, 6, 1, [1, 9], &[0; 8])), [], "we never ask so");
    assert_eq!(client.closed, None);
}

#[test]
fn a_channel_that_is_created_twice_keeps_its_first_id() {
    let mut client = Client::open(1);
    assert_eq!(client.hear(&created(1, 200, 5, 9)), []);
    client.get(6, 1, 1);
    assert_eq!(client.take()[0].p1, 100);
}

#[test]
fn a_type_that_does_not_exist_costs_the_channel_and_not_the_circuit() {
    let mut client = Client::open(1);
    client.create(2);
    let events = client.hear(&created(2, 200, 7, 1));
    assert_eq!(events, [Event::Gone { cid: Cid(2), subscriptions: Vec::new() }], "libca closes the circuit");
    assert_eq!(client.take()[0].command, 12);
    client.get(6, 1, 1);
    assert_eq!(data(&client.hear(&got(6, 1, 1, 1, &[0; 8]))).count, 1);
}

#[test]
fn malformed_client_13_unknown_ids_are_ignored() {
    let mut client = Client::open(1);
    let unknown = [
        got(6, 1, 1, 99, &[0; 8]),
        update(6, 1, 1, 99, &[0; 8]),
        message(19, 6, 1, [1, 99], &[]),
        rights(99, 3),
        message(26, 0, 0, [99, 0], &[]),
        message(12, 0, 0, [99, 99], &[]),
    ];
    assert_eq!(client.hear(&unknown.concat()), []);
    assert_eq!(client.closed, None, "caproto's client raises for some");
}

#[test]
fn malformed_client_28_garbage_in_an_error_is_no_request() {
    let mut client = Client::open(1);
    for payload in [&[][..], &[0xFF; 8], &[0xFF; 16], &[0xFF; 512], &[0, 28, 0, 0, 0, 0, 0, 0]] {
        let events = client.hear(&message(11, 0, 0, [u32::MAX, 160], payload));
        assert!(matches!(events[..], [Event::Error { about: Failed::Circuit, .. }]), "{events:?}");
    }
}

#[test]
fn malformed_client_29_nothing_is_cancelled_twice() {
    let mut client = Client::open(1);
    client.monitor(6, 1, 2);
    client.take();
    (0..3).for_each(|_| client.circuit.cancel(SubscriptionId(2), &mut client.out));
    assert_eq!(client.take().iter().map(|m| m.command).collect::<Vec<_>>(), [2]);
}

#[test]
fn malformed_client_30_nothing_is_cleared_twice() {
    let mut client = Client::open(1);
    client.get(6, 1, 4);
    client.take();
    assert_eq!(client.circuit.clear(Cid(1), &mut client.out), [Ioid(4)], "it will not be answered");
    assert_eq!(client.circuit.clear(Cid(1), &mut client.out), []);
    assert_eq!(client.take().iter().map(|m| m.command).collect::<Vec<_>>(), [12]);
}
