//! Channels over a long life: servers that come and go, and nothing left behind.

use ca::client::{Channel, MonitorEvent};
use ca::proto::EventMask;

use crate::client_rig::{context, get, payload, put, until, update};
use crate::fake::Fake;
use crate::peer::message;
use crate::rig::{DEADLINE, Rig};

#[test]
fn nothing_is_left_of_requests_that_were_given_up_in_any_way() {
    let rig = Rig::new();
    let context = context(&rig);
    let (slow, double) = (context.channel("slow"), context.channel("double"));
    slow.connected(DEADLINE).wait().expect("connected");
    get(&double);
    drop(slow.put_notify(6, 1, payload(1.0), DEADLINE));
    let late = slow.put_notify(6, 1, payload(1.0), std::time::Duration::from_millis(20));
    assert!(late.wait().expect_err("slow").is_timeout());
    put(&double, 1.0).expect("done");
    let monitor = double.monitor(6, 1, EventMask::VALUE);
    drop(monitor);
    until("the cancel is confirmed", || context.report().circuits[0].subscriptions == 0);
    assert_eq!(context.report().circuits[0].requests, 0);
    rig.pvs.answers.lock().clear();
}

#[test]
fn a_channel_that_the_server_gives_up_fails_its_requests_and_comes_back() {
    let fake = Fake::found();
    let context = fake.context();
    let channel = context.channel("pv");
    let mut monitor = channel.monitor(Channel::PLAIN, 0, EventMask::VALUE);
    let mut circuit = fake.accept();
    let cid = circuit.open().p1;
    let id = circuit.expect(1).p2;
    circuit.send(&message(1, 6, 1, [1, id], &1.0f64.to_be_bytes()));
    assert_eq!(update(&mut monitor), 1.0);
    let pending = channel.get(6, 1, DEADLINE);
    circuit.expect(15);
    circuit.send(&message(27, 0, 0, [cid, 0], &[]));
    assert!(pending.wait().expect_err("given up").is_disconnected());
    assert_eq!(monitor.wait(std::time::Instant::now() + DEADLINE), Some(MonitorEvent::Disconnected));
    let asked = circuit.expect(18);
    circuit.created(asked.p1);
    let again = circuit.expect(1);
    assert_eq!(again.p2, id, "on the same circuit, with the same id");
    circuit.send(&message(1, 6, 1, [1, id], &2.0f64.to_be_bytes()));
    assert_eq!(update(&mut monitor), 2.0);
}

#[test]
fn channels_made_used_and_dropped_by_many_threads_leave_nothing() {
    let rig = Rig::new();
    let context = context(&rig);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for round in 0..100 {
                    let channel = context.channel(if round % 2 == 0 { "double" } else { "extra" });
                    let _monitor = (round % 3 == 0).then(|| channel.monitor(6, 1, EventMask::VALUE));
                    if round % 5 != 0 {
                        get(&channel);
                    }
                }
            });
        }
    });
    until("all is given back", || {
        let report = context.report();
        report.channels.is_empty() && report.searched == 0 && report.circuits.is_empty()
    });
    rig.wait_for(|report| report.circuits.is_empty());
}
