//! The greeting, gets, and the socket options of a circuit.

use ca::proto::MINOR_VERSION;

use crate::peer::{Peer, get, message};
use crate::rig::Rig;

#[test]
fn the_server_greets_before_the_client_says_anything() {
    let rig = Rig::new();
    let (hello, _) = Peer::silent(&rig).read();
    assert_eq!((hello.command, hello.data_type, hello.count), (0, 0, MINOR_VERSION.into()));
}

#[test]
fn a_get_is_answered_and_an_echo_returns() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    assert_eq!(peer.number(sid), 1.5);
    let (echo, payload) = peer.ask(&message(23, 1, 2, [3, 4], b"12345678"));
    assert_eq!((echo.command, echo.p2, &payload[..]), (23, 4, &b"12345678"[..]));
}

#[test]
fn a_large_array_arrives_whole() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("image");
    let (header, payload) = peer.ask(&get(0, sid, 9));
    assert_eq!((header.count, payload.len()), (1_000_000, 8_000_000));
    assert!(payload.chunks(8).all(|element| element == 0.5f64.to_be_bytes()));
}

#[test]
fn a_thousand_requests_in_one_segment_are_answered_in_order() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    let requests: Vec<u8> = (0..1000).flat_map(|ioid| get(1, sid, ioid)).collect();
    peer.send(&requests);
    assert!((0..1000).all(|ioid| peer.read().0.p2 == ioid));
}

#[test]
fn an_id_of_another_circuit_is_error_142_and_the_owner_is_unaffected() {
    let rig = Rig::new();
    let (mut owner, mut other) = (Peer::new(&rig), Peer::new(&rig));
    let (sid, own) = (owner.open("double"), other.open("double"));
    assert_ne!(sid, own, "ids are unique among the circuits of a server");
    let (error, _) = other.ask(&get(1, sid, 9));
    assert_eq!((error.command, error.p1, error.p2), (11, u32::MAX, 142));
    assert!(other.rest().is_empty());
    assert_eq!(owner.number(sid), 1.5);
}

/// Which timer runs on the server's end of a connection, from the kernel's table.
#[cfg(target_os = "linux")]
fn timer(server: u16, client: u16) -> Option<String> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let ends = format!("0100007F:{server:04X} 0100007F:{client:04X} 01");
    let line = table.lines().find(|line| line.contains(&ends))?;
    line.split_whitespace().nth(5)?.split(':').next().map(str::to_owned)
}

#[test]
#[cfg(target_os = "linux")]
fn a_silent_client_is_probed_by_the_kernel() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    assert_eq!(peer.number(sid), 1.5);
    let client = peer.stream.local_addr().expect("an address").port();
    let start = std::time::Instant::now();
    let keepalive = || timer(rig.tcp().port(), client).as_deref() == Some("02");
    while !keepalive() {
        assert!(start.elapsed() < crate::rig::DEADLINE, "no keepalive timer");
        std::thread::yield_now();
    }
}
