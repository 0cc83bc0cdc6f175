//! What tests of the client have in common.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ca::ClientConfig;
use ca::client::{Channel, Context, Data, Monitor, MonitorEvent};
use ca::proto::Eca;

use crate::rig::{DEADLINE, Rig};

pub(crate) fn context(rig: &Rig) -> Context {
    Context::new(ClientConfig::isolated(rig.udp().port())).expect("a socket")
}

pub(crate) fn number(data: &Data) -> f64 {
    let bytes = data.payload.first_chunk().expect("eight bytes");
    assert_eq!((data.data_type, data.status), (6, Eca::NORMAL));
    f64::from_be_bytes(*bytes)
}

pub(crate) fn payload(value: f64) -> Bytes {
    Bytes::copy_from_slice(&value.to_be_bytes())
}

pub(crate) fn get(channel: &Channel) -> f64 {
    let data = channel.get(Channel::PLAIN, 0, DEADLINE).wait().expect("a value").expect("data");
    number(&data)
}

pub(crate) fn put(channel: &Channel, value: f64) -> Result<Option<Data>, ca::Error> {
    channel.put_notify(6, 1, payload(value), DEADLINE).wait()
}

/// The next update; a loss is not one.
pub(crate) fn update(monitor: &mut Monitor) -> f64 {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match monitor.wait(deadline).expect("an update in time") {
            MonitorEvent::Update(data) => return number(&data),
            MonitorEvent::Disconnected => {}
        }
    }
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < 2 * DEADLINE, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
