//! What the status PVs tell of clients, queues, devices; when they are computed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use wrapper::{Config, GroupBuilder, Ioc, IocBuilder, Status};

use crate::autosave::{client, double, text};
use crate::raw::{Raw, eventually};
use crate::robot::{Remote, Robot};

fn serve(status: Status) -> Ioc {
    let mut group = GroupBuilder::new("s:");
    group.pv("x", 1.0).add().expect("good");
    let builder = Ioc::builder().group(group).status(status).expect("good names");
    builder.start(Config::isolated()).expect("an IOC")
}

#[test]
fn clients_channels_and_monitors_are_counted_as_they_come_and_go() {
    let ioc = serve(Status::new("s:"));
    let mut raw = client(&ioc);
    let mut other = client(&ioc);
    let x = other.channel("s:x");
    other.monitor(x, 6, 1, 1);
    other.get(x, 6, 1);
    let names = ["CA_CLNT_CNT", "CA_CONN_CNT", "CA_MON_CNT"].map(|name| raw.channel(&format!("s:{name}")));
    let counts = |raw: &mut Raw| names.map(|channel| raw.get(channel, 5, 1).long());
    eventually("both clients", || (counts(&mut raw) == [2, 4, 1]).then_some(()));
    drop(other);
    eventually("one client", || (counts(&mut raw) == [1, 3, 0]).then_some(()));
    assert_eq!(double(&mut raw, "s:RECORD_CNT") as usize, ioc.names().len());
    let requests = double(&mut raw, "s:CA_REQUESTS");
    assert!(requests > 10.0, "{requests}: those of the client that left too");
    assert!(double(&mut raw, "s:CA_UPDATES") >= 1.0);
    ioc.stop();
}

#[test]
fn a_monitor_hears_at_once_and_then_again() {
    let ioc = serve(Status::new("s:"));
    let mut raw = client(&ioc);
    let (beat, period) = (raw.channel("s:HEARTBEAT"), raw.channel("s:UPD_TIME"));
    assert_eq!(raw.put(period, 0.0), 1, "an ao clamps");
    assert_eq!(double(&mut raw, "s:UPD_TIME"), 1.0);
    let id = raw.monitor(beat, 5, 1, 1);
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let all = raw.until(|m| m.header.p2 == id);
        seen.push(all.last().expect("an update").long());
    }
    assert!(seen.is_sorted(), "{seen:?}");
    let slow = raw.channel("s:PROCESS_ID");
    let id = raw.monitor(slow, 5, 1, 1);
    let own = std::process::id() as i32;
    let mut shown = 0;
    while shown != own {
        let all = raw.until(|m| m.header.p2 == id);
        shown = all.last().expect("an update").long();
    }
    ioc.stop();
}

#[test]
fn nothing_is_computed_for_nobody() {
    let ioc = serve(Status::new("s:"));
    let view = ioc.handle().view();
    let beat = view.open("s:HEARTBEAT").expect("it is served");
    assert!(beat.get().alarm.severity == wrapper::AlarmSeverity::Invalid, "nobody has asked yet");
    let mut raw = client(&ioc);
    double(&mut raw, "s:HEARTBEAT");
    let before = beat.get().time;
    eventually("a second has passed", || {
        (std::time::SystemTime::now() > before + std::time::Duration::from_millis(1500)).then_some(())
    });
    assert_eq!(beat.get().time, before, "it is not computed again");
    ioc.stop();
}

#[test]
fn threads_queues_and_refusals_of_devices_are_told() {
    let remote = Remote::default();
    let device = Box::new(Robot::new(remote.clone()));
    let builder = IocBuilder::new().device("robot", "r:", device).expect("good PVs");
    let ioc = builder.status(Status::new("s:")).expect("good").start(Config::isolated()).expect("an IOC");
    let (mut raw, mut other) = (client(&ioc), client(&ioc));
    let thread = raw.channel("s:THREAD_robot");
    let state = |raw: &mut Raw| raw.get(thread, 0, 1).text();
    eventually("it waits", || (state(&mut raw) == "Waiting").then_some(()));
    let cmd = other.channel("r:seq.CMD");
    let running = other.start_put_text(cmd, "wait()");
    eventually("it works", || (state(&mut raw) == "Busy").then_some(()));
    let waiting: Vec<_> = (0..17).map(|_| other.start_put_text(cmd, "[1]")).collect();
    assert_eq!(other.completion(*waiting.last().expect("one")).0, 160, "the queue is full");
    assert_eq!((double(&mut raw, "s:CMD_QUEUED"), double(&mut raw, "s:CMD_REFUSED")), (16.0, 1.0));
    assert_eq!(double(&mut raw, "s:SUSP_TASK_CNT"), 0.0);
    remote.release.store(true, SeqCst);
    assert_eq!(other.completion(running).0, 1);
    eventually("all is done", || (double(&mut raw, "s:CMD_QUEUED") == 0.0).then_some(()));
    ioc.stop();
}

#[test]
fn a_device_that_is_down_is_counted() {
    let remote = Remote::default();
    remote.broken.store(true, SeqCst);
    let builder = IocBuilder::new().device("robot", "r:", Box::new(Robot::new(remote))).expect("good PVs");
    let ioc = builder.status(Status::new("s:")).expect("good").start(Config::isolated()).expect("an IOC");
    let mut raw = client(&ioc);
    eventually("it is down", || (double(&mut raw, "s:SUSP_TASK_CNT") == 1.0).then_some(()));
    let thread = raw.channel("s:THREAD_robot");
    assert_eq!(raw.get(thread, 0, 1).text(), "Down");
    ioc.stop();
}

#[test]
fn a_restart_is_asked_for_by_those_who_may() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    for (status, answer) in
        [(Status::new("s:"), 160), (Status::new("s:").on_restart(move || _ = count.fetch_add(1, SeqCst)), 1)]
    {
        let ioc = serve(status);
        let mut raw = client(&ioc);
        let reset = raw.channel("s:SYSRESET");
        assert_eq!((raw.put(reset, 0.0), raw.put(reset, 1.0)), (1, answer));
        assert_eq!(text_of(&mut raw, reset), "Idle");
        ioc.stop();
    }
    assert_eq!(asked.load(SeqCst), 1);
}

fn text_of(raw: &mut Raw, channel: crate::raw::Channel) -> String {
    raw.get(channel, 0, 1).text()
}

#[test]
fn unlisted_ones_are_served_and_in_no_list() {
    let ioc = serve(Status::new("s:ioc.").unlisted());
    assert_eq!(ioc.names(), ["s:x"]);
    assert!(ioc.serves("s:ioc.HEARTBEAT"));
    let mut raw = client(&ioc);
    assert_eq!(double(&mut raw, "s:ioc.RECORD_CNT"), 1.0);
    assert_eq!(text(&mut raw, "s:ioc.UPTIME").len(), 8);
    ioc.stop();
}
