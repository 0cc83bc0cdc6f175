//! Name search over UDP and TCP, beacons, several servers on a host.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use ca_proto::wire::{Command, Header};
use wrapper::Config;

use crate::raw::{DEADLINE, message};
use crate::support::{Bench, assert_quiet, header, padded_text};

pub(crate) const DONT_REPLY: u16 = 5;
pub(crate) const DO_REPLY: u16 = 10;

/// A client's UDP socket.
pub(crate) struct Searcher {
    socket: UdpSocket,
    server: SocketAddr,
}

impl Searcher {
    pub(crate) fn new(bench: &Bench) -> Self {
        Self::at(Ipv4Addr::LOCALHOST, bench)
    }

    pub(crate) fn at(address: Ipv4Addr, bench: &Bench) -> Self {
        let socket = UdpSocket::bind((address, 0)).expect("loopback");
        socket.set_read_timeout(Some(DEADLINE)).expect("timeout");
        Self { socket, server: bench.ioc.udp_addresses()[0].into() }
    }

    pub(crate) fn send(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.server).expect("loopback");
    }

    fn answer(&self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let (length, from) = self.socket.recv_from(&mut buffer).expect("an answer");
        assert_eq!(from, self.server, "answers leave from the port that listens");
        buffer[..length].to_vec()
    }

    /// Asserts that nothing of what was sent so far is answered, but a good search behind it is.
    pub(crate) fn assert_silent_before(&self, bench: &Bench, sequence: u32) {
        self.send(&[version(sequence), search(DONT_REPLY, "c:double", 1, 1)].concat());
        assert_eq!(self.answer(), [version(sequence), found(bench, 1)].concat());
    }
}

pub(crate) fn version(sequence: u32) -> Vec<u8> {
    message(Command::Version, 1, 13, sequence, 0, &[])
}

pub(crate) fn search(reply: u16, name: &str, p1: u32, p2: u32) -> Vec<u8> {
    message(Command::Search, reply, 13, p1, p2, &padded_text(name))
}

/// The answer about one name.
fn found(bench: &Bench, p2: u32) -> Vec<u8> {
    message(Command::Search, bench.tcp_port(), 0, 0xFFFF_FFFF, p2, &[0, 13, 0, 0, 0, 0, 0, 0])
}

#[test]
fn server_59_a_search_without_version_is_not_answered() {
    let bench = Bench::start();
    let searcher = Searcher::new(&bench);
    searcher.send(&search(DO_REPLY, "c:double", 9, 9));
    searcher.assert_silent_before(&bench, 2);
}

#[test]
fn server_60_a_search_is_answered_with_sequence_number_port_and_minor() {
    let bench = Bench::start();
    let searcher = Searcher::new(&bench);
    searcher.send(&[version(0x0102_0304), search(DONT_REPLY, "c:double", 7, 8)].concat());
    let answer = searcher.answer();
    assert_eq!(answer.len(), 40);
    assert_eq!(answer[..16], [0, 0, 0, 0, 0, 1, 0, 13, 1, 2, 3, 4, 0, 0, 0, 0]);
    let [high, low] = bench.tcp_port().to_be_bytes();
    assert_eq!(answer[16..32], [0, 6, 0, 8, high, low, 0, 0, 255, 255, 255, 255, 0, 0, 0, 8]);
    assert_eq!(answer[32..], [0, 13, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn server_61_three_known_names_of_forty_are_one_datagram() {
    let bench = Bench::start();
    let searcher = Searcher::new(&bench);
    let mut datagram = version(5);
    for i in 0..40 {
        let name = match i {
            3 => "c:double".to_owned(),
            20 => "c:long".to_owned(),
            39 => "g:go".to_owned(),
            _ => format!("unknown:{i}"),
        };
        datagram.extend(search(DONT_REPLY, &name, 100 + i, 100 + i));
    }
    searcher.send(&datagram);
    let expected = [version(5), found(&bench, 103), found(&bench, 120), found(&bench, 139)].concat();
    assert_eq!(searcher.answer(), expected);
    searcher.assert_silent_before(&bench, 6);
}

#[test]
fn server_62_an_answer_goes_from_the_search_port_to_the_senders_port() {
    let bench = Bench::start();
    let searchers = [Searcher::new(&bench), Searcher::new(&bench)];
    for (i, searcher) in (0..).zip(&searchers) {
        searcher.send(&[version(i), search(DONT_REPLY, "c:double", i, i)].concat());
    }
    for (i, searcher) in (0..).zip(&searchers) {
        // `answer` looks at where it came from.
        assert_eq!(searcher.answer(), [version(i), found(&bench, i)].concat());
    }
}

#[test]
fn server_63_unknown_names_are_silent_unless_tcp_asks_for_a_reply() {
    let bench = Bench::start();
    let searcher = Searcher::new(&bench);
    searcher.send(&[version(1), search(DO_REPLY, "c:nothing", 7, 8)].concat());
    searcher.assert_silent_before(&bench, 2);
    let mut raw = bench.connect();
    raw.send_bytes(&search(DONT_REPLY, "c:nothing", 7, 8));
    assert_quiet(&mut raw);
    raw.send_bytes(&search(DO_REPLY, "c:nothing", 7, 8));
    assert_eq!(raw.next().header, header(Command::NotFound, 0, 10, 13, 7, 8));
    assert_quiet(&mut raw);
}

#[test]
fn server_64_over_tcp_an_answer_has_the_port_and_no_payload() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    for reply in [DONT_REPLY, DO_REPLY] {
        raw.send_bytes(&search(reply, "c:double", 7, 8));
        assert_eq!(raw.next().header, header(Command::Search, 0, bench.tcp_port(), 0, 0xFFFF_FFFF, 8));
    }
    assert_quiet(&mut raw);
}

#[test]
fn server_65_garbage_is_silent_and_good_datagrams_behind_it_are_answered() {
    let bench = Bench::start();
    let searcher = Searcher::new(&bench);
    let good = search(DO_REPLY, "c:double", 9, 9);
    let unknown = message(Command::Echo, 0, 0, 0, 0, &[]);
    let mut strange = Vec::new();
    Header { command: 99, ..Header::default() }.encode(&mut strange);
    let bad = [
        Vec::new(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xFF; 1500],
        version(9)[..15].to_vec(),
        [version(9), good[..good.len() - 1].to_vec()].concat(),
        [version(9), unknown, good.clone()].concat(),
        [version(9), strange, good].concat(),
        [version(9), message(Command::Search, DO_REPLY, 3, 9, 9, &padded_text("c:double"))].concat(),
        [version(9), message(Command::Search, DO_REPLY, 13, 9, 9, &[])].concat(),
    ];
    for (sequence, datagram) in (10..).zip(bad) {
        searcher.send(&datagram);
        searcher.assert_silent_before(&bench, sequence);
    }
}

/// Needs all of 127.0.0.0/8 on the loopback interface.
#[cfg(target_os = "linux")]
#[test]
fn server_66_a_source_in_the_ignore_list_hears_nothing() {
    let bench = Bench::with(Config { ignored: vec![Ipv4Addr::LOCALHOST], ..Config::isolated() });
    let (ignored, other) = (Searcher::new(&bench), Searcher::at(Ipv4Addr::new(127, 0, 0, 2), &bench));
    ignored.send(&[version(1), search(DO_REPLY, "c:double", 9, 9)].concat());
    other.assert_silent_before(&bench, 2);
    ignored.socket.set_nonblocking(true).expect("a socket");
    assert!(ignored.socket.recv(&mut [0; 64]).is_err());
}

#[test]
fn server_67_a_second_server_takes_a_free_tcp_port_and_answers_with_it() {
    // The UDP port of that number may be somebody else's: then another pair is tried.
    let (first, second) = (0..5)
        .find_map(|_| {
            let first = Bench::start();
            let config = Config { server_port: first.tcp_port(), ..Config::isolated() };
            Some((first, Bench::try_with(config)?))
        })
        .expect("a port");
    assert_ne!(first.tcp_port(), second.tcp_port());
    assert_eq!(second.ioc.udp_addresses()[0].port(), first.tcp_port(), "UDP stays on the configured port");
    Searcher::new(&second).assert_silent_before(&second, 1);
    for bench in [&first, &second] {
        let mut raw = bench.connect();
        raw.channel("c:double");
    }
}

/// A socket that hears beacons, and the configuration of a server that sends them there.
fn beacons() -> (UdpSocket, Config) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
    socket.set_read_timeout(Some(DEADLINE)).expect("timeout");
    let SocketAddr::V4(address) = socket.local_addr().expect("bound") else { unreachable!("IPv4") };
    let period = Some(Duration::from_millis(100));
    (socket, Config { beacon_addresses: vec![address], beacon_period: period, ..Config::isolated() })
}

fn beacon(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 64];
    let length = socket.recv(&mut buffer).expect("a beacon");
    buffer[..length].to_vec()
}

#[test]
fn server_68_beacons_count_from_two_zeros_with_gaps_that_double() {
    let (socket, config) = beacons();
    let start = Instant::now();
    let bench = Bench::with(config);
    // Milliseconds after which each is due, 20 + 40 + 80 and then the period of 100.
    for (id, due) in [(0, 0), (0, 20), (1, 60), (2, 140), (3, 240), (4, 340)] {
        let expected = message(Command::Beacon, 13, bench.tcp_port().into(), id, 0, &[]);
        assert_eq!(beacon(&socket), expected);
        assert!(start.elapsed() >= Duration::from_millis(due), "beacon {id} came early");
    }
}

#[test]
fn server_69_after_a_restart_the_beacons_count_from_zero_again() {
    let (socket, config) = beacons();
    let bench = Bench::with(config.clone());
    while beacon(&socket)[8..12] != [0, 0, 0, 1] {}
    bench.ioc.stop();
    socket.set_nonblocking(true).expect("a socket");
    while socket.recv(&mut [0; 64]).is_ok() {}
    socket.set_nonblocking(false).expect("a socket");
    let bench = Bench::with(config);
    for id in [0, 0, 1] {
        let expected = message(Command::Beacon, 13, bench.tcp_port().into(), id, 0, &[]);
        assert_eq!(beacon(&socket), expected);
    }
}
