//! A channel as its users hold it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ca_proto::EventMask;

use super::core::ChannelCore;
use super::listener::{Callback, Calls, Listener};
use super::monitor::{Monitor, MonitorCore, MonitorEvent};
use super::request::{Pending, Request};
use super::status::{Status, StatusWatch};

/// Closes the channel with its last handle.
#[derive(Debug)]
struct Handle(Arc<ChannelCore>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A PV by its name, wherever it is; clones are handles of the same channel.
///
/// It connects by itself and comes back by itself.
#[derive(Clone)]
pub struct Channel(Arc<Handle>);

impl Channel {
    /// As `data_type`: the plain DBR type of the channel's own element type.
    pub const PLAIN: u16 = 0xFF00;
    /// As `data_type`: the same with alarm and time.
    pub const TIME: u16 = 0xFF02;
    /// As `data_type`: the same with alarm, units, limits and labels.
    pub const CTRL: u16 = 0xFF04;
    /// As `data_type`: the value as text. All elements of a CHAR array, the first of all else as STRING.
    ///
    /// A put of it gives the bytes of the text, without a NUL; its count does not matter.
    pub const TEXT: u16 = 0xFF10;
    /// As `data_type`: the value as text, with alarm and time.
    pub const TIME_TEXT: u16 = 0xFF12;

    pub(super) fn new(core: Arc<ChannelCore>) -> Self {
        Self(Arc::new(Handle(core)))
    }

    pub(super) fn core(&self) -> &Arc<ChannelCore> {
        &self.0.0
    }

    pub(super) fn calls(&self) -> &Calls {
        &self.core().shared.calls
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.core().name
    }

    /// How it stands now.
    pub fn status(&self) -> Status {
        self.core().status()
    }

    /// Tells each change of how it stands.
    pub fn changes(&self) -> StatusWatch {
        StatusWatch::new(self.clone(), None)
    }

    /// Calls back with each change of how it stands, and with how it stands now, on the thread of callbacks.
    #[must_use = "dropping the watch ends the calls"]
    pub fn on_status(&self, callback: impl FnMut(Status) + Send + 'static) -> StatusWatch {
        StatusWatch::new(self.clone(), Some(Box::new(callback)))
    }

    pub(super) fn watch(&self, listener: Arc<Listener<Status>>) {
        self.core().watch(listener);
    }

    pub(super) fn unwatch(&self, listener: &Arc<Listener<Status>>) {
        self.core().unwatch(listener);
    }

    /// Waits until it is connected; the future ends, [`Pending::wait`] blocks, within `timeout`.
    pub fn connected(&self, timeout: Duration) -> Pending {
        Pending::new(self.clone(), Request::Connect, timeout)
    }

    /// Gets the value as a DBR type, with `count` elements, 0 for its current length.
    ///
    /// The request leaves at once when the channel is connected, else as soon as somebody waits for it and it is.
    pub fn get(&self, data_type: u16, count: u32, timeout: Duration) -> Pending {
        Pending::new(self.clone(), Request::Get { data_type, count }, timeout)
    }

    /// Puts elements as a plain DBR type, big-endian; done when it is on its way.
    ///
    /// A failure is told in the log only; see [`Channel::put_notify`].
    pub fn put(&self, data_type: u16, count: u32, payload: Bytes, timeout: Duration) -> Pending {
        Pending::new(self.clone(), Request::Put { data_type, count, payload, notify: false }, timeout)
    }

    /// Puts elements; done when the server is done with all that follows from it.
    pub fn put_notify(&self, data_type: u16, count: u32, payload: Bytes, timeout: Duration) -> Pending {
        Pending::new(self.clone(), Request::Put { data_type, count, payload, notify: true }, timeout)
    }

    /// Subscribes; all who ask for the same share one subscription, and who comes late gets the last value.
    pub fn monitor(&self, data_type: u16, count: u32, mask: EventMask) -> Monitor {
        self.subscribe(data_type, count, mask, None)
    }

    /// Subscribes with a callback, which runs on the thread of callbacks of the context.
    pub fn on_update(
        &self,
        data_type: u16,
        count: u32,
        mask: EventMask,
        callback: impl FnMut(MonitorEvent) + Send + 'static,
    ) -> Monitor {
        self.subscribe(data_type, count, mask, Some(Box::new(callback)))
    }

    fn subscribe(
        &self,
        data_type: u16,
        count: u32,
        mask: EventMask,
        callback: Option<Callback<MonitorEvent>>,
    ) -> Monitor {
        self.core().subscribe((data_type, count, mask), |core| Monitor::new(self.clone(), core, callback))
    }

    pub(super) fn cancel_if_unused(&self, monitor: &Arc<MonitorCore>) {
        self.core().cancel_if_unused(monitor);
    }
}

impl std::fmt::Display for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name(), self.status())
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("name", &self.name()).field("status", &self.status()).finish()
    }
}
