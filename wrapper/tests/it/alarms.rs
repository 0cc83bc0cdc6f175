//! Alarms of limits, states and groups, as clients see them; and the trace of a PV.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use ca_proto::wire::Command as Wire;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use wrapper::{
    Alarm, AlarmGroup, AlarmSeverity, AlarmStatus, Command, Config, DeviceError, DeviceIo, GroupBuilder,
    GroupError, Ioc, Post, Pv, Reply, SystemDevice,
};

use crate::raw::Raw;

const VALUE_AND_ALARM: u16 = 5;
const ALARM: u16 = 4;
const WARM: Alarm = Alarm::new(AlarmStatus::High, AlarmSeverity::Minor);
const HOT: Alarm = Alarm::new(AlarmStatus::HiHi, AlarmSeverity::Major);

fn serve(group: GroupBuilder) -> (Ioc, Raw) {
    let ioc = Ioc::builder().group(group).start(Config::isolated()).expect("loopback");
    let raw = Raw::connect(ioc.tcp_addresses()[0]);
    (ioc, raw)
}

/// Monitors as TIME_DOUBLE; past the first update.
fn watch(raw: &mut Raw, name: &str, mask: u16) -> u32 {
    let channel = raw.channel(name);
    let id = raw.monitor(channel, 20, 1, mask);
    raw.until(|message| message.header.p2 == id);
    id
}

/// The next update: which, status, severity, value.
fn next(raw: &mut Raw) -> (u32, u16, u16, f64) {
    let update = raw.until(|message| message.is(Wire::EventAdd)).pop().expect("the last one");
    let word = |at: usize| u16::from_be_bytes([update.payload[at], update.payload[at + 1]]);
    (update.header.p2, word(0), word(2), update.double())
}

fn text(raw: &mut Raw, name: &str) -> String {
    let channel = raw.channel(name);
    raw.get_text(channel)
}

#[test]
fn a_hysteresis_and_severities_of_states_are_declared_and_read_as_fields() {
    let mut g = GroupBuilder::new("a:");
    let level = g.pv("level", 0.0).warning_limits(-1.0..=5.0).hysteresis(2.0).add().expect("good");
    let severities = [AlarmSeverity::NoAlarm, AlarmSeverity::Major];
    let door = g.pv("door", false).state_severities(&severities).change_severity(AlarmSeverity::Minor);
    let door = door.record("bi").add().expect("good");
    let (_ioc, mut raw) = serve(g);
    let id = watch(&mut raw, "a:level", ALARM);
    for (value, status, severity) in [(5.0, 4, 1), (2.9, 0, 0)] {
        level.post(4.0);
        level.post(value);
        assert_eq!(next(&mut raw), (id, status, severity, value), "one edge");
    }
    let fields = ["level.HYST", "level.HSV", "door.OSV", "door.ZSV", "door.COSV"];
    let read = fields.map(|field| {
        let channel = raw.channel(&format!("a:{field}"));
        raw.get(channel, 0, 1).text()
    });
    assert_eq!(read, ["2.000000", "MINOR", "MAJOR", "NO_ALARM", "MINOR"]);
    let states = [true, true, false, false].map(|open| {
        door.post(open);
        door.alarm().status
    });
    assert_eq!(states, [AlarmStatus::State, AlarmStatus::State, AlarmStatus::Cos, AlarmStatus::NoAlarm]);
}

#[test]
fn value_time_alarm_and_text_of_a_post_are_one_update() {
    let mut g = GroupBuilder::new("a:");
    let pv = g.pv("pv", 0.0).add().expect("good");
    let (ioc, mut raw) = serve(g);
    let id = watch(&mut raw, "a:pv", VALUE_AND_ALARM);
    let before = ioc.report().circuits[0].pushes;
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_700_000_000_500);
    pv.post_with(2.5, Post::new().alarm(Alarm::COMM).message("no answer").at(time));
    let update = raw.next();
    assert_eq!((update.header.p2, update.double()), (id, 2.5));
    assert_eq!(update.payload[..4], [0, 9, 0, 3]);
    // Seconds since 1990, nanoseconds.
    let stamp = [1_700_000_000u32 - 631_152_000, 500_000_000].map(u32::to_be_bytes).concat();
    assert_eq!(update.payload[4..12], stamp);
    assert_eq!(text(&mut raw, "a:pv.AMSG"), "no answer");
    assert_eq!(ioc.report().circuits[0].pushes - before, 1);
}

struct Magnet {
    current: Pv<f64>,
    voltage: Pv<f64>,
    supply: AlarmGroup,
}

fn magnet(g: &mut GroupBuilder) -> Result<Magnet, GroupError> {
    let mut pv = |name| {
        g.pv(name, 0.0).warning_limits(-5.0..=5.0).alarm_limits(-9.0..=9.0).alarm_group("supply").add()
    };
    let (current, voltage) = (pv("current")?, pv("voltage")?);
    g.pv("apart", 0.0).alarm_group("other").add()?;
    Ok(Magnet { current, voltage, supply: g.alarm_group("supply") })
}

#[test]
fn members_of_an_alarm_group_show_the_worst_of_their_alarms_each_in_one_update() {
    let mut g = GroupBuilder::new("m:");
    let magnet = magnet(&mut g).expect("good");
    let (_ioc, mut raw) = serve(g);
    let current = watch(&mut raw, "m:current", VALUE_AND_ALARM);
    let voltage = watch(&mut raw, "m:voltage", VALUE_AND_ALARM);
    watch(&mut raw, "m:apart", VALUE_AND_ALARM);
    let mut both = || {
        let mut updates = [next(&mut raw), next(&mut raw)];
        updates.sort_by_key(|update| update.0);
        updates
    };
    magnet.current.post(6.0);
    assert_eq!(both(), [(current, 4, 1, 6.0), (voltage, 4, 1, 0.0)]);
    magnet.voltage.post(9.0);
    assert_eq!(both(), [(current, 3, 2, 6.0), (voltage, 3, 2, 9.0)]);
    magnet.voltage.post(1.0);
    assert_eq!(both(), [(current, 4, 1, 6.0), (voltage, 4, 1, 1.0)], "the current is high still");
    magnet.supply.post(Alarm::COMM, "no answer");
    assert_eq!(both(), [(current, 9, 3, 6.0), (voltage, 9, 3, 1.0)]);
    magnet.current.post(0.0);
    assert_eq!(next(&mut raw), (current, 9, 3, 0.0), "the group's own alarm stays");
    assert_eq!(["current", "voltage"].map(|pv| text(&mut raw, &format!("m:{pv}.AMSG"))), ["no answer"; 2]);
    magnet.supply.clear();
    let mut cleared = [next(&mut raw), next(&mut raw)];
    cleared.sort_by_key(|update| update.0);
    assert_eq!(cleared, [(current, 0, 0, 0.0), (voltage, 0, 0, 1.0)]);
    assert_eq!(text(&mut raw, "m:voltage.AMSG"), "");
}

#[test]
fn refused_puts_limits_and_missing_values_of_one_member_are_the_alarm_of_all() {
    let mut g = GroupBuilder::new("m:");
    let limited = g.pv("limited", 0.0).control_limits(0.0..=1.0).alarm_group("all").add().expect("good");
    let other = g.pv("other", 0.0).alarm_group("all").add().expect("good");
    let late = g.pv_undefined::<f64>("late").alarm_group("all").add().expect("good");
    assert_eq!([limited.alarm(), other.alarm()], [Alarm::UDF; 2]);
    late.post(1.0);
    assert_eq!([limited.alarm(), other.alarm()], [Alarm::NONE; 2]);
    let (_ioc, mut raw) = serve(g);
    let channel = raw.channel("m:limited");
    assert_eq!((raw.put(channel, 2.0), other.alarm()), (160, Alarm::WRITE));
    assert_eq!((raw.put(channel, 1.0), other.alarm()), (1, Alarm::NONE));
    let [high, severity] = ["m:other.HIGH", "m:other.HSV"].map(|name| raw.channel(name));
    assert_eq!([raw.put(high, -1.0), raw.put(severity, 1.0)], [1; 2]);
    assert_eq!([limited.alarm(), late.alarm()], [WARM; 2]);
}

#[test]
fn posts_of_many_threads_leave_all_members_with_the_worst_alarm() {
    let mut g = GroupBuilder::new("m:");
    let magnet = magnet(&mut g).expect("good");
    let pvs = [&magnet.current, &magnet.voltage];
    for last in [6.0, 9.0, 0.0] {
        std::thread::scope(|scope| {
            for pv in pvs {
                scope.spawn(move || {
                    (0..2000).for_each(|i| pv.post([0.0, 6.0, 10.0][i % 3]));
                    pv.post(last);
                });
            }
        });
        let expected = if last == 9.0 { HOT } else { [Alarm::NONE, WARM][usize::from(last > 0.0)] };
        assert_eq!(pvs.map(Pv::alarm), [expected; 2]);
    }
}

/// Posts a value and the group's alarm, in this order.
struct Device(Option<Magnet>);

impl SystemDevice for Device {
    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        self.0 = Some(magnet(group)?);
        Ok(())
    }

    fn execute(&mut self, _command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        let magnet = self.0.as_ref().ok_or("no PVs")?;
        (1..=3).for_each(|value| {
            magnet.supply.post(Alarm::COMM, "gone");
            magnet.current.post(f64::from(value));
            magnet.supply.clear();
        });
        magnet.supply.post(Alarm::COMM, "gone for good");
        Ok(Reply::done())
    }
}

#[test]
fn the_alarm_of_a_devices_group_keeps_its_place_among_the_devices_posts() {
    let builder = Ioc::builder().device("magnet", "d:", Box::new(Device(None))).expect("good");
    let ioc = builder.start(Config::isolated()).expect("loopback");
    let mut raw = Raw::connect(ioc.tcp_addresses()[0]);
    let current = watch(&mut raw, "d:current", VALUE_AND_ALARM);
    let command = raw.channel("d:seq.CMD");
    raw.start_put_text(command, "[]");
    let mut value = 0.0;
    for _ in 0..3 {
        assert_eq!(next(&mut raw), (current, 9, 3, value));
        value += 1.0;
        assert_eq!(next(&mut raw), (current, 9, 3, value));
        assert_eq!(next(&mut raw), (current, 0, 0, value));
    }
    assert_eq!(next(&mut raw), (current, 9, 3, value));
    assert_eq!(text(&mut raw, "d:current.AMSG"), "gone for good");
}

#[test]
fn mistakes_of_alarm_rules_name_the_pv_and_the_rule() {
    fn refused(add: impl FnOnce(&mut GroupBuilder) -> Result<(), GroupError>) -> String {
        add(&mut GroupBuilder::new("p:")).expect_err("a mistake").to_string()
    }
    let many = [AlarmSeverity::Minor; 17];
    for (error, rule) in [
        (refused(|g| g.pv("x", 0.0).hysteresis(-1.0).add().map(drop)), "hysteresis -1 is not"),
        (refused(|g| g.pv("x", 0.0).hysteresis(f64::NAN).add().map(drop)), "hysteresis NaN is not"),
        (refused(|g| g.pv("x", true).hysteresis(1.0).add().map(drop)), "needs a number"),
        (refused(|g| g.pv("x", true).state_severities(&many).add().map(drop)), "17 severities"),
        (refused(|g| g.pv("x", 0.0).change_severity(AlarmSeverity::Minor).add().map(drop)), "need an ENUM"),
        (refused(|g| g.pv("x", 0.0).record("analog").add().map(drop)), "\"analog\"; there are aSub, aai"),
    ] {
        assert!(error.contains("p:x") && error.contains(rule), "{error}");
    }
}

/// Keeps the messages of the log lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Line(&self.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line<'a>(&'a Mutex<Vec<String>>);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0.lock().expect("no holder panics").push(format!("{value:?}"));
        }
    }
}

#[test]
fn tpro_logs_posts_of_this_pv_alone_until_it_is_0_again() {
    let mut g = GroupBuilder::new("t:");
    let traced = g.pv("traced", 0.0).precision(2).alarm_limits(-1.0..=9.0).add().expect("good");
    let other = g.pv("other", 0.0).add().expect("good");
    let words = g.pv("words", String::from("x")).max_length(20).add().expect("good");
    let (_ioc, mut raw) = serve(g);
    let mut trace = |name: &str, on: f64| {
        let channel = raw.channel(&format!("t:{name}.TPRO"));
        assert_eq!((raw.put(channel, on), raw.get(channel, 6, 1).double()), (1, on));
    };
    let lines = Lines::default();
    // With one subscriber alone tracing asks that of the thread which logs first, and that is the server's.
    let _second = tracing::Dispatch::new(Lines::default());
    let _log = tracing::subscriber::set_default(lines.clone());
    traced.post(1.0);
    ["traced", "words"].into_iter().for_each(|name| trace(name, 1.0));
    traced.post(9.5);
    words.post("hello".into());
    other.post(3.0);
    ["traced", "words"].into_iter().for_each(|name| trace(name, 0.0));
    traced.post(2.0);
    let seen = lines.0.lock().expect("no holder panics").clone();
    assert_eq!(seen, ["t:traced: 9.5, HIHI MAJOR", "t:words: \"hello\", NO_ALARM NO_ALARM"]);
}

#[test]
fn a_group_within_a_group_has_alarm_groups_of_its_own() {
    let mut g = GroupBuilder::new("two:");
    let channel = |g: &mut GroupBuilder, prefix: &str| g.group(prefix, magnet).expect("good");
    let (a, b) = (channel(&mut g, "A:"), channel(&mut g, "B:"));
    a.supply.post(Alarm::COMM, "no answer");
    assert_eq!([&a.current, &a.voltage].map(Pv::alarm), [Alarm::COMM; 2]);
    assert_eq!([&b.current, &b.voltage].map(Pv::alarm), [Alarm::NONE; 2]);
}
