//! Which addresses are served, also when they come and go.

use std::net::{Ipv4Addr, SocketAddrV4};

use ca::client::Context;
use ca::proto::EventMask;
use ca::proto::dbr::Scalar;
use ca::{ClientConfig, Config};

use crate::client_rig::update;
use crate::namespace::{ip, is_inside};
use crate::peer::{Peer, Searcher, hello, search};
use crate::rig::Rig;

/// Of TEST-NET-3: no host has it.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 77, 77);

fn on(interfaces: &[Ipv4Addr], server_port: u16) -> Config {
    Config { interfaces: interfaces.to_vec(), server_port, ..Config::isolated() }
}

#[test]
fn an_address_that_is_not_there_is_skipped() {
    let rig = Rig::with(on(&[ELSEWHERE, Ipv4Addr::LOCALHOST], 0));
    assert_eq!(rig.tcp_addresses().len(), 1);
    assert_eq!(*rig.tcp().ip(), Ipv4Addr::LOCALHOST);
    assert_eq!(Searcher::new().port_of("double", rig.udp()), rig.tcp().port());
}

#[test]
fn a_server_without_any_address_runs_and_stops() {
    let mut rig = Rig::with(on(&[ELSEWHERE], 0));
    assert!(rig.tcp_addresses().is_empty());
    assert!(rig.stop(crate::rig::DEADLINE));
}

#[test]
fn a_disabled_server_binds_nothing() {
    let mut rig = Rig::with(Config { enabled: false, ..Config::isolated() });
    assert!(rig.tcp_addresses().is_empty());
    assert!(rig.stop(crate::rig::DEADLINE));
}

#[test]
fn all_interfaces_and_one_of_them_contradict_each_other() {
    for listed in [[Ipv4Addr::UNSPECIFIED, Ipv4Addr::LOCALHOST], [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED]]
    {
        let error = Rig::try_with(on(&listed, 0)).err().expect("refused");
        assert!(error.to_string().contains("0.0.0.0"), "{error}");
    }
}

#[test]
fn an_address_that_is_here_and_taken_ends_the_start() {
    let holder = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = holder.local_addr().expect("an address").port();
    let error = Rig::try_with(on(&[Ipv4Addr::LOCALHOST], port)).err().expect("refused");
    assert!(error.is_address() && error.to_string().contains("UDP"), "{error}");
}

#[test]
fn a_listed_group_is_heard_on_the_listed_address() {
    let rig = Rig::with(on(&[GROUP, Ipv4Addr::LOCALHOST], 0));
    let searcher = Searcher::new();
    socket2::SockRef::from(&searcher.0).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).expect("an interface");
    let group = SocketAddrV4::new(GROUP, rig.udp().port());
    searcher.send(&[hello(), search(5, 3, "double")].concat(), group);
    let (_, from) = searcher.read();
    assert_eq!(from, rig.udp().into(), "answers leave from the listed address");
}

#[test]
fn addresses_are_served_from_when_they_come() {
    if !is_inside("interfaces::addresses_are_served_from_when_they_come") {
        return;
    }
    let rig = Rig::with(on(&[ELSEWHERE, GROUP], 6500));
    assert!(rig.tcp_addresses().is_empty());
    let searcher = Searcher::at("0.0.0.0:0");
    for round in 0..2 {
        ip("addr add 203.0.113.7/32 dev lo");
        rig.wait_for(|_| !rig.tcp_addresses().is_empty());
        assert_eq!(rig.tcp(), SocketAddrV4::new(ELSEWHERE, 6500));
        assert_eq!(searcher.port_of("double", rig.udp()), 6500, "round {round}");
        Peer::new(&rig).open("double");
        ip("addr del 203.0.113.7/32 dev lo");
    }
}

#[test]
fn a_network_that_was_away_carries_circuits_and_searches_again() {
    if !is_inside("interfaces::a_network_that_was_away_carries_circuits_and_searches_again") {
        return;
    }
    let rig = Rig::with(on(&[], 6500));
    let context = Context::new(ClientConfig::isolated(6500)).expect("a socket");
    let mut monitor = context.channel("double").monitor(6, 1, EventMask::VALUE);
    let before = update(&mut monitor);
    for round in 1..=3 {
        let value = before + f64::from(round);
        ip("addr flush dev lo");
        ip("link set lo down");
        rig.pvs.post("double", Scalar::Double(value));
        let lost = Searcher::at("0.0.0.0:0").0.send_to(&hello(), (Ipv4Addr::LOCALHOST, 6500));
        assert!(lost.is_err(), "nothing gets through");
        ip("link set lo up");
        assert_eq!(update(&mut monitor), value, "round {round}");
        let server = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 6500);
        assert_eq!(Searcher::new().port_of("double", server), rig.tcp().port());
    }
}

#[test]
fn groups_alone_are_heard_on_all_interfaces() {
    if !is_inside("interfaces::groups_alone_are_heard_on_all_interfaces") {
        return;
    }
    let rig = Rig::with(on(&[GROUP], 6500));
    assert_eq!(rig.tcp_addresses(), [SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 6500)]);
    let searcher = Searcher::new();
    socket2::SockRef::from(&searcher.0).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).expect("an interface");
    searcher.send(&[hello(), search(5, 3, "double")].concat(), SocketAddrV4::new(GROUP, 6500));
    searcher.read();
}

#[test]
fn servers_on_all_interfaces_are_found_by_broadcast_and_by_each_address() {
    if !is_inside("interfaces::servers_on_all_interfaces_are_found_by_broadcast_and_by_each_address") {
        return;
    }
    ip("addr add 203.0.113.7/24 dev lo");
    let rigs = [Rig::named(on(&[], 6500), "one"), Rig::named(on(&[], 6500), "two")];
    let searchers: Vec<_> = (0..10).map(|_| Searcher::new()).collect();
    let ask = |searcher: &Searcher, to: Ipv4Addr, rig: usize| {
        let name = ["one", "two"][rig];
        searcher.send(&[hello(), search(5, 3, name)].concat(), SocketAddrV4::new(to, 6500));
        let (answer, _) = searcher.read();
        assert_eq!(u16::from_be_bytes([answer[20], answer[21]]), rigs[rig].tcp().port());
    };
    for searcher in &searchers {
        searcher.0.set_broadcast(true).expect("broadcasts");
        (0..2).for_each(|rig| ask(searcher, Ipv4Addr::new(127, 255, 255, 255), rig));
    }
    let handed_on = || rigs.iter().map(|rig| rig.report().handed_on).sum::<u64>();
    rigs.iter().for_each(|rig| rig.wait_for(|report| report.datagrams == 20));
    assert_eq!(handed_on(), 0, "each has heard the broadcast itself");
    for searcher in &searchers {
        (0..2).for_each(|rig| ask(searcher, ELSEWHERE, rig));
    }
    // Each client reaches one server, which hands on the name of the other.
    rigs[0].wait_for(|_| handed_on() == 10);
    assert!(searchers.iter().all(Searcher::has_nothing));
}
