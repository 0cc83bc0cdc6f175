//! Our client against real servers: EPICS base's rsrv and caproto.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ca::ClientConfig;
use ca::client::{Channel, Context, Data, MonitorEvent};
use ca::proto::dbr::{NativeType, Scalar};
use ca::proto::{Eca, EventMask};

use crate::launch::{SOON, free_port};
use crate::peers::Script;

/// How long a script may run.
const SCRIPT: Duration = Duration::from_secs(120);

/// A server and a client of it.
struct Meeting {
    _server: Script,
    context: Context,
}

impl Meeting {
    fn with(script: &str) -> Option<Self> {
        let port = free_port();
        let server = Script::start(script, port, SCRIPT)?;
        let context = Context::new(ClientConfig::isolated(port)).expect("a socket");
        Some(Self { _server: server, context })
    }

    fn channel(&self, name: &str) -> Channel {
        let channel = self.context.channel(name);
        channel.connected(3 * SOON).wait().expect("connected");
        channel
    }

    fn get(&self, name: &str, data_type: u16) -> Data {
        let answer = self.channel(name).get(data_type, 0, SOON).wait();
        answer.unwrap_or_else(|error| panic!("{name} as {data_type}: {error}")).expect("data")
    }

    fn put(&self, name: &str, data_type: u16, count: u32, payload: impl Into<Bytes>) {
        let pending = self.channel(name).put_notify(data_type, count, payload.into(), SOON);
        pending.wait().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

fn doubles(count: u32) -> Bytes {
    (0..count).flat_map(|i| f64::from(i).to_be_bytes()).collect::<Vec<_>>().into()
}

/// Base has no conversion from a text to the index of a label.
fn is_text_to_index(native: &str, code: u16) -> bool {
    native == "string" && code % 7 == 3
}

/// Every DBR type of every native type is a 3; caproto makes no numbers of text, and has metadata of strings that
/// base has not.
fn types(meeting: &Meeting, text_is_number: bool) {
    for native in ["string", "short", "float", "enum", "char", "long", "double"] {
        let name = format!("p:{native}");
        let known = |code: &u16| match native {
            _ if text_is_number => !is_text_to_index(native, *code),
            "string" => [0, 7, 14].contains(code),
            _ => !code.is_multiple_of(7),
        };
        let codes = (0..35).filter(known);
        for code in codes {
            let data = meeting.get(&name, code);
            assert_eq!((data.data_type, data.count, data.status), (code, 1, Eca::NORMAL), "{name} {code}");
            let array = data.array().unwrap_or_else(|error| panic!("{name} {code}: {error}"));
            let number = array.to_scalar(NativeType::Double, &[], 0);
            assert_eq!(number, Ok(Scalar::Double(3.0)), "{name} as {code}");
            assert_eq!(data.alarm().is_some(), code >= 7, "{name} {code}");
            assert_eq!(data.stamp().is_some(), (14..21).contains(&code), "{name} {code}");
        }
    }
    let labels = meeting.get("p:enum", 24).labels();
    assert_eq!(labels[..4], ["off", "on", "two", "3"]);
}

/// Puts, what is monitored then, enums by label, long strings.
fn puts(meeting: &Meeting) {
    let channel = meeting.channel("p:double");
    let mut monitor = channel.monitor(Channel::TIME, 0, EventMask::VALUE | EventMask::ALARM);
    for number in [3.0, 4.5, 5.5f64] {
        if number > 3.0 {
            meeting.put("p:double", 6, 1, number.to_be_bytes().to_vec());
        }
        let event = monitor.wait(Instant::now() + SOON).expect("an update");
        let MonitorEvent::Update(data) = event else { panic!("{event:?}") };
        let scalar = data.array().expect("a value").element(0);
        assert_eq!(scalar, Some(Scalar::Double(number)));
    }
    meeting.put("p:enum", 0, 1, b"on\0".to_vec());
    assert_eq!(meeting.get("p:enum", 3).array().expect("a value").element(0), Some(Scalar::Enum(1)));
    let long = "x".repeat(250);
    meeting.put("p:text", 4, 251, [long.as_bytes(), &[0]].concat());
    assert_eq!(meeting.get("p:text", 4).text(), Ok(long));
    let refused = channel.put_notify(0, 1, Bytes::from_static(b"no number\0"), SOON).wait();
    assert_eq!(refused.expect_err("no number").eca(), Some(Eca::PUTFAIL));
    assert!(channel.put(6, 1, doubles(1), SOON).wait().is_ok(), "the circuit is kept");
}

/// Arrays of none, one and all elements.
fn arrays(meeting: &Meeting, name: &str, capacity: u32) {
    assert_eq!(meeting.get(name, 6).count, 0, "never written");
    let mut monitor = meeting.channel(name).monitor(Channel::PLAIN, 0, EventMask::VALUE);
    let mut next = || match monitor.wait(Instant::now() + SOON).expect("an update") {
        MonitorEvent::Update(data) => (data.status, data.count),
        MonitorEvent::Disconnected => panic!("lost"),
    };
    assert_eq!(next(), (Eca::NORMAL, 0), "libca drops it");
    for count in [1, 16, capacity] {
        meeting.put(name, 6, count, doubles(count));
        let data = meeting.get(name, Channel::PLAIN);
        assert_eq!((data.count, &data.payload[..8 * count as usize]), (count, &doubles(count)[..]));
        assert_eq!(next(), (Eca::NORMAL, count));
    }
}

#[test]
fn our_client_finds_all_in_rsrv() {
    let Some(meeting) = Meeting::with("serve_rsrv.py") else { return };
    types(&meeting, true);
    puts(&meeting);
    arrays(&meeting, "p:array16384", 16_384);
    arrays(&meeting, "p:array10000000", 10_000_000);
    assert!(meeting.get("p:double", 37).array().is_err(), "no elements of its own");
    assert_eq!(&meeting.get("p:double", 38).payload[..3], b"ao\0");
}

#[test]
fn our_client_finds_all_in_caproto() {
    let Some(meeting) = Meeting::with("serve_caproto.py") else { return };
    types(&meeting, false);
    puts(&meeting);
    arrays(&meeting, "p:array16384", 16_384);
}
