//! Restart policies, the health PVs, the watchdog, and the restart that somebody asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use wrapper::{
    Command, CommandSpec, Config, DeviceError, DeviceIo, Interrupted, Ioc, Reply, RestartPolicy, SystemDevice,
};

use crate::raw::{Channel, Raw, eventually};

#[derive(Clone, Default)]
struct Remote {
    startups: Arc<AtomicU32>,
    broken: Arc<AtomicBool>,
    release: Arc<AtomicBool>,
    /// Helper threads that have ended.
    helpers: Arc<AtomicU32>,
}

struct Patient {
    specs: Vec<CommandSpec>,
    remote: Remote,
}

impl SystemDevice for Patient {
    fn commands(&self) -> &[CommandSpec] {
        &self.specs
    }

    fn startup(&mut self, io: &DeviceIo) -> Result<(), DeviceError> {
        self.remote.startups.fetch_add(1, SeqCst);
        let (io, ended) = (io.clone(), self.remote.helpers.clone());
        std::thread::spawn(move || {
            while io.interrupted() != Some(Interrupted::Stop) {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            ended.fetch_add(1, SeqCst);
        });
        if self.remote.broken.load(SeqCst) { Err("nobody at home".into()) } else { Ok(()) }
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        match command.name() {
            "panic" => panic!("told to panic"),
            "deaf" => {
                while !self.remote.release.load(SeqCst) && io.interrupted() != Some(Interrupted::Stop) {
                    std::thread::park_timeout(Duration::from_millis(1));
                }
            }
            "nap" => io.sleep(Duration::from_secs(600))?,
            _ => {}
        }
        Ok(Reply::done())
    }
}

struct Lab {
    _ioc: Ioc,
    remote: Remote,
    raw: Raw,
}

impl Lab {
    fn start(policy: RestartPolicy, broken: bool) -> Self {
        let remote = Remote::default();
        remote.broken.store(broken, SeqCst);
        let specs = ["panic", "nap", "ok"].map(|name| CommandSpec::new(name, ""));
        let deaf = CommandSpec::new("deaf", "").within(Duration::from_millis(100));
        let specs = specs.into_iter().chain([deaf]).collect();
        let patient = Box::new(Patient { specs, remote: remote.clone() });
        let builder = Ioc::builder().device_with("patient", "p:", patient, policy).expect("good PVs");
        let ioc = builder.start(Config::isolated()).expect("loopback");
        let raw = Raw::connect(ioc.tcp_addresses()[0]);
        Self { _ioc: ioc, remote, raw }
    }

    fn channel(&mut self, name: &str) -> Channel {
        self.raw.channel(&format!("p:{name}"))
    }

    fn until_label(&mut self, name: &str, wanted: &str) {
        let channel = self.channel(name);
        eventually(&format!("{name} {wanted}"), || {
            (self.raw.get(channel, 0, 1).text() == wanted).then_some(())
        });
    }

    fn until_above(&mut self, name: &str, limit: f64) {
        let channel = self.channel(name);
        eventually(&format!("{name} above {limit}"), || {
            (self.raw.get(channel, 6, 1).double() > limit).then_some(())
        });
    }

    fn number(&mut self, name: &str) -> f64 {
        let channel = self.channel(name);
        self.raw.get(channel, 6, 1).double()
    }

    fn text(&mut self, name: &str) -> String {
        let channel = self.channel(name);
        self.raw.get_text(channel)
    }

    fn command(&mut self, text: &str) -> u32 {
        let cmd = self.channel("seq.CMD");
        self.raw.put_text(cmd, text)
    }

    /// Puts RESTART; the status of its completion.
    fn restart(&mut self) -> u32 {
        let restart = self.channel("health.RESTART");
        self.raw.put(restart, 1.0)
    }

    /// The device is up, and its startups and restarts are these.
    fn is_up(&mut self, startups: u32, restarts: f64) {
        let (alive, state) = (self.channel("health.ALIVE"), self.channel("seq.STATE"));
        let label = |lab: &mut Self, channel| lab.raw.get(channel, 0, 1).text();
        assert_eq!((label(self, alive), label(self, state)), ("Up".to_owned(), "Idle".to_owned()));
        assert_eq!((self.startups(), self.number("health.RESTARTS")), (startups, restarts));
    }

    fn startups(&self) -> u32 {
        self.remote.startups.load(SeqCst)
    }
}

#[test]
fn a_device_that_is_never_restarted_stays_down_until_restart_is_put() {
    let mut lab = Lab::start(RestartPolicy::never().back_off(Duration::from_millis(1)), false);
    lab.until_label("health.ALIVE", "Up");
    assert_eq!(lab.command("panic"), 160);
    lab.until_label("health.ALIVE", "Down");
    lab.until_label("seq.STATE", "Offline");
    // Round trips enough for many a restart after 1 ms.
    (0..200).for_each(|_| assert_eq!(lab.number("health.RESTARTS"), 0.0));
    assert_eq!(lab.command("ok"), 160, "it is down");
    assert_eq!((lab.startups(), lab.number("health.RESTARTS")), (1, 0.0));
    assert_eq!(lab.restart(), 1);
    lab.is_up(2, 1.0);
    assert_eq!(lab.command("ok"), 1);
}

#[test]
fn a_device_is_tried_as_often_as_its_limit_says() {
    let policy = RestartPolicy::default().limit(2).back_off(Duration::from_millis(5));
    let mut lab = Lab::start(policy, true);
    eventually("it was tried", || (lab.startups() == 3).then_some(()));
    lab.until_label("health.ALIVE", "Down");
    (0..200).for_each(|_| assert_eq!(lab.number("health.RESTARTS"), 2.0));
    assert_eq!(lab.startups(), 3);
    lab.remote.broken.store(false, SeqCst);
    assert_eq!(lab.restart(), 1);
    // Once and two restarts, then by hand.
    lab.is_up(4, 3.0);
}

#[test]
fn a_restart_fails_with_its_reason_when_the_device_does_not_come_up() {
    let mut lab = Lab::start(RestartPolicy::never(), false);
    lab.until_label("health.ALIVE", "Up");
    lab.remote.broken.store(true, SeqCst);
    assert_eq!(lab.restart(), 160);
    assert_eq!(lab.text("seq.ERROR"), "nobody at home");
    assert_eq!((lab.number("health.ALIVE"), lab.startups()), (0.0, 2));
    let restart = lab._ioc.handle().view().open("p:health.RESTART").expect("it is served");
    let error = restart.put_text("Restart", "tester").wait().expect_err("it is still broken");
    assert_eq!(error.to_string(), "nobody at home");
    lab.remote.broken.store(false, SeqCst);
    assert_eq!(lab.restart(), 1);
    lab.is_up(4, 3.0);
}

#[test]
fn a_restart_that_the_stop_of_the_ioc_overtakes_is_answered() {
    let mut lab = Lab::start(RestartPolicy::default(), false);
    let mut other = Raw::connect(lab._ioc.tcp_addresses()[0]);
    let cmd = other.channel("p:seq.CMD");
    other.start_put_text(cmd, "deaf");
    lab.until_label("seq.BUSY", "Busy");
    let restart = lab.channel("health.RESTART");
    let asked = lab.raw.start_put(restart, 1.0);
    let alive = lab.channel("health.ALIVE");
    let watch = lab.raw.monitor(alive, 6, 1, 1);
    let first = lab.raw.next();
    assert_eq!(
        (first.header.p2, first.double()),
        (watch, 1.0),
        "neither down nor answered while its command runs"
    );
    let Lab { _ioc: ioc, mut raw, .. } = lab;
    assert_eq!(ioc.stop(), 0);
    assert_eq!(raw.completion(asked).0, 160);
}

#[test]
fn a_restart_ends_the_running_command_and_reads_idle() {
    let mut lab = Lab::start(RestartPolicy::default(), false);
    let cmd = lab.channel("seq.CMD");
    let running = lab.raw.start_put_text(cmd, "nap");
    lab.until_label("seq.BUSY", "Busy");
    let mut other = Raw::connect(lab._ioc.tcp_addresses()[0]);
    let restart = other.channel("p:health.RESTART");
    assert_eq!(other.put(restart, 1.0), 1);
    assert_eq!(lab.raw.completion(running).0, 160);
    eventually("it started again", || (lab.startups() == 2).then_some(()));
    lab.until_label("seq.STATE", "Idle");
    assert_eq!(lab.command("ok"), 1);
    assert_eq!(lab.number("health.RESTART"), 0.0);
}

#[test]
fn a_helper_thread_ends_with_the_start_that_began_it() {
    let mut lab = Lab::start(RestartPolicy::default().back_off(Duration::from_millis(1)), false);
    let (cmd, abort) = (lab.channel("seq.CMD"), lab.channel("seq.ABORT"));
    let running = lab.raw.start_put_text(cmd, "nap");
    lab.until_label("seq.STATE", "Busy");
    let aborting = lab.raw.start_put(abort, 1.0);
    assert_eq!([running, aborting].map(|put| lab.raw.completion(put).0), [160, 1]);
    assert_eq!(lab.remote.helpers.load(SeqCst), 0, "an ABORT is not for it");
    for start in 1..=3 {
        assert_eq!(lab.command("panic"), 160);
        eventually("the old one ends", || (lab.remote.helpers.load(SeqCst) == start).then_some(()));
        eventually("it started again", || (lab.startups() == start + 1).then_some(()));
        assert_eq!(lab.command("ok"), 1);
        assert_eq!(lab.remote.helpers.load(SeqCst), start, "the new one goes on");
    }
}

#[test]
fn a_command_that_overruns_its_time_is_named_and_not_killed() {
    let mut lab = Lab::start(RestartPolicy::default(), false);
    let mut other = Raw::connect(lab._ioc.tcp_addresses()[0]);
    let cmd = other.channel("p:seq.CMD");
    let running = other.start_put_text(cmd, "deaf");
    let waiting = other.start_put_text(cmd, "ok");
    lab.until_label("seq.STATE", "Overrun");
    assert_eq!(lab.text("seq.message"), r#"command "deaf" takes longer than the 100ms it should"#);
    lab.until_above("health.SEEN", 0.0);
    lab.until_above("health.QUEUE_AGE", 0.0);
    lab.remote.release.store(true, SeqCst);
    assert_eq!(other.completion(running).0, 1, "it goes on to its end");
    assert_eq!(other.completion(waiting).0, 1);
    lab.until_label("seq.STATE", "Done");
    eventually("nothing is old", || {
        (lab.number("health.SEEN") == 0.0 && lab.number("health.QUEUE_AGE") == 0.0).then_some(())
    });
}
