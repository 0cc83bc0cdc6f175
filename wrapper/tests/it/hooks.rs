//! Hooks of groups: puts, gets, scans, startup and shutdown.

use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wrapper::{Alarm, AlarmSeverity, AlarmStatus, Config, GroupBuilder, Ioc, PutDecision, Pv, Scan};

use ca_proto::wire::Command;

use crate::raw::{DEADLINE, Raw, eventually};

/// A group that is served, and a client of it.
struct Lab {
    ioc: Ioc,
    raw: Raw,
}

impl Lab {
    fn of(group: GroupBuilder) -> Self {
        let ioc = Ioc::builder().group(group).start(Config::isolated()).expect("an IOC");
        let raw = Raw::connect(ioc.tcp_addresses()[0]);
        Self { ioc, raw }
    }

    /// Status and severity of a PV.
    fn alarm(&mut self, name: &str) -> (AlarmStatus, AlarmSeverity) {
        let channel = self.raw.channel(name);
        let reply = self.raw.get(channel, 13, 1);
        let code = |at| u16::from_be_bytes([reply.payload[at], reply.payload[at + 1]]);
        let status = AlarmStatus::from_code(code(0)).expect("a status");
        (status, AlarmSeverity::from_code(code(2)).expect("a severity"))
    }
}

const GOOD: (AlarmStatus, AlarmSeverity) = (AlarmStatus::NoAlarm, AlarmSeverity::NoAlarm);
const WRITE: (AlarmStatus, AlarmSeverity) = (AlarmStatus::Write, AlarmSeverity::Major);

/// A PV whose put hook waits until the test lets it go.
fn gated(group: &mut GroupBuilder, name: &str) -> (Pv<f64>, std::sync::mpsc::Sender<()>) {
    let pv = group.pv(name, 0.0).add().expect("a good PV");
    let (go, gate) = channel();
    let gate = Mutex::new(gate);
    let wait = move |gate: &Mutex<Receiver<()>>| _ = gate.lock().expect("a lock").recv_timeout(DEADLINE);
    group.on_put(&pv, move |_, _| wait(&gate)).expect("a hook");
    (pv, go)
}

#[test]
fn a_put_hook_accepts_replaces_skips_and_refuses() {
    let mut group = GroupBuilder::new("h:");
    let pv = group.pv("v", 0.0).add().expect("a good PV");
    group
        .on_put(&pv, |_, value| match value {
            1.0 => Ok(PutDecision::Accept),
            2.0 => Ok(PutDecision::Replace(20.0)),
            3.0 => Ok(PutDecision::Skip),
            _ => Err("only 1 to 3"),
        })
        .expect("a hook");
    let mut lab = Lab::of(group);
    let v = lab.raw.channel("h:v");
    for (put, status, then, alarm) in [
        (1.0, 1, 1.0, GOOD),
        (2.0, 1, 20.0, GOOD),
        (4.0, 160, 20.0, WRITE),
        (3.0, 1, 20.0, WRITE),
        (1.0, 1, 1.0, GOOD),
    ] {
        assert_eq!(lab.raw.put(v, put), status, "put of {put}");
        assert_eq!(lab.raw.get(v, 6, 1).double(), then, "after the put of {put}");
        assert_eq!(lab.alarm("h:v"), alarm, "after the put of {put}");
    }
}

#[test]
fn a_failure_says_why_in_amsg_and_is_no_better_than_undefined() {
    let mut group = GroupBuilder::new("h:");
    let (put, scanned) = (group.pv("put", 0).add(), group.pv_undefined::<f64>("scanned").add());
    let (put, scanned) = (put.expect("a good PV"), scanned.expect("a good PV"));
    group.on_put(&put, |_, _| Err::<(), _>("too hot")).expect("a hook");
    let period = Scan::every(Duration::from_millis(1));
    group.scan(&scanned, period, |_| Err::<(), _>("no sensor")).expect("a scan");
    let mut lab = Lab::of(group);
    let channel = lab.raw.channel("h:put");
    assert_eq!(lab.raw.put(channel, 1.0), 160);
    eventually("the scan fails", || (scanned.alarm().status == AlarmStatus::Scan).then_some(()));
    let messages = ["h:put.AMSG", "h:scanned.AMSG"].map(|name| {
        let channel = lab.raw.channel(name);
        lab.raw.get(channel, 0, 1).text()
    });
    assert_eq!(messages, ["too hot", "no sensor"]);
    assert_eq!(lab.alarm("h:scanned"), (AlarmStatus::Scan, AlarmSeverity::Invalid));
}

#[test]
fn a_get_behind_a_put_of_its_circuit_waits_for_the_hook_and_no_other_does() {
    let mut group = GroupBuilder::new("h:");
    let (_pv, go) = gated(&mut group, "slow");
    group.pv("other", 7.0).add().expect("a good PV");
    let mut lab = Lab::of(group);
    let (slow, other) = (lab.raw.channel("h:slow"), lab.raw.channel("h:other"));
    // A plain put, then a get behind it, as caput does.
    lab.raw.send(Command::Write, 6, 1, slow.sid, slow.cid, &5f64.to_be_bytes());
    lab.raw.send(Command::ReadNotify, 6, 1, slow.sid, 77, &[]);
    assert_eq!(lab.raw.get(other, 6, 1).double(), 7.0, "another PV is served");
    let mut second = Raw::connect(lab.ioc.tcp_addresses()[0]);
    let same = second.channel("h:slow");
    assert_eq!(second.get(same, 6, 1).double(), 0.0, "other clients see what is stored");
    go.send(()).expect("the hook waits");
    let seen = lab.raw.until(|m| m.header.p2 == 77);
    assert_eq!(seen.last().expect("an answer").double(), 5.0);
}

#[test]
fn a_hook_that_panics_refuses_the_put_and_the_next_put_is_taken() {
    let mut group = GroupBuilder::new("h:");
    let pv = group.pv("v", 0).add().expect("a good PV");
    group.on_put(&pv, |_, value| assert!(value != 13, "thirteen")).expect("a hook");
    let mut lab = Lab::of(group);
    let v = lab.raw.channel("h:v");
    assert_eq!(lab.raw.put(v, 13.0), 160);
    assert_eq!(lab.alarm("h:v"), WRITE);
    assert_eq!(lab.raw.put(v, 14.0), 1);
    assert_eq!((lab.raw.get(v, 5, 1).long(), lab.alarm("h:v")), (14, GOOD));
}

#[test]
fn puts_through_an_async_hook_are_done_one_after_the_other() {
    let mut group = GroupBuilder::new("h:");
    let pv = group.pv("v", 0).add().expect("a good PV");
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, peak) = (running.clone(), most.clone());
    group
        .on_put_async(&pv, move |_, value| {
            let (now, peak) = (now.clone(), peak.clone());
            async move {
                peak.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                tokio::time::sleep(Duration::from_millis(2)).await;
                now.fetch_sub(1, SeqCst);
                if value == 3 { Err("not three") } else { Ok(()) }
            }
        })
        .expect("a hook");
    let mut lab = Lab::of(group);
    let v = lab.raw.channel("h:v");
    let puts: Vec<_> = (1..=5).map(|x| lab.raw.start_put(v, f64::from(x))).collect();
    let statuses: Vec<_> = puts.into_iter().map(|ioid| lab.raw.completion(ioid).0).collect();
    assert_eq!(statuses, [1, 1, 160, 1, 1]);
    assert_eq!((most.load(SeqCst), running.load(SeqCst)), (1, 0));
    assert_eq!(lab.raw.get(v, 5, 1).long(), 5);
}

#[test]
fn a_get_hook_runs_for_gets_and_never_for_monitors() {
    let mut group = GroupBuilder::new("h:");
    let pv = group.pv("count", 0).read_only().add().expect("a good PV");
    let mut count = 0;
    group
        .on_get(&pv, move |_| {
            count += 1;
            if count == 3 { Err("three") } else { Ok(Some(count)) }
        })
        .expect("a hook");
    let mut lab = Lab::of(group);
    let channel = lab.raw.channel("h:count");
    let id = lab.raw.monitor(channel, 5, 1, 1);
    let first = lab.raw.until(|m| m.header.p2 == id);
    assert_eq!(first.last().expect("an update").long(), 0, "a monitor does not run it");
    assert_eq!(lab.raw.get(channel, 5, 1).long(), 1);
    assert_eq!(lab.raw.get(channel, 5, 1).long(), 2);
    assert_eq!(lab.raw.get(channel, 5, 1).header.p1, 152, "GETFAIL");
    assert_eq!(lab.raw.get(channel, 5, 1).long(), 4);
    assert_eq!(lab.alarm("h:count"), GOOD);
}

#[test]
fn the_hook_of_a_group_is_for_its_own_pvs_that_have_none() {
    let mut group = GroupBuilder::new("g:");
    let log = Arc::new(Mutex::new(Vec::new()));
    let own = group.pv("own", 0).add().expect("a good PV");
    group.on_put(&own, |_, _| ()).expect("a hook");
    group.pv("plain", 0).add().expect("a good PV");
    group.pv("text", String::new()).add().expect("a good PV");
    let inner = group.group("sub:", |sub| sub.pv("inner", 0).add()).expect("a group");
    let names = log.clone();
    group.on_any_put(move |pv, _| names.lock().expect("a lock").push(pv.name().to_owned())).expect("a hook");
    let mut lab = Lab::of(group);
    for name in ["g:own", "g:plain", "g:sub:inner"] {
        let channel = lab.raw.channel(name);
        assert_eq!(lab.raw.put(channel, 1.0), 1);
    }
    let text = lab.raw.channel("g:text");
    assert_eq!(lab.raw.put_text(text, "hello"), 1);
    assert_eq!(*log.lock().expect("a lock"), ["g:plain", "g:text"]);
    assert_eq!(inner.get(), 1);
}

#[test]
fn a_put_in_code_goes_through_limits_hook_and_answer_and_a_post_does_not() {
    let mut group = GroupBuilder::new("h:");
    let pv = group.pv("v", 0.0).control_limits(0.0..=10.0).read_only().add();
    let pv = pv.expect("a good PV");
    let twin = group.pv("twin", 0.0).add().expect("a good PV");
    let source = pv.clone();
    group.on_put(&twin, move |_, value| source.put(value).wait()).expect("a hook");
    let seen = Arc::new(AtomicI32::new(0));
    let count = seen.clone();
    group.on_put(&pv, move |_, _| _ = count.fetch_add(1, SeqCst)).expect("a hook");
    let mut lab = Lab::of(group);
    assert_eq!(pv.put(5.0).wait(), Ok(()));
    assert_eq!(pv.put(11.0).wait().expect_err("outside").to_string(), "11 is outside 0..=10");
    pv.post(6.0);
    assert_eq!((pv.get(), seen.load(SeqCst)), (6.0, 1));
    let channel = lab.raw.channel("h:twin");
    assert_eq!(lab.raw.put(channel, 7.0), 1, "a hook puts to a PV of its own group");
    assert_eq!((pv.get(), twin.get(), seen.load(SeqCst)), (7.0, 7.0, 2));
    assert_eq!(lab.raw.put(channel, 70.0), 160);
}

#[test]
fn a_hook_that_puts_to_its_own_pv_is_told_so() {
    let mut group = GroupBuilder::new("h:");
    let pv = group.pv("v", 0).add().expect("a good PV");
    let own = pv.clone();
    group.on_put(&pv, move |_, value| own.put(value + 1).wait()).expect("a hook");
    let _lab = Lab::of(group);
    assert_eq!(pv.put(1).wait().expect_err("refused").to_string(), "its hook is running");
}

#[test]
fn a_scan_that_fails_every_third_time_goes_on_and_shows_it() {
    let mut group = GroupBuilder::new("s:");
    let good = group.pv("good", 0).add().expect("a good PV");
    let bad = group.pv("bad", 0).add().expect("a good PV");
    let stops = group.pv("stops", 0).add().expect("a good PV");
    let period = Scan::every(Duration::from_millis(2));
    group.scan(&good, period, |pv| pv.post(pv.get() + 1)).expect("a scan");
    let mut runs = 0;
    let (told, failures) = channel();
    let scan = move |pv: &Pv<i32>| {
        runs += 1;
        if runs % 3 == 0 {
            return Err("the third");
        }
        if runs % 3 == 1 {
            _ = told.send(pv.alarm());
        }
        pv.post(runs);
        Ok(())
    };
    group.scan(&bad, period, scan).expect("a scan");
    let ends = |pv: &Pv<i32>| -> Result<(), String> {
        pv.post(pv.get() + 1);
        Err("at once".to_owned())
    };
    group.scan(&stops, period.stop_on_error().failure_severity(AlarmSeverity::Minor), ends).expect("a scan");
    let lab = Lab::of(group);
    let alarms: Vec<Alarm> = (0..4).map(|_| failures.recv_timeout(DEADLINE).expect("a run")).collect();
    let failed = Alarm::new(AlarmStatus::Scan, AlarmSeverity::Major);
    assert_eq!(alarms, [Alarm::NONE, failed, failed, failed]);
    eventually("the good scan runs", || (good.get() > 20).then_some(()));
    assert_eq!((stops.get(), stops.alarm()), (1, Alarm::new(AlarmStatus::Scan, AlarmSeverity::Minor)));
    lab.ioc.stop();
    let last = good.get();
    assert!(failures.recv_timeout(DEADLINE).is_err() || good.get() == last, "scans end with the IOC");
}

#[test]
fn the_field_scan_says_how_often_a_scan_runs() {
    let mut group = GroupBuilder::new("s:");
    let pv = group.pv("v", 0).record("longin").add().expect("a good PV");
    let odd = Scan::by_field(Duration::from_millis(300));
    let rule = group.scan(&pv, odd, |_| ()).expect_err("no such choice").to_string();
    assert_eq!(rule, r#"PV "s:v": SCAN has no period of 300ms, only 10, 5, 2, 1, 0.5, 0.2 and 0.1 s"#);
    group.scan(&pv, Scan::by_field(Duration::from_secs(10)), |pv| pv.post(pv.get() + 1)).expect("a scan");
    let mut lab = Lab::of(group);
    let scan = lab.raw.channel("s:v.SCAN");
    assert_eq!(lab.raw.get(scan, 0, 1).text(), "10 second");
    assert_eq!(pv.get(), 0);
    let choose = |lab: &mut Lab, choice: f64| assert_eq!(lab.raw.put(scan, choice), 1);
    choose(&mut lab, 9.0);
    eventually("it runs each 0.1 s", || (pv.get() >= 3).then_some(()));
    choose(&mut lab, 0.0);
    let passive = pv.get();
    choose(&mut lab, 9.0);
    eventually("it runs again", || (pv.get() > passive + 1).then_some(()));
}

#[test]
fn startup_hooks_run_in_order_and_one_that_fails_is_an_alarm_of_its_pv_alone() {
    let mut group = GroupBuilder::new("s:");
    let (a, b) = (group.pv("a", 0).add().expect("a PV"), group.pv("b", 0).add().expect("a PV"));
    let (order, log) = channel();
    let (first, second, stopped) = (order.clone(), order.clone(), order);
    group.on_startup(move || _ = first.send(1));
    group.on_startup_of(&a, |_| Err::<(), _>("no equipment")).expect("a hook");
    group.on_startup_of_async(&b, |pv| async move { pv.put(5).await }).expect("a hook");
    group.on_startup(move || _ = second.send(2));
    group.on_shutdown_async(move || async move { _ = stopped.send(3) });
    group.on_shutdown(|| -> () { panic!("at the stop") });
    let mut lab = Lab::of(group);
    assert_eq!(log.recv_timeout(DEADLINE), Ok(1));
    assert_eq!(log.recv_timeout(DEADLINE), Ok(2));
    eventually("b is put", || (b.get() == 5).then_some(()));
    let soft = (AlarmStatus::Soft, AlarmSeverity::Major);
    assert_eq!((lab.alarm("s:a"), lab.alarm("s:b")), (soft, GOOD));
    let channel = lab.raw.channel("s:a");
    assert_eq!(lab.raw.put(channel, 4.0), 1, "it is served");
    assert_eq!((a.get(), lab.alarm("s:a")), (4, GOOD));
    lab.ioc.stop();
    assert_eq!(log.recv_timeout(DEADLINE), Ok(3));
}

#[test]
fn an_async_startup_hook_begins_in_its_turn() {
    let mut group = GroupBuilder::new("s:");
    let (order, log) = channel();
    let (second, third) = (order.clone(), order.clone());
    group.on_startup_async(move || async move {
        _ = order.send("begins");
        tokio::time::sleep(Duration::from_millis(1)).await;
        _ = order.send("goes on");
    });
    group.on_startup(move || _ = second.send("second"));
    group.on_startup_async(move || async move { _ = third.send("third") });
    let _lab = Lab::of(group);
    let mut said: Vec<_> = (0..4).map(|_| log.recv_timeout(DEADLINE).expect("a line")).collect();
    said.retain(|line| *line != "goes on");
    assert_eq!(said, ["begins", "second", "third"]);
}

#[test]
fn a_hook_that_hangs_is_left_behind_at_the_stop_and_its_put_has_failed() {
    let mut group = GroupBuilder::new("h:");
    let (_pv, _go) = gated(&mut group, "v");
    let mut lab = Lab::of(group);
    let v = lab.raw.channel("h:v");
    lab.raw.send(Command::Write, 6, 1, v.sid, v.cid, &5f64.to_be_bytes());
    let queued = lab.raw.start_put(v, 6.0);
    let other = std::thread::spawn(move || {
        let begun = std::time::Instant::now();
        lab.ioc.stop();
        begun.elapsed()
    });
    // The put behind the one that hangs fails, or the circuit closes first.
    while let Some(message) = lab.raw.try_next() {
        assert!(message.header.p2 != queued || message.header.p1 == 160, "{message:?}");
    }
    assert!(other.join().expect("it stops") < Duration::from_secs(1));
}

#[test]
fn more_puts_than_fit_into_the_queue_are_refused_and_all_are_answered() {
    let mut group = GroupBuilder::new("h:");
    let (_pv, go) = gated(&mut group, "v");
    let mut lab = Lab::of(group);
    let v = lab.raw.channel("h:v");
    let mut puts: Vec<_> = (0..300).map(|x| lab.raw.start_put(v, f64::from(x))).collect();
    let mut answer = |status| {
        let message = lab.raw.next();
        assert_eq!(message.header.p1, status);
        puts.retain(|ioid| *ioid != message.header.p2);
    };
    (0..44).for_each(|_| answer(160));
    drop(go);
    (0..256).for_each(|_| answer(1));
    assert!(puts.is_empty(), "each is answered once");
}

#[test]
fn a_group_that_is_removed_ends_its_hooks_and_frees_what_they_hold() {
    let lab = Lab::of(GroupBuilder::new("none:"));
    let held = Arc::new(());
    for round in 0..50 {
        let mut group = GroupBuilder::new("t:");
        let pv = group.pv("v", 0).add().expect("a good PV");
        let (keep, own) = (held.clone(), pv.clone());
        group.on_put(&pv, move |_, _| _ = (&keep, own.get())).expect("a hook");
        let keep = held.clone();
        group.on_shutdown(move || drop(keep));
        lab.ioc.add(group).expect("a free name");
        assert_eq!(pv.put(round).wait(), Ok(()));
        assert!(lab.ioc.remove("t:v"));
        assert!(pv.put(1).wait().is_err(), "its hook is gone");
    }
    eventually("the hooks are dropped", || (Arc::strong_count(&held) == 1).then_some(()));
}

#[test]
fn mistakes_are_named() {
    let mut group = GroupBuilder::new("m:");
    let pv = group.pv("v", 0).add().expect("a good PV");
    let other = GroupBuilder::new("o:").pv("v", 0).add().expect("a good PV");
    group.on_put(&pv, |_, _| ()).expect("a hook");
    let twice = group.on_put(&pv, |_, _| ()).expect_err("twice").to_string();
    assert_eq!(
        twice,
        r#"PV "m:v": its puts are a command or have a hook already; a check refuses values before either"#
    );
    let foreign = group.on_put(&other, |_, _| ()).expect_err("foreign").to_string();
    assert_eq!(foreign, r#"PV "o:v": it is not a PV of the group "m:""#);
    group.on_any_get(|_| ()).expect("a hook");
    assert!(group.on_any_get(|_| ()).is_err());
    assert!(group.pv("{x}", 0).add().expect_err("no macro").to_string().contains("no macro \"x\""));
}
