//! A TCP circuit: the state that all threads share, and the task that moves its bytes.

use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::task::Waker;
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
use super::listener::Wakers;
use super::monitor::MonitorCore;
use super::report::CircuitReport;
use super::slot::{Answer, Slot};
use crate::Error;
use crate::wire_log::{Role, Stream, Way};

/// Bytes read at once.
const READ: usize = 64 * 1024;
/// How long a server may take to close its side when we have closed ours.
const LINGER: Duration = Duration::from_millis(300);

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
    waiting: bool,
    /// The TCP connection is made.
    connected: bool,
    /// A request was turned away because too much waits to be sent.
    turned_away: bool,
    /// Since when the socket has taken nothing of what there is.
    stuck: Option<Instant>,
    /// No more requests: the server is gone, or nobody needs it.
    closed: bool,
    /// What was sent, for who wants to read it.
    said: Option<Box<Stream>>,
}

/// A circuit to a server.
#[derive(Debug)]
pub(super) struct Circuit {
    pub(super) server: SocketAddrV4,
    pub(super) priority: u16,
    /// A name server: kept without channels.
    pub(super) permanent: bool,
    state: Mutex<State>,
    wake: Notify,
}

impl State {
    /// True when too much waits to be sent; who asks is told when it does no more.
    pub(super) fn is_full(&mut self) -> bool {
        let full = self.output.len() >= FULL;
        self.turned_away |= full;
        full
    }

    /// Ends what waits for an answer.
    fn take_replies(&mut self) -> Vec<Reply> {
        self.replies.drain().map(|(_, reply)| reply).collect()
    }
}

/// What has come of the server's words.
struct Input {
    bytes: BytesMut,
    /// The same, for who wants to read it.
    heard: Option<Box<Stream>>,
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
            connected: false,
            turned_away: false,
            stuck: None,
            closed: false,
            said: Stream::open(Role::Client, Way::Sent, server),
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
    fn is_over(&self, flushed: bool, last_call: Option<Instant>) -> bool {
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
    fn handle_input(&self, input: &mut BytesMut) -> (Vec<Said>, Result<(), CloseReason>) {
        let mut said = Vec::new();
        let mut state = self.state.lock();
        let State { proto, output, replies, monitors, .. } = &mut *state;
        let result = proto.handle_input(Instant::now(), input, output, |event| {
            said.extend(translate(event, replies, monitors));
        });
        (said, result)
    }

    /// Sends what the socket takes now; whether that was all, and whether requests may be made again.
    fn flush(&self, stream: &TcpStream) -> std::io::Result<(bool, bool)> {
        let mut state = self.state.lock();
        while !state.output.is_empty() {
            let State { output, said, .. } = &mut *state;
            let mut slices = [IoSlice::new(&[]); 17];
            let filled = output.slices(&mut slices);
            match stream.try_write_vectored(&slices[..filled]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    if let Some(said) = said {
                        said.take_slices(&slices[..filled], count);
                    }
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

/// Connects and serves the circuit until it ends; its channels are searched again.
pub(super) async fn run(circuit: Arc<Circuit>, shared: Arc<Shared>) {
    let reason = match connect(&circuit, &shared).await {
        Ok(stream) => {
            circuit.state.lock().connected = true;
            (drive(&circuit, &shared, stream).await, false)
        }
        Err(reason) => (reason, true),
    };
    let (reason, unreachable) = reason;
    debug!("{}: circuit closed: {reason}", circuit.server);
    lose(&circuit, &shared, unreachable);
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
    let mut input =
        Input { bytes: BytesMut::new(), heard: Stream::open(Role::Client, Way::Received, circuit.server) };
    let timer = tokio::time::sleep(Duration::ZERO);
    tokio::pin!(timer);
    let mut last_call = None;
    loop {
        let flushed = match circuit.flush(&stream) {
            Ok((flushed, again)) => {
                if again {
                    shared.channels_on(circuit).iter().for_each(|channel| channel.change(|_, _| ()));
                }
                flushed
            }
            Err(error) => return CloseReason::Socket(error.to_string()),
        };
        if circuit.is_over(flushed, last_call) {
            linger(&stream).await;
            return CloseReason::Stopped;
        }
        tokio::select! {
            () = shared.stop.cancelled(), if last_call.is_none() => {
                last_call = Some(Instant::now() + LINGER / 2);
                timer.as_mut().reset((Instant::now() + LINGER / 2).into());
            }
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
    Input { bytes, heard }: &mut Input,
) -> Result<(), CloseReason> {
    for _ in 0..16 {
        bytes.reserve(READ.max(bytes.len()));
        match stream.try_read_buf(bytes) {
            Ok(0) => return Err(CloseReason::Peer),
            Ok(count) => {
                if let Some(heard) = heard {
                    heard.take(&bytes[bytes.len() - count..]);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(CloseReason::Socket(error.to_string())),
        }
        let (said, result) = circuit.handle_input(bytes);
        let mut wakers = Wakers::new();
        for said in said {
            match said {
                Said::Answer(Reply::To(slot), answer) => slot.fill(answer),
                Said::Answer(Reply::Refresh(monitor), Ok(Some(data))) => monitor.push(&data, &mut wakers),
                Said::Answer(Reply::Refresh(_), _) => {}
                Said::Update(monitor, data) => monitor.push(&data, &mut wakers),
                Said::Event(event) => shared.handle(circuit, event),
            }
        }
        wakers.into_iter().for_each(Waker::wake);
        result?;
    }
    Ok(())
}

/// Asks a silent server for a sign of life; returns when to look again.
fn watch(circuit: &Arc<Circuit>, shared: &Arc<Shared>) -> Instant {
    let (now, patience) = (Instant::now(), shared.config.connection_timeout);
    let (due, lost) = {
        let mut state = circuit.state.lock();
        let stuck = state.stuck.map(|since| since + patience);
        let State { proto, output, .. } = &mut *state;
        let before = proto.health();
        if stuck.is_some_and(|at| at <= now) {
            proto.handle_stuck(now, output);
        }
        let lost = proto.handle_timeout(now, output) == Health::Unresponsive && before == Health::Responsive;
        let due = stuck.filter(|at| *at > now).map_or(proto.timeout(), |at| at.min(proto.timeout()));
        (due, lost.then(|| state.take_replies()))
    };
    if let Some(replies) = lost {
        info!("{}: the server does not answer", circuit.server);
        fail(replies);
        shared.unresponsive(circuit);
    }
    // A silence that began meanwhile is noticed no later than this.
    due.min(now + patience)
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
fn lose(circuit: &Arc<Circuit>, shared: &Arc<Shared>, unreachable: bool) {
    let (replies, cids) = {
        let mut state = circuit.state.lock();
        state.closed = true;
        state.monitors.clear();
        (state.take_replies(), state.proto.channels().collect::<Vec<Cid>>())
    };
    shared.forget(circuit);
    fail(replies);
    shared.lost(circuit, &cids, unreachable);
}
