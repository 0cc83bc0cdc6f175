//! Several servers on one search port, searched for by unicast.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use ca::Config;
use ca::proto::server::search::handle_datagram;
use ca::proto::wire::{Command, Header};
use socket2::{Domain, SockRef, Socket, Type};

use crate::peer::{Searcher, hello, message, search};
use crate::rig::Rig;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 53, 64);
const CLIENTS: u32 = 20;

/// A UDP socket on a port that others may bind too; a free one for port 0.
fn shared_socket(ip: Ipv4Addr, port: u16) -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("reuse");
    #[cfg(unix)]
    socket.set_reuse_port(true).expect("reuse");
    socket.bind(&SocketAddrV4::new(ip, port).into()).expect("a port");
    socket.into()
}

fn port_of(socket: &UdpSocket) -> u16 {
    socket.local_addr().expect("an address").port()
}

/// Servers on one port of loopback; the n-th serves `name:n`.
fn servers(count: u32) -> Vec<Rig> {
    let holder = shared_socket(Ipv4Addr::LOCALHOST, 0);
    let config = Config { server_port: port_of(&holder), ..Config::isolated() };
    (0..count).map(|n| Rig::named(config.clone(), &name(n))).collect()
}

fn name(n: u32) -> String {
    format!("name:{n}")
}

/// The answers in a datagram: the searched id and the TCP port.
fn answers(datagram: &[u8]) -> Vec<(u32, u16)> {
    let mut rest = &datagram[16..];
    let mut answers = Vec::new();
    while let Ok(Some((header, length))) = Header::decode(rest, false) {
        assert_eq!(header.command, 6);
        answers.push((header.p2, header.data_type));
        rest = &rest[length + header.size as usize..];
    }
    answers
}

/// Reads this many answers, in the order of their ids.
fn read_answers(client: &Searcher, count: usize) -> Vec<(u32, u16)> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(answers(&client.read().0));
    }
    all.sort_unstable();
    all
}

fn sum(rigs: &[Rig], what: impl Fn(&ca::server::Report) -> u64) -> u64 {
    rigs.iter().map(|rig| what(&rig.report())).sum()
}

/// Waits until every hand-on has reached all servers but its sender, so that no answer is outstanding.
fn settle(rigs: &[Rig], handed_on: u64) {
    rigs[0].wait_for(|_| {
        sum(rigs, |report| report.handed_on) == handed_on
            && sum(rigs, |report| report.hand_ons) == handed_on * (rigs.len() as u64 - 1)
    });
}

fn each_name_is_answered_once(count: u32) {
    let rigs = servers(count);
    let expected: Vec<_> = (0..count).map(|n| (n, rigs[n as usize].tcp().port())).collect();
    let clients: Vec<_> = (0..CLIENTS).map(|_| Searcher::new()).collect();
    for client in &clients {
        for n in 0..count {
            client.send(&[hello(), search(5, n, &name(n))].concat(), rigs[0].udp());
        }
        assert_eq!(read_answers(client, count as usize), expected);
    }
    settle(&rigs, u64::from(CLIENTS * (count - 1)));
    assert!(clients.iter().all(Searcher::has_nothing), "no name is answered twice");
    let sent = u64::from(CLIENTS * count);
    assert_eq!(sum(&rigs, |report| report.datagrams), sent, "what is handed on is no client's datagram");
    assert_eq!(sum(&rigs, |report| report.malformed), 0);
}

#[test]
fn two_servers_on_one_port_are_both_found_by_unicast() {
    each_name_is_answered_once(2);
}

#[test]
fn five_servers_on_one_port_are_all_found_by_unicast() {
    each_name_is_answered_once(5);
}

#[test]
fn names_of_several_servers_in_one_datagram_are_answered_by_each_and_known_ones_go_nowhere() {
    let rigs = servers(3);
    let client = Searcher::new();
    let all: Vec<_> = (0..3).flat_map(|n| search(5, n, &name(n))).collect();
    client.send(&[hello(), all].concat(), rigs[0].udp());
    assert_eq!(read_answers(&client, 3).len(), 3);
    settle(&rigs, 1);
    for id in 0..10 {
        client.send(&[hello(), search(5, id, "double")].concat(), rigs[0].udp());
        client.read();
    }
    settle(&rigs, 1);
    assert!(client.has_nothing());
}

#[test]
fn a_name_that_nobody_has_is_handed_on_once_and_never_again() {
    let rigs = servers(5);
    let client = Searcher::new();
    client.send(&[hello(), search(5, 1, "nobody")].concat(), rigs[0].udp());
    settle(&rigs, 1);
    client.send(&[hello(), search(5, 1, "nobody")].concat(), rigs[0].udp());
    settle(&rigs, 2);
    assert!(client.has_nothing());
}

#[test]
fn answers_to_what_was_handed_on_leave_from_the_search_port() {
    let rigs = servers(2);
    let client = Searcher::new();
    for n in 0..2 {
        assert_eq!(client.port_of(&name(n), rigs[0].udp()), rigs[n as usize].tcp().port());
    }
}

#[test]
fn the_ignore_list_is_about_the_client_not_about_who_hands_on() {
    let holder = shared_socket(Ipv4Addr::LOCALHOST, 0);
    let ignored = vec![Ipv4Addr::new(127, 0, 0, 2)];
    let config = Config { server_port: port_of(&holder), ignored, ..Config::isolated() };
    let rig = Rig::with(config);
    let (friend, outcast) = (Searcher::new(), Searcher::at("127.0.0.2:0"));
    for client in [&outcast, &friend] {
        hand_on(&rig, &forged(client, Ipv4Addr::LOCALHOST, "double"));
    }
    friend.read();
    assert!(outcast.has_nothing());
    assert_eq!(rig.report().ignored, 1);
}

/// What a server that does not exist hands on.
fn forged(client: &Searcher, destination: Ipv4Addr, name: &str) -> Vec<u8> {
    let datagram = [hello(), search(5, 9, name)].concat();
    let std::net::SocketAddr::V4(peer) = client.0.local_addr().expect("an address") else {
        panic!("not IPv4")
    };
    let mut payload = 42u64.to_be_bytes().to_vec();
    payload.extend(peer.ip().octets());
    payload.extend(peer.port().to_be_bytes());
    payload.extend([0, 0]);
    payload.extend(destination.octets());
    payload.extend((datagram.len() as u32).to_be_bytes());
    payload.extend(datagram);
    message(0x4F48, 1, 0, [0x6361_6E64, 0], &payload)
}

fn hand_on(rig: &Rig, bytes: &[u8]) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).expect("an interface");
    socket.send_to(bytes, (GROUP, rig.udp().port())).expect("sent");
}

#[test]
fn forged_hand_ons_do_nothing() {
    let rigs = servers(1);
    let rig = &rigs[0];
    let client = Searcher::new();
    let whole = forged(&client, Ipv4Addr::LOCALHOST, "double");
    let mut wrong_magic = whole.clone();
    wrong_magic[8] ^= 1;
    let mut no_search = whole.clone();
    no_search[40..].fill(0xFF);
    let junk: [&[u8]; 6] =
        [b"", b"GET / HTTP/1.1\r\n\r\n", &wrong_magic, &whole[..39], &whole[..whole.len() - 8], &no_search];
    junk.iter().for_each(|bytes| hand_on(rig, bytes));
    hand_on(rig, &whole);
    assert_eq!(answers(&client.read().0), [(9, rig.tcp().port())]);
    rig.wait_for(|report| report.hand_ons == 2 && report.malformed == 1);
    assert!(client.has_nothing(), "only the whole one is answered");
    assert_eq!((rig.report().handed_on, rig.report().datagrams), (0, 0));
}

#[test]
fn a_server_is_silent_about_addresses_that_it_does_not_serve() {
    let rigs = servers(1);
    let client = Searcher::new();
    for destination in [[127, 0, 0, 2], [192, 0, 2, 1]] {
        hand_on(&rigs[0], &forged(&client, destination.into(), "double"));
    }
    hand_on(&rigs[0], &forged(&client, Ipv4Addr::LOCALHOST, "double"));
    client.read();
    rigs[0].wait_for(|report| report.hand_ons == 1);
    assert!(client.has_nothing());
}

/// Linux gives a group that anybody has joined to every socket of the port that did not refuse it.
#[cfg(target_os = "linux")]
#[test]
fn another_server_on_the_port_sees_one_message_of_an_unknown_command() {
    let rigs = servers(1);
    let other = Searcher(shared_socket(Ipv4Addr::UNSPECIFIED, rigs[0].udp().port()));
    other.0.set_read_timeout(Some(crate::rig::DEADLINE)).expect("a deadline");
    let client = Searcher::new();
    client.send(&[hello(), search(5, 1, "nobody"), search(5, 2, "double")].concat(), rigs[0].udp());
    client.read();
    let (seen, _) = other.read();
    let (header, length) = Header::decode(&seen, false).expect("sound").expect("whole");
    assert!(Command::from_code(header.command).is_none());
    assert_eq!(length + header.size as usize, seen.len());
    handle_datagram(&seen, 1, |name| panic!("{name} is looked up"), |_| panic!("answered"));
}

#[test]
fn a_server_whose_port_is_its_own_hands_nothing_on() {
    let rig = Rig::new();
    let client = Searcher::new();
    client.send(&[hello(), search(5, 1, "nobody")].concat(), rig.udp());
    client.port_of("double", rig.udp());
    assert_eq!(rig.report().handed_on, 0);
}
