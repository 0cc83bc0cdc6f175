//! A channel as the tasks see it: from its name to its server, across all that happens to the connection.
//!
//! Order of locks: a channel's state, then the map of circuits, the searches or a subscription's listeners, then
//! a circuit's state. Wakers are called when none is held.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use ca_proto::client::AccessRights;
use ca_proto::dbr::{DbrClass, NativeType};
use ca_proto::ids::IdMap;
use ca_proto::{Cid, Ioid};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::channel::Channel;
use super::circuit::Circuit;
use super::listener::{Listener, Wakers};
use super::monitor::MonitorCore;
use super::shared::Shared;
use super::status::Status;

/// A connection that lasted as long was a good one: its loss is no reason to hesitate.
const LASTED: Duration = Duration::from_secs(5);
/// A lost name is searched again within this time: spread, so that not all come at once.
const SOON: Duration = Duration::from_millis(50);
/// The same when a server has refused it, or could not be reached: doubled each time.
const LATER: Duration = Duration::from_secs(1);
/// Doublings of that.
const PATIENCE: u32 = 3;
/// Longest gap between searches of a name that was once served.
const KNOWN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct State {
    pub(super) status: Status,
    pub(super) circuit: Option<Arc<Circuit>>,
    /// The server has opened the channel on the circuit, and when.
    opened: Option<Instant>,
    /// The server has told the rights.
    pub(super) told: bool,
    pub(super) monitors: Vec<Arc<MonitorCore>>,
    watchers: Vec<Arc<Listener<Status>>>,
    /// Requests that wait for a change, as tasks.
    pub(super) wakers: IdMap<Ioid, Waker>,
    /// Counts the changes, for threads that wait for one.
    pub(super) revision: u64,
    /// Two servers have the name, and it was told.
    doubled: bool,
    /// Its last handle is gone.
    closed: bool,
    /// Connections in a row that came to nothing.
    failures: u32,
}

/// A channel, as the tasks see it.
#[derive(Debug)]
pub(super) struct ChannelCore {
    pub(super) cid: Cid,
    pub(super) name: Box<str>,
    pub(super) priority: u16,
    pub(super) shared: Arc<Shared>,
    pub(super) state: Mutex<State>,
    changed: Condvar,
}

impl ChannelCore {
    pub(super) fn new(shared: &Arc<Shared>, cid: Cid, name: &str, priority: u16) -> Arc<Self> {
        let state = State {
            status: Status::UNKNOWN,
            circuit: None,
            opened: None,
            told: false,
            monitors: Vec::new(),
            watchers: Vec::new(),
            wakers: IdMap::default(),
            revision: 0,
            doubled: false,
            closed: false,
            failures: 0,
        };
        let (shared, state) = (shared.clone(), Mutex::new(state));
        Arc::new(Self { cid, name: name.into(), priority, shared, state, changed: Condvar::new() })
    }

    pub(super) fn status(&self) -> Status {
        self.state.lock().status.clone()
    }

    pub(super) fn monitors(&self) -> usize {
        self.state.lock().monitors.len()
    }

    /// Searches the name from a moment on; false when it cannot be searched.
    pub(super) fn search(&self, delay: Duration) -> bool {
        let known = self.state.lock().status.native.is_some();
        let longest = if known { KNOWN } else { Duration::MAX };
        self.shared.search(self.cid, &self.name, delay, longest)
    }

    /// A server has the name.
    pub(super) fn found(&self, server: SocketAddrV4, minor: Option<u16>) {
        let placed = self.change(|state, _| self.place(state, server, minor));
        if !placed {
            self.search(SOON);
        }
    }

    /// Opens the channel on the circuit to a server; false when that has just been closed, twice.
    fn place(&self, state: &mut State, server: SocketAddrV4, minor: Option<u16>) -> bool {
        if state.closed {
            return true;
        }
        if let Some(known) = state.status.server {
            if known != server && !std::mem::replace(&mut state.doubled, true) {
                tracing::warn!("{}: served by {known} and by {server}; the first is used", self.name);
            }
            return true;
        }
        for _ in 0..2 {
            let circuit = self.shared.circuit(server, self.priority);
            let created = circuit.with(|circuit| {
                minor.into_iter().for_each(|minor| circuit.proto.suppose(minor));
                circuit.proto.create(self.cid, &self.name, &mut circuit.output);
            });
            // A circuit that has just been closed is replaced by the next call.
            if created.is_some() {
                (state.status.server, state.circuit) = (Some(server), Some(circuit));
                return true;
            }
        }
        false
    }

    /// The server has opened the channel: its subscriptions begin.
    pub(super) fn created(&self, circuit: &Arc<Circuit>, native: NativeType, count: u32) {
        self.change(|state, wakers| {
            if !state.is_on(circuit) {
                return;
            }
            (state.status.native, state.status.count) = (Some(native), count);
            (state.status.connected, state.opened) = (true, Some(Instant::now()));
            for monitor in &state.monitors {
                self.begin(circuit, native, monitor, wakers);
            }
        });
    }

    pub(super) fn rights(&self, circuit: &Arc<Circuit>, rights: AccessRights) {
        self.change(|state, _| {
            if state.is_on(circuit) {
                (state.status.rights, state.told) = (rights, true);
            }
        });
    }

    /// The connection is lost: searches again if it was this one.
    pub(super) fn lost(&self, circuit: &Arc<Circuit>, refused: bool) {
        let delay = self.change(|state, wakers| {
            if !state.is_on(circuit) {
                return None;
            }
            state.failures = match state.opened.take() {
                Some(at) if at.elapsed() >= LASTED => 0,
                // Short, but it was one: the server is there, and dies or is restarted often.
                Some(_) => (state.failures + 1).min(2),
                None => state.failures + 1,
            };
            (state.circuit, state.status.server, state.doubled) = (None, None, false);
            state.disconnect(wakers);
            Some(self.delay(state.failures, refused))
        });
        if let Some(delay) = delay {
            self.search(delay);
        }
    }

    /// How long to wait before the next search, so that a server that refuses is not asked without end.
    fn delay(&self, failures: u32, refused: bool) -> Duration {
        let spread = f64::from(self.cid.0 % 64) / 64.0;
        match failures {
            0 | 1 if !refused => SOON.mul_f64(spread),
            failures => {
                let doubled = failures.saturating_sub(if refused { 1 } else { 2 }).min(PATIENCE);
                LATER.mul_f64(f64::from(1 << doubled) * (1.0 + spread / 4.0))
            }
        }
    }

    /// The server is silent: the channel counts as disconnected until it speaks.
    pub(super) fn unresponsive(&self, circuit: &Arc<Circuit>) {
        self.change(|state, wakers| {
            if state.is_on(circuit) {
                state.disconnect(wakers);
            }
        });
    }

    /// The server speaks again: subscriptions are refreshed, those made meanwhile begin.
    pub(super) fn responsive(&self, circuit: &Arc<Circuit>) {
        self.change(|state, wakers| {
            let native = state.status.native.filter(|_| state.opened.is_some() && state.is_on(circuit));
            let Some(native) = native.filter(|_| !state.status.connected) else { return };
            state.status.connected = true;
            let rights = circuit.with(|circuit| circuit.proto.rights(self.cid)).flatten();
            (state.status.rights, state.told) = (rights.unwrap_or_default(), rights.is_some());
            for monitor in &state.monitors {
                if !self.refresh(circuit, monitor) {
                    self.begin(circuit, native, monitor, wakers);
                }
            }
        });
    }

    /// Changes the state, tells those who watch it and wakes all who wait for a change.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State, &mut Wakers) -> R) -> R {
        let mut wakers = Wakers::default();
        let result = {
            let mut state = self.state.lock();
            let before = state.status.clone();
            let result = change(&mut state, &mut wakers);
            state.revision += 1;
            wakers.extend(state.wakers.drain().map(|(_, waker)| waker));
            if state.status != before {
                let State { watchers, status, .. } = &*state;
                watchers.iter().for_each(|watcher| watcher.push(status.clone(), &mut wakers));
            }
            result
        };
        self.changed.notify_all();
        drop(wakers);
        result
    }

    /// Blocks until the state is another one than that of `revision`; false when the time is over.
    pub(super) fn wait_changed(&self, revision: u64, deadline: Instant) -> bool {
        let mut state = self.state.lock();
        while state.revision == revision {
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                return state.revision != revision;
            }
        }
        true
    }

    /// Tells a listener how the channel stands, now and whenever that changes.
    pub(super) fn watch(&self, listener: Arc<Listener<Status>>) {
        let mut state = self.state.lock();
        // Nobody can wait for it yet.
        listener.push(state.status.clone(), &mut Wakers::default());
        state.watchers.push(listener);
    }

    pub(super) fn unwatch(&self, listener: &Arc<Listener<Status>>) {
        self.state.lock().watchers.retain(|other| !Arc::ptr_eq(other, listener));
    }

    /// Gives the channel up.
    pub(super) fn close(&self) {
        let circuit = {
            let mut state = self.state.lock();
            state.closed = true;
            state.circuit.take()
        };
        self.shared.remove(self.cid);
        if let Some(circuit) = circuit {
            circuit.with(|circuit| {
                for ioid in circuit.proto.clear(self.cid, &mut circuit.output) {
                    circuit.replies.remove(&ioid);
                }
            });
            circuit.close_if_unused();
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    fn is_on(&self, circuit: &Arc<Circuit>) -> bool {
        self.circuit.as_ref().is_some_and(|own| Arc::ptr_eq(own, circuit))
    }

    fn disconnect(&mut self, wakers: &mut Wakers) {
        if std::mem::replace(&mut self.status.connected, false) {
            self.monitors.iter().for_each(|monitor| monitor.disconnected(wakers));
        }
        (self.status.rights, self.told) = (AccessRights::empty(), false);
    }
}

/// The DBR type and count that a channel's native type asks for; see [`Channel::TIME`].
pub(super) fn wire_type(data_type: u16, count: u32, native: NativeType) -> (u16, u32) {
    let (class, text) = match data_type {
        Channel::PLAIN => (DbrClass::Plain, false),
        Channel::TIME => (DbrClass::Time, false),
        Channel::CTRL => (DbrClass::Ctrl, false),
        Channel::TEXT => (DbrClass::Plain, true),
        Channel::TIME_TEXT => (DbrClass::Time, true),
        other => return (other, count),
    };
    match (text, native) {
        (false, native) | (true, native @ NativeType::Char) => (native.with(class).code(), count),
        (true, _) => (NativeType::String.with(class).code(), 1),
    }
}
