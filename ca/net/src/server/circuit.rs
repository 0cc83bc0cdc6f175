//! The task of one circuit: moves bytes between the socket, the protocol and the inbox.

use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use ca_proto::dbr::{Meta, WireArray};
use ca_proto::server::{
    Claim, Client, Delivery, FeedId, Output, PutOutcome, Reading, ServerCircuit, Subscribed, Ticket,
};
use ca_proto::{CloseReason, EventMask, Sid};
use tokio::net::TcpStream;
use tracing::{debug, trace};

use super::inbox::{Inbox, Subscriber};
use super::report::CircuitStats;
use super::service::PutRequest;
use super::{Service, Shared};

/// Bytes read at once.
const READ: usize = 64 * 1024;
/// Bytes moved before other tasks get a turn.
const TURN: usize = 4 << 20;
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
    let inbox = Arc::new(Inbox::new(&limits));
    let mut output = Output::default();
    let circuit = ServerCircuit::new(limits.clone(), &mut output);
    let view =
        View { service: shared.service.clone(), inbox, tcp_port: shared.tcp_port, client: Client::default() };
    let mut driver = Driver {
        stream,
        circuit,
        view,
        output,
        input: BytesMut::new(),
        stats,
        high_water: limits.output_high_water,
    };
    debug!("{peer}: circuit open");
    let reason = {
        let mut stop = pin!(shared.stop.cancelled());
        driver.drive(stop.as_mut()).await
    };
    driver.last_words(&reason).await;
    driver.circuit.close(&mut driver.view);
    shared.registry.close(&driver.stats);
    let client = driver.circuit.client();
    debug!("{peer}: circuit of {:?} on {:?} closed: {reason}", client.user, client.host);
}

struct Driver<S: Service> {
    stream: TcpStream,
    circuit: ServerCircuit<S::Channel>,
    view: View<S>,
    output: Output,
    input: BytesMut,
    stats: Arc<CircuitStats>,
    high_water: usize,
}

impl<S: Service> Driver<S> {
    async fn drive<F: Future<Output = ()>>(&mut self, mut stop: std::pin::Pin<&mut F>) -> CloseReason {
        let mut moved = 0;
        let mut ended = false;
        loop {
            let consumed = match self.execute() {
                Ok(consumed) => consumed,
                Err(reason) => return reason,
            };
            let delivered = self.deliver();
            let sent = match self.flush() {
                Ok(sent) => sent,
                Err(error) => return CloseReason::Socket(error.to_string()),
            };
            self.count();
            moved += consumed + sent;
            let more = (consumed > 0 && !self.input.is_empty()) || (!delivered && sent > 0);
            if moved > TURN {
                moved = 0;
                tokio::task::yield_now().await;
            }
            if more && self.output.len() < self.high_water {
                continue;
            }
            if ended && self.output.is_empty() {
                return CloseReason::Peer;
            }
            let room = self.output.len() < self.high_water;
            if room && !self.view.inbox.wait() {
                continue;
            }
            tokio::select! {
                biased;
                () = stop.as_mut() => return CloseReason::Stopped,
                ready = self.stream.readable(), if room && !ended => match ready.and_then(|()| self.receive()) {
                    Ok(Some(0)) => ended = true,
                    Ok(_) => {}
                    Err(error) => return CloseReason::Socket(error.to_string()),
                },
                ready = self.stream.writable(), if !self.output.is_empty() => {
                    if let Err(error) = ready {
                        return CloseReason::Socket(error.to_string());
                    }
                }
                () = self.view.inbox.woken(), if room => {}
            }
        }
    }

    /// Executes what was received; returns the bytes consumed.
    fn execute(&mut self) -> Result<usize, CloseReason> {
        if self.input.is_empty() {
            return Ok(0);
        }
        let consumed =
            super::inbox::pass(|| self.circuit.handle_input(&self.input, &mut self.view, &mut self.output))?;
        self.input.advance(consumed);
        Ok(consumed)
    }

    /// Moves updates and answers into the output; false when some had to stay.
    fn deliver(&mut self) -> bool {
        if !self.circuit.resume(&mut self.view, &mut self.output) {
            return false;
        }
        while self.output.len() < self.high_water {
            match self.view.inbox.pop(self.output.len() < BULK_BELOW) {
                None => return true,
                Some(Delivery::Update(feed, entry)) => {
                    self.circuit.handle_update(feed, entry, &mut self.view, &mut self.output);
                }
                Some(Delivery::Answer(ticket, status)) => {
                    self.circuit.handle_answer(ticket, status, &mut self.output);
                }
            }
        }
        false
    }

    /// Sends what the socket takes now; returns the bytes sent.
    fn flush(&mut self) -> std::io::Result<usize> {
        let mut sent = 0;
        while !self.output.is_empty() {
            let mut slices = [IoSlice::new(&[]); 17];
            let filled = self.output.slices(&mut slices);
            match self.stream.try_write_vectored(&slices[..filled]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.output.advance(count);
                    sent += count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    /// Reads once; `Some(0)` is the end of the stream, `None` a false alarm.
    fn receive(&mut self) -> std::io::Result<Option<usize>> {
        // Grows with what arrived, not with what was announced.
        let room = READ.max(self.input.len());
        self.input.reserve(room);
        match self.stream.try_read_buf(&mut self.input) {
            Ok(count) => {
                trace!(count, "received");
                Ok(Some(count))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends what is left before the socket closes: an ERROR, or at a stop the last posts and answers.
    async fn last_words(&mut self, reason: &CloseReason) {
        let stopped = *reason == CloseReason::Stopped;
        let rest = async {
            loop {
                let delivered = !stopped || self.deliver();
                if self.flush().is_err() || (delivered && self.output.is_empty()) {
                    return;
                }
                if !self.output.is_empty() && self.stream.writable().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(LINGER, rest).await;
    }

    fn count(&self) {
        let counters = self.circuit.counters();
        let (pushes, squashed) = self.view.inbox.own(|mailbox| (mailbox.pushes(), mailbox.squashed()));
        self.stats.channels.store(self.circuit.channel_count() as u64, Relaxed);
        self.stats.subscriptions.store(self.circuit.subscription_count() as u64, Relaxed);
        self.stats.requests.store(counters.requests, Relaxed);
        self.stats.updates.store(counters.updates, Relaxed);
        self.stats.pushes.store(pushes, Relaxed);
        self.stats.squashed.store(squashed, Relaxed);
    }
}

/// The service as one circuit sees it.
struct View<S> {
    service: Arc<S>,
    inbox: Arc<Inbox>,
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
        if self.client != *client {
            self.client = client.clone();
        }
        self.service.claim(name, client)
    }

    fn exists(&mut self, name: &str) -> bool {
        self.service.exists(name)
    }

    fn new_sid(&mut self) -> Sid {
        Sid(NEXT_SID.fetch_add(1, Relaxed))
    }

    fn tcp_port(&self) -> u16 {
        self.tcp_port
    }

    fn read(&mut self, channel: &S::Channel, meta: bool) -> Reading {
        self.service.read(channel, meta)
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
