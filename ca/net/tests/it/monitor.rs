//! Subscriptions.

use ca::proto::dbr::Scalar;

use crate::peer::{Peer, message, monitor};
use crate::rig::Rig;

#[test]
fn a_post_reaches_every_circuit_once_and_every_subscription() {
    let rig = Rig::new();
    let mut peers = [Peer::new(&rig), Peer::new(&rig)];
    for peer in &mut peers {
        let sid = peer.open("double");
        (0..10).for_each(|id| assert_eq!(peer.ask(&monitor(sid, id)).0.p2, id));
    }
    rig.pvs.post("double", Scalar::Double(2.5));
    for peer in &mut peers {
        for id in 0..10 {
            let (update, payload) = peer.read();
            assert_eq!((update.command, update.p1, update.p2), (1, 1, id));
            assert_eq!(payload, 2.5f64.to_be_bytes());
        }
    }
    rig.wait_for(|report| {
        report.circuits.iter().all(|c| (c.pushes, c.updates, c.subscriptions) == (1, 20, 10))
    });
}

#[test]
fn posts_from_another_thread_arrive_in_order_and_the_last_one_always() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    peer.ask(&monitor(sid, 20));
    std::thread::scope(|scope| {
        scope.spawn(|| (1..=20_000).for_each(|n| rig.pvs.post("double", Scalar::Double(n.into()))));
        let mut last = 0.0;
        while last < 20_000.0 {
            let value = f64::from_be_bytes(peer.read().1.try_into().expect("8 bytes"));
            assert!(value > last, "{value} after {last}");
            last = value;
        }
    });
}

#[test]
fn after_a_cancel_there_is_silence() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    peer.ask(&monitor(sid, 20));
    let (confirmed, _) = peer.ask(&message(2, 6, 0, [sid, 20], &[]));
    assert_eq!((confirmed.command, confirmed.size, confirmed.p1, confirmed.p2), (1, 0, sid, 20));
    rig.pvs.post("double", Scalar::Double(2.5));
    assert_eq!(peer.number(sid), 2.5, "the next message is the answer to the get");
}

#[test]
fn events_off_holds_updates_until_on() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    peer.ask(&monitor(sid, 20));
    peer.send(&message(8, 0, 0, [0, 0], &[]));
    assert_eq!(peer.number(sid), 1.5);
    (1..=10).for_each(|n| rig.pvs.post("double", Scalar::Double(n.into())));
    assert_eq!(peer.number(sid), 10.0, "no update came in between");
    let (update, payload) = peer.ask(&message(9, 0, 0, [0, 0], &[]));
    assert_eq!((update.command, payload), (1, 10f64.to_be_bytes().to_vec()));
}

#[test]
fn a_subscription_made_while_off_gets_its_first_update_at_on() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    peer.send(&[message(8, 0, 0, [0, 0], &[]), monitor(sid, 20)].concat());
    assert_eq!(peer.number(sid), 1.5);
    assert_eq!(peer.ask(&message(9, 0, 0, [0, 0], &[])).0.p2, 20);
}

#[test]
fn a_client_that_goes_leaves_no_subscriber_behind() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    peer.ask(&monitor(sid, 20));
    assert_eq!(rig.pvs.subscribers("double"), 1);
    drop(peer);
    rig.wait_for(|report| report.circuits.is_empty());
    assert_eq!(rig.pvs.subscribers("double"), 0);
}
