//! A TCP circuit: the state that all threads share.

use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use ca_proto::client::{ClientCircuit, Data, Event, Failed, Health, Output};
use ca_proto::ids::IdMap;
use ca_proto::{CloseReason, Eca, Ioid, SubscriptionId};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::monitor::MonitorCore;
use super::report::CircuitReport;
use super::shared::Shared;
use super::slot::{Answer, Slot};
use crate::Error;

/// Unsent bytes beyond which a circuit takes no more requests.
const FULL: usize = 4 * 1024 * 1024;

/// Who waits for an answer.
#[derive(Debug)]
pub(super) enum Reply {
    To(Arc<Slot>),
    /// A subscription whose server was silent for a while.
    Refresh(Arc<MonitorCore>),
}

/// What all threads share of a circuit.
#[derive(Debug)]
pub(super) struct State {
    pub(super) proto: ClientCircuit,
    pub(super) output: Output,
    pub(super) replies: IdMap<Ioid, Reply>,
    pub(super) monitors: IdMap<SubscriptionId, Arc<MonitorCore>>,
    /// The task waits.
    pub(super) waiting: bool,
    /// The TCP connection is made.
    pub(super) connected: bool,
    /// A request was turned away because too much waits to be sent.
    pub(super) turned_away: bool,
    /// Since when the socket has taken nothing of what there is.
    pub(super) stuck: Option<Instant>,
    /// No more requests: the server is gone, or nobody needs it.
    pub(super) closed: bool,
}

/// A circuit to a server.
#[derive(Debug)]
pub(super) struct Circuit {
    pub(super) server: SocketAddrV4,
    pub(super) priority: u16,
    /// A name server: kept without channels.
    pub(super) permanent: bool,
    pub(super) state: Mutex<State>,
    pub(super) wake: Notify,
}

impl State {
    /// True when too much waits to be sent; who asks is told when it does no more.
    pub(super) fn is_full(&mut self) -> bool {
        let full = self.output.len() >= FULL;
        self.turned_away |= full;
        full
    }

    /// Ends what waits for an answer.
    pub(super) fn take_replies(&mut self) -> Vec<Reply> {
        self.replies.drain().map(|(_, reply)| reply).collect()
    }
}

/// What the server said, in the order of its words.
pub(super) enum Said {
    Answer(Reply, Answer),
    Update(Arc<MonitorCore>, Data),
    Event(Event),
}

impl Circuit {
    pub(super) fn new(shared: &Shared, server: SocketAddrV4, priority: u16, permanent: bool) -> Arc<Self> {
        let mut output = Output::default();
        let config = &shared.config;
        let proto = ClientCircuit::new(
            &shared.identity,
            priority,
            config.max_payload,
            config.connection_timeout,
            Instant::now(),
            &mut output,
        );
        let state = State {
            proto,
            output,
            replies: IdMap::default(),
            monitors: IdMap::default(),
            waiting: false,
            connected: false,
            turned_away: false,
            stuck: None,
            closed: false,
        };
        Arc::new(Self { server, priority, permanent, state: Mutex::new(state), wake: Notify::new() })
    }

    /// Changes the state and wakes the task when there is something to send; `None` when the circuit is closed.
    pub(super) fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> Option<R> {
        let mut state = self.state.lock();
        if state.closed {
            return None;
        }
        let result = change(&mut state);
        if state.waiting && !state.output.is_empty() {
            state.waiting = false;
            drop(state);
            self.wake.notify_one();
        }
        Some(result)
    }

    /// Closes the circuit when its last channel is gone.
    pub(super) fn close_if_unused(&self) {
        let unused = {
            let mut state = self.state.lock();
            let unused = !self.permanent && state.proto.channel_count() == 0;
            state.closed |= unused;
            unused
        };
        if unused {
            self.wake.notify_one();
        }
    }

    /// Whether there is nothing left to do: all is sent, or nobody takes it.
    pub(super) fn is_over(&self, flushed: bool, last_call: Option<Instant>) -> bool {
        let state = self.state.lock();
        let deaf = state.proto.health() == Health::Unresponsive;
        let late = last_call.is_some_and(|at| at <= Instant::now());
        (state.closed || last_call.is_some()) && (flushed || deaf) || late
    }

    /// For reports; `None` when the circuit is closed.
    pub(super) fn report(&self) -> Option<CircuitReport> {
        self.with(|state| CircuitReport {
            server: self.server,
            priority: self.priority,
            name_server: self.permanent,
            connected: state.connected,
            responsive: state.proto.health() == Health::Responsive,
            minor: state.proto.minor(),
            channels: state.proto.channel_count(),
            requests: state.proto.pending(),
            subscriptions: state.proto.subscription_count(),
            unsent: state.output.len(),
        })
    }

    /// Reads what the server said; what it said before it broke the protocol counts.
    pub(super) fn handle_input(&self, input: &mut BytesMut, said: &mut Vec<Said>) -> Result<(), CloseReason> {
        let mut state = self.state.lock();
        let State { proto, output, replies, monitors, .. } = &mut *state;
        proto.handle_input(Instant::now(), input, output, |event| {
            said.extend(translate(event, replies, monitors));
        })
    }

    /// Sends what the socket takes now; whether that was all, and whether requests may be made again.
    pub(super) fn flush(&self, stream: &TcpStream) -> std::io::Result<(bool, bool)> {
        let mut state = self.state.lock();
        while !state.output.is_empty() {
            let mut slices = [IoSlice::new(&[]); 17];
            let filled = state.output.slices(&mut slices);
            match stream.try_write_vectored(&slices[..filled]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    state.output.advance(count);
                    state.stuck = None;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    state.stuck.get_or_insert_with(Instant::now);
                    let again = state.output.len() < FULL / 2 && std::mem::take(&mut state.turned_away);
                    return Ok((false, again));
                }
                Err(error) => return Err(error),
            }
        }
        state.waiting = true;
        Ok((true, std::mem::take(&mut state.turned_away)))
    }
}

/// Finds who is meant by an event, if it is one of the circuit's own.
fn translate(
    event: Event,
    replies: &mut IdMap<Ioid, Reply>,
    monitors: &mut IdMap<SubscriptionId, Arc<MonitorCore>>,
) -> Option<Said> {
    if let Event::Gone { subscriptions, .. } = &event {
        subscriptions.iter().for_each(|id| _ = monitors.remove(id));
    }
    match event {
        Event::Got(ioid, data) => {
            let answer = match data.status.is_success() {
                true => Ok(Some(data)),
                false => Err(Error::status(data.status.to_string(), data.status)),
            };
            Some(Said::Answer(replies.remove(&ioid)?, answer))
        }
        Event::PutDone(ioid, Eca::NORMAL) => Some(Said::Answer(replies.remove(&ioid)?, Ok(None))),
        Event::PutDone(ioid, status) => {
            Some(Said::Answer(replies.remove(&ioid)?, Err(Error::status(status.to_string(), status))))
        }
        Event::Update(id, data) => Some(Said::Update(monitors.get(&id)?.clone(), data)),
        Event::Error { about: Failed::Request(ioid), status, text } if replies.contains_key(&ioid) => Some(
            Said::Answer(replies.remove(&ioid)?, Err(Error::status(format!("{status}: {text}"), status))),
        ),
        Event::Error { about: Failed::Subscription(id), status, .. } if monitors.contains_key(&id) => {
            Some(Said::Update(monitors.get(&id)?.clone(), Data::failure(status)))
        }
        other => Some(Said::Event(other)),
    }
}
