//! The repeater on a port of its own, with raw clients, our server and our client.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use ca::client::{Channel, Context};
use ca::proto::repeater::{NOOP, confirm, register};
use ca::repeater::{Repeater, RepeaterReport, Reports};
use ca::{ClientConfig, Config};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::peer::{Searcher, message};
use crate::rig::{DEADLINE, Rig};

/// A repeater that runs; stops when dropped.
struct Running {
    address: SocketAddrV4,
    reports: Reports,
    stop: Option<oneshot::Sender<()>>,
    runtime: Runtime,
}

impl Running {
    fn new() -> Self {
        Self::on(0, 1024)
    }

    fn on(port: u16, room: usize) -> Self {
        Self::of(Repeater::bind(port, &[]).expect("a port").with_room_for(room))
    }

    fn of(repeater: Repeater) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (stop, stopped) = oneshot::channel();
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, repeater.port());
        let reports = repeater.reports();
        runtime.spawn(repeater.run(async { drop(stopped.await) }));
        Self { address, reports, stop: Some(stop), runtime }
    }

    fn report(&self) -> RepeaterReport {
        self.reports.report()
    }

    #[track_caller]
    fn wait_for(&self, what: impl Fn(&RepeaterReport) -> bool) {
        let start = Instant::now();
        while !what(&self.report()) {
            assert!(start.elapsed() < DEADLINE, "never came: {:?}", self.report());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// A client that has sent this and was confirmed.
    fn client(&self, registration: &[u8]) -> Searcher {
        let client = Searcher::new();
        client.send(registration, self.address);
        assert_eq!(client.next(), confirm(Ipv4Addr::LOCALHOST));
        client
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _still_in = self.runtime.enter();
    }
}

impl Searcher {
    /// The next datagram that is not said to nobody in particular.
    fn next(&self) -> Vec<u8> {
        loop {
            let datagram = self.read().0;
            if datagram != NOOP {
                return datagram;
            }
        }
    }

    fn address(&self) -> SocketAddrV4 {
        match self.0.local_addr().expect("bound") {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(_) => panic!("not IPv4"),
        }
    }
}

/// A server that sends its beacons there.
fn server(repeater: SocketAddrV4) -> Rig {
    let beacon_addresses = vec![repeater];
    let beacon_period = Some(Duration::from_millis(100));
    Rig::with(Config { beacon_addresses, beacon_period, ..Config::isolated() })
}

/// Our client with this repeater port.
fn context(rig: &Rig, repeater_port: u16) -> Context {
    let isolated = ClientConfig::isolated(rig.udp().port());
    Context::new(ClientConfig { repeater: true, repeater_port, ..isolated }).expect("a socket")
}

#[track_caller]
fn wait_until(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < DEADLINE, "never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn free_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| socket.local_addr()).expect("a port").port()
}

#[test]
fn both_kinds_of_clients_get_beacons_with_the_server_s_address() {
    let repeater = Running::new();
    let clients = [repeater.client(&[]), repeater.client(&register(Ipv4Addr::UNSPECIFIED))];
    let rig = server(repeater.address);
    let port = rig.tcp().port().into();
    for client in &clients {
        for id in [0, 0, 1, 2] {
            assert_eq!(client.next(), message(13, 13, port, [id, 0x7F00_0001], &[]));
        }
    }
    let report = repeater.report();
    assert_eq!((report.clients, report.registrations, report.refused, report.gone), (2, 2, 0, 0));
}

#[test]
fn a_sender_does_not_hear_itself_and_all_others_hear_what_it_said() {
    let repeater = Running::new();
    let [sender, other] = [(); 2].map(|()| repeater.client(&[]));
    for foreign in [&b"x"[..], &[0xFF; 15], &[0xFF; 16], &[0; 40], &[7; 9000]] {
        sender.send(foreign, repeater.address);
        let mut buffer = vec![0; 10_000];
        let length = loop {
            let (length, from) = other.0.recv_from(&mut buffer).expect("in time");
            assert_eq!(from.ip(), Ipv4Addr::LOCALHOST);
            if buffer[..length] != NOOP {
                break length;
            }
        };
        assert_eq!(&buffer[..length], foreign);
    }
    // What is said about a registration goes the same way.
    sender.send(&[&register(Ipv4Addr::LOCALHOST)[..], b"and more"].concat(), repeater.address);
    assert_eq!(sender.next(), confirm(Ipv4Addr::LOCALHOST));
    assert_eq!(other.next(), b"and more");
    other.send(b"last", repeater.address);
    assert_eq!(sender.next(), b"last", "nothing of its own came back");
    repeater.wait_for(|report| report.clients == 2);
}

#[test]
fn a_client_that_is_gone_is_dropped_and_may_come_again() {
    let repeater = Running::new();
    let (stays, goes) = (repeater.client(&[]), repeater.client(&[]));
    let address = goes.address();
    drop(goes);
    let last = repeater.client(&[]);
    repeater.wait_for(|report| report.gone == 1 && report.clients == 2);
    let again = Searcher::at(&address.to_string());
    again.send(&[], repeater.address);
    assert_eq!(again.next(), confirm(Ipv4Addr::LOCALHOST));
    // On a quiet network beacons tell it, a second one at the latest.
    drop(again);
    while repeater.report().gone < 2 {
        last.send(b"anything", repeater.address);
        assert_eq!(stays.next(), b"anything");
    }
    repeater.wait_for(|report| report.clients == 2);
}

#[test]
fn who_takes_the_port_of_a_dead_client_is_confirmed() {
    let repeater = Running::new();
    let first = repeater.client(&[]);
    let address = first.address();
    let other = repeater.client(&[]);
    drop(first);
    // The old link learns of the death; that must not be taken for the new client's.
    other.send(b"anything", repeater.address);
    repeater.wait_for(|report| report.datagrams == 1);
    let second = Searcher::at(&address.to_string());
    second.send(&[], repeater.address);
    assert_eq!(second.next(), confirm(Ipv4Addr::LOCALHOST));
    other.send(b"more", repeater.address);
    assert_eq!(second.next(), b"more");
    repeater.wait_for(|report| report.clients == 2);
}

#[test]
fn a_host_has_one_repeater() {
    let repeater = Running::new();
    let error = Repeater::bind(repeater.address.port(), &[]).expect_err("taken");
    assert!(error.is_in_use(), "{error}");
    let port = repeater.address.port();
    drop(repeater);
    assert_eq!(Running::on(port, 1).address.port(), port, "it is free again");
}

#[test]
fn what_is_sent_to_a_group_is_repeated_with_the_sender_s_address() {
    let group = Ipv4Addr::new(239, 255, 53, 65);
    let repeater = Running::of(Repeater::bind(0, &[group]).expect("a port"));
    let client = repeater.client(&[]);
    let sender = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
    let beacon = message(13, 13, 5064, [1, 0], &[]);
    if let Err(error) = sender.send_to(&beacon, (group, repeater.address.port())) {
        return println!("skipped: no multicasts here: {error}");
    }
    let heard = client.next();
    assert_eq!(heard[..12], beacon[..12]);
    assert_ne!(heard[12..], [0; 4]);
}

#[test]
fn a_full_table_drops_the_dead_before_it_refuses() {
    let repeater = Running::on(0, 64);
    let mut clients: Vec<_> = (0..64).map(|_| repeater.client(&[])).collect();
    repeater.wait_for(|report| report.clients == 64);
    let one_more = Searcher::new();
    one_more.send(&[], repeater.address);
    repeater.wait_for(|report| report.refused == 1);
    assert!(one_more.has_nothing());
    drop(clients.pop());
    one_more.send(&[], repeater.address);
    assert_eq!(one_more.next(), confirm(Ipv4Addr::LOCALHOST));
    repeater.wait_for(|report| report.clients == 64);
}

#[test]
fn a_flood_is_repeated_or_lost_and_the_repeater_serves_on() {
    let repeater = Running::new();
    let reader = repeater.client(&[]);
    let idle = repeater.client(&[]);
    let flood = Searcher::new();
    for number in 0..50_000_u32 {
        flood.send(&message(13, 13, 5064, [number, 0], &[]), repeater.address);
    }
    flood.send(&[], repeater.address);
    repeater.wait_for(|report| report.registrations >= 2 && report.datagrams > 0);
    let late = Searcher::new();
    late.0.set_read_timeout(Some(Duration::from_millis(200))).expect("a deadline");
    wait_until(|| {
        // The registration itself may be lost in a flood.
        late.send(&[], repeater.address);
        late.0.recv_from(&mut [0; 16]).is_ok()
    });
    late.0.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    let report = repeater.report();
    assert!(report.datagrams <= 50_000 && report.sent <= 3 * report.datagrams, "{report:?}");
    while !idle.has_nothing() {}
    while !reader.has_nothing() {}
    late.send(b"after", repeater.address);
    assert_eq!(reader.next(), b"after");
    assert_eq!(idle.next(), b"after");
}

#[test]
fn our_client_is_registered_and_hears_the_beacons_of_our_server() {
    let repeater = Running::new();
    let rig = server(repeater.address);
    let context = context(&rig, repeater.address.port());
    wait_until(|| context.is_registered() && context.beacons() > 0);
    assert_eq!(repeater.report().registrations, 1, "once confirmed it asks no more");
    let isolated = Context::new(ClientConfig::isolated(rig.udp().port())).expect("a socket");
    let channel = isolated.channel("double");
    channel.get(Channel::PLAIN, 0, DEADLINE).wait().expect("a value");
    assert!(!isolated.is_registered());
}

#[test]
fn the_first_client_of_a_host_is_its_repeater_and_outlives_its_context() {
    let port = free_port();
    let rig = server(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
    let first = context(&rig, port);
    assert!(Repeater::bind(port, &[]).expect_err("taken").is_in_use(), "at once");
    let second = context(&rig, port);
    wait_until(|| [&first, &second].iter().all(|context| context.is_registered() && context.beacons() > 0));
    drop(first);
    let heard = second.beacons();
    wait_until(|| second.beacons() > heard);
}

#[test]
fn a_client_whose_repeater_comes_late_registers_when_it_is_there() {
    let rig = Rig::new();
    // Taken by somebody who repeats nothing.
    let squatter = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port");
    let port = squatter.local_addr().expect("bound").port();
    let context = context(&rig, port);
    squatter.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    let mut buffer = [0; 32];
    let (length, _) = squatter.recv_from(&mut buffer).expect("a registration");
    assert_eq!(buffer[..length], register(Ipv4Addr::LOCALHOST));
    let (length, _) = squatter.recv_from(&mut buffer).expect("another one");
    assert_eq!(length, 0, "as libca does");
    assert!(!context.is_registered());
    drop(squatter);
    wait_until(|| context.is_registered());
}
