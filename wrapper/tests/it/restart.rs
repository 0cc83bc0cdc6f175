//! A device that panics, does not start, or never returns.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use crate::raw::eventually;
use crate::robot::{Lab, Remote};

#[test]
fn a_panic_fails_its_command_shows_comm_and_the_device_starts_again() {
    let lab = Lab::start();
    let (mut raw, mut other) = (lab.connect(), lab.connect());
    let (cmd, ack, state) = (raw.channel("r:seq.CMD"), raw.channel("r:seq.ACK"), raw.channel("r:seq.STATE"));
    let target = raw.channel("r:target");
    let updates = raw.monitor(target, 13, 1, 4);
    raw.until(|m| m.header.p2 == updates);
    let running = lab.start_waiting(&mut raw);
    let panics = raw.start_put_text(cmd, "panic()");
    // The server has taken it before the other circuit's put.
    raw.get(state, 0, 1);
    let others = other.channel("r:target");
    let queued = other.start_put(others, 1.0);
    other.get(others, 6, 1);
    lab.remote.release.store(true, SeqCst);
    assert_eq!((raw.completion(running).0, raw.completion(panics).0), (1, 160));
    raw.until(|m| m.header.p2 == updates && m.payload[..4] == [0, 9, 0, 3]);
    assert_eq!(other.completion(queued).0, 160, "it waited behind the panic");
    assert_eq!(raw.get_text(ack), "0: the device panicked");
    eventually("it is up again", || (raw.get(state, 0, 1).text() == "Idle").then_some(()));
    assert_eq!(raw.get(target, 13, 1).payload[..4], [0, 0, 0, 0], "the alarm is gone");
    assert_eq!(raw.put_text(cmd, "[1]"), 1);
    assert_eq!(lab.remote.startups.load(SeqCst), 2);
}

#[test]
fn a_device_that_does_not_start_is_offline_and_tried_again() {
    let remote = Remote::default();
    remote.broken.store(true, SeqCst);
    let lab = Lab::start_with(remote);
    let mut raw = lab.connect();
    let (state, error) = (raw.channel("r:seq.STATE"), raw.channel("r:seq.ERROR"));
    eventually("it is offline", || (raw.get(state, 0, 1).text() == "Offline").then_some(()));
    assert_eq!(raw.get_text(error), "nobody at home");
    let cmd = raw.channel("r:seq.CMD");
    assert_eq!(raw.put_text(cmd, "[1]"), 160);
    let ack = raw.channel("r:seq.ACK");
    assert_eq!(raw.get_text(ack), "0: the device is offline");
    assert_eq!(raw.get_text(error), "nobody at home", "the cause stays");
    lab.remote.broken.store(false, SeqCst);
    eventually("it is up", || (raw.get(state, 0, 1).text() == "Idle").then_some(()));
    assert_eq!(raw.put_text(cmd, "[1]"), 1);
}

#[test]
fn a_stop_takes_less_than_a_second_and_answers_what_it_can() {
    for (text, stuck) in [("wait()", 0), ("hang()", 1)] {
        let lab = Lab::start();
        let mut raw = lab.connect();
        let cmd = raw.channel("r:seq.CMD");
        let message = raw.channel("r:seq.message");
        let running = raw.start_put_text(cmd, text);
        let waiting = raw.start_put_text(cmd, "[1]");
        eventually("it runs", || (raw.get_text(message) == "waiting").then_some(()));
        let start = Instant::now();
        assert_eq!(lab.ioc.stop(), stuck);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        let mut answers = Vec::new();
        while let Some(message) = raw.try_next() {
            answers.push((message.header.p2, message.header.p1));
        }
        assert!(answers.contains(&(waiting, 160)), "{text}: {answers:?}");
        assert_eq!(answers.contains(&(running, 160)), stuck == 0, "{text}: {answers:?}");
    }
}

#[test]
fn ten_starts_and_stops_in_one_process_leave_no_thread() {
    let threads = || {
        std::fs::read_dir("/proc/self/task").map_or(0, |dir| {
            dir.flatten()
                .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
                .filter(|name| name.trim() == "dev-leaktest")
                .count()
        })
    };
    for _ in 0..10 {
        let robot = crate::robot::Robot::new(Remote::default());
        let builder = wrapper::Ioc::builder().device("leaktest", "r:", Box::new(robot)).expect("good PVs");
        let ioc = builder.start(wrapper::Config::isolated()).expect("loopback");
        assert_eq!(ioc.stop(), 0);
    }
    assert_eq!(threads(), 0);
}
