//! The number of circuits, the bounds of each, and the rate of searches.

use std::net::{Ipv4Addr, SocketAddrV4};

use ca::Config;
use ca::proto::Limits;

use crate::peer::{Peer, Searcher, hello, message, search};
use crate::rig::{DEADLINE, Rig};

#[test]
fn one_circuit_more_than_the_limit_is_refused_and_counted() {
    let rig = Rig::with(Config { circuits: 2, ..Config::isolated() });
    let (mut one, two) = (Peer::new(&rig), Peer::new(&rig));
    assert!(Peer::silent(&rig).rest().is_empty(), "closed without a greeting");
    assert!(Peer::silent(&rig).rest().is_empty());
    let report = rig.report();
    assert_eq!((report.circuits.len(), report.accepted, report.refused), (2, 2, 2));
    let sid = one.open("double");
    assert_eq!(one.number(sid), 1.5);
    drop(two);
    rig.wait_for(|report| report.circuits.len() == 1);
    Peer::new(&rig).open("double");
}

#[test]
fn the_bounds_of_the_configuration_reach_the_circuits() {
    let limits = Limits { channels: 1, ..Limits::default() };
    let rig = Rig::with(Config { limits, ..Config::isolated() });
    let mut peer = Peer::new(&rig);
    peer.open("double");
    let (error, _) = peer.ask(&message(18, 0, 0, [2, 13], b"double\0"));
    assert_eq!((error.command, error.p2), (11, 48));
    assert_eq!(peer.read().0.command, 26);
}

#[test]
fn the_report_names_each_circuit() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    peer.number(sid);
    let address = peer.stream.local_addr().expect("an address");
    rig.wait_for(|report| report.circuits[0].requests == 3);
    let circuit = &rig.report().circuits[0];
    assert_eq!((circuit.peer, circuit.channels), (address, 1));
}

#[test]
fn a_peer_with_too_many_circuits_is_refused_and_others_are_not() {
    let rig = Rig::with(Config { circuits_per_peer: 2, ..Config::isolated() });
    let (one, mut two) = (Peer::new(&rig), Peer::new(&rig));
    assert!(Peer::silent(&rig).rest().is_empty(), "closed without a greeting");
    let mut other = Peer::from(&rig, Ipv4Addr::new(127, 0, 0, 2));
    assert_eq!(other.read().0.command, 0);
    let report = rig.report();
    assert_eq!((report.circuits.len(), report.refused, report.refused_per_peer), (3, 0, 1));
    two.open("double");
    drop(one);
    rig.wait_for(|report| report.circuits.len() == 2);
    Peer::new(&rig).open("double");
}

#[test]
fn searches_above_the_rate_are_dropped_and_counted_and_later_ones_are_answered() {
    let rig = Rig::with(Config { searches_per_second: 20, ..Config::isolated() });
    let searcher = Searcher::new();
    let names: Vec<u8> = (0..40).flat_map(|cid| search(5, cid, "double")).collect();
    searcher.send(&[hello(), names].concat(), rig.udp());
    searcher.read();
    searcher.send(&[hello(), search(5, 3, "double")].concat(), rig.udp());
    rig.wait_for(|report| report.over_rate == 1);
    assert!(searcher.has_nothing());
    rig.wait_for(|_| {
        searcher.send(&[hello(), search(5, 3, "double")].concat(), rig.udp());
        !searcher.has_nothing()
    });
}

impl Peer {
    /// Connects from an address of this host, without a word.
    fn from(rig: &Rig, ip: Ipv4Addr) -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddrV4::new(ip, 0).into()).expect("an address");
        socket.connect(&rig.tcp().into()).expect("a circuit");
        socket.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        Self { stream: socket.into() }
    }
}

/// The first part of a put of `bytes` bytes to the image.
fn large_put(sid: u32, bytes: u32) -> Vec<u8> {
    let mut start = vec![0, 4, 0xFF, 0xFF, 0, 6, 0, 0];
    for word in [sid, 1, bytes, bytes / 8] {
        start.extend_from_slice(&word.to_be_bytes());
    }
    start
}

#[test]
fn a_message_above_the_budget_for_incomplete_ones_is_given_up_and_the_circuit_goes_on() {
    let rig = Rig::with(Config { receive_budget: 300_000, ..Config::isolated() });
    let mut peer = Peer::new(&rig);
    let sid = peer.open("image");
    let half = vec![0; 400_000];
    peer.send(&[large_put(sid, 800_000), half.clone()].concat());
    let error = peer.read().0;
    assert_eq!((error.command, error.p1, error.p2), (11, 1, 48));
    peer.send(&half);
    assert_eq!(peer.ask(&message(23, 0, 0, [5, 0], b"")).0.p1, 5, "the rest was skipped");
    assert_eq!(rig.report().given_up, 1);
    // Smaller ones fit again and again: what a message held is given back.
    for id in 0..5 {
        peer.send(&[large_put(sid, 120_000), vec![0; 120_000]].concat());
        assert_eq!(peer.ask(&message(23, 0, 0, [id, 0], b"")).0.p1, id);
    }
    assert_eq!(rig.report().given_up, 1);
}

#[test]
fn requests_over_a_limit_are_counted_when_their_circuit_is_gone_too() {
    let limits = Limits { channels: 1, ..Limits::default() };
    let rig = Rig::with(Config { limits, ..Config::isolated() });
    let mut peer = Peer::new(&rig);
    peer.open("double");
    peer.ask(&message(18, 0, 0, [2, 13], b"double\0"));
    drop(peer);
    rig.wait_for(|report| report.over_limit == 1 && report.circuits.is_empty());
}
