//! What happens when commands pile up.

use std::sync::atomic::Ordering::SeqCst;

use crate::raw::eventually;
use crate::robot::Lab;

#[test]
fn a_full_queue_refuses_stores_nothing_and_counts() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let target = raw.channel("r:target");
    let (queued, refused) = (raw.channel("r:seq.QUEUED"), raw.channel("r:seq.REFUSED"));
    lab.start_waiting(&mut raw);
    (0..16).for_each(|_| _ = raw.start_put(target, 7.0));
    assert_eq!(raw.get(queued, 5, 1).long(), 16);
    let before = raw.get(refused, 5, 1).long();
    assert_eq!(raw.put(target, 8.0), 160);
    let error = raw.channel("r:seq.ERROR");
    assert!(raw.get_text(error).starts_with("16 commands wait already"));
    assert_eq!(raw.get(target, 6, 1).double(), 7.0);
    assert_eq!(raw.get(refused, 5, 1).long(), before + 1);
    lab.remote.release.store(true, SeqCst);
    eventually("the queue is empty", || (raw.get(queued, 5, 1).long() == 0).then_some(()));
    assert_eq!(raw.put(target, 9.0), 1);
}

#[test]
fn of_the_targets_of_a_slider_the_newest_runs_and_the_others_are_answered() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (cmd, slider, values) =
        (raw.channel("r:seq.CMD"), raw.channel("r:slider"), raw.channel("r:seq.values"));
    let running = raw.start_put_text(cmd, "wait()");
    let state = raw.channel("r:seq.STATE");
    eventually("it runs", || (raw.get(state, 0, 1).text() == "Busy").then_some(()));
    let puts: Vec<_> = (1..=100).map(|x| raw.start_put(slider, f64::from(x))).collect();
    for ioid in &puts[..99] {
        assert_eq!(raw.completion(*ioid).0, 160, "superseded");
    }
    let done = raw.channel("r:seq.DONE");
    let dones = raw.monitor(done, 5, 1, 1);
    raw.until(|m| m.header.p2 == dones);
    lab.remote.release.store(true, SeqCst);
    let (status, before) = raw.completion(running);
    assert_eq!(status, 1);
    let seen = before.iter().filter(|m| m.header.p2 == dones).map(|m| m.long()).max();
    assert!(seen <= Some(1), "DONE is the command that ended, not one that was superseded: {seen:?}");
    assert_eq!(raw.completion(puts[99]).0, 1);
    assert_eq!(raw.get(values, 6, 0).double(), 100.0);
}

#[test]
fn an_urgent_command_is_seen_while_another_runs() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (stop, message) = (raw.channel("r:stop"), raw.channel("r:seq.message"));
    let running = lab.start_waiting(&mut raw);
    let stopped = raw.start_put(stop, 1.0);
    assert_eq!(raw.completion(stopped).0, 1);
    assert_eq!(raw.completion(running).0, 1);
    assert_eq!(raw.get_text(message), "stopped");
}
