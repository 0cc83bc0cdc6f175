//! An IOC with a PV of each kind, and what the raw client lacks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use ca_proto::wire::{Command, Header, put_text};
use wrapper::{
    ArgType, CommandSpec, Config, DeviceError, DeviceIo, FixedString, GroupBuilder, GroupError, Ioc, Pv,
    Reply, SystemDevice,
};

use crate::raw::{Channel, Message, Raw, eventually};

/// Elements of the largest array: 10 MiB of doubles.
pub(crate) const BIG: usize = 10 * 1024 * 1024 / 8;
/// The channel id of an ERROR that concerns no channel.
pub(crate) const NO_CHANNEL: u32 = 0xFFFF_FFFF;
/// `EVENT_ADD` masks.
pub(crate) const VALUE: u16 = 1;

/// A running IOC.
pub(crate) struct Bench {
    pub(crate) ioc: Ioc,
    pub(crate) double: Pv<f64>,
    pub(crate) limited: Pv<f64>,
    pub(crate) long: Pv<i32>,
    pub(crate) array: Pv<Vec<f64>>,
    pub(crate) big: Pv<Vec<f64>>,
    /// Decimals 0, 2, 3 and 9.
    pub(crate) decimals: Vec<Pv<f64>>,
    /// Ends the command behind `g:go`.
    pub(crate) release: Arc<AtomicBool>,
}

impl Bench {
    pub(crate) fn start() -> Self {
        Self::with(Config::isolated())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::try_with(config).expect("loopback")
    }

    pub(crate) fn try_with(config: Config) -> Option<Self> {
        let mut g = GroupBuilder::new("c:");
        let double = g.pv("double", 1.5).units("micrometer").precision(2).add().expect("good");
        let limited = g.pv("limited", 1.0).alarm_limits(-10.0..=10.0).display_limits(-20.0..=20.0);
        let limited = limited.control_limits(-30.0..=30.0).units("mm").add().expect("good");
        let long = g.pv("long", 5i32).add().expect("good");
        g.pv("short", 3i16).add().expect("good");
        g.pv("float", 2.5f32).add().expect("good");
        g.pv("enum", true).add().expect("good");
        g.pv("choice", false).labels(&LABELS).add().expect("good");
        g.pv("string", FixedString::cut("hello")).add().expect("good");
        g.pv("text", String::from("some text")).max_length(100).add().expect("good");
        g.pv("bytes", vec![200u8, 7]).max_length(8).add().expect("good");
        let cells = ["first", "second", "third"].map(FixedString::cut).to_vec();
        g.pv("strings", cells).max_length(5).add().expect("good");
        let array = g.pv("array", vec![1.0, 2.0, 3.0]).max_length(200_000).add().expect("good");
        g.pv("empty", Vec::<f64>::new()).max_length(10).add().expect("good");
        let big = g.pv("big", vec![1.0, 2.0, 3.0]).max_length(BIG).add().expect("good");
        g.pv("fixed", 4.5).read_only().add().expect("good");
        let decimals = [0, 2, 3, 9].map(|p| g.pv(&format!("p{p}"), 0.0).precision(p).add().expect("good"));
        let release = Arc::new(AtomicBool::new(false));
        let builder = Ioc::builder().group(g).device("gate", "g:", Box::new(Gate::new(release.clone())));
        let ioc = builder.expect("good PVs").start(config).ok()?;
        Some(Self { ioc, double, limited, long, array, big, decimals: decimals.to_vec(), release })
    }

    pub(crate) fn connect(&self) -> Raw {
        Raw::connect(self.ioc.tcp_addresses()[0])
    }

    /// A circuit on which the client has said nothing; the greeting is still to come.
    pub(crate) fn silent(&self) -> Raw {
        Raw::silent(self.ioc.tcp_addresses()[0])
    }

    pub(crate) fn tcp_port(&self) -> u16 {
        self.ioc.tcp_addresses()[0].port()
    }
}

/// As many labels as an ENUM can have.
pub(crate) const LABELS: [&str; 16] =
    ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "the label with 25 bytes."];

/// A device whose only command ends when it is released.
struct Gate {
    specs: Vec<CommandSpec>,
    release: Arc<AtomicBool>,
}

impl Gate {
    fn new(release: Arc<AtomicBool>) -> Self {
        let specs = vec![CommandSpec::new("go", "waits").arg("to", ArgType::Number, "")];
        Self { specs, release }
    }
}

impl SystemDevice for Gate {
    fn commands(&self) -> &[CommandSpec] {
        &self.specs
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        group.pv("go", 0.0).command(&port, |x| wrapper::Command::new("go").arg("to", x)).add()?;
        Ok(())
    }

    fn execute(&mut self, _command: wrapper::Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        while !self.release.load(SeqCst) {
            io.sleep(Duration::from_millis(2))?;
        }
        Ok(Reply::done())
    }
}

/// A header, in the order of its fields on the wire.
pub(crate) fn header(c: Command, size: u32, data_type: u16, count: u32, p1: u32, p2: u32) -> Header {
    Header { command: c as u16, size, data_type, count, p1, p2 }
}

/// A name or text as payload: terminated and padded.
pub(crate) fn padded_text(text: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    put_text(text.as_bytes(), &mut payload);
    payload
}

/// Asserts that the server has nothing to say: two ECHOs come back and nothing else.
///
/// Updates leave behind the answers of their pass, so the first ECHO may overtake one; the second cannot.
#[track_caller]
pub(crate) fn assert_quiet(raw: &mut Raw) {
    for _ in 0..2 {
        let id = raw.id();
        raw.send(Command::Echo, 0, 0, id, 0, &[]);
        assert_eq!(raw.next().header, header(Command::Echo, 0, 0, 0, id, 0));
    }
}

/// Asserts an ERROR about the request with these bytes: its exact header, the request's, a terminated text.
#[track_caller]
pub(crate) fn assert_error(message: &Message, cid: u32, status: u32, request: &[u8]) {
    let size = message.payload.len() as u32;
    assert_eq!(message.header, header(Command::Error, size, 0, 0, cid, status), "{}", message_text(message));
    assert_eq!(message.payload[..16], request[..16], "the request's own header");
    assert_eq!(size % 8, 0);
    assert!(size <= 512, "{size}");
    let text = &message.payload[16..];
    let end = text.iter().position(|&b| b == 0).expect("a NUL behind the text");
    assert!(end > 0 && text[end..].iter().all(|&b| b == 0), "{text:?}");
}

fn message_text(message: &Message) -> String {
    String::from_utf8_lossy(message.payload.get(16..).unwrap_or_default()).into_owned()
}

/// Asserts that the server closes without another word.
#[track_caller]
pub(crate) fn assert_closed(raw: &mut Raw) {
    assert_eq!(raw.try_next(), None);
}

/// The first `length` bytes that the server sends next, which stay to be read.
pub(crate) fn peek(raw: &Raw, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    eventually("an answer", || (raw.stream().peek(&mut bytes).expect("open") == length).then_some(()));
    bytes
}

/// Asks for a value and returns the request's id.
pub(crate) fn ask(raw: &mut Raw, channel: Channel, data_type: u16, count: u32) -> u32 {
    let ioid = raw.id();
    raw.send(Command::ReadNotify, data_type, count, channel.sid, ioid, &[]);
    ioid
}

/// A get that must succeed with this count and size; returns the payload.
#[track_caller]
pub(crate) fn get(raw: &mut Raw, channel: Channel, ty: u16, asked: u32, count: u32, size: u32) -> Vec<u8> {
    let ioid = ask(raw, channel, ty, asked);
    let reply = raw.next();
    assert_eq!(reply.header, header(Command::ReadNotify, size, ty, count, 1, ioid));
    reply.payload
}

/// The next message must be an update of one plain DOUBLE with this value.
#[track_caller]
pub(crate) fn assert_update(raw: &mut Raw, subscription: u32, value: f64) {
    let update = raw.next();
    assert_eq!(update.header, header(Command::EventAdd, 8, 6, 1, 1, subscription));
    assert_eq!(update.double(), value);
}
