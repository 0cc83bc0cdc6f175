//! A follower and a sequencer that a test plays, in IOCs of this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use wrapper::client::{ClientConfig, Context};
use wrapper::sequence::follow::{FollowSettings, Follower};
use wrapper::{
    Arg, ArgType, Command, CommandSpec, Config, DeviceError, DeviceIo, GroupBuilder, GroupError, Ioc, Pv,
    Reply, SystemDevice,
};

use crate::raw::{Channel, Raw, eventually};

/// Keeps a stage at something else when no command runs.
#[derive(Clone, Default)]
struct Hold {
    wanted: Arc<AtomicBool>,
    /// It is there.
    held: Arc<AtomicBool>,
}

/// A stage that follows.
struct Stage {
    specs: Vec<CommandSpec>,
    follower: Follower,
    trajectory: Vec<f64>,
    val: Option<Pv<f64>>,
    steps: Option<Pv<i32>>,
    hold: Hold,
}

impl Stage {
    fn new(hold: Hold) -> Self {
        let specs = vec![
            CommandSpec::new("", "stores the list").arg("values", ArgType::List, ""),
            CommandSpec::new("panic", "panics"),
            CommandSpec::new("wait", "waits until it is aborted"),
        ];
        let settings = FollowSettings { sequencer: "m:indices".to_owned(), key: Some("a".to_owned()) };
        let follower = Follower::new(settings);
        Self { specs, follower, trajectory: Vec::new(), val: None, steps: None, hold }
    }
}

impl SystemDevice for Stage {
    fn commands(&self) -> &[CommandSpec] {
        &self.specs
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        self.val = Some(group.pv("VAL", 9.0).read_only().add()?);
        self.steps = Some(group.pv("steps", 0).read_only().add()?);
        self.follower.pvs(group)
    }

    fn startup(&mut self, io: &DeviceIo) -> Result<(), DeviceError> {
        self.follower.startup(io)
    }

    fn idle(&mut self, io: &DeviceIo) -> Option<Duration> {
        while self.hold.wanted.load(SeqCst) && io.sleep(Duration::from_millis(1)).is_ok() {
            self.hold.held.store(true, SeqCst);
        }
        None
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        let (val, steps) = (self.val.clone().ok_or("no PVs")?, self.steps.clone().ok_or("no PVs")?);
        if command.is_watched() {
            return self.follower.execute(&command, &self.trajectory, io, |to| {
                val.post(to);
                steps.post(steps.get() + 1);
                Ok(())
            });
        }
        match command.name() {
            "panic" => panic!("told to panic"),
            "wait" => loop {
                io.sleep(Duration::from_secs(1))?;
            },
            _ => {
                self.trajectory = command.get("values").and_then(Arg::numbers).unwrap_or_default();
                Ok(Reply::done())
            }
        }
    }
}

/// A sequencer played by hand.
struct Mock {
    ioc: Ioc,
    indices: Pv<String>,
}

impl Mock {
    fn start(config: Config, text: &str) -> Self {
        let mut group = GroupBuilder::new("m:");
        let indices = group.pv("indices", text.to_owned()).add().expect("a good PV");
        Self { ioc: Ioc::builder().group(group).start(config).expect("loopback"), indices }
    }

    fn port(&self) -> u16 {
        self.ioc.udp_addresses()[0].port()
    }
}

struct Lab {
    _ioc: Ioc,
    hold: Hold,
    raw: Raw,
    names: Vec<(&'static str, Channel)>,
}

impl Lab {
    /// A follower that searches on this port of loopback.
    fn start(sequencer: u16) -> Self {
        let hold = Hold::default();
        let stage = Box::new(Stage::new(hold.clone()));
        let builder = Ioc::builder().device("stage", "s:", stage).expect("good PVs");
        let ioc =
            builder.client(ClientConfig::isolated(sequencer)).start(Config::isolated()).expect("loopback");
        let mut raw = Raw::connect(ioc.tcp_addresses()[0]);
        let all = [
            "VAL",
            "steps",
            "INDEX",
            "MISSED",
            "seq.CMD",
            "seq.ACK",
            "seq.ERROR",
            "seq.message",
            "seq.BUSY",
            "seq.COUNT",
            "seq.DONE",
        ];
        let names = all.map(|name| (name, raw.channel(&format!("s:{name}")))).to_vec();
        Self { _ioc: ioc, hold, raw, names }
    }

    fn channel(&self, name: &str) -> Channel {
        self.names.iter().find(|(known, _)| *known == name).expect("a known PV").1
    }

    fn number(&mut self, name: &str) -> f64 {
        let channel = self.channel(name);
        self.raw.get(channel, 6, 1).double()
    }

    fn text(&mut self, name: &str) -> String {
        let channel = self.channel(name);
        self.raw.get_text(channel)
    }

    fn put(&mut self, text: &str) -> u32 {
        let cmd = self.channel("seq.CMD");
        self.raw.put_text(cmd, text)
    }

    /// Alarm status of INDEX.
    fn alarm(&mut self) -> u8 {
        let channel = self.channel("INDEX");
        self.raw.get(channel, 19, 1).payload[1]
    }

    fn until_number(&mut self, name: &str, wanted: f64) {
        let mut last = f64::NAN;
        eventually(&format!("{name} {wanted}"), || {
            last = self.number(name);
            (last == wanted).then_some(())
        });
    }

    fn until_text(&mut self, name: &str, part: &str) {
        eventually(&format!("{name} with {part:?}"), || self.text(name).contains(part).then_some(()));
    }

    fn until_alarm(&mut self, wanted: u8) {
        eventually("the alarm", || (self.alarm() == wanted).then_some(()));
    }
}

const LINK: u8 = 14;

#[test]
fn a_new_index_moves_val_and_ack_and_message_tell_the_result() {
    let mock = Mock::start(Config::isolated(), "{}");
    let mut lab = Lab::start(mock.port());
    lab.until_alarm(0);
    assert_eq!((lab.number("INDEX"), lab.number("VAL")), (-1.0, 9.0));
    assert_eq!(lab.text("seq.ACK"), "0", "a sequencer that says nothing is no command");
    mock.indices.post("{'a': 0}".to_owned());
    lab.until_number("INDEX", 0.0);
    assert_eq!(lab.number("VAL"), 0.0, "no trajectory: the idle value");
    lab.until_text("seq.message", "no trajectory, index 0: at 0");
    assert_eq!(lab.put("[10, 20.5, 30]"), 1);
    mock.indices.post(r#"{"b": 7, "a": 1}"#.to_owned());
    lab.until_number("VAL", 20.5);
    lab.until_text("seq.message", "index 1: at 20.5");
    lab.until_text("seq.ACK", "1");
    mock.indices.post("{'a': 5}".to_owned());
    lab.until_text("seq.ACK", "0: index 5 is outside the trajectory, ");
    assert_eq!((lab.number("VAL"), lab.number("INDEX")), (20.5, 1.0));
    mock.indices.post("{'a': -4}".to_owned());
    lab.until_text("seq.ERROR", "index -4 is outside 0..=");
    mock.indices.post("3, please".to_owned());
    lab.until_text("seq.ERROR", "the sequencer's text: at character");
    mock.indices.post("[1]".to_owned());
    lab.until_text("seq.ERROR", "the sequencer's text is a list, must be a mapping");
    mock.indices.post("{'a': 2}".to_owned());
    lab.until_number("VAL", 30.0);
    assert_eq!(lab.number("MISSED"), 0.0);
}

#[test]
fn indices_that_come_while_it_is_busy_are_counted_as_missed() {
    let mock = Mock::start(Config::isolated(), "{}");
    let mut lab = Lab::start(mock.port());
    lab.until_alarm(0);
    mock.indices.post("{'a': 0}".to_owned());
    lab.until_number("INDEX", 0.0);
    let cmd = lab.channel("seq.CMD");
    let waiting = lab.raw.start_put_text(cmd, "wait()");
    lab.until_number("seq.BUSY", 1.0);
    // The client of this test hears each one, so the follower's has too.
    let mut heard = Context::new(ClientConfig::isolated(mock.port()))
        .expect("a socket")
        .pv("m:indices")
        .monitor::<String>();
    for index in 1..=5 {
        mock.indices.post(format!("{{'a': {index}}}"));
    }
    while heard.wait(Duration::from_secs(10)).expect("in time").expect("a value") != "{'a': 5}" {}
    let mut other = Raw::connect(lab._ioc.tcp_addresses()[0]);
    let count = other.channel("s:seq.COUNT");
    eventually("all five have come", || (other.get(count, 5, 1).long() == 7).then_some(()));
    let abort = other.channel("s:seq.ABORT");
    other.put(abort, 1.0);
    lab.raw.completion(waiting);
    // ABORT ended the command, not what the sequencer said meanwhile.
    lab.until_number("INDEX", 5.0);
    assert_eq!((lab.number("MISSED"), lab.number("steps")), (4.0, 2.0));
}

#[test]
fn a_step_that_gives_way_to_a_reset_before_it_begins_leaves_no_busy_device() {
    let mock = Mock::start(Config::isolated(), "{}");
    let mut lab = Lab::start(mock.port());
    lab.until_alarm(0);
    lab.hold.wanted.store(true, SeqCst);
    assert_eq!(lab.put("[1, 2]"), 1, "it is idle after this");
    eventually("it is held", || lab.hold.held.load(SeqCst).then_some(()));
    mock.indices.post("{'a': 0}".to_owned());
    lab.until_number("seq.BUSY", 1.0);
    mock.indices.post("{}".to_owned());
    lab.until_number("seq.BUSY", 0.0);
    assert_eq!((lab.number("seq.COUNT"), lab.number("seq.DONE")), (2.0, 2.0));
    lab.hold.wanted.store(false, SeqCst);
    mock.indices.post("{'a': 1}".to_owned());
    lab.until_number("VAL", 2.0);
    assert_eq!((lab.number("steps"), lab.number("INDEX")), (1.0, 1.0));
}

#[test]
fn a_lost_sequencer_is_a_link_alarm_and_the_same_index_is_not_done_again() {
    let mock = Mock::start(Config::isolated(), "{}");
    let port = mock.port();
    let mut lab = Lab::start(port);
    lab.until_alarm(0);
    mock.indices.post("{'a': 3}".to_owned());
    lab.until_number("INDEX", 3.0);
    assert_eq!(lab.number("steps"), 1.0);
    mock.ioc.stop();
    lab.until_alarm(LINK);
    lab.until_text("seq.message", "m:indices is lost");
    assert_eq!(lab.put("[1, 2, 3, 4, 5]"), 1, "it takes commands meanwhile");
    let again = Mock::start(Config { server_port: port, ..Config::isolated() }, "{'a': 3}");
    lab.until_alarm(0);
    assert_eq!((lab.number("steps"), lab.number("INDEX")), (1.0, 3.0));
    again.indices.post("{'a': 4}".to_owned());
    lab.until_number("VAL", 5.0);
    assert_eq!((lab.number("steps"), lab.number("MISSED")), (2.0, 0.0));
}

#[test]
fn a_follower_that_panics_follows_again_and_does_not_repeat_its_step() {
    let mock = Mock::start(Config::isolated(), "{}");
    let mut lab = Lab::start(mock.port());
    lab.until_alarm(0);
    mock.indices.post("{'a': 3}".to_owned());
    lab.until_number("INDEX", 3.0);
    assert_eq!(lab.put("panic()"), 160);
    lab.until_alarm(0);
    mock.indices.post("{'a': 4}".to_owned());
    lab.until_number("INDEX", 4.0);
    assert_eq!(lab.number("steps"), 2.0);
    let [stage] = lab._ioc.handle().view().devices().try_into().expect("one device");
    assert_eq!(stage.watches, ["m:indices"], "once");
}

#[test]
fn a_sequencer_that_was_never_there_is_a_link_alarm() {
    let hold = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let mut lab = Lab::start(hold.local_addr().expect("bound").port());
    lab.until_alarm(LINK);
    assert_eq!(lab.put("[1]"), 1);
    assert_eq!(lab.text("seq.ACK"), "1");
}
