//! Commands through CMD and through the device's own PVs.

use std::sync::atomic::Ordering::SeqCst;

use ca_proto::wire::Command;

use crate::raw::Raw;
use crate::robot::Lab;

const PUTFAIL: u32 = 160;
const NORMAL: u32 = 1;
/// STRING with status, severity and time.
const TIME_STRING: u16 = 14;

fn alarm_of(raw: &mut Raw, name: &str) -> (u16, u16) {
    let channel = raw.channel(name);
    let payload = raw.get(channel, 7 + channel.native, 1).payload;
    (u16::from_be_bytes([payload[0], payload[1]]), u16::from_be_bytes([payload[2], payload[3]]))
}

#[test]
fn a_command_is_seen_in_the_promised_order_and_its_completion_comes_last() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let names = ["BUSY", "COUNT", "ACK", "values", "message", "STATE", "DONE"];
    let ids: Vec<_> = names
        .iter()
        .map(|name| {
            let channel = raw.channel(&format!("r:seq.{name}"));
            let data_type = if *name == "message" { 4 } else { 0 };
            let id = raw.monitor(channel, data_type, 0, 1);
            raw.until(|m| m.header.p2 == id);
            id
        })
        .collect();
    let cmd = raw.channel("r:seq.CMD");
    let ioid = raw.start_put_text(cmd, "say('hi')");
    let (status, before) = raw.completion(ioid);
    assert_eq!(status, NORMAL);
    let seen: Vec<_> = before
        .iter()
        .filter(|m| m.is(Command::EventAdd))
        .map(|m| {
            let at = ids.iter().position(|id| *id == m.header.p2).expect("one of ours");
            format!("{}={}", names[at], m.text())
        })
        .collect();
    assert_eq!(
        seen,
        [
            "BUSY=Busy",
            "COUNT=1",
            "values=",
            "STATE=Busy",
            "message=about to speak",
            "message=hi",
            "STATE=Done",
            "DONE=1",
            "ACK=1",
            "BUSY=Idle",
        ]
    );
}

#[test]
fn a_get_behind_a_put_never_sees_the_ack_of_the_command_before() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (cmd, ack) = (raw.channel("r:seq.CMD"), raw.channel("r:seq.ACK"));
    assert_eq!(raw.put_text(cmd, "[1]"), NORMAL);
    assert_eq!(raw.get_text(ack), "1");
    let ioid = raw.start_put_text(cmd, "wait()");
    assert_eq!(raw.get_text(ack), "0");
    lab.remote.release.store(true, SeqCst);
    assert_eq!(raw.completion(ioid).0, NORMAL);
}

#[test]
fn a_failed_command_is_a_failed_put_and_published_state_until_the_next_success() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (cmd, ack, error) = (raw.channel("r:seq.CMD"), raw.channel("r:seq.ACK"), raw.channel("r:seq.ERROR"));
    assert_eq!(raw.put_text(cmd, "fail()"), PUTFAIL);
    assert_eq!((raw.get_text(ack), raw.get_text(error)), ("0: told to fail".into(), "told to fail".into()));
    assert_eq!(alarm_of(&mut raw, "r:seq.CMD"), (2, 2));
    assert_eq!(raw.put_text(cmd, "[2]"), NORMAL);
    assert_eq!((raw.get_text(ack), raw.get_text(error)), ("1".into(), String::new()));
    assert_eq!(alarm_of(&mut raw, "r:seq.CMD"), (0, 0));
}

#[test]
fn text_that_is_no_command_is_refused_with_position_and_cmd_keeps_its_value() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (cmd, ack, error) = (raw.channel("r:seq.CMD"), raw.channel("r:seq.ACK"), raw.channel("r:seq.ERROR"));
    let count = raw.channel("r:seq.COUNT");
    for (text, reason) in [
        ("import os", "at character 8: expected end of text"),
        ("dance()", "unknown command \"dance\""),
        ("count(to='x')", "count: argument \"to\" is text"),
        ("", "at character 1"),
    ] {
        assert_eq!(raw.put_text(cmd, text), PUTFAIL, "{text}");
        let told = raw.get_text(error);
        assert!(told.starts_with(reason), "{text}: {told}");
        let ack = raw.get_text(ack);
        assert!(ack.starts_with("0: ") && ack.len() <= 39, "{ack}");
        assert_eq!(raw.get_text(cmd), "This is command string");
        assert_eq!(alarm_of(&mut raw, "r:seq.CMD"), (2, 2));
    }
    assert_eq!(raw.get(count, 5, 1).long(), 0);
}

#[test]
fn a_string_put_of_39_characters_may_be_cut_and_is_refused() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let cmd = raw.channel("r:seq.CMD");
    let mut put = |length: usize| {
        let mut cell = format!("[{}]", "1".repeat(length - 2)).into_bytes();
        cell.resize(40, 0);
        let ioid = raw.id();
        raw.send(Command::WriteNotify, 0, 1, cmd.sid, ioid, &cell);
        raw.completion(ioid).0
    };
    assert_eq!((put(38), put(39)), (NORMAL, PUTFAIL));
    assert_eq!(raw.get_text(cmd).len(), 38);
}

#[test]
fn commands_of_two_clients_run_in_order_and_each_is_answered_once() {
    let lab = Lab::start();
    let (mut one, mut two) = (lab.connect(), lab.connect());
    let (a, b) = (one.channel("r:target"), two.channel("r:seq.CMD"));
    for i in 0..200 {
        let (x, y) = (one.start_put(a, f64::from(i)), two.start_put_text(b, "[1]"));
        assert_eq!((one.completion(x).0, two.completion(y).0), (NORMAL, NORMAL));
    }
    let done = one.channel("r:seq.DONE");
    assert_eq!(one.get(done, 5, 1).long(), 400);
}

#[test]
fn posts_of_a_helper_thread_are_before_the_completion() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (cmd, count) = (raw.channel("r:seq.CMD"), raw.channel("r:count"));
    let id = raw.monitor(count, 5, 1, 1);
    raw.until(|m| m.header.p2 == id);
    for last in 1..=50 {
        let ioid = raw.start_put_text(cmd, &format!("count({})", last * 10));
        let (status, before) = raw.completion(ioid);
        assert_eq!(status, NORMAL);
        let newest = before.iter().rfind(|m| m.header.p2 == id).map(|m| m.long());
        assert_eq!(newest, Some(last * 10));
    }
}

#[test]
fn other_pvs_of_the_circuit_are_served_while_a_command_runs() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (cmd, free) = (raw.channel("r:seq.CMD"), raw.channel("r:free"));
    let waiting = raw.start_put_text(cmd, "wait()");
    for i in 1..=100 {
        assert_eq!(raw.put(free, f64::from(i)), NORMAL);
        assert_eq!(raw.get(free, 6, 1).double(), f64::from(i));
    }
    raw.send(Command::Echo, 0, 0, 7, 8, b"still on");
    assert_eq!(raw.next().payload, b"still on");
    lab.remote.release.store(true, SeqCst);
    assert_eq!(raw.completion(waiting).0, NORMAL);
}

#[test]
fn a_template_without_device_is_offline_and_says_so() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (state, cmd) = (raw.channel("none:seq.STATE"), raw.channel("none:seq.CMD"));
    assert_eq!(raw.get(state, TIME_STRING, 1).payload[12..19], *b"Offline");
    raw.send(Command::Write, 4, 3, cmd.sid, 0, b"[1]");
    let error = raw.next();
    assert!(error.is(Command::Error) && error.header.p2 == PUTFAIL);
    assert!(String::from_utf8_lossy(&error.payload).contains("the device is offline"));
}

#[test]
fn names_with_dots_have_an_alias_with_colons_and_val_may_be_left_out() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let free = raw.channel("r:free");
    raw.put(free, 4.5);
    for name in ["r:free.", "r:free.VAL"] {
        let channel = raw.channel(name);
        assert_eq!(raw.get(channel, 6, 1).double(), 4.5, "{name}");
    }
    for name in ["r:seq.CMD$", "r:seq.CMD.$", "r:seq.CMD.VAL$"] {
        let channel = raw.channel(name);
        assert_eq!(raw.get_text(channel), "This is command string", "{name}");
    }
    assert!(raw.try_channel("r:free$").is_none(), "a number is no text");
    assert!(raw.try_channel("r:seq:CMD").is_none(), "one dot needs no alias");
}

#[test]
fn a_command_of_a_pv_is_checked_and_completed_as_text_is() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (target, wrong) = (raw.channel("r:target"), raw.channel("r:wrong"));
    let (values, error) = (raw.channel("r:seq.values"), raw.channel("r:seq.ERROR"));
    assert_eq!(raw.put(target, 4.0), NORMAL);
    assert_eq!(raw.get(values, 6, 0).payload, [4.0f64.to_be_bytes(), 2.0f64.to_be_bytes()].concat());
    assert_eq!((raw.put(wrong, 1.0), raw.get(wrong, 6, 1).double()), (PUTFAIL, 0.0));
    assert!(raw.get_text(error).starts_with("unknown command \"dance\""));
}

#[test]
fn elapsed_is_the_time_of_the_whole_command() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (cmd, elapsed) = (raw.channel("r:seq.CMD"), raw.channel("r:seq.ELAPSED"));
    let id = raw.monitor(elapsed, 6, 1, 1);
    let ioid = raw.start_put_text(cmd, "nap()");
    let (status, before) = raw.completion(ioid);
    assert_eq!(status, NORMAL);
    let shown: Vec<_> = before.iter().filter(|m| m.header.p2 == id).map(|m| m.double()).collect();
    assert!(shown.is_sorted() && shown.len() >= 4, "{shown:?}");
    assert!(shown.last().is_some_and(|last| (0.36..1.0).contains(last)), "{shown:?}");
}

#[test]
fn more_values_than_fit_are_a_failure_not_a_cut() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let (cmd, ack) = (raw.channel("r:seq.CMD"), raw.channel("r:seq.ACK"));
    let list = |count: usize| format!("[{}]", "1,".repeat(count));
    assert_eq!(raw.put_text(cmd, &list(4_000)), NORMAL);
    assert_eq!(raw.put_text(cmd, "many()"), PUTFAIL);
    assert_eq!(raw.get_text(ack), "0: 10001 values, at most 10000 fit");
}

#[test]
fn the_alarm_of_a_pv_is_that_of_its_newest_put() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let running = lab.start_waiting(&mut raw);
    let cmd = raw.channel("r:seq.CMD");
    let (fails, works) = (raw.start_put_text(cmd, "fail()"), raw.start_put_text(cmd, "say('hi')"));
    lab.remote.release.store(true, SeqCst);
    let ended = [running, fails, works].map(|put| raw.completion(put).0);
    assert_eq!(ended, [NORMAL, PUTFAIL, NORMAL]);
    assert_eq!(alarm_of(&mut raw, "r:seq.CMD"), (0, 0), "the newest did not fail");
    let fails = raw.start_put_text(cmd, "fail()");
    assert_eq!((raw.completion(fails).0, alarm_of(&mut raw, "r:seq.CMD")), (PUTFAIL, (2, 2)), "WRITE, MAJOR");
}
