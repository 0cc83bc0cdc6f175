//! The end of a server.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::peer::{Peer, get, monitor};
use crate::rig::Rig;

#[test]
fn stop_closes_all_circuits_and_frees_the_port() {
    let mut rig = Rig::new();
    let address = rig.tcp();
    let mut peers: Vec<_> = (0..10).map(|_| Peer::new(&rig)).collect();
    let sid = peers[0].open("double");
    peers[0].ask(&monitor(sid, 20));
    assert!(rig.stop(Duration::from_secs(5)));
    for peer in &mut peers {
        peer.stream.set_nonblocking(true).expect("non-blocking");
        assert!(peer.rest().is_empty(), "closed already");
    }
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn stop_does_not_wait_for_a_client_that_does_not_read() {
    let mut rig = Rig::new();
    let mut stalled = Peer::new(&rig);
    let image = stalled.open("image");
    let requests: Vec<u8> = (0..20).flat_map(|ioid| get(0, image, ioid)).collect();
    stalled.send(&requests);
    stalled.read_header();
    let start = Instant::now();
    assert!(rig.stop(Duration::from_secs(5)), "within the deadline");
    assert!(start.elapsed() < Duration::from_secs(4));
}

impl Peer {
    /// Reads the head of a reply and leaves the rest.
    fn read_header(&mut self) {
        use std::io::Read;
        self.stream.read_exact(&mut [0; 24]).expect("a reply");
    }
}
