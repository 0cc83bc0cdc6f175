//! Requests on their way: futures, and something to block for.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ca_proto::client::{Data, Refused};
use ca_proto::dbr::NativeType;
use ca_proto::{Eca, Ioid};

use super::channel::Channel;
use super::circuit::{Circuit, Reply, State as CircuitState};
use super::core::wire_type;
use super::slot::{Answer, Slot};
use crate::Error;

/// No timeout is longer, so that each has an end that can be told.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 86400);

/// The end of a timeout.
pub(super) fn deadline(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(FOREVER)
}

/// What is asked of a channel.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Connect,
    Get { data_type: u16, count: u32 },
    Put { data_type: u16, count: u32, payload: Bytes, notify: bool },
}

#[derive(Debug)]
enum Stage {
    Unsent(Request),
    Sent(Arc<Circuit>, Arc<Slot>),
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
    id: Ioid,
    stage: Stage,
    deadline: Instant,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Pending {
    pub(super) fn new(channel: Channel, request: Request, timeout: Duration) -> Self {
        let id = channel.core().shared.ioid();
        let mut pending =
            Self { channel, id, stage: Stage::Unsent(request), deadline: deadline(timeout), timer: None };
        pending.try_send(None);
        pending
    }

    /// Sends the request when that is possible, else leaves the waker; returns the state's revision.
    pub(super) fn try_send(&mut self, waker: Option<&Waker>) -> u64 {
        let Stage::Unsent(request) = &self.stage else { return 0 };
        let core = self.channel.core().clone();
        let mut state = core.lock();
        let answer = if core.shared.stop.is_cancelled() {
            Some(Stage::failed(&core.name, "the context is closed", Eca::DISCONN))
        } else if !core.shared.is_searchable(&core.name) {
            Some(Stage::failed(&core.name, "no name that can be searched: 1 to 991 bytes", Eca::BADSTR))
        } else {
            let ready = state.status.connected && (state.told || matches!(request, Request::Connect));
            let way = state.circuit.as_ref().zip(state.status.native).filter(|_| ready);
            let capacity = state.status.count;
            way.and_then(|(circuit, native)| {
                let (slot, form) = (Arc::new(Slot::default()), (native, capacity));
                let sent = circuit.with(|circuit| request.send(&core, form, (self.id, &slot), circuit))??;
                Some(match sent {
                    Ok(true) => Stage::Sent(circuit.clone(), slot),
                    Ok(false) => Stage::Done(Some(Ok(None))),
                    Err(refused) => Stage::failed(&core.name, &refused.to_string(), refused.eca()),
                })
            })
        };
        if let (None, Some(waker)) = (&answer, waker) {
            state.wakers.insert(self.id, waker.clone());
        }
        let revision = state.revision;
        drop(state);
        if let Some(stage) = answer {
            self.stage = stage;
        }
        revision
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
            let text = error.to_string();
            match text.starts_with(self.channel.name()) {
                true => error,
                false => Error::status(format!("{}: {text}", self.channel.name()), status),
            }
        })
    }

    /// Blocks until the answer is there, or the time is over.
    ///
    /// # Errors
    /// When the request failed, was refused, or nothing came in time; [`Error`] tells which.
    pub fn wait(mut self) -> Result<Option<Data>, Error> {
        loop {
            let revision = self.try_send(None);
            match &mut self.stage {
                Stage::Done(answer) => {
                    let answer = answer.take().unwrap_or(Ok(None));
                    return self.named(answer);
                }
                Stage::Sent(_, slot) => {
                    let Some(answer) = slot.wait(self.deadline) else { return Err(self.timed_out()) };
                    self.stage = Stage::Done(None);
                    return self.named(answer);
                }
                Stage::Unsent(_) if self.channel.core().wait_changed(revision, self.deadline) => {}
                Stage::Unsent(_) => return Err(self.timed_out()),
            }
        }
    }

    /// Polls a timer of the client's runtime, whoever polls.
    fn is_over(&mut self, context: &mut TaskContext<'_>) -> bool {
        let (runtime, deadline) = (&self.channel.core().shared.runtime, self.deadline);
        let timer = self.timer.get_or_insert_with(|| {
            let _runtime = runtime.enter();
            Box::pin(tokio::time::sleep_until(deadline.into()))
        });
        timer.as_mut().poll(context).is_ready()
    }

    /// The name of the channel.
    pub fn name(&self) -> &str {
        self.channel.name()
    }

    /// True while it has not been sent.
    pub(super) fn is_unsent(&self) -> bool {
        matches!(self.stage, Stage::Unsent(_))
    }
}

impl Stage {
    fn failed(name: &str, what: &str, status: Eca) -> Self {
        Self::Done(Some(Err(Error::status(format!("{name}: {what}"), status))))
    }
}

impl Request {
    /// Adds the request to a circuit; whether an answer will come, or `None` when the circuit takes no more now.
    fn send(
        &self,
        core: &super::core::ChannelCore,
        (native, capacity): (NativeType, u32),
        (ioid, slot): (Ioid, &Arc<Slot>),
        circuit: &mut CircuitState,
    ) -> Option<Result<bool, Refused>> {
        if !matches!(self, Self::Connect) && circuit.is_full() {
            return None;
        }
        let (cid, out) = (core.cid, &mut circuit.output);
        let waits = match self {
            Self::Connect => Ok(false),
            Self::Get { data_type, count } => {
                let (data_type, count) = wire_type(*data_type, *count, native);
                circuit.proto.get(cid, data_type, count, ioid, out).map(|()| true)
            }
            Self::Put { data_type, count, payload, notify } => {
                let (count, payload) = match *data_type {
                    Channel::TEXT => as_text(payload, native, capacity),
                    _ => (*count, payload.clone()),
                };
                let (data_type, count) = wire_type(*data_type, count, native);
                circuit.proto.put(cid, data_type, count, payload, (ioid, *notify), out).map(|()| *notify)
            }
        };
        if waits == Err(Refused::Disconnected) {
            // It has gone just now: the channel is told next.
            return None;
        }
        if waits == Ok(true) {
            circuit.replies.insert(ioid, Reply::To(slot.clone()));
        }
        Some(waits)
    }
}

/// Count and payload of a text: CHAR with a NUL where there is room for it, else STRING, which needs none.
fn as_text(text: &Bytes, native: NativeType, capacity: u32) -> (u32, Bytes) {
    let ended = native == NativeType::Char && (text.len() as u64) < u64::from(capacity);
    let payload = if ended { [text, &b"\0"[..]].concat().into() } else { text.clone() };
    (u32::try_from(payload.len()).unwrap_or(u32::MAX), payload)
}

impl Future for Pending {
    type Output = Result<Option<Data>, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        self.try_send(Some(context.waker()));
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
        match &self.stage {
            Stage::Sent(circuit, _) => {
                circuit.with(|circuit| {
                    circuit.replies.remove(&self.id);
                    circuit.proto.forget(self.id);
                });
            }
            Stage::Unsent(_) => {
                // What it drops may lock the channel.
                let waker = self.channel.core().lock().wakers.remove(&self.id);
                drop(waker);
            }
            Stage::Done(_) => {}
        }
    }
}
