//! A TCP circuit: the state that all threads share, and the task that moves its bytes.

use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use ca_proto::client::{ClientCircuit, Data, Event, Failed, Health, Output};
use ca_proto::ids::IdMap;
use ca_proto::{Cid, CloseReason, Eca, Ioid, SubscriptionId};
use parking_lot::Mutex;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tracing::{debug, info};

use super::Shared;
use super::monitor::MonitorCore;
use super::slot::{Answer, Slot};
use crate::Error;

/// Bytes read at once.
const READ: usize = 64 * 1024;
/// How long a server may take to close its side when we have closed ours.
const LINGER: Duration = Duration::from_millis(300);

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
    waiting: bool,
    /// No more requests: the server is gone, or nobody needs it.
    closed: bool,
}

/// A circuit to a server.
#[derive(Debug)]
pub(super) struct Circuit {
    pub(super) server: SocketAddrV4,
    pub(super) priority: u16,
    /// A name server: kept without channels.
    permanent: bool,
    state: Mutex<State>,
    wake: Notify,
}

/// What the server said, in the order of its words.
enum Said {
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

    fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Reads what the server said.
    fn handle_input(&self, input: &mut BytesMut) -> Result<Vec<Said>, CloseReason> {
        let mut said = Vec::new();
        let mut state = self.state.lock();
        let State { proto, output, replies, monitors, .. } = &mut *state;
        let before = proto.health();
        proto.handle_input(Instant::now(), input, output, |event| {
            said.extend(translate(event, replies, monitors));
        })?;
        if before == Health::Unresponsive && proto.health() == Health::Responsive {
            said.push(Said::Event(Event::Version(proto.minor().unwrap_or_default())));
        }
        Ok(said)
    }

    /// Sends what the socket takes now.
    fn flush(&self, stream: &TcpStream) -> std::io::Result<bool> {
        let mut state = self.state.lock();
        while !state.output.is_empty() {
            let mut slices = [IoSlice::new(&[]); 17];
            let filled = state.output.slices(&mut slices);
            match stream.try_write_vectored(&slices[..filled]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => state.output.advance(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        state.waiting = true;
        Ok(true)
    }
}

/// Finds who is meant by an event, if it is one of the circuit's own.
fn translate(
    event: Event,
    replies: &mut IdMap<Ioid, Reply>,
    monitors: &IdMap<SubscriptionId, Arc<MonitorCore>>,
) -> Option<Said> {
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
            let data = Data { status, data_type: 0, count: 0, payload: bytes::Bytes::new() };
            Some(Said::Update(monitors.get(&id)?.clone(), data))
        }
        other => Some(Said::Event(other)),
    }
}

/// Connects and serves the circuit until it ends; its channels are searched again.
pub(super) async fn run(circuit: Arc<Circuit>, shared: Arc<Shared>) {
    let reason = match connect(&circuit, &shared).await {
        Ok(stream) => drive(&circuit, &shared, stream).await,
        Err(reason) => reason,
    };
    debug!("{}: circuit closed: {reason}", circuit.server);
    lose(&circuit, &shared);
}

async fn connect(circuit: &Circuit, shared: &Shared) -> Result<TcpStream, CloseReason> {
    let socket = |error: std::io::Error| CloseReason::Socket(error.to_string());
    let connected = tokio::select! {
        () = shared.stop.cancelled() => return Err(CloseReason::Stopped),
        connected = tokio::time::timeout(
            shared.config.connection_timeout,
            TcpStream::connect(std::net::SocketAddr::V4(circuit.server)),
        ) => connected,
    };
    let stream = match connected {
        Ok(stream) => stream.map_err(socket)?,
        Err(_) => return Err(CloseReason::Socket("no answer".to_owned())),
    };
    stream.set_nodelay(true).map_err(socket)?;
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
    SockRef::from(&stream).set_tcp_keepalive(&keepalive).map_err(socket)?;
    Ok(stream)
}

async fn drive(circuit: &Arc<Circuit>, shared: &Arc<Shared>, stream: TcpStream) -> CloseReason {
    let mut input = BytesMut::new();
    let timer = tokio::time::sleep(Duration::ZERO);
    tokio::pin!(timer);
    let mut closing = false;
    loop {
        let flushed = match circuit.flush(&stream) {
            Ok(flushed) => flushed,
            Err(error) => return CloseReason::Socket(error.to_string()),
        };
        if flushed && (closing || circuit.is_closed()) {
            linger(&stream).await;
            return CloseReason::Stopped;
        }
        tokio::select! {
            () = shared.stop.cancelled(), if !closing => closing = true,
            ready = stream.readable() => {
                if let Err(error) = ready {
                    return CloseReason::Socket(error.to_string());
                }
                if let Err(reason) = receive(circuit, shared, &stream, &mut input) {
                    return reason;
                }
            }
            ready = stream.writable(), if !flushed => {
                if let Err(error) = ready {
                    return CloseReason::Socket(error.to_string());
                }
            }
            () = circuit.wake.notified() => {}
            () = timer.as_mut() => {
                let due = watch(circuit, shared);
                timer.as_mut().reset(due.into());
            }
        }
    }
}

/// Reads and handles what has come; at most a few rounds, so that what waits to be sent gets its turn.
fn receive(
    circuit: &Arc<Circuit>,
    shared: &Arc<Shared>,
    stream: &TcpStream,
    input: &mut BytesMut,
) -> Result<(), CloseReason> {
    for _ in 0..16 {
        input.reserve(READ.max(input.len()));
        match stream.try_read_buf(input) {
            Ok(0) => return Err(CloseReason::Peer),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(CloseReason::Socket(error.to_string())),
        }
        for said in circuit.handle_input(input)? {
            match said {
                Said::Answer(Reply::To(slot), answer) => slot.fill(answer),
                Said::Answer(Reply::Refresh(monitor), Ok(Some(data))) => monitor.push(&data),
                Said::Answer(Reply::Refresh(_), _) => {}
                Said::Update(monitor, data) => monitor.push(&data),
                Said::Event(event) => shared.handle(circuit, event),
            }
        }
    }
    Ok(())
}

/// Asks a silent server for a sign of life; returns when to look again.
fn watch(circuit: &Arc<Circuit>, shared: &Arc<Shared>) -> Instant {
    let now = Instant::now();
    let (due, lost) = {
        let mut state = circuit.state.lock();
        let State { proto, output, replies, .. } = &mut *state;
        let before = proto.health();
        let lost = proto.handle_timeout(now, output) == Health::Unresponsive && before == Health::Responsive;
        (proto.timeout(), lost.then(|| replies.drain().map(|(_, reply)| reply).collect::<Vec<_>>()))
    };
    if let Some(replies) = lost {
        info!("{}: the server does not answer", circuit.server);
        fail(replies);
        shared.unresponsive(circuit);
    }
    due
}

fn fail(replies: Vec<Reply>) {
    for reply in replies {
        if let Reply::To(slot) = reply {
            slot.fill(Err(Error::status("the server is disconnected", Eca::DISCONN)));
        }
    }
}

/// Half-closes and waits for the server to do the same: then it has taken everything that was sent.
async fn linger(stream: &TcpStream) {
    // The socket is closed in any case.
    let _ = SockRef::from(stream).shutdown(std::net::Shutdown::Write);
    let gone = async {
        let mut rest = [0; 4096];
        loop {
            match stream.try_read(&mut rest) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if stream.readable().await.is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, gone).await;
}

/// The circuit is no more: what waits for it fails, its channels are searched again.
fn lose(circuit: &Arc<Circuit>, shared: &Arc<Shared>) {
    let (replies, cids) = {
        let mut state = circuit.state.lock();
        state.closed = true;
        state.monitors.clear();
        let replies: Vec<_> = state.replies.drain().map(|(_, reply)| reply).collect();
        (replies, state.proto.channels().collect::<Vec<Cid>>())
    };
    shared.forget(circuit);
    fail(replies);
    shared.lost(circuit, &cids);
}
