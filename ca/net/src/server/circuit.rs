//! The task of one circuit: moves bytes between the socket, the protocol and the inbox.

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use ca_proto::dbr::{Meta, WireArray};
use ca_proto::server::{
    AccessRights, Acknowledgement, Claim, Client, Delivery, Extra, FeedId, MonitorFilter, Output, PutOutcome,
    Reading, SID_BLOCK, ServerCircuit, Subscribed, Ticket,
};
use ca_proto::{CloseReason, EventMask};
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;
use tracing::{debug, trace};

use super::budget::Share;
use super::inbox::{Inbox, Subscriber};
use super::report::CircuitStats;
use super::service::{GetRequest, PutRequest};
use super::{Service, Shared};
use crate::wire_log::{Role, Stream, Way};

/// Bytes read at once.
const READ: usize = 64 * 1024;
/// Input buffer that a circuit has beside the budget of all, in bytes.
const FREE: usize = 2 * READ;
/// Bytes moved before other tasks get a turn.
const TURN: usize = 4 << 20;
/// Rounds before other tasks get a turn.
const ROUNDS: usize = 256;
/// A bulk update is taken only while less than this is waiting to be sent, in bytes.
const BULK_BELOW: usize = 64 * 1024;
/// How long the last words to a closing circuit may take.
const LINGER: Duration = Duration::from_millis(200);

/// Channel ids are unique in the process, so that one of another circuit is never taken for our own.
static NEXT_SID: AtomicU32 = AtomicU32::new(0);

/// Serves one client until it goes, errs, or the server stops.
pub(super) async fn run<S: Service>(
    stream: TcpStream,
    peer: SocketAddr,
    stats: Arc<CircuitStats>,
    shared: Arc<Shared<S>>,
) {
    let limits = shared.config.limits.clone();
    let inbox = stats.inbox.clone();
    let mut output = Output::default();
    let circuit = ServerCircuit::new(limits.clone(), &mut output);
    let view = View {
        service: shared.service.clone(),
        inbox,
        stats: stats.clone(),
        tcp_port: shared.tcp_port(),
        client: Client { address: peer.to_string(), ..Client::default() },
    };
    let mut driver = Driver {
        stream,
        circuit,
        view,
        output,
        input: BytesMut::new(),
        share: Share::new(&shared.budget),
        stats,
        shared: shared.clone(),
        high_water: limits.output_high_water,
        stalled: false,
        cut_short: false,
        ended: false,
        over_limit: 0,
        moved: (0, 0),
        heard: Stream::open(Role::Server, Way::Received, peer),
        said: Stream::open(Role::Server, Way::Sent, peer),
    };
    debug!("{peer}: circuit open");
    let reason = driver.drive().await;
    driver.last_words(&reason).await;
    let client = driver.circuit.client();
    debug!("{peer}: circuit of {:?} on {:?} closed: {reason}", client.user, client.host);
}

/// What a circuit has done since other tasks last had a turn.
#[derive(Default)]
struct Turn {
    moved: usize,
    rounds: usize,
}

impl Turn {
    /// Counts a round; true, and counting anew, when others are due.
    fn is_over(&mut self, bytes: usize) -> bool {
        self.moved += bytes;
        self.rounds += 1;
        let over = self.moved > TURN || self.rounds > ROUNDS;
        if over {
            *self = Self::default();
        }
        over
    }
}

fn closed(error: std::io::Error) -> CloseReason {
    CloseReason::Socket(error.to_string())
}

struct Driver<S: Service> {
    stream: TcpStream,
    circuit: ServerCircuit<S::Channel>,
    view: View<S>,
    output: Output,
    input: BytesMut,
    /// Its part of the memory for incomplete messages.
    share: Share,
    stats: Arc<CircuitStats>,
    shared: Arc<Shared<S>>,
    high_water: usize,
    /// Input waits because the output is full.
    stalled: bool,
    /// The last round ended because the output was full.
    cut_short: bool,
    /// The client will send nothing more.
    ended: bool,
    /// Requests over a limit that the server has counted.
    over_limit: u64,
    /// Bytes received and sent.
    moved: (u64, u64),
    /// What came and what was sent, for who wants to read it.
    heard: Option<Box<Stream>>,
    said: Option<Box<Stream>>,
}

/// Also when the task panics or is dropped: no PV goes on posting to a circuit that is gone.
impl<S: Service> Drop for Driver<S> {
    fn drop(&mut self) {
        self.count();
        self.circuit.close(&mut self.view);
        self.shared.registry.close(&self.stats);
    }
}

impl<S: Service> Driver<S> {
    /// Moves bytes until the circuit ends.
    async fn drive(&mut self) -> CloseReason {
        let stop = self.shared.stop.clone();
        let mut stopped = pin!(stop.cancelled());
        loop {
            let turn = poll_fn(|context| {
                if stopped.as_mut().poll(context).is_ready() {
                    return Poll::Ready(Err(CloseReason::Stopped));
                }
                self.poll_turn(context)
            });
            match turn.await {
                Ok(()) => tokio::task::yield_now().await,
                Err(reason) => return reason,
            }
        }
    }

    /// Moves bytes until there is nothing to do, or others are due. Reads in every round, so that an ECHO or an
    /// EVENTS_OFF is heard however many updates wait.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        let mut turn = Turn::default();
        loop {
            let bytes = self.round(context)?;
            if bytes == 0 && self.ended && self.output.is_empty() {
                return Poll::Ready(Err(CloseReason::Peer));
            }
            if self.poll_more(bytes, context).map_err(closed)?.is_pending() {
                return Poll::Pending;
            }
            if turn.is_over(bytes) {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Pending when another round would find nothing to do: the task is woken when one would.
    fn poll_more(&self, bytes: usize, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if bytes > 0 && (self.cut_short || self.ended) {
            return Poll::Ready(Ok(()));
        }
        let room = self.output.len() < self.high_water && !self.ended;
        if room && self.view.inbox.poll_ready(self.output.len() < BULK_BELOW, context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if room && let Poll::Ready(ready) = self.stream.poll_read_ready(context) {
            return Poll::Ready(ready);
        }
        if self.output.is_empty() { Poll::Pending } else { self.stream.poll_write_ready(context) }
    }

    /// Reads, executes, delivers and sends once; returns the bytes moved, 0 when there is nothing to do.
    fn round(&mut self, context: &mut Context<'_>) -> Result<usize, CloseReason> {
        let received = if self.ended || self.stalled || self.output.len() >= self.high_water {
            0
        } else {
            self.receive(context).map_err(closed)?
        };
        let consumed = self.execute()?;
        if !self.ended {
            self.deliver();
        }
        self.cut_short = self.output.len() >= self.high_water;
        let sent = self.flush().map_err(closed)?;
        if received + consumed + sent > 0 {
            self.moved.0 += received as u64;
            self.moved.1 += sent as u64;
            self.count();
        }
        Ok(received + consumed + sent)
    }

    /// Executes what was received; returns the bytes consumed.
    fn execute(&mut self) -> Result<usize, CloseReason> {
        if self.input.is_empty() {
            return Ok(0);
        }
        let consumed =
            super::inbox::pass(|| self.circuit.handle_input(&self.input, &mut self.view, &mut self.output))?;
        self.input.advance(consumed);
        let stalled = self.output.len() >= self.high_water && !self.input.is_empty();
        if stalled && !self.stalled {
            self.stats.stalls.fetch_add(1, Relaxed);
        }
        self.stalled = stalled;
        if self.input.is_empty() && self.input.capacity() > FREE {
            // What one large put needed is not kept for ever.
            self.input = BytesMut::new();
            self.share.hold(0);
        }
        Ok(consumed)
    }

    /// Makes room to read into, which grows with what arrived, not with what was announced; false when there is no
    /// memory: the message that has begun is given up.
    fn make_room(&mut self) -> bool {
        let room = READ.max(self.input.len());
        let needed = self.input.len() + room;
        if needed > FREE && !self.share.hold(needed) {
            self.circuit.give_up(&self.input, &mut self.output);
            self.shared.registry.given_up.fetch_add(1, Relaxed);
            return false;
        }
        self.input.reserve(room);
        true
    }

    /// Moves updates and answers into the output, as far as there is room.
    fn deliver(&mut self) {
        if !self.circuit.resume(&mut self.view, &mut self.output) {
            return;
        }
        while self.output.len() < self.high_water {
            match self.view.inbox.pop(self.output.len() < BULK_BELOW) {
                None => return,
                Some(Delivery::Update(feed, entry)) => {
                    self.circuit.handle_update(feed, entry, &mut self.view, &mut self.output);
                }
                Some(Delivery::Answer(ticket, status)) => {
                    self.circuit.handle_answer(ticket, status, &mut self.output);
                }
                Some(Delivery::Get(ticket, status)) => {
                    self.circuit.handle_get(ticket, status, &mut self.view, &mut self.output);
                }
                Some(Delivery::Rights) => {
                    self.circuit.handle_rights(&mut self.view, &mut self.output);
                    if !self.circuit.resume(&mut self.view, &mut self.output) {
                        return;
                    }
                }
            }
        }
    }

    /// Sends what the socket takes now; returns the bytes sent.
    fn flush(&mut self) -> std::io::Result<usize> {
        let mut sent = 0;
        while !self.output.is_empty() {
            let mut slices = [IoSlice::new(&[]); 17];
            let filled = self.output.slices(&mut slices);
            let written = match &slices[..filled] {
                [one] => self.stream.try_write(one),
                several => self.stream.try_write_vectored(several),
            };
            match written {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    if let Some(said) = &mut self.said {
                        said.take_slices(&slices[..filled], count);
                    }
                    self.output.advance(count);
                    sent += count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    /// Reads what has come; returns the bytes received.
    ///
    /// A read that fills less than there is room for says that nothing more is there: no second one is tried.
    fn receive(&mut self, context: &mut Context<'_>) -> std::io::Result<usize> {
        if !self.make_room() {
            return Ok(0);
        }
        match poll_read_buf(Pin::new(&mut self.stream), context, &mut self.input) {
            Poll::Ready(Ok(0)) => {
                self.ended = true;
                Ok(0)
            }
            Poll::Ready(Ok(count)) => {
                trace!(count, "received");
                if let Some(heard) = &mut self.heard {
                    heard.take(&self.input[self.input.len() - count..]);
                }
                Ok(count)
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(0),
        }
    }

    /// Sends what is left before the socket closes: an ERROR, or at a stop the last posts and answers.
    async fn last_words(&mut self, reason: &CloseReason) {
        let stopped = *reason == CloseReason::Stopped;
        let rest = async {
            loop {
                if stopped {
                    self.deliver();
                }
                if self.flush().is_err() {
                    return;
                }
                if !self.output.is_empty() {
                    if self.stream.writable().await.is_err() {
                        return;
                    }
                } else if !stopped || !self.view.inbox.is_ready(true) {
                    return;
                } else {
                    tokio::task::yield_now().await;
                }
            }
        };
        let _ = tokio::time::timeout(LINGER, rest).await;
    }

    fn count(&mut self) {
        let counters = self.circuit.counters();
        if counters.over_limit != self.over_limit {
            self.shared.registry.over_limit.fetch_add(counters.over_limit - self.over_limit, Relaxed);
            self.over_limit = counters.over_limit;
        }
        self.stats.channels.store(self.circuit.channel_count() as u64, Relaxed);
        self.stats.subscriptions.store(self.circuit.subscription_count() as u64, Relaxed);
        self.stats.requests.store(counters.requests, Relaxed);
        self.stats.updates.store(counters.updates, Relaxed);
        self.stats.received.store(self.moved.0, Relaxed);
        self.stats.sent.store(self.moved.1, Relaxed);
    }
}

/// The service as one circuit sees it.
struct View<S> {
    service: Arc<S>,
    inbox: Arc<Inbox>,
    stats: Arc<CircuitStats>,
    tcp_port: u16,
    /// Who is at the other end, for the puts.
    client: Client,
}

impl<S: Service> View<S> {
    fn subscriber(&self, feed: FeedId) -> Subscriber {
        Subscriber::new(self.inbox.clone(), feed)
    }
}

impl<S: Service> ca_proto::server::Service for View<S> {
    type Channel = S::Channel;

    fn claim(&mut self, name: &str, client: &Client) -> Option<Claim<S::Channel>> {
        if (&self.client.user, &self.client.host) != (&client.user, &client.host) {
            self.client.user.clone_from(&client.user);
            self.client.host.clone_from(&client.host);
            self.stats.identify(&client.user, &client.host);
        }
        self.service.claim(name, &self.client)
    }

    fn exists(&mut self, name: &str) -> bool {
        self.service.exists(name)
    }

    fn new_sids(&mut self) -> u32 {
        NEXT_SID.fetch_add(SID_BLOCK, Relaxed)
    }

    fn tcp_port(&self) -> u16 {
        self.tcp_port
    }

    fn holds_get(&mut self, channel: &S::Channel, ticket: Ticket) -> bool {
        self.service.holds_get(channel, GetRequest { inbox: &self.inbox, ticket })
    }

    fn read(&mut self, channel: &S::Channel, meta: bool) -> Reading {
        self.service.read(channel, meta)
    }

    fn rights(&mut self, channel: &S::Channel) -> Option<AccessRights> {
        self.service.rights(channel, &self.client)
    }

    fn filter(&mut self, channel: &S::Channel) -> Option<Box<dyn MonitorFilter>> {
        self.service.filter(channel)
    }

    fn extra(&mut self, channel: &S::Channel) -> Extra {
        self.service.extra(channel)
    }

    fn acknowledge(&mut self, channel: &S::Channel, change: Acknowledgement) {
        self.service.acknowledge(channel, change);
    }

    fn meta(&mut self, channel: &S::Channel) -> Arc<Meta> {
        self.service.meta(channel)
    }

    fn put(&mut self, channel: &S::Channel, value: WireArray<'_>, ticket: Option<Ticket>) -> PutOutcome {
        let request = PutRequest { inbox: &self.inbox, ticket, client: &self.client };
        self.service.put(channel, value, request)
    }

    fn feed_key(&self, channel: &S::Channel) -> u64 {
        self.service.feed_key(channel)
    }

    fn subscribe(&mut self, channel: &S::Channel, feed: FeedId, mask: EventMask, meta: bool) -> Subscribed {
        self.service.subscribe(channel, self.subscriber(feed), mask, meta)
    }

    fn unsubscribe(&mut self, channel: &S::Channel, feed: FeedId) {
        let subscriber = self.subscriber(feed);
        self.service.unsubscribe(channel, &subscriber);
        subscriber.close();
    }

    fn set_events(&mut self, on: bool) {
        self.inbox.own(|mailbox| mailbox.hold(!on));
    }
}
