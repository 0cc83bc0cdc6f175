//! One TCP circuit to a server: its state, and the table of what a server says.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};

use super::channel::Link;
use super::data::{Data, least_size};
use super::event::{Event, Failed};
use super::monitor::Subscription;
use super::watchdog::{Health, Watchdog};
use super::{AccessRights, Output, Payload};
use crate::dbr::NativeType;
use crate::ids::IdMap;
use crate::wire::msg;
use crate::wire::{Command, Header, put_text, terminated};
use crate::{Cid, CloseReason, Eca, Ioid, MINOR_VERSION, Sid, SubscriptionId};

/// Who the client says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User name.
    pub user: String,
    /// Host name.
    pub host: String,
}

/// The client's state of one circuit.
///
/// Requests are appended to an [`Output`]; what the server says comes in through [`ClientCircuit::handle_input`].
#[derive(Debug)]
pub struct ClientCircuit {
    /// Largest payload that is accepted, in bytes.
    largest: u64,
    pub(super) minor: Option<u16>,
    /// The version that the answer to a search told; VERSION itself counts for more.
    pub(super) supposed: Option<u16>,
    pub(super) channels: IdMap<Cid, Link>,
    /// Requests with an answer that has not come.
    pub(super) requests: IdMap<Ioid, Request>,
    pub(super) subscriptions: IdMap<SubscriptionId, Subscription>,
    watchdog: Watchdog,
    /// Payload bytes of an ignored message that are still to come.
    drain: u64,
}

/// A request with an answer that has not come.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) cid: Cid,
    /// Most payload bytes that its answer can have.
    pub(super) bound: u64,
}

/// Largest payload of a message that carries no values, in bytes.
const SMALL: u64 = 16 * 1024;
/// Payloads up to this are copied, so that a value that is kept does not keep a whole receive buffer.
const COPY: usize = 4096;

impl ClientCircuit {
    /// A fresh circuit; VERSION with the priority (0..=99), user and host name go to `out`.
    ///
    /// `timeout` is the silence after which the server is asked for a sign of life (EPICS_CA_CONN_TMO).
    pub fn new(
        identity: &Identity,
        priority: u16,
        largest: u64,
        timeout: Duration,
        now: Instant,
        out: &mut Output,
    ) -> Self {
        let version =
            Header { data_type: priority, count: MINOR_VERSION.into(), ..msg::header(Command::Version) };
        out.header(&version);
        for (command, name) in [(Command::ClientName, &identity.user), (Command::HostName, &identity.host)] {
            text_message(command, name, 511, out);
        }
        Self {
            largest,
            minor: None,
            supposed: None,
            channels: IdMap::default(),
            requests: IdMap::default(),
            subscriptions: IdMap::default(),
            watchdog: Watchdog::new(timeout, now),
            drain: 0,
        }
    }

    /// The server's minor version, once it is known.
    pub fn minor(&self) -> Option<u16> {
        self.minor
    }

    /// The version that an answer to a search told; VERSION, which old servers never send, counts for more.
    pub fn suppose(&mut self, minor: u16) {
        self.supposed = Some(minor);
    }

    /// Channels that are open or being opened.
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// Channels that are open or being opened.
    pub fn channels(&self) -> impl Iterator<Item = Cid> {
        self.channels.keys().copied()
    }

    /// Subscriptions, those that are being cancelled included.
    pub fn subscription_count(&self) -> usize {
        self.subscriptions.len()
    }

    /// Requests that wait for their answer.
    pub fn pending(&self) -> usize {
        self.requests.len()
    }

    /// When [`ClientCircuit::handle_timeout`] is to be called.
    pub fn timeout(&self) -> Instant {
        self.watchdog.timeout()
    }

    /// Whether the server answers.
    pub fn health(&self) -> Health {
        self.watchdog.health()
    }

    /// To be called at the time of [`ClientCircuit::timeout`]: asks the server for a sign of life, or gives it up
    /// until it answers again.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Output) -> Health {
        if self.watchdog.handle_timeout(now) {
            out.header(&msg::header(Command::Echo));
        }
        self.given_up()
    }

    /// What was to be sent was not taken for too long: the server counts as silent until it answers an ECHO.
    pub fn handle_stuck(&mut self, now: Instant, out: &mut Output) {
        if self.watchdog.handle_stuck(now) {
            out.header(&msg::header(Command::Echo));
        }
        self.given_up();
    }

    /// Answers to what was asked before a silence are not waited for.
    fn given_up(&mut self) -> Health {
        let health = self.watchdog.health();
        if health == Health::Unresponsive && !self.requests.is_empty() {
            self.requests.clear();
            self.channels.values_mut().for_each(|link| link.pending = 0);
        }
        health
    }

    /// A beacon of the server came: it lives, or (`healthy` is false) it may be another one.
    pub fn handle_beacon(&mut self, healthy: bool, now: Instant) {
        self.watchdog.handle_beacon(healthy, now);
    }

    /// Reads the whole messages at the front of `input` and gives what they say to `sink`.
    ///
    /// # Errors
    /// When the server breaks the protocol; the circuit must be closed.
    pub fn handle_input(
        &mut self,
        now: Instant,
        input: &mut BytesMut,
        out: &mut Output,
        mut sink: impl FnMut(Event),
    ) -> Result<(), CloseReason> {
        if !input.is_empty() {
            self.watchdog.handle_bytes(now);
        }
        loop {
            if self.drain > 0 {
                let step = self.drain.min(input.len() as u64);
                input.advance(step as usize);
                self.drain -= step;
                if self.drain > 0 {
                    return Ok(());
                }
            }
            let Some((header, length)) = Header::decode(input, true)? else { return Ok(()) };
            if self.is_unwanted(&header, &mut sink) {
                self.drain = length as u64 + u64::from(header.size);
                continue;
            }
            let total = length + header.size as usize;
            if input.len() < total {
                return Ok(());
            }
            let payload = match header.size as usize <= COPY {
                true => {
                    let payload = Payload::from(&input[length..total]);
                    input.advance(total);
                    payload
                }
                false => input.split_to(total).freeze().slice(length..).into(),
            };
            self.handle_message(&header, payload, now, out, &mut sink)?;
        }
    }

    /// Whether a message is skipped without waiting for its bytes: nobody asked for it, or it is larger than
    /// what was asked for can be. Who asked is told.
    fn is_unwanted(&mut self, header: &Header, sink: &mut impl FnMut(Event)) -> bool {
        let (ioid, id) = (Ioid(header.p2), SubscriptionId(header.p2));
        let (bound, about) = match Command::from_code(header.command) {
            Some(Command::ReadNotify) => (self.requests.get(&ioid).map(|r| r.bound), Failed::Request(ioid)),
            Some(Command::EventAdd) => (self.update_bound(id), Failed::Subscription(id)),
            _ => (Some(SMALL), Failed::Circuit),
        };
        let (size, limit) = (u64::from(header.size), bound.unwrap_or(0).min(self.largest));
        if size <= limit {
            return false;
        }
        if bound.is_some() {
            if let Failed::Request(ioid) = about {
                self.finish(ioid);
            }
            let text = format!("{size} bytes of data are more than {limit}, the limit");
            sink(Event::Error { about, status: Eca::TOLARGE, text });
        }
        true
    }

    fn handle_message(
        &mut self,
        header: &Header,
        payload: Payload,
        now: Instant,
        out: &mut Output,
        sink: &mut impl FnMut(Event),
    ) -> Result<(), CloseReason> {
        let cid = Cid(header.p1);
        match Command::from_code(header.command) {
            Some(Command::ReadNotify) => return self.handle_got(header, payload, sink),
            Some(Command::EventAdd) => return self.handle_event(header, payload, sink),
            Some(Command::WriteNotify) => self.handle_put_done(header, sink),
            Some(Command::AccessRights) => {
                self.handle_rights(cid, AccessRights::from_bits_truncate(header.p2), sink);
            }
            Some(Command::CreateChannel) => self.handle_created(header, out, sink),
            Some(Command::CreateChannelFail | Command::ServerDisconnect) => self.handle_gone(cid, sink),
            Some(Command::Error) => self.handle_error(header, &payload, sink),
            Some(Command::Echo | Command::ReadSync) => {
                if self.watchdog.handle_echo(now) {
                    sink(Event::Responsive);
                }
            }
            Some(Command::Version) => {
                self.minor = Some(header.count as u16);
                sink(Event::Version(header.count as u16));
            }
            Some(Command::Search) => sink(Event::Found {
                cid: Cid(header.p2),
                address: (header.p1 != msg::search::SENDER_ADDRESS).then(|| Ipv4Addr::from(header.p1)),
                port: header.data_type,
            }),
            Some(Command::NotFound) => sink(Event::NotFound(Cid(header.p2))),
            // The answer to a clear, or one of an old server.
            Some(Command::ClearChannel | Command::Read | Command::EventCancel) => {}
            _ => return Err(CloseReason::Command(header.command)),
        }
        Ok(())
    }

    /// An ERROR carries the header of what failed, and a text.
    fn handle_error(&mut self, header: &Header, payload: &[u8], sink: &mut impl FnMut(Event)) {
        let status = Eca(header.p2);
        let request = Header::parse(payload, true);
        let length = request.map_or(payload.len(), |(_, length)| length);
        let text = crate::dbr::text_from_bytes(terminated(payload.get(length..).unwrap_or_default()));
        // The command in it is looked up, never trusted: libca jumps through a table with it.
        let request = request.map(|(request, _)| request).unwrap_or_default();
        let about = match Command::from_code(request.command) {
            Some(Command::ReadNotify | Command::WriteNotify) if self.finish(Ioid(request.p2)) => {
                Failed::Request(Ioid(request.p2))
            }
            Some(Command::Write) => {
                Failed::Put { ioid: Ioid(request.p2), data_type: request.data_type, count: request.count }
            }
            Some(Command::EventAdd) => {
                let id = SubscriptionId(request.p2);
                if let Some(subscription) = self.subscriptions.get_mut(&id) {
                    subscription.refused = true;
                }
                Failed::Subscription(id)
            }
            _ if header.p1 != msg::error::NO_CHANNEL.0 => Failed::Channel(Cid(header.p1)),
            _ => Failed::Circuit,
        };
        sink(Event::Error { about, status, text });
    }
}

/// Appends a message whose payload is a text of at most `most` bytes.
pub(super) fn text_message(command: Command, text: &str, most: usize, out: &mut Output) {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let mut payload = Vec::new();
    let size = put_text(&text.as_bytes()[..end], &mut payload) as u32;
    out.header(&Header { size, ..msg::header(command) });
    out.buffer().extend_from_slice(&payload);
}

/// Data that hold what they announce; a server that breaks that may have lost its place in the stream.
pub(super) fn checked(data: Data) -> (Data, Result<(), CloseReason>) {
    let bytes = data.payload.len();
    let enough = least_size(data.data_type, data.count).is_some_and(|least| least <= bytes as u64);
    if enough || !data.status.is_success() {
        return (data, Ok(()));
    }
    let reason = CloseReason::ShortData { data_type: data.data_type, count: data.count, bytes };
    (Data::failure(Eca::GETFAIL), Err(reason))
}

/// The type of a channel as the wire tells it.
pub(super) fn native(code: u16) -> Option<NativeType> {
    NativeType::ALL.get(usize::from(code)).copied()
}

/// The server's id of a channel that the client no longer has is given back.
pub(super) fn clear(sid: Sid, cid: Cid, out: &mut Output) {
    out.header(&Header { p1: sid.0, p2: cid.0, ..msg::header(Command::ClearChannel) });
}
