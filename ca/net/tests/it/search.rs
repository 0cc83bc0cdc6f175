//! Name search over UDP and TCP, and the ports.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use ca::Config;

use crate::peer::{Peer, Searcher, message, search};
use crate::rig::Rig;

#[test]
fn a_search_over_udp_tells_the_tcp_port() {
    let rig = Rig::new();
    assert_eq!(Searcher::new().port_of("double", rig.udp()), rig.tcp().port());
}

#[test]
fn unknown_names_are_met_with_silence() {
    let rig = Rig::new();
    let searcher = Searcher::new();
    let hello = message(0, 1, 13, [6, 0], &[]);
    searcher.send(&[hello, search(10, 3, "nobody")].concat(), rig.udp());
    assert_eq!(
        searcher.port_of("double", rig.udp()),
        rig.tcp().port(),
        "the next answer is to the next search"
    );
}

#[test]
fn a_search_over_tcp_tells_the_port_or_not_found() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let (found, payload) = peer.ask(&search(5, 3, "double"));
    assert_eq!((found.command, found.data_type, found.p2), (6, rig.tcp().port(), 3));
    assert!(payload.is_empty());
    peer.send(&search(5, 4, "nobody"));
    let (missing, _) = peer.ask(&search(10, 5, "nobody"));
    assert_eq!((missing.command, missing.p2), (14, 5));
}

#[test]
fn garbage_is_met_with_silence_and_the_next_search_is_answered() {
    let rig = Rig::new();
    let searcher = Searcher::new();
    let mut endless = message(6, 5, 13, [1, 1], b"double\0\0");
    endless[2..4].copy_from_slice(&0xFFF8u16.to_be_bytes());
    let hello = message(0, 1, 13, [6, 0], &[]);
    let garbage: [&[u8]; 7] = [
        b"",
        b"\0",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xFF; 1000],
        &message(23, 0, 0, [0, 0], &[]),
        &search(5, 3, "double"),
        &[hello, endless].concat(),
    ];
    garbage.iter().for_each(|datagram| searcher.send(datagram, rig.udp()));
    assert_eq!(searcher.port_of("double", rig.udp()), rig.tcp().port());
    assert!(searcher.has_nothing());
    rig.wait_for(|report| (report.datagrams, report.malformed) == (8, 5));
}

#[test]
fn an_ignored_address_is_met_with_silence() {
    let ignored = vec![Ipv4Addr::new(127, 0, 0, 2)];
    let rig = Rig::with(Config { ignored, ..Config::isolated() });
    let outcast = Searcher::at("127.0.0.2:0");
    outcast.send(&[message(0, 1, 13, [6, 0], &[]), search(5, 3, "double")].concat(), rig.udp());
    Searcher::new().port_of("double", rig.udp());
    assert!(outcast.has_nothing());
    assert_eq!((rig.report().datagrams, rig.report().ignored), (2, 1));
}

#[test]
fn a_taken_tcp_port_gives_way_to_a_free_one_and_search_tells_it() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = holder.local_addr().expect("an address").port();
    let rig = Rig::with(Config { server_port: taken, ..Config::isolated() });
    assert_eq!(rig.udp().port(), taken);
    assert_ne!(rig.tcp().port(), taken);
    assert_eq!(Searcher::new().port_of("double", rig.udp()), rig.tcp().port());
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    assert_eq!(peer.number(sid), 1.5);
}

#[test]
fn two_servers_share_the_search_port() {
    let probe = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let server_port = probe.local_addr().expect("an address").port();
    drop(probe);
    let config = Config { server_port, ..Config::isolated() };
    let (one, two) = (Rig::with(config.clone()), Rig::with(config));
    assert_eq!((one.udp(), two.udp().port()), (two.udp(), server_port));
    assert_ne!(one.tcp(), two.tcp());
    let answer = Searcher::new().port_of("double", one.udp());
    assert!([one.tcp().port(), two.tcp().port()].contains(&answer));
    for rig in [&one, &two] {
        Peer::new(rig).open("double");
    }
}
