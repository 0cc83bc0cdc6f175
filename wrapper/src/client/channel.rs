//! One PV of another IOC.

use std::fmt;
use std::time::Duration;

use ca::Error;
use ca::proto::EventMask;

use super::wanted::asked;
use super::{FromData, IntoPut, Monitor, Pending, Status, raw};

/// A PV by its name, wherever it is served; clones are handles of the same channel.
///
/// It connects by itself and comes back by itself. A request leaves at once when the channel is connected, else as soon
/// as it is and somebody waits for the request, which is given up when its time-out is over before.
#[derive(Clone)]
pub struct Channel {
    raw: raw::Channel,
    /// Keeps the client.
    context: raw::Context,
    timeout: Duration,
}

impl Channel {
    pub(super) fn new(raw: raw::Channel, context: raw::Context, timeout: Duration) -> Self {
        Self { raw, context, timeout }
    }

    /// The same channel, whose requests may take so long.
    pub fn within(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.raw.name()
    }

    /// How it stands now.
    pub fn status(&self) -> Status {
        self.raw.status()
    }

    /// Waits until it is connected.
    pub fn connected(&self) -> Pending<()> {
        Pending::done(self.raw.connected(self.timeout))
    }

    /// Gets the value as a Rust type, converted by the server.
    ///
    /// With a [`Reading`](super::Reading) alarm and time come with it, a [`Meta`](crate::Meta) is units, limits and labels, a
    /// [`Reply`](super::Reply) is the value in whatever type the PV has.
    pub fn get_as<T: FromData>(&self) -> Pending<T> {
        let (data_type, count) = asked::<T>();
        Pending::got(self.raw.get(data_type, count, self.timeout))
    }

    /// Puts a value; done when it is on its way.
    ///
    /// Nobody is told of a put that the server refuses but [`raw::Context::failed_puts`]; see [`Channel::put_notify`].
    pub fn put(&self, value: impl IntoPut) -> Pending<()> {
        let put = value.into_put();
        Pending::done(self.raw.put(put.data_type, put.count, put.payload, self.timeout))
    }

    /// Puts a value; done when the server is done with all that follows from it, as a device with its command.
    pub fn put_notify(&self, value: impl IntoPut) -> Pending<()> {
        let put = value.into_put();
        Pending::done(self.raw.put_notify(put.data_type, put.count, put.payload, self.timeout))
    }

    /// Monitors the value, and its alarm; a [`Meta`](crate::Meta) is monitored for changes of itself.
    ///
    /// All who monitor the same share one subscription, which ends with the last of them.
    pub fn monitor<T: FromData>(&self) -> Monitor<T> {
        self.monitor_for(T::MASK)
    }

    /// Monitors changes of some kinds only.
    pub fn monitor_for<T: FromData>(&self, mask: EventMask) -> Monitor<T> {
        let (data_type, count) = asked::<T>();
        Monitor::new(self.raw.monitor(data_type, count, mask), self.context.clone())
    }

    /// Monitors with a callback, which runs on the thread of callbacks of the client, until the monitor is dropped.
    ///
    /// A callback that waits for a request keeps all others waiting; it may start requests.
    pub fn on_update<T: FromData>(
        &self,
        mut callback: impl FnMut(Result<T, Error>) + Send + 'static,
    ) -> Monitor<T> {
        let (data_type, count) = asked::<T>();
        let name = self.name().to_owned();
        let raw = self.raw.on_update(data_type, count, T::MASK, move |event| {
            callback(super::monitor::told(event, &name));
        });
        Monitor::new(raw, self.context.clone())
    }

    /// The channel without types: changes of its state, raw payloads, any DBR type.
    pub fn raw(&self) -> &raw::Channel {
        &self.raw
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.fmt(f)
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.fmt(f)
    }
}
