//! The number of circuits, and the bounds of each.

use ca::Config;
use ca::proto::Limits;

use crate::peer::{Peer, message};
use crate::rig::Rig;

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
