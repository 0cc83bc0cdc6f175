//! The client's search and what it hears of servers, without sockets.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use ca_proto::Cid;
use ca_proto::client::{Beacons, Found, Searches, Sign, Timing, parse_reply};
use proptest::prelude::*;

use crate::client_talk::{Client, SILENCE};
use crate::talk::{message, messages};

const FROM: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

#[expect(clippy::disallowed_methods, reason = "any moment will do")]
fn start() -> Instant {
    Instant::now()
}

fn searches() -> Searches {
    Searches::new(Timing::default())
}

fn poll(searches: &mut Searches, now: Instant) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    searches.poll(now, |datagram, _| all.push(datagram.to_vec()));
    all
}

fn found(datagram: &[u8]) -> Vec<Found> {
    let mut all = Vec::new();
    parse_reply(datagram, FROM, |found| all.push(found));
    all
}

fn at(ip: Ipv4Addr, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(ip, port)
}

fn reply(port: u16, address: u32, cid: u32) -> Vec<u8> {
    message(6, port, 0, [address, cid], &[0, 13, 0, 0, 0, 0, 0, 0])
}

#[test]
fn client_01_search_datagrams_begin_with_a_version_and_are_no_larger_than_1024_bytes() {
    let (mut searches, now) = (searches(), start());
    for cid in 0..500 {
        assert!(searches.add(Cid(cid), &format!("name:{}:{cid}", "x".repeat(cid as usize % 40)), now));
    }
    let datagrams = poll(&mut searches, now);
    let mut asked = Vec::new();
    for (number, datagram) in datagrams.iter().enumerate() {
        assert!(datagram.len() <= 1024);
        let all = messages(datagram);
        assert_eq!((all[0].command, all[0].data_type, all[0].count), (0, 1, 13));
        assert_eq!(all[0].p1 as usize, number + 1, "running number");
        for search in &all[1..] {
            assert_eq!((search.command, search.data_type, search.count), (6, 5, 13));
            assert_eq!(search.p1, search.p2, "servers look in either place");
            assert_eq!(search.payload.len() % 8, 0);
            asked.push(search.p1);
        }
    }
    assert_eq!(asked, (0..500).collect::<Vec<_>>());
}

#[test]
fn client_02_gaps_double_from_about_30_ms_up_to_the_longest() {
    let timing = Timing { longest_gap: Duration::from_secs(4), ..Timing::default() };
    let (mut searches, first) = (Searches::new(timing), start());
    searches.add(Cid(1), "pv", first);
    assert_eq!(searches.timeout(), Some(first), "at once");
    let (mut now, mut expected) = (first, Duration::from_millis(32));
    for _ in 0..12 {
        assert_eq!(poll(&mut searches, now).len(), 1);
        assert!(poll(&mut searches, now).is_empty(), "not twice");
        let next = searches.timeout().expect("it is searched");
        let gap = next - now;
        assert!(gap >= expected.mul_f64(0.89) && gap <= expected.mul_f64(1.11), "{gap:?} for {expected:?}");
        (now, expected) = (next, (expected * 2).min(timing.longest_gap));
    }
}

#[test]
fn client_03_thousands_of_unresolved_names_do_not_delay_a_new_one() {
    let (mut searches, mut now) = (searches(), start());
    (0..3000).for_each(|cid| _ = searches.add(Cid(cid), &format!("dead:{cid}"), now));
    for _ in 0..200 {
        now = searches.timeout().expect("names").max(now);
        poll(&mut searches, now);
    }
    searches.add(Cid(9999), "new", now);
    let mut late = Duration::ZERO;
    while !poll(&mut searches, now + late).iter().any(|d| messages(d).iter().any(|m| m.p1 == 9999)) {
        late += Duration::from_millis(1);
    }
    assert!(late <= Duration::from_millis(64), "{late:?}");
}

#[test]
fn client_04_a_reply_names_the_server_or_leaves_it_to_the_sender() {
    let elsewhere = Ipv4Addr::new(10, 0, 0, 7);
    let datagram =
        [message(0, 1, 13, [1, 0], &[]), reply(7000, u32::MAX, 1), reply(7001, elsewhere.into(), 2)];
    assert_eq!(
        found(&datagram.concat()),
        [
            Found { cid: Cid(1), server: at(FROM, 7000), minor: 13 },
            Found { cid: Cid(2), server: at(elsewhere, 7001), minor: 13 }
        ]
    );
}

#[test]
fn client_05_a_reply_without_payload_is_one_of_an_old_server_on_the_default_port() {
    let datagram = message(6, 7000, 0, [u32::MAX, 3], &[]);
    assert_eq!(found(&datagram), [Found { cid: Cid(3), server: at(FROM, 5064), minor: 0 }]);
}

#[test]
fn client_27_healthy_beacons_put_the_echo_off_and_anomalies_do_not() {
    let mut client = Client::new();
    let begun = client.now;
    client.circuit.handle_beacon(true, begun + Duration::from_secs(20));
    assert_eq!(client.circuit.timeout(), begun + Duration::from_secs(20) + SILENCE);
    client.circuit.handle_beacon(false, begun + Duration::from_secs(25));
    client.circuit.handle_beacon(true, begun + Duration::from_secs(26));
    assert_eq!(client.circuit.timeout(), begun + Duration::from_secs(20) + SILENCE);
}

#[test]
fn client_29_the_beacons_of_a_restarted_server_speed_up_what_was_long_searched() {
    let (mut searches, first) = (searches(), start());
    (0..100).for_each(|cid| _ = searches.add(Cid(cid), &format!("pv:{cid}"), first));
    let mut now = first;
    for _ in 0..2000 {
        poll(&mut searches, now);
        now = searches.timeout().expect("names");
    }
    let server = at(FROM, 5064);
    let mut beacons = Beacons::new(first);
    let second = Duration::from_secs(1);
    let signs: Vec<_> = [(5, 0), (6, 15), (7, 30), (8, 45), (0, 47)]
        .iter()
        .map(|(id, s)| beacons.handle(server, *id, now + second * *s))
        .collect();
    assert_eq!(signs.last(), Some(&Sign::NewServer), "{signs:?}");
    searches.hurry(now, second);
    let (mut asked, until) = (0, now + second);
    while now <= until {
        asked += poll(&mut searches, now).iter().map(|d| messages(d).len() - 1).sum::<usize>();
        now = searches.timeout().expect("names").max(now + Duration::from_millis(1));
    }
    assert!(asked >= 100, "{asked} of 100");
}

#[test]
fn a_name_that_was_served_lately_is_never_left_alone_for_long() {
    let (mut searches, mut now) = (searches(), start());
    let longest = Duration::from_secs(10);
    searches.add_within(Cid(1), "pv", now, longest);
    for _ in 0..30 {
        poll(&mut searches, now);
        let next = searches.timeout().expect("it is searched");
        assert!(next - now <= longest.mul_f64(1.11));
        now = next;
    }
}

#[test]
fn the_next_burst_leaves_when_half_of_the_last_is_answered_or_after_its_gap() {
    let (mut searches, now) = (searches(), start());
    for cid in 0..10_000 {
        assert!(searches.add(Cid(cid), &format!("name:{cid}"), now));
    }
    let mut asked = Vec::new();
    searches.poll(now, |_, cids| asked.extend_from_slice(cids));
    assert!(poll(&mut searches, now).is_empty(), "one burst at a time");
    let (half, gap) = (asked.len().div_ceil(2), Timing::default().burst_gap);
    assert!(searches.remove(Cid(9_999)), "a name that was not asked for yet");
    asked[1..half].iter().for_each(|cid| assert!(searches.remove(*cid)));
    assert!(poll(&mut searches, now).is_empty());
    assert_eq!(searches.timeout(), Some(now + gap), "nobody answers: the gap");
    searches.remove(asked[0]);
    assert_eq!(searches.timeout(), Some(now), "half is answered");
    assert_eq!(poll(&mut searches, now).len(), 64);
    assert_eq!(poll(&mut searches, now + gap).len(), 64, "the gap is over");
}

#[test]
fn with_every_second_datagram_lost_every_name_is_found_in_the_end() {
    let (mut searches, mut now) = (searches(), start());
    (0..300).for_each(|cid| _ = searches.add(Cid(cid), &format!("pv:{cid}"), now));
    let (mut number, begun) = (0u32, now);
    while !searches.is_empty() {
        for datagram in poll(&mut searches, now) {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if number >> 16 < 0x7FFF {
                messages(&datagram)[1..].iter().for_each(|m| _ = searches.remove(Cid(m.p1)));
            }
        }
        now = searches.timeout().unwrap_or(now);
    }
    assert!(now - begun < Duration::from_secs(300), "{:?}", now - begun);
}

#[test]
fn malformed_client_02_a_datagram_without_a_whole_header_is_ignored() {
    (0..16).for_each(|length| assert_eq!(found(&vec![0; length]), []));
}

#[test]
fn malformed_client_04_what_runs_past_the_datagram_ends_it() {
    let mut datagram = [reply(1, u32::MAX, 1), reply(2, u32::MAX, 2)].concat();
    datagram.truncate(40);
    assert_eq!(found(&datagram).len(), 1);
}

#[test]
fn malformed_client_17_an_unknown_command_ends_the_datagram() {
    for command in [1, 5, 18, 23, 28, 0xFFFF] {
        let datagram = [reply(1, u32::MAX, 1), message(command, 0, 0, [0; 2], &[]), reply(2, u32::MAX, 2)];
        assert_eq!(found(&datagram.concat()).len(), 1, "{command}");
    }
}

#[test]
fn malformed_client_20_an_empty_name_is_not_searched() {
    let (mut searches, now) = (searches(), start());
    assert!(!searches.add(Cid(1), "", now) && searches.is_empty());
}

#[test]
fn malformed_client_21_a_name_that_fits_no_datagram_is_not_searched() {
    let (mut searches, now) = (searches(), start());
    assert!(!searches.add(Cid(1), &"x".repeat(992), now) && searches.is_empty());
    assert!(searches.add(Cid(1), &"x".repeat(Searches::LONGEST_NAME), now));
    assert_eq!(poll(&mut searches, now)[0].len(), 1024);
}

proptest! {
    #[test]
    fn no_datagram_makes_search_or_beacons_panic(bytes: Vec<u8>) {
        found(&bytes);
        Beacons::parse(&bytes, FROM);
    }
}
