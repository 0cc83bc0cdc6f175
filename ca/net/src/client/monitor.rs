//! Subscriptions: one on the wire for all who want the same, a bounded queue for each of them.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use ca_proto::client::Data;
use ca_proto::{Eca, EventMask, SubscriptionId};
use parking_lot::Mutex;

use super::channel::Channel;
use super::listener::{Callback, Listener, Told, Wakers};
use crate::Error;

/// What a monitor tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MonitorEvent {
    /// A value, or the status why there is none.
    Update(Data),
    /// The channel is lost; it resumes by itself, and then an update follows.
    Disconnected,
}

impl MonitorEvent {
    /// The value, or why there is none; `name` is the channel's.
    ///
    /// # Errors
    /// When the channel is lost, or the server could not give a value.
    pub fn into_data(self, name: &str) -> Result<Data, Error> {
        match self {
            Self::Update(data) if data.status.is_success() => Ok(data),
            Self::Update(Data { status, .. }) => Err(Error::status(format!("{name}: {status}"), status)),
            Self::Disconnected => {
                Err(Error::status(format!("{name}: the channel is disconnected"), Eca::DISCONN))
            }
        }
    }
}

impl Told for MonitorEvent {
    fn repeats(&self, last: &Self) -> bool {
        matches!((self, last), (Self::Disconnected, Self::Disconnected))
    }
}

/// A subscription of a channel.
#[derive(Debug)]
pub(super) struct MonitorCore {
    pub(super) id: SubscriptionId,
    pub(super) data_type: u16,
    pub(super) count: u32,
    pub(super) mask: EventMask,
    state: Mutex<Listeners>,
}

type Listening = Arc<Listener<MonitorEvent>>;

#[derive(Debug, Default)]
struct Listeners {
    last: Option<Data>,
    all: Vec<Listening>,
}

impl MonitorCore {
    pub(super) fn new(id: SubscriptionId, data_type: u16, count: u32, mask: EventMask) -> Arc<Self> {
        Arc::new(Self { id, data_type, count, mask, state: Mutex::default() })
    }

    /// Gives an update to all who listen.
    pub(super) fn push(&self, data: Data, wakers: &mut Wakers) {
        let mut state = self.state.lock();
        state.all.iter().for_each(|listener| listener.push(MonitorEvent::Update(data.clone()), wakers));
        state.last = Some(data);
    }

    /// Tells all who listen that the channel is lost.
    pub(super) fn disconnected(&self, wakers: &mut Wakers) {
        let mut state = self.state.lock();
        state.last = None;
        state.all.iter().for_each(|listener| listener.push(MonitorEvent::Disconnected, wakers));
    }

    /// Who comes late gets the last value first.
    pub(super) fn join(&self, listener: Listening) {
        let mut state = self.state.lock();
        if let Some(last) = &state.last {
            // Nobody can wait for it yet.
            listener.push(MonitorEvent::Update(last.clone()), &mut Wakers::default());
        }
        state.all.push(listener);
    }

    fn leave(&self, listener: &Listening) {
        self.state.lock().all.retain(|other| !Arc::ptr_eq(other, listener));
    }

    /// True when nobody listens any more.
    pub(super) fn is_unused(&self) -> bool {
        self.state.lock().all.is_empty()
    }
}

/// A subscription as its user holds it; dropping it cancels it. It keeps its channel.
#[derive(Debug)]
pub struct Monitor {
    channel: Channel,
    core: Arc<MonitorCore>,
    listener: Listening,
}

impl Monitor {
    pub(super) fn new(
        channel: Channel,
        core: Arc<MonitorCore>,
        callback: Option<Callback<MonitorEvent>>,
    ) -> Self {
        let listener = Listener::new(channel.calls(), callback);
        core.join(listener.clone());
        Self { channel, core, listener }
    }

    /// The channel.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// What comes next; waits for it.
    pub async fn next(&mut self) -> MonitorEvent {
        self.listener.next().await
    }

    /// What comes next, for who writes a stream.
    pub fn poll_next(&mut self, context: &mut TaskContext<'_>) -> Poll<MonitorEvent> {
        self.listener.poll_next(context)
    }

    /// What comes next; blocks until `deadline` at most.
    pub fn wait(&mut self, deadline: Instant) -> Option<MonitorEvent> {
        self.listener.wait(deadline)
    }

    /// What has come already.
    pub fn try_next(&mut self) -> Option<MonitorEvent> {
        self.listener.pop()
    }

    /// Events that took another's place because they were not taken in time.
    pub fn squashed(&self) -> u64 {
        self.listener.squashed()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.listener.leave();
        self.core.leave(&self.listener);
        self.channel.cancel_if_unused(&self.core);
    }
}
