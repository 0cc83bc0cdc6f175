//! A channel: from its name to its server, across all that happens to the connection.

use std::future::Future;
use std::net::SocketAddrV4;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ca_proto::client::{AccessRights, Data, Refused};
use ca_proto::dbr::{DbrClass, DbrType, NativeType};
use ca_proto::{Cid, Eca, EventMask, Ioid};
use parking_lot::{Condvar, Mutex};

use super::Shared;
use super::circuit::{Circuit, Reply};
use super::monitor::{Monitor, MonitorCore, MonitorEvent};
use super::slot::{Answer, Slot};
use crate::Error;

/// How a channel stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// It can be used.
    pub connected: bool,
    /// Its server, as long as there is one.
    pub server: Option<SocketAddrV4>,
    /// Native element type, once it was connected.
    pub native: Option<NativeType>,
    /// Capacity in elements, once it was connected.
    pub count: u32,
    /// What the client may do.
    pub rights: AccessRights,
}

#[derive(Debug)]
struct State {
    status: Status,
    circuit: Option<Arc<Circuit>>,
    monitors: Vec<Arc<MonitorCore>>,
    wakers: Vec<Waker>,
    /// Two servers have the name, and it was told.
    doubled: bool,
}

/// A channel, as the tasks see it.
#[derive(Debug)]
pub(super) struct ChannelCore {
    pub(super) cid: Cid,
    pub(super) name: Box<str>,
    priority: u16,
    pub(super) shared: Arc<Shared>,
    state: Mutex<State>,
    changed: Condvar,
}

impl ChannelCore {
    pub(super) fn new(shared: &Arc<Shared>, cid: Cid, name: &str, priority: u16) -> Arc<Self> {
        let status =
            Status { connected: false, server: None, native: None, count: 0, rights: AccessRights::empty() };
        let state = State { status, circuit: None, monitors: Vec::new(), wakers: Vec::new(), doubled: false };
        Arc::new(Self {
            cid,
            name: name.into(),
            priority,
            shared: shared.clone(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        })
    }

    /// A server has the name.
    pub(super) fn found(&self, server: SocketAddrV4) {
        let mut state = self.state.lock();
        match state.status.server {
            None => {}
            Some(known) if known == server => return,
            Some(known) => {
                if !std::mem::replace(&mut state.doubled, true) {
                    tracing::warn!("{}: served by {known} and by {server}; the first is used", self.name);
                }
                return;
            }
        }
        for _ in 0..2 {
            let circuit = self.shared.circuit(server, self.priority);
            let created =
                circuit.with(|circuit| circuit.proto.create(self.cid, &self.name, &mut circuit.output));
            // A circuit that has just been closed is replaced by the next call.
            if created.is_some() {
                state.status.server = Some(server);
                state.circuit = Some(circuit);
                return;
            }
        }
        self.shared.search(self.cid, &self.name, Duration::ZERO);
    }

    /// The server has opened the channel: its subscriptions begin.
    pub(super) fn created(&self, circuit: &Arc<Circuit>, native: Option<NativeType>, count: u32) {
        self.change(|state| {
            (state.status.native, state.status.count) = (native, count);
            state.status.connected = true;
            for monitor in &state.monitors {
                self.begin(circuit, state.status.native, monitor);
            }
        });
    }

    fn begin(&self, circuit: &Circuit, native: Option<NativeType>, monitor: &Arc<MonitorCore>) {
        let data_type = wire_type(monitor.data_type, native);
        circuit.with(|circuit| {
            let (cid, id, mask) = (self.cid, monitor.id, monitor.mask);
            let sent = circuit.proto.subscribe(cid, id, data_type, monitor.count, mask, &mut circuit.output);
            match sent {
                Ok(()) => _ = circuit.monitors.insert(id, monitor.clone()),
                Err(refused) => monitor.push(&failure(refused.eca())),
            }
        });
    }

    pub(super) fn rights(&self, rights: AccessRights) {
        self.change(|state| state.status.rights = rights);
    }

    /// The connection is lost; whether it was this one.
    pub(super) fn lost(&self, circuit: &Arc<Circuit>) -> bool {
        self.change(|state| {
            if !state.circuit.as_ref().is_some_and(|own| Arc::ptr_eq(own, circuit)) {
                return false;
            }
            (state.circuit, state.status.server) = (None, None);
            state.disconnect();
            true
        })
    }

    /// The server is silent: the channel counts as disconnected until it speaks.
    pub(super) fn unresponsive(&self) {
        self.change(State::disconnect);
    }

    /// The server speaks again: subscriptions are refreshed.
    pub(super) fn responsive(&self, circuit: &Arc<Circuit>) {
        self.change(|state| {
            if state.status.connected || state.status.native.is_none() {
                return;
            }
            state.status.connected = true;
            for monitor in &state.monitors {
                let (ioid, data_type) =
                    (self.shared.ioid(), wire_type(monitor.data_type, state.status.native));
                circuit.with(|circuit| {
                    let asked =
                        circuit.proto.get(self.cid, data_type, monitor.count, ioid, &mut circuit.output);
                    if asked.is_ok() {
                        circuit.replies.insert(ioid, Reply::Refresh(monitor.clone()));
                    }
                });
            }
        });
    }

    /// Changes the state and wakes all who wait for a change.
    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock();
        let result = change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
        result
    }

    /// Cancels a subscription that nobody listens to.
    pub(super) fn cancel_if_unused(&self, monitor: &Arc<MonitorCore>) {
        let mut state = self.state.lock();
        if !monitor.is_unused() {
            return;
        }
        state.monitors.retain(|other| !Arc::ptr_eq(other, monitor));
        if let Some(circuit) = &state.circuit {
            circuit.with(|circuit| {
                circuit.proto.cancel(monitor.id, &mut circuit.output);
                circuit.monitors.remove(&monitor.id);
            });
        }
    }

    /// Gives the channel up.
    fn close(&self) {
        self.shared.remove(self.cid);
        let circuit = self.state.lock().circuit.take();
        if let Some(circuit) = circuit {
            circuit.with(|circuit| circuit.proto.clear(self.cid, &mut circuit.output));
            circuit.close_if_unused();
        }
    }
}

impl State {
    fn disconnect(&mut self) {
        if std::mem::replace(&mut self.status.connected, false) {
            self.monitors.iter().for_each(|monitor| monitor.disconnected());
        }
        self.status.rights = AccessRights::empty();
    }
}

fn failure(status: Eca) -> Data {
    Data { status, data_type: 0, count: 0, payload: Bytes::new() }
}

/// The DBR type of a class that a channel's native type has; see [`Channel::TIME`].
fn wire_type(data_type: u16, native: Option<NativeType>) -> u16 {
    let class = match data_type {
        Channel::PLAIN => DbrClass::Plain,
        Channel::TIME => DbrClass::Time,
        Channel::CTRL => DbrClass::Ctrl,
        other => return other,
    };
    DbrType { native: native.unwrap_or(NativeType::String), class }.code()
}

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
#[derive(Clone, Debug)]
pub struct Channel(Arc<Handle>);

impl Channel {
    /// As `data_type`: the plain DBR type of the channel's own element type.
    pub const PLAIN: u16 = 0xFF00;
    /// As `data_type`: the same with alarm and time.
    pub const TIME: u16 = 0xFF02;
    /// As `data_type`: the same with alarm, units, limits and labels.
    pub const CTRL: u16 = 0xFF04;

    pub(super) fn new(core: Arc<ChannelCore>) -> Self {
        Self(Arc::new(Handle(core)))
    }

    fn core(&self) -> &Arc<ChannelCore> {
        &self.0.0
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.core().name
    }

    /// How it stands now.
    pub fn status(&self) -> Status {
        self.core().state.lock().status.clone()
    }

    /// Waits until it is connected; the future ends, [`Pending::wait`] blocks, within `timeout`.
    pub fn connected(&self, timeout: Duration) -> Pending {
        self.pending(Request::Connect, timeout)
    }

    /// Gets the value as a DBR type, with `count` elements, 0 for its current length.
    ///
    /// The request leaves at once when the channel is connected, else as soon as somebody waits for it and it is.
    pub fn get(&self, data_type: u16, count: u32, timeout: Duration) -> Pending {
        self.pending(Request::Get { data_type, count }, timeout)
    }

    /// Puts elements as a plain DBR type, big-endian; done when it is sent.
    ///
    /// A failure is told in the log only; see [`Channel::put_notify`].
    pub fn put(&self, data_type: u16, count: u32, payload: Bytes, timeout: Duration) -> Pending {
        self.pending(Request::Put { data_type, count, payload, notify: false }, timeout)
    }

    /// Puts elements; done when the server is done with all that follows from it.
    pub fn put_notify(&self, data_type: u16, count: u32, payload: Bytes, timeout: Duration) -> Pending {
        self.pending(Request::Put { data_type, count, payload, notify: true }, timeout)
    }

    fn pending(&self, request: Request, timeout: Duration) -> Pending {
        let mut pending = Pending {
            channel: self.clone(),
            stage: Stage::Unsent(request),
            deadline: Instant::now() + timeout,
            timer: None,
        };
        pending.try_send();
        pending
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
        callback: Option<Box<dyn FnMut(MonitorEvent) + Send>>,
    ) -> Monitor {
        let core = self.core();
        let mut state = core.state.lock();
        let same = |m: &&Arc<MonitorCore>| (m.data_type, m.count, m.mask) == (data_type, count, mask);
        if let Some(known) = state.monitors.iter().find(same).cloned() {
            return Monitor::new(core.clone(), known, callback);
        }
        let monitor = MonitorCore::new(core.shared.subscription_id(), data_type, count, mask);
        let handle = Monitor::new(core.clone(), monitor.clone(), callback);
        if let (Some(circuit), true) = (&state.circuit, state.status.connected) {
            core.begin(circuit, state.status.native, &monitor);
        }
        state.monitors.push(monitor);
        handle
    }
}

#[derive(Debug)]
enum Request {
    Connect,
    Get { data_type: u16, count: u32 },
    Put { data_type: u16, count: u32, payload: Bytes, notify: bool },
}

#[derive(Debug)]
enum Stage {
    Unsent(Request),
    Sent(Ioid, Arc<Slot>),
    Done(Option<Answer>),
}

/// A request on its way: a future, or something to block for. Dropping it gives the request up.
///
/// Blocking works on any thread, also on one that runs async code: the answer comes from the client's own
/// runtime.
#[derive(Debug)]
#[must_use = "a request that is dropped is given up"]
pub struct Pending {
    channel: Channel,
    stage: Stage,
    deadline: Instant,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Pending {
    /// Sends the request when the channel is connected.
    fn try_send(&mut self) {
        let Stage::Unsent(request) = &self.stage else { return };
        let core = self.channel.core().clone();
        let state = core.state.lock();
        let (Some(circuit), true) = (&state.circuit, state.status.connected) else { return };
        let slot = Arc::new(Slot::default());
        let ioid = core.shared.ioid();
        let native = state.status.native;
        let sent = circuit.with(|circuit| {
            let (cid, out) = (core.cid, &mut circuit.output);
            let waits = match request {
                Request::Connect => Ok(false),
                Request::Get { data_type, count } => {
                    circuit.proto.get(cid, wire_type(*data_type, native), *count, ioid, out).map(|()| true)
                }
                Request::Put { data_type, count, payload, notify } => circuit
                    .proto
                    .put(cid, wire_type(*data_type, native), *count, payload.clone(), (ioid, *notify), out)
                    .map(|()| *notify),
            };
            if waits == Ok(true) {
                circuit.replies.insert(ioid, Reply::To(slot.clone()));
            }
            waits
        });
        self.stage = match sent {
            Some(Ok(true)) => Stage::Sent(ioid, slot),
            Some(Ok(false)) => Stage::Done(Some(Ok(None))),
            Some(Err(refused)) => Stage::Done(Some(Err(self.refused(&refused)))),
            None => return,
        };
    }

    fn refused(&self, refused: &Refused) -> Error {
        Error::status(format!("{}: {refused}", self.channel.name()), refused.eca())
    }

    fn timed_out(&self) -> Error {
        let what = match &self.stage {
            Stage::Unsent(_) => "not connected in time",
            _ => "not answered in time",
        };
        Error::status(format!("{}: {what}", self.channel.name()), Eca::TIMEOUT)
    }

    fn named(&self, answer: Answer) -> Answer {
        answer.map_err(|error| {
            let status = error.eca().unwrap_or(Eca::INTERNAL);
            Error::status(format!("{}: {error}", self.channel.name()), status)
        })
    }

    /// Blocks until the answer is there, or the time is over.
    ///
    /// # Errors
    /// When the request failed, was refused, or nothing came in time; [`Error`] tells which.
    pub fn wait(mut self) -> Result<Option<Data>, Error> {
        loop {
            self.try_send();
            match &mut self.stage {
                Stage::Done(answer) => {
                    let answer = answer.take().unwrap_or(Ok(None));
                    return self.named(answer);
                }
                Stage::Sent(_, slot) => {
                    let answer = slot.clone().wait(self.deadline);
                    return match answer {
                        Some(answer) => {
                            self.stage = Stage::Done(None);
                            self.named(answer)
                        }
                        None => Err(self.timed_out()),
                    };
                }
                Stage::Unsent(_) => {
                    let core = self.channel.core();
                    let mut state = core.state.lock();
                    while !state.status.connected {
                        if core.changed.wait_until(&mut state, self.deadline).timed_out() {
                            drop(state);
                            return Err(self.timed_out());
                        }
                    }
                }
            }
        }
    }

    /// Polls a timer of the client's runtime, whoever polls.
    fn is_over(&mut self, context: &mut TaskContext<'_>) -> bool {
        let (runtime, deadline) = (&self.channel.0.0.shared.runtime, self.deadline);
        let timer = self.timer.get_or_insert_with(|| {
            let _runtime = runtime.enter();
            Box::pin(tokio::time::sleep_until(deadline.into()))
        });
        timer.as_mut().poll(context).is_ready()
    }
}

impl Future for Pending {
    type Output = Result<Option<Data>, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        if matches!(self.stage, Stage::Unsent(_)) {
            // First the waker, then the look: a change in between wakes.
            self.channel.core().state.lock().wakers.push(context.waker().clone());
            self.try_send();
        }
        let answer = match &mut self.stage {
            Stage::Done(answer) => answer.take().or(Some(Ok(None))),
            Stage::Sent(_, slot) => match slot.poll(context.waker()) {
                Poll::Ready(answer) => Some(answer),
                Poll::Pending => None,
            },
            Stage::Unsent(_) => None,
        };
        match answer {
            Some(answer) => {
                self.stage = Stage::Done(None);
                Poll::Ready(self.named(answer))
            }
            None if self.is_over(context) => Poll::Ready(Err(self.timed_out())),
            None => Poll::Pending,
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Stage::Sent(ioid, _) = &self.stage {
            let circuit = self.channel.core().state.lock().circuit.clone();
            if let Some(circuit) = circuit {
                circuit.with(|circuit| {
                    circuit.replies.remove(ioid);
                    circuit.proto.forget(*ioid);
                });
            }
        }
    }
}
