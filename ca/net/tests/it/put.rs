//! WRITE and WRITE_NOTIFY.

use ca::proto::Eca;

use crate::peer::{Peer, message, monitor, put};
use crate::rig::{DEADLINE, Rig};

#[test]
fn a_put_is_seen_by_the_next_get() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    peer.send(&put(4, sid, 1, 2.5));
    assert_eq!(peer.number(sid), 2.5);
    let (done, _) = peer.ask(&put(19, sid, 8, 3.5));
    assert_eq!((done.command, done.p1, done.p2), (19, 1, 8));
}

#[test]
fn a_failed_put_is_error_160() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    let request = message(4, 0, 1, [sid, 1], b"abc\0");
    let (error, payload) = peer.ask(&request);
    assert_eq!((error.command, error.p2, &payload[..16]), (11, 160, &request[..16]));
}

/// A circuit with one put pending, and a subscription to the same PV.
fn pending(rig: &Rig) -> (Peer, u32) {
    let mut peer = Peer::new(rig);
    let sid = peer.open("slow");
    peer.ask(&monitor(sid, 20));
    let (update, _) = peer.ask(&put(19, sid, 8, 3.5));
    assert_eq!((update.command, update.p2), (1, 20));
    (peer, sid)
}

#[test]
fn a_deferred_put_is_answered_behind_the_posts_made_before() {
    let rig = Rig::new();
    let (mut peer, sid) = pending(&rig);
    assert_eq!(peer.number(sid), 3.5, "nothing else waits");
    rig.pvs.post("slow", ca::proto::dbr::Scalar::Double(4.0));
    let answer = rig.pvs.answers.lock().pop().expect("an answer is awaited");
    assert!(answer.is_awaited());
    answer.send(Eca::NORMAL);
    assert_eq!(peer.read().0.command, 1);
    let (done, _) = peer.read();
    assert_eq!((done.command, done.p1, done.p2), (19, 1, 8));
}

#[test]
fn an_answer_that_is_dropped_says_that_the_put_failed() {
    let rig = Rig::new();
    let (mut peer, _) = pending(&rig);
    rig.pvs.answers.lock().clear();
    let (done, _) = peer.read();
    assert_eq!((done.command, done.p1, done.p2), (19, 160, 8));
}

#[test]
fn an_answer_after_the_client_has_gone_does_no_harm() {
    let rig = Rig::new();
    drop(pending(&rig));
    rig.wait_for(|report| report.circuits.is_empty());
    rig.pvs.answers.lock().clear();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("slow");
    assert_eq!(peer.number(sid), 3.5);
}

#[test]
fn half_close_after_a_put_applies_it_and_closes() {
    let rig = Rig::new();
    let mut peer = Peer::new(&rig);
    let sid = peer.open("double");
    let start = std::time::Instant::now();
    peer.send(&[put(4, sid, 1, 7.5), message(12, 0, 0, [sid, 1], &[])].concat());
    peer.half_close();
    assert_eq!(peer.rest(), message(12, 0, 0, [sid, 1], &[]));
    assert!(start.elapsed() < DEADLINE / 2, "closed promptly");
    assert_eq!(rig.pvs.value("double"), ca::proto::dbr::Scalar::Double(7.5).into());
    rig.wait_for(|report| report.circuits.is_empty());
}
