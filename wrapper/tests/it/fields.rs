//! Fields that do something: what a client writes, and what follows.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ca_proto::wire::Command as Wire;
use wrapper::{
    AccessRights, Alarm, Command, Config, DeviceError, DeviceIo, GroupBuilder, GroupError, Ioc, Post, Pv,
    Reply, SystemDevice,
};

use crate::raw::{Message, Raw, eventually};

const NORMAL: u32 = 1;
const PUTFAIL: u32 = 160;
const NOWTACCESS: u32 = 376;
const VALUE: u16 = 1;
const PROPERTY: u16 = 8;

wrapper::pv_enum! {
    /// Where a valve is.
    enum Valve {
        /// Shut.
        Shut = "shut",
        /// Between.
        Moving = "moving",
        /// Open.
        Open = "open",
    }
}

struct Lab {
    ioc: Ioc,
    ai: Pv<f64>,
    valve: Pv<Valve>,
    wave: Pv<Vec<i32>>,
    scanned: Pv<f64>,
    periods: Receiver<Option<Duration>>,
    remote: Remote,
}

/// What the device did, and when it may go on.
#[derive(Clone, Default)]
struct Remote {
    done: Arc<AtomicUsize>,
    held: Arc<AtomicBool>,
    go: Arc<OnceLock<Pv<f64>>>,
}

impl Remote {
    /// The PV whose put is a command.
    fn pv(&self) -> &Pv<f64> {
        self.go.get().expect("the device is built")
    }
}

struct Device(Remote);

impl SystemDevice for Device {
    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        let go =
            group.pv("go", 1.0).record("ao").command(&port, |to| Command::new("go").arg("to", to)).add()?;
        self.0.go.get_or_init(|| go);
        Ok(())
    }

    fn execute(&mut self, _command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        while self.0.held.load(SeqCst) {
            io.sleep(Duration::from_millis(1))?;
        }
        self.0.done.fetch_add(1, SeqCst);
        Ok(Reply::done())
    }
}

impl Lab {
    fn start() -> Self {
        let (tell, periods) = channel();
        let mut g = GroupBuilder::new("f:");
        let ai = g.pv("ai", 1.0).units("C").display_limits(0.0..=10.0).record("ai").add().expect("good");
        let narrow = g.pv("narrow", 1.0).display_limits(0.0..=10.0).control_limits(0.0..=5.0);
        narrow.record("ai").add().expect("good");
        g.pv("ao", 1.0).control_limits(-2.0..=4.0).record("ao").add().expect("good");
        g.pv("longout", 1i32).control_limits(-2.0..=4.0).record("longout").add().expect("good");
        let valve = g.pv("valve", Valve::Shut).record("mbbi").add().expect("good");
        let wave = g.pv("wave", vec![1, 2, 3]).max_length(8).record("waveform").add().expect("good");
        let scanned =
            g.pv("scanned", 0.0).on_scan(move |period| tell.send(period).expect("the test listens"));
        let scanned = scanned.add().expect("good");
        g.pv("panics", 0.0).on_scan(|_| panic!("a mistake of the author")).add().expect("good");
        g.pv_undefined::<f64>("late").add().expect("good");
        let remote = Remote::default();
        let builder = Ioc::builder().group(g).device("device", "d:", Box::new(Device(remote.clone())));
        let ioc = builder.expect("good").start(Config::isolated()).expect("loopback");
        Self { ioc, ai, valve, wave, scanned, periods, remote }
    }

    fn connect(&self) -> Raw {
        Raw::connect(self.ioc.tcp_addresses()[0])
    }
}

fn put(raw: &mut Raw, name: &str, value: f64) -> u32 {
    let channel = raw.channel(name);
    raw.put(channel, value)
}

fn number(raw: &mut Raw, name: &str) -> f64 {
    let channel = raw.channel(name);
    raw.get(channel, 6, 1).double()
}

fn text(raw: &mut Raw, name: &str) -> String {
    let channel = raw.channel(name);
    raw.get(channel, 0, 1).text()
}

fn write(raw: &mut Raw, name: &str, text: &str) -> u32 {
    let channel = raw.channel(name);
    let long = raw.channel(&format!("{name}$"));
    assert_eq!(channel.native, 0, "{name} is a STRING");
    raw.put_text(long, text)
}

/// Monitors a field as text, past its first update.
fn watch(raw: &mut Raw, name: &str) -> u32 {
    let channel = raw.channel(name);
    let id = raw.monitor(channel, 0, 1, VALUE);
    raw.until(|message| message.header.p2 == id);
    id
}

fn update(raw: &mut Raw, id: u32) -> Message {
    raw.until(|message| message.is(Wire::EventAdd) && message.header.p2 == id).pop().expect("the last one")
}

/// The status of a put and the text of an update, in whatever order they come.
fn both(raw: &mut Raw, ioid: u32, id: u32) -> (u32, String) {
    let (mut status, mut text) = (None, None);
    loop {
        let message = raw.next();
        if message.is(Wire::WriteNotify) && message.header.p2 == ioid {
            status = Some(message.header.p1);
        } else if message.is(Wire::EventAdd) && message.header.p2 == id {
            text = Some(message.text());
        }
        if let (Some(status), Some(text)) = (status, &text) {
            return (status, text.clone());
        }
    }
}

#[test]
fn display_limits_of_an_input_are_its_control_limits_and_refuse_no_put() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let ai = raw.channel("f:ai");
    let limits = |raw: &mut Raw| {
        let payload = raw.get(ai, 34, 1).payload;
        // HOPR and LOPR, then behind the alarm limits the control limits.
        [16, 24, 64, 72].map(|at| f64::from_be_bytes(payload[at..at + 8].try_into().expect("8 bytes")))
    };
    assert_eq!(limits(&mut raw), [10.0, 0.0, 10.0, 0.0]);
    assert_eq!(put(&mut raw, "f:ai.HOPR", 20.0), NORMAL);
    assert_eq!(limits(&mut raw), [20.0, 0.0, 20.0, 0.0]);
    lab.ai.describe(|meta| meta.display.low = -5.0).expect("a range");
    assert_eq!(limits(&mut raw), [20.0, -5.0, 20.0, -5.0], "what the author declares anew too");
    assert_eq!((put(&mut raw, "f:ai", 99.0), lab.ai.get()), (NORMAL, 99.0));
    assert_eq!(
        [put(&mut raw, "f:narrow", 6.0), put(&mut raw, "f:narrow", 5.0)],
        [PUTFAIL, NORMAL],
        "declared"
    );
}

#[test]
fn outputs_clamp_puts_to_their_drive_limits() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    for record in ["f:ao", "f:longout"] {
        for (value, stored) in [(9.0, 4.0), (-9.0, -2.0), (3.0, 3.0)] {
            assert_eq!(
                (put(&mut raw, record, value), number(&mut raw, record)),
                (NORMAL, stored),
                "{record}"
            );
        }
        assert_eq!(put(&mut raw, &format!("{record}.DRVH"), 2.0), NORMAL);
        assert_eq!((put(&mut raw, record, 3.0), number(&mut raw, record)), (NORMAL, 2.0), "{record}");
    }
    assert_eq!(put(&mut raw, "f:ao", f64::NAN), PUTFAIL, "no limit is nearest to it");
}

#[test]
fn labels_and_raw_values_of_states_can_be_written() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let valve = raw.channel("f:valve");
    let properties = raw.monitor(valve, 0, 1, PROPERTY);
    raw.next();
    let label = watch(&mut raw, "f:valve.TWST");
    assert_eq!(text(&mut raw, "f:valve.TWST"), "open");
    let zero = raw.channel("f:valve.ZRST$");
    let ioid = raw.start_put_text(zero, "closed");
    assert_eq!(both(&mut raw, ioid, properties), (NORMAL, "closed".into()));
    let two = raw.channel("f:valve.TWST$");
    let ioid = raw.start_put_text(two, "wide open");
    assert_eq!(both(&mut raw, ioid, label), (NORMAL, "wide open".into()));
    lab.valve.post(Valve::Open);
    assert_eq!((text(&mut raw, "f:valve"), number(&mut raw, "f:valve.RVAL")), ("wide open".into(), 2.0));
    for (field, value) in [("ZRVL", 4.0), ("ONVL", 5.0), ("TWVL", 6.0)] {
        assert_eq!(put(&mut raw, &format!("f:valve.{field}"), value), NORMAL);
    }
    assert_eq!(number(&mut raw, "f:valve.RVAL"), 6.0);
    assert_eq!((put(&mut raw, "f:valve.RVAL", 5.0), lab.valve.get()), (NORMAL, Valve::Moving));
    assert_eq!((put(&mut raw, "f:valve.RVAL", 7.0), lab.valve.get()), (PUTFAIL, Valve::Moving));
}

#[test]
fn rval_and_proc_are_no_way_around_the_rights_and_checks_of_the_value() {
    let mut g = GroupBuilder::new("f:");
    let fixed = g.pv("fixed", false).read_only().record("bi").add().expect("good");
    let check = |open: &bool| if *open { Err("blocked") } else { Ok(()) };
    let checked = g.pv("checked", false).check(check).record("bo").add().expect("good");
    let ioc = Ioc::builder().group(g).start(Config::isolated()).expect("loopback");
    let mut raw = Raw::connect(ioc.tcp_addresses()[0]);
    assert_eq!((put(&mut raw, "f:fixed.RVAL", 1.0), fixed.get()), (NOWTACCESS, false));
    assert_eq!((put(&mut raw, "f:checked.RVAL", 1.0), checked.get()), (PUTFAIL, false));
    let lab = Lab::start();
    let mut raw = lab.connect();
    assert_eq!(put(&mut raw, "d:go.PROC", 1.0), NORMAL);
    lab.remote.pv().allow(AccessRights::READ);
    assert_eq!((put(&mut raw, "d:go.PROC", 1.0), lab.remote.done.load(SeqCst)), (NOWTACCESS, 1));
}

#[test]
fn disp_refuses_all_puts_but_its_own() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    assert_eq!(put(&mut raw, "f:ai.DISP", 1.0), NORMAL);
    assert_eq!([put(&mut raw, "f:ai", 2.0), put(&mut raw, "f:ai.HIHI", 2.0)], [PUTFAIL; 2]);
    assert_eq!((lab.ai.get(), lab.ai.alarm()), (1.0, Alarm::NONE), "it is nothing wrong with the PV");
    lab.ai.post(3.0);
    assert_eq!((lab.ai.get(), number(&mut raw, "f:ai.DISP")), (3.0, 1.0), "posts go on");
    assert_eq!([put(&mut raw, "f:ai.DISP", 0.0), put(&mut raw, "f:ai", 2.0)], [NORMAL; 2]);
}

#[test]
fn a_disabled_pv_takes_no_posts_and_its_puts_run_no_command() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    for pv in ["f:ai", "d:go"] {
        let values = [("DISS", 1.0), ("DISV", 5.0), ("DISA", 5.0)];
        assert!(
            values.iter().all(|(field, value)| put(&mut raw, &format!("{pv}.{field}"), *value) == NORMAL)
        );
    }
    lab.ai.post(7.0);
    assert_eq!((lab.ai.get(), lab.ai.alarm().status.name()), (1.0, "DISABLE"));
    assert_eq!((put(&mut raw, "d:go", 2.0), number(&mut raw, "d:go")), (NORMAL, 2.0));
    assert_eq!((text(&mut raw, "d:go.STAT"), lab.remote.done.load(SeqCst)), ("DISABLE".into(), 0));
    for pv in ["f:ai", "d:go"] {
        assert_eq!(put(&mut raw, &format!("{pv}.DISA"), 0.0), NORMAL);
    }
    lab.ai.post(8.0);
    assert_eq!((lab.ai.get(), lab.ai.alarm()), (8.0, Alarm::NONE));
    assert_eq!((put(&mut raw, "d:go", 3.0), lab.remote.done.load(SeqCst)), (NORMAL, 1));
}

#[test]
fn a_simulated_input_shows_its_simulated_value_and_a_simulated_output_runs_no_command() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    for (field, value) in [("SVAL", 4.5), ("SIMS", 1.0), ("SIMM", 1.0)] {
        assert_eq!(put(&mut raw, &format!("f:ai.{field}"), value), NORMAL);
    }
    assert_eq!(lab.ai.get(), 1.0, "until the next post");
    lab.ai.post(7.0);
    assert_eq!((lab.ai.get(), lab.ai.alarm().status.name()), (4.5, "SIMM"));
    assert_eq!([put(&mut raw, "f:ai.SVAL", 5.5), put(&mut raw, "f:ai.PROC", 1.0)], [NORMAL; 2]);
    assert_eq!(lab.ai.get(), 5.5);
    assert_eq!(put(&mut raw, "f:ai.SIMM", 0.0), NORMAL);
    lab.ai.post(7.0);
    assert_eq!((lab.ai.get(), lab.ai.alarm()), (7.0, Alarm::NONE));
    assert_eq!([put(&mut raw, "d:go.SIMM", 1.0), put(&mut raw, "d:go", 2.0)], [NORMAL; 2]);
    assert_eq!((number(&mut raw, "d:go"), lab.remote.done.load(SeqCst)), (2.0, 0));
}

#[test]
fn proc_runs_the_put_again_with_the_value_that_is_there() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    assert_eq!(put(&mut raw, "d:go", 2.0), NORMAL);
    assert_eq!([put(&mut raw, "d:go.PROC", 1.0), put(&mut raw, "d:go.PROC", 0.0)], [NORMAL; 2]);
    assert_eq!((number(&mut raw, "d:go"), lab.remote.done.load(SeqCst)), (2.0, 3));
    lab.ai.post_with(1.0, Post::new().alarm(Alarm::COMM));
    assert_eq!((put(&mut raw, "f:ai.PROC", 1.0), lab.ai.alarm()), (NORMAL, Alarm::NONE), "posted anew");
}

#[test]
fn pact_is_1_while_the_command_of_a_put_runs() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let active = watch(&mut raw, "d:go.PACT");
    lab.remote.held.store(true, SeqCst);
    let go = raw.channel("d:go");
    let ioid = raw.start_put(go, 5.0);
    assert_eq!(update(&mut raw, active).text(), "1");
    assert_eq!(number(&mut raw, "d:go.PACT"), 1.0);
    lab.remote.held.store(false, SeqCst);
    let (status, ended) = both(&mut raw, ioid, active);
    assert_eq!((status, ended.as_str(), number(&mut raw, "d:go.PACT")), (NORMAL, "0", 0.0));
}

#[test]
fn the_author_is_told_of_the_scan_period_that_a_client_chooses() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let scan = watch(&mut raw, "f:scanned.SCAN");
    assert_eq!((lab.scanned.scan_period(), text(&mut raw, "f:scanned.SCAN")), (None, "Passive".into()));
    let choices = [("Event", 1.0, None), ("10 second", 3.0, Some(10_000)), (".1 second", 9.0, Some(100))];
    for (name, choice, period) in choices {
        let period = period.map(Duration::from_millis);
        let channel = raw.channel("f:scanned.SCAN");
        let ioid = raw.start_put(channel, choice);
        assert_eq!(both(&mut raw, ioid, scan), (NORMAL, name.into()));
        assert_eq!(lab.periods.recv_timeout(Duration::from_secs(10)), Ok(period));
        assert_eq!(lab.scanned.scan_period(), period);
    }
    assert_eq!(put(&mut raw, "f:scanned.SCAN", 10.0), PUTFAIL, "no such choice");
    assert_eq!(put(&mut raw, "f:panics.SCAN", 5.0), NORMAL);
    assert_eq!(text(&mut raw, "f:panics.SCAN"), "2 second", "and the circuit lives");
}

#[test]
fn udf_is_1_until_the_first_value() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let undefined = watch(&mut raw, "f:late.UDF");
    assert_eq!((number(&mut raw, "f:late.UDF"), text(&mut raw, "f:late.SEVR")), (1.0, "INVALID".into()));
    assert_eq!((put(&mut raw, "f:late.UDFS", 1.0), text(&mut raw, "f:late.SEVR")), (NORMAL, "MINOR".into()));
    let late = raw.channel("f:late");
    let ioid = raw.start_put(late, 0.0);
    assert_eq!(both(&mut raw, ioid, undefined), (NORMAL, "0".into()));
    assert_eq!(text(&mut raw, "f:late.STAT"), "NO_ALARM");
    lab.ai.post(f64::NAN);
    assert_eq!(
        (number(&mut raw, "f:ai.UDF"), lab.ai.alarm()),
        (1.0, Alarm::UDF),
        "of a record it is no value"
    );
}

#[test]
fn an_array_tells_its_type_capacity_and_present_length() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let length = watch(&mut raw, "f:wave.NORD");
    assert_eq!((number(&mut raw, "f:wave.NELM"), text(&mut raw, "f:wave.FTVL")), (8.0, "LONG".into()));
    for values in [vec![1, 2, 3, 4, 5], vec![]] {
        let count = values.len();
        lab.wave.post(vec![9; count]);
        lab.wave.post(values);
        assert_eq!(update(&mut raw, length).text(), count.to_string(), "told once");
    }
    let wave = raw.channel("f:wave.NELM");
    assert_eq!((wave.rights, raw.put(wave, 3.0)), (1, 376));
}

#[test]
fn the_alarm_text_of_a_post_is_read_and_monitored_and_gone_with_the_next_post() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let message = watch(&mut raw, "f:ai.AMSG");
    let value = raw.channel("f:ai");
    let values = raw.monitor(value, 13, 1, VALUE | 4);
    update(&mut raw, values);
    let whole = "coil 7 is open, so the current cannot be regulated";
    lab.ai.post_with(2.0, Post::new().alarm(Alarm::COMM).message(whole));
    assert_eq!(update(&mut raw, message).text(), whole[..39]);
    let update_of_value = update(&mut raw, values);
    assert_eq!(update_of_value.payload[..4], [0, 9, 0, 3], "COMM, INVALID, in the update of the value");
    let long = raw.channel("f:ai.AMSG$");
    assert_eq!(raw.get_text(long), whole);
    lab.ai.post(3.0);
    assert_eq!(update(&mut raw, message).text(), "");
    assert_eq!((long.rights, raw.get_text(long)), (1, String::new()));
}

#[test]
fn what_is_acknowledged_is_read_and_monitored_and_changed_by_its_own_requests_only() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let severity = watch(&mut raw, "f:ai.ACKS");
    let transient = watch(&mut raw, "f:ai.ACKT");
    lab.ai.post_with(2.0, Post::new().alarm(Alarm::WRITE));
    assert_eq!(update(&mut raw, severity).text(), "MAJOR");
    let ai = raw.channel("f:ai");
    raw.send(Wire::Write, 35, 1, ai.sid, 0, &0u16.to_be_bytes());
    assert_eq!(update(&mut raw, transient).text(), "NO");
    raw.send(Wire::Write, 36, 1, ai.sid, 0, &2u16.to_be_bytes());
    assert_eq!(update(&mut raw, severity).text(), "NO_ALARM");
    assert_eq!([put(&mut raw, "f:ai.ACKS", 0.0), put(&mut raw, "f:ai.ACKT", 1.0)], [376; 2]);
}

#[test]
fn a_written_description_does_not_touch_an_alarm_that_the_device_has_posted() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    lab.ai.post_with(2.0, Post::new().alarm(Alarm::COMM).message("no answer"));
    assert_eq!(write(&mut raw, "f:ai.DESC", "a thermometer"), NORMAL);
    assert_eq!([put(&mut raw, "f:ai.HIHI", 1.0), put(&mut raw, "f:ai.HHSV", 2.0)], [NORMAL; 2]);
    assert_eq!((lab.ai.alarm(), text(&mut raw, "f:ai.AMSG")), (Alarm::COMM, "no answer".into()));
    lab.ai.post(2.0);
    assert_eq!((lab.ai.alarm().status.name(), text(&mut raw, "f:ai.LALM")), ("HIHI", "1".into()));
}

#[test]
fn two_fields_of_a_pv_are_two_feeds() {
    let lab = Lab::start();
    let mut raw = lab.connect();
    let fields = ["DESC", "EVNT", "ASG", "FLNK"];
    let ids = fields.map(|field| watch(&mut raw, &format!("f:ai.{field}")));
    for (field, id) in fields.into_iter().zip(ids) {
        let channel = raw.channel(&format!("f:ai.{field}$"));
        raw.start_put_text(channel, field);
        let seen = raw.until(|message| message.is(Wire::EventAdd)).pop().expect("the last one");
        assert_eq!((seen.header.p2, seen.text()), (id, field.to_owned()));
    }
    let done = || (lab.ioc.report().circuits.len() == 1).then_some(());
    eventually("one circuit", done);
}
