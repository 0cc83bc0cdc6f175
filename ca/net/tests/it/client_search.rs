//! How a context finds its servers: UDP, name servers, beacons, the repeater.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use ca::ClientConfig;
use ca::client::Context;
use ca::proto::wire::Command;

use crate::client_rig::{get, until};
use crate::fake::Fake;
use crate::peer::{message, version};
use crate::rig::{DEADLINE, Rig};

fn reply(port: u16, cid: u32) -> Vec<u8> {
    message(6, port, 0, [u32::MAX, cid], &[0, 13, 0, 0, 0, 0, 0, 0])
}

/// A context that knows one name server and nothing else.
fn asking(server: &Fake) -> Context {
    let config =
        ClientConfig { addresses: Vec::new(), name_servers: vec![server.address()], ..server.config() };
    Context::new(config).expect("a socket")
}

#[test]
fn client_06_of_two_servers_with_one_name_the_first_is_used() {
    let (first, second) = (Fake::new(), Fake::new());
    let context = first.context();
    let channel = context.channel("pv");
    let (cid, from) = first.hear();
    first.send_to(&reply(first.port(), cid), from);
    let mut circuit = first.accept();
    circuit.open();
    channel.connected(DEADLINE).wait().expect("connected");
    for fake in [&second, &first, &second] {
        first.send_to(&reply(fake.port(), cid), from);
    }
    first.send_to(&reply(first.port(), 9999), from);
    std::thread::scope(|scope| {
        scope.spawn(|| circuit.serve(7.0));
        assert_eq!(get(&channel), 7.0);
        assert!(second.try_accept(Duration::from_millis(50)).is_none());
        assert_eq!(channel.status().server, Some(first.address()));
        drop(channel);
    });
}

#[test]
fn client_07_a_name_server_is_asked_once_it_has_told_a_version_that_can_be() {
    let (directory, server) = (Fake::new(), Fake::new());
    let context = asking(&directory);
    let elsewhere = context.channel("elsewhere");
    let mut circuit = directory.accept();
    circuit.expect(21);
    circuit.stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a deadline");
    let mut byte = [0];
    let silent = std::io::Read::read(&mut circuit.stream, &mut byte);
    assert!(silent.is_err(), "asked before it told its version");
    circuit.stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    circuit.send(&version());
    let asked = circuit.expect(6);
    circuit.send(&message(14, 10, 13, [asked.p1, asked.p2], &[]));
    circuit.send(&message(6, server.port(), 0, [0x7F00_0001, asked.p2], &[]));
    let mut far = server.accept();
    far.open();
    elsewhere.connected(DEADLINE).wait().expect("connected");
    // Without an address it is the name server itself; its own circuit is used, whatever the port says.
    let here = context.channel("here");
    let asked = circuit.expect(6);
    circuit.send(&message(6, 1, 0, [u32::MAX, asked.p2], &[]));
    circuit.open();
    here.connected(DEADLINE).wait().expect("connected");
    assert_eq!(here.status().server, Some(directory.address()));
    assert_eq!(context.report().circuits.iter().filter(|c| c.name_server).count(), 1);
    drop(here);
    circuit.expect(12);
    let _later = context.channel("later");
    circuit.expect(6);
}

#[test]
fn a_name_server_that_comes_up_late_is_asked_for_all_at_once() {
    let directory = Fake::new();
    let context = asking(&directory);
    let _channels: Vec<_> = (0..100).map(|i| context.channel(&format!("pv:{i}"))).collect();
    drop(directory.accept());
    let mut circuit = directory.accept();
    // By now the gaps between searches are two seconds, and the last was just before or is over soon.
    std::thread::sleep(Duration::from_millis(500));
    let start = Instant::now();
    circuit.send(&version());
    let mut asked = std::collections::HashSet::new();
    while asked.len() < 100 {
        asked.insert(circuit.expect(6).p2);
    }
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

#[test]
fn a_server_that_refuses_a_channel_is_not_asked_without_end() {
    let fake = Fake::found();
    let context = fake.context();
    let channel = context.channel("pv");
    let start = Instant::now();
    let refuse = || {
        let mut circuit = fake.accept();
        circuit.send(&version());
        let asked = circuit.expect(18);
        circuit.send(&message(26, 0, 0, [asked.p1, 0], &[]));
        circuit
    };
    let mut circuit = refuse();
    let asked = circuit.expect(18);
    assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
    circuit.created(asked.p1);
    channel.connected(DEADLINE).wait().expect("connected in the end");
}

#[test]
fn a_server_that_cannot_be_reached_is_not_tried_without_end() {
    let (fake, closed) = (Fake::new(), Fake::new());
    fake.answer_searches(closed.port());
    drop(closed);
    let context = fake.context();
    let channel = context.channel("pv");
    let late = channel.connected(Duration::from_millis(900)).wait().expect_err("nobody there");
    assert!(late.is_timeout());
    let tried = fake.searched.load(SeqCst);
    assert!((1..=4).contains(&tried), "{tried} times");
}

#[test]
fn garbage_on_the_search_socket_is_ignored() {
    let fake = Fake::new();
    let context = fake.context();
    let channel = context.channel("pv");
    let (cid, from) = fake.hear();
    let mut bytes = 1u32;
    for length in 0..600 {
        let soup: Vec<u8> = (0..length)
            .map(|_| {
                bytes = bytes.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (bytes >> 24) as u8
            })
            .collect();
        fake.send_to(&soup, from);
    }
    fake.send_to(&reply(fake.port(), cid), from);
    let mut circuit = fake.accept();
    circuit.open();
    channel.connected(DEADLINE).wait().expect("connected");
}

#[test]
fn client_31_a_repeater_is_asked_again_until_it_confirms_and_is_not_missed() {
    let rig = Rig::new();
    let repeater = UdpSocket::bind("127.0.0.1:0").expect("a port");
    repeater.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    let port = repeater.local_addr().expect("bound").port();
    let isolated = ClientConfig::isolated(rig.udp().port());
    let context =
        Context::new(ClientConfig { repeater_port: port, repeater: true, ..isolated }).expect("a socket");
    assert_eq!(get(&context.channel("double")), 1.5, "without a repeater");
    let mut buffer = [0; 64];
    let mut registered = || {
        let (length, from) = repeater.recv_from(&mut buffer).expect("a registration in time");
        assert!(length == 0 || buffer[..2] == [0, Command::RepeaterRegister as u8]);
        from
    };
    registered();
    let from = registered();
    repeater.send_to(&message(17, 0, 0, [0, 0x7F00_0001], &[]), from).expect("sent");
    repeater.set_read_timeout(Some(Duration::from_millis(2500))).expect("a deadline");
    assert!(repeater.recv_from(&mut [0; 64]).is_err(), "it is registered");
}

#[test]
fn a_beacon_of_a_server_that_comes_up_ends_a_long_wait() {
    let (fake, server) = (Fake::new(), Fake::new());
    let context = fake.context();
    let _channel = context.channel("pv");
    let (_, from) = fake.hear();
    until("the gaps are long", || {
        let start = Instant::now();
        fake.hear();
        start.elapsed() > Duration::from_millis(1500)
    });
    let beacon = |id| message(13, 13, server.port().into(), [id, 0x7F00_0001], &[]);
    fake.send_to(&beacon(0), from);
    fake.send_to(&beacon(1), from);
    let start = Instant::now();
    fake.hear();
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
}

#[test]
fn a_context_is_dropped_within_a_second_whatever_its_name_servers_do() {
    let rig = Rig::new();
    let (silent, closed) = (Fake::new(), Fake::new());
    let refused = closed.address();
    drop(closed);
    let unroutable = SocketAddrV4::new(Ipv4Addr::BROADCAST, 5064);
    for dead in [vec![silent.address()], vec![refused], vec![unroutable], vec![silent.address(), refused]] {
        let isolated = ClientConfig::isolated(rig.udp().port());
        let context =
            Context::new(ClientConfig { name_servers: dead.clone(), ..isolated }).expect("a socket");
        let channel = context.channel("double");
        assert_eq!(get(&channel), 1.5);
        let start = Instant::now();
        drop((channel, context));
        assert!(start.elapsed() < Duration::from_secs(1), "{dead:?}: {:?}", start.elapsed());
    }
}
