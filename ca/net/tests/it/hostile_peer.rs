//! Clients that break off, do not read, or send no messages.

use std::time::Duration;

use ca::proto::dbr::{ArrayData, Scalar, Value};
use socket2::SockRef;

use crate::peer::{Peer, get, message, monitor};
use crate::rig::Rig;

#[test]
fn a_reset_during_a_large_reply_leaves_others_alone() {
    let rig = Rig::new();
    let mut other = Peer::new(&rig);
    let sid = other.open("double");
    for _ in 0..5 {
        let mut rude = Peer::new(&rig);
        let image = rude.open("image");
        rude.send(&get(0, image, 1));
        rude.read_some();
        SockRef::from(&rude.stream).set_linger(Some(Duration::ZERO)).expect("a reset on close");
        drop(rude);
        assert_eq!(other.number(sid), 1.5);
    }
    rig.wait_for(|report| report.circuits.len() == 1);
}

impl Peer {
    /// Reads the start of a reply, so that it is under way.
    fn read_some(&mut self) {
        use std::io::Read;
        self.stream.read_exact(&mut [0; 1000]).expect("the start of a reply");
    }
}

#[test]
fn a_client_that_does_not_read_is_not_served_on() {
    let rig = Rig::new();
    let (mut stalled, mut other) = (Peer::new(&rig), Peer::new(&rig));
    let (image, sid) = (stalled.open("image"), other.open("double"));
    let requests: Vec<u8> = (0..200).flat_map(|ioid| get(0, image, ioid)).collect();
    stalled.send(&requests);
    stalled.read_some();
    for _ in 0..100 {
        assert_eq!(other.number(sid), 1.5);
    }
    let executed = rig.report().circuits[0].requests;
    assert!(executed < 20, "{executed} replies of 8 MB for a client that reads none");
}

#[test]
fn a_stalled_subscriber_to_arrays_disturbs_nobody_and_gets_the_last_one() {
    let rig = Rig::new();
    let (mut stalled, mut other) = (Peer::new(&rig), Peer::new(&rig));
    let (frame, sid) = (stalled.open("frame"), other.open("double"));
    stalled.ask(&monitor(frame, 20));
    for n in 1..=300 {
        rig.pvs.post("frame", Value::array(ArrayData::Double(vec![n.into(); 10_000])));
        assert_eq!(other.number(sid), 1.5, "frame {n}");
    }
    let (mut last, mut received) = (0.0, 0);
    while last < 300.0 {
        let (update, payload) = stalled.read();
        assert_eq!((update.command, payload.len()), (1, 80_000));
        let frame = f64::from_be_bytes(payload[..8].try_into().expect("8 bytes"));
        assert!(frame > last, "frame {frame} after {last}");
        (last, received) = (frame, received + 1);
    }
    rig.wait_for(|report| report.circuits[0].squashed == 300 - received);
    assert!(received < 200, "{received} frames were kept for a client that read none");
}

#[test]
fn a_stalled_subscriber_gets_the_last_scalar() {
    let rig = Rig::new();
    let (mut stalled, mut other) = (Peer::new(&rig), Peer::new(&rig));
    let (double, sid) = (stalled.open("double"), other.open("double"));
    let requests: Vec<u8> = (0..1000).flat_map(|id| monitor(double, id)).collect();
    stalled.send(&requests);
    for n in 1..=2000 {
        rig.pvs.post("double", Scalar::Double(n.into()));
    }
    assert_eq!(other.number(sid), 2000.0);
    let mut last = vec![0.0; 1000];
    while last.iter().any(|value| *value < 2000.0) {
        let (update, payload) = stalled.read();
        last[update.p2 as usize] = f64::from_be_bytes(payload.try_into().expect("8 bytes"));
    }
}

#[test]
fn a_scalar_stays_alive_beside_an_image() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let (image, double) = (peer.open("image"), peer.open("double"));
    peer.ask(&monitor(image, 20));
    peer.ask(&monitor(double, 30));
    for n in 1..=20 {
        rig.pvs.post("image", Value::array(ArrayData::Double(vec![n.into(); 1_000_000])));
    }
    rig.pvs.post("double", Scalar::Double(9.0));
    let images = std::iter::from_fn(|| Some(peer.read().0.p2)).take_while(|id| *id == 20).count();
    assert!(images <= 5, "the scalar waited for {images} images");
}

#[test]
fn a_malformed_message_is_reported_before_the_circuit_closes() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    peer.open("double");
    let mut request = message(23, 0, 0, [0, 0], &[]);
    request[3] = 4;
    let (error, _) = peer.ask(&request);
    assert_eq!((error.command, error.p2), (11, 142));
    assert!(peer.rest().is_empty());
    rig.wait_for(|report| report.circuits.is_empty());
}

#[test]
fn a_client_that_never_speaks_costs_one_circuit() {
    let rig = Rig::new();
    let idle: Vec<_> = (0..20).map(|_| Peer::silent(&rig)).collect();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    assert_eq!(peer.number(sid), 1.5);
    assert_eq!(rig.report().circuits.len(), 21);
    drop(idle);
    rig.wait_for(|report| report.circuits.len() == 1);
}
