//! ABORT ends the running command, empties the queue, and completes when that is done.

use ca_proto::wire::Command;

use crate::raw::Raw;
use crate::robot::Lab;

#[test]
fn an_abort_ends_the_running_command_and_fails_the_waiting_ones() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (cmd, abort) = (raw.channel("r:seq.CMD"), raw.channel("r:seq.ABORT"));
    let state = raw.channel("r:seq.STATE");
    let mut commands = vec![lab.start_waiting(&mut raw)];
    commands.extend(["[1]", "[2]"].map(|text| raw.start_put_text(cmd, text)));
    let aborted = raw.start_put(abort, 1.0);
    let (status, before) = raw.completion(aborted);
    assert_eq!(status, 1);
    let answered: Vec<_> =
        before.iter().filter(|m| m.is(Command::WriteNotify)).map(|m| (m.header.p2, m.header.p1)).collect();
    assert_eq!(answered.len(), 3, "each once: {answered:?}");
    assert!(commands.iter().all(|ioid| answered.contains(&(*ioid, 160))));
    assert_eq!(raw.get(state, 0, 1).text(), "Aborted");
    assert_eq!(raw.get(abort, 0, 1).text(), "Idle");
    let (count, done) = (raw.channel("r:seq.COUNT"), raw.channel("r:seq.DONE"));
    assert_eq!((raw.get(count, 5, 1).long(), raw.get(done, 5, 1).long()), (3, 3));
    assert_eq!(raw.put_text(cmd, "[3]"), 1, "the next command runs");
}

#[test]
fn a_put_that_an_abort_drops_says_so_at_its_pv() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (abort, target) = (raw.channel("r:seq.ABORT"), raw.channel("r:target"));
    let (alarm, reason) = (raw.channel("r:target.SEVR"), raw.channel("r:target.AMSG"));
    lab.start_waiting(&mut raw);
    let dropped = raw.start_put(target, 3.0);
    let aborted = raw.start_put(abort, 1.0);
    assert_eq!((raw.completion(dropped).0, raw.completion(aborted).0), (160, 1));
    let shown = |raw: &mut Raw| [alarm, reason].map(|pv| raw.get(pv, 0, 1).text());
    assert_eq!(shown(&mut raw), ["MAJOR", "aborted before it started"]);
    assert_eq!(raw.put(target, 4.0), 1);
    assert_eq!(shown(&mut raw), ["NO_ALARM", ""]);
}

#[test]
fn an_abort_of_an_idle_device_completes_at_once() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (abort, cmd) = (raw.channel("r:seq.ABORT"), raw.channel("r:seq.CMD"));
    assert_eq!(raw.put(abort, 1.0), 1);
    assert_eq!(raw.get(abort, 0, 1).text(), "Idle");
    assert_eq!(raw.put_text(cmd, "[3]"), 1);
}

#[test]
fn aborts_in_a_storm_of_commands_leave_every_put_answered_once() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (abort, cmd) = (raw.channel("r:seq.ABORT"), raw.channel("r:seq.CMD"));
    for _ in 0..300 {
        let mut open: Vec<_> = (0..4).map(|_| raw.start_put_text(cmd, "[1]")).collect();
        open.push(raw.start_put(abort, 1.0));
        open.push(raw.start_put_text(cmd, "[2]"));
        while !open.is_empty() {
            let answer = raw.next();
            let at = open.iter().position(|ioid| *ioid == answer.header.p2);
            open.remove(at.expect("an open put, answered once"));
        }
    }
    let (busy, done) = (raw.channel("r:seq.BUSY"), raw.channel("r:seq.DONE"));
    let count = raw.channel("r:seq.COUNT");
    assert_eq!(raw.get(busy, 0, 1).text(), "Idle");
    assert_eq!(raw.get(done, 5, 1).long(), raw.get(count, 5, 1).long());
}
