//! One TCP circuit of a client: its state, and the table of requests.

use super::channel::{Channel, Sids};
use super::monitor::Monitors;
use super::{Client, Output, Service};
use crate::ids::IdMap;
use crate::wire::msg::{self, error};
use crate::wire::{Command, Header};
use crate::{Cid, CloseReason, Eca, Limits, OLDEST_MINOR, Sid};

/// What happened on a circuit so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests handled.
    pub requests: u64,
    /// Updates sent.
    pub updates: u64,
    /// Requests to channels that the circuit had cleared.
    pub stale: u64,
    /// Errors reported.
    pub errors: u64,
    /// Requests refused because of [`Limits`].
    pub over_limit: u64,
}

/// A header as it came, for those who get it back.
#[derive(Clone, Copy, Debug, Default)]
struct RawHeader {
    bytes: [u8; Header::EXTENDED],
    len: usize,
}

impl RawHeader {
    /// Keeps the first `len` bytes of a message: 16 or 24.
    fn keep(&mut self, message: &[u8], len: usize) {
        self.len = len;
        // Two copies of fixed length, which are two moves each, for every request.
        self.bytes[..Header::SHORT].copy_from_slice(&message[..Header::SHORT]);
        if len == Header::EXTENDED {
            self.bytes[Header::SHORT..].copy_from_slice(&message[Header::SHORT..Header::EXTENDED]);
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The server's state of one circuit. `C` is the caller's handle of an open channel.
#[derive(Debug)]
pub struct ServerCircuit<C> {
    pub(super) limits: Limits,
    pub(super) minor: Option<u16>,
    priority: u16,
    pub(super) client: Client,
    pub(super) channels: IdMap<Sid, Channel<C>>,
    pub(super) sids: Sids,
    pub(super) monitors: Monitors,
    /// Bytes of a refused message that are still to come.
    drain: u64,
    /// The header of the request being executed, as it came.
    request: RawHeader,
    pub(super) counters: Counters,
}

impl<C> ServerCircuit<C> {
    /// A fresh circuit; its greeting goes to `out`.
    pub fn new(limits: Limits, out: &mut Output) -> Self {
        out.header(&msg::circuit::version());
        Self {
            limits,
            minor: None,
            priority: 0,
            client: Client::default(),
            channels: IdMap::default(),
            sids: Sids::default(),
            monitors: Monitors::default(),
            drain: 0,
            request: RawHeader::default(),
            counters: Counters::default(),
        }
    }

    /// Who is at the other end.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The priority that the client asked for.
    pub fn priority(&self) -> u16 {
        self.priority
    }

    /// Open channels.
    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Executes the messages in `input` and appends the answers to `out`.
    ///
    /// Returns the bytes consumed. Stops early when `out` reaches its high-water mark: flush, then call
    /// again with the rest.
    ///
    /// # Errors
    /// The reason why the circuit must be closed, after what is in `out` was sent.
    pub fn handle_input<S: Service<Channel = C>>(
        &mut self,
        input: &[u8],
        service: &mut S,
        out: &mut Output,
    ) -> Result<usize, CloseReason> {
        let mut used = 0;
        while out.len() < self.limits.output_high_water {
            let rest = &input[used..];
            if self.drain > 0 {
                let step = (rest.len() as u64).min(self.drain);
                self.drain -= step;
                used += step as usize;
                if self.drain > 0 {
                    break;
                }
                continue;
            }
            let Some((header, length)) = self.decode(rest, out)? else { break };
            if header.command > Command::ServerDisconnect as u16 {
                // Another protocol, most likely. Not quoted: libca indexes a table with the command of an ERROR.
                return Err(CloseReason::Command(header.command));
            }
            let total = length + header.size as usize;
            if header.size > self.limits.small_payload {
                let refused = if self.is_put_to_nobody(&header) {
                    self.handle_message(&header, &[], service, out)?;
                    true
                } else {
                    self.refuses_size(&header, out)
                };
                if refused {
                    self.drain = total as u64;
                    continue;
                }
            }
            if rest.len() < total {
                break;
            }
            self.handle_message(&header, &rest[length..total], service, out)?;
            used += total;
        }
        Ok(used)
    }

    /// Gives up the incomplete message at the front of `input`, for which there is no memory: the client is told,
    /// and [`ServerCircuit::handle_input`] skips the message as it arrives.
    pub fn give_up(&mut self, input: &[u8], out: &mut Output) {
        let extended = self.knows_long_headers();
        let Some((header, length)) = Header::parse(input, extended).filter(|_| self.drain == 0) else {
            return;
        };
        self.request.keep(input, length);
        let cid = self.cid_of(&header);
        self.report(cid, Eca::ALLOCMEM, "too much is being sent to this server at once, try again", out);
        self.drain = length as u64 + u64::from(header.size);
    }

    /// True when the client knows the long header, and with it sizes of 32 bits.
    pub(super) fn knows_long_headers(&self) -> bool {
        self.minor.is_some_and(|minor| minor >= 9)
    }

    /// The client's id of the channel that a request names.
    pub(super) fn cid_of(&self, header: &Header) -> Cid {
        self.channels.get(&Sid(header.p1)).map_or(error::NO_CHANNEL, |channel| channel.cid)
    }

    fn decode(&mut self, rest: &[u8], out: &mut Output) -> Result<Option<(Header, usize)>, CloseReason> {
        let extended = self.knows_long_headers();
        let Some((header, length)) = Header::parse(rest, extended) else { return Ok(None) };
        self.request.keep(rest, length);
        if let Err(error) = header.check() {
            // A command that libca does not know must not stand in an ERROR.
            if Command::from_code(header.command).is_some() {
                self.report(error::NO_CHANNEL, Eca::INTERNAL, &error.to_string(), out);
            }
            return Err(error.into());
        }
        // A client before 4.9 reads no long header: a count that is copied into an answer must fit a short one.
        let count = if extended { header.count } else { header.count.min(0xFFFE) };
        Ok(Some((Header { count, ..header }, length)))
    }

    /// A put whose channel does not exist is answered from its header alone.
    fn is_put_to_nobody(&self, header: &Header) -> bool {
        let put = matches!(Command::from_code(header.command), Some(Command::Write | Command::WriteNotify));
        put && self.minor.is_some() && !self.channels.contains_key(&Sid(header.p1))
    }

    /// Reports a payload over its bound; it is then skipped as it arrives.
    fn refuses_size(&mut self, header: &Header, out: &mut Output) -> bool {
        let put = matches!(Command::from_code(header.command), Some(Command::Write | Command::WriteNotify));
        let bound = match self.channels.get(&Sid(header.p1)) {
            Some(channel) if put => channel.put_bound(header).min(self.limits.max_payload),
            _ => 0,
        };
        let bound = bound.max(u64::from(self.limits.small_payload));
        if u64::from(header.size) <= bound {
            return false;
        }
        let text = format!("payload of {} bytes is over the {bound} bytes that fit here", header.size);
        if Command::from_code(header.command).is_some() {
            let cid = self.cid_of(header);
            let status = if self.minor.is_none() { Eca::DEFUNCT } else { Eca::TOLARGE };
            self.counters.over_limit += 1;
            self.report(cid, status, &text, out);
        }
        true
    }

    fn handle_message<S: Service<Channel = C>>(
        &mut self,
        header: &Header,
        payload: &[u8],
        service: &mut S,
        out: &mut Output,
    ) -> Result<(), CloseReason> {
        self.counters.requests += 1;
        let command = Command::from_code(header.command);
        if self.minor.is_none() && command != Some(Command::Version) {
            if command.is_some() {
                self.report(error::NO_CHANNEL, Eca::DEFUNCT, "no VERSION was sent", out);
            }
            return Ok(());
        }
        match command {
            Some(Command::ReadNotify) => self.handle_read_notify(header, service, out),
            Some(Command::Write) => self.handle_write(header, payload, service, out),
            Some(Command::WriteNotify) => self.handle_write_notify(header, payload, service, out),
            Some(Command::Read) => self.handle_read(header, service, out),
            Some(Command::EventAdd) => self.handle_event_add(header, payload, service, out),
            Some(Command::EventCancel) => self.handle_event_cancel(header, service, out),
            Some(Command::EventsOff) => self.handle_events(false, service),
            Some(Command::EventsOn) => self.handle_events(true, service),
            Some(Command::CreateChannel) => self.handle_create_channel(header, payload, service, out),
            Some(Command::ClearChannel) => self.handle_clear_channel(header, service, out),
            Some(Command::Search) => self.handle_search(header, payload, service, out),
            Some(Command::Version) => self.handle_version(header),
            Some(Command::Echo | Command::ReadSync) => self.handle_echo(payload, out),
            Some(Command::ClientName | Command::HostName) => self.handle_identity(header, payload, out),
            Some(
                Command::Error
                | Command::Beacon
                | Command::NotFound
                | Command::RepeaterConfirm
                | Command::AccessRights
                | Command::RepeaterRegister
                | Command::CreateChannelFail
                | Command::ServerDisconnect,
            )
            | None => self.handle_unknown(header, out),
        }
    }

    fn handle_version(&mut self, header: &Header) -> Result<(), CloseReason> {
        let (minor, priority) = (header.count as u16, header.data_type);
        // A name-server circuit of libca repeats VERSION with type 1: any priority of the range is fine.
        if minor < OLDEST_MINOR || priority > 99 {
            return Err(CloseReason::Version { minor, priority });
        }
        self.minor = Some(minor);
        self.priority = priority;
        Ok(())
    }

    fn handle_echo(&mut self, payload: &[u8], out: &mut Output) -> Result<(), CloseReason> {
        out.buffer().extend_from_slice(self.request.as_bytes());
        out.buffer().extend_from_slice(payload);
        Ok(())
    }

    fn handle_identity(
        &mut self,
        header: &Header,
        payload: &[u8],
        out: &mut Output,
    ) -> Result<(), CloseReason> {
        if !self.channels.is_empty() {
            self.report(
                error::NO_CHANNEL,
                Eca::INTERNAL,
                "user and host name come before the first channel",
                out,
            );
            return Ok(());
        }
        let Some(name) = msg::circuit::identity(payload).filter(|name| !name.is_empty()) else {
            self.report(error::NO_CHANNEL, Eca::INTERNAL, &CloseReason::Identity.to_string(), out);
            return Err(CloseReason::Identity);
        };
        let name = crate::dbr::text_from_bytes(name);
        match Command::from_code(header.command) {
            Some(Command::ClientName) => self.client.user = name,
            _ => self.client.host = name.to_lowercase(),
        }
        Ok(())
    }

    fn handle_search<S: Service<Channel = C>>(
        &mut self,
        header: &Header,
        payload: &[u8],
        service: &mut S,
        out: &mut Output,
    ) -> Result<(), CloseReason> {
        if header.count < u32::from(OLDEST_MINOR) {
            return Err(CloseReason::Version { minor: header.count as u16, priority: self.priority });
        }
        match super::search::name(payload, self.limits.name) {
            Some(name) if service.exists(&name) => {
                out.header(&msg::search::found(service.tcp_port(), Cid(header.p2)));
            }
            Some(_) if header.data_type == msg::search::DO_REPLY => {
                out.header(&msg::search::not_found(header));
            }
            _ => {}
        }
        Ok(())
    }

    fn handle_unknown(&mut self, header: &Header, out: &mut Output) -> Result<(), CloseReason> {
        self.report(error::NO_CHANNEL, Eca::INTERNAL, "no client sends this command", out);
        Err(CloseReason::Command(header.command))
    }

    /// Sends an ERROR about the request being executed.
    pub(super) fn report(&mut self, cid: Cid, status: Eca, text: &str, out: &mut Output) {
        self.counters.errors += 1;
        error::encode(cid, status, self.request.as_bytes(), text, out.buffer());
    }

    /// A request to a channel that is not open: harmless when this circuit has cleared it, else fatal.
    pub(super) fn unknown_channel(&mut self, header: &Header, out: &mut Output) -> Result<(), CloseReason> {
        if self.sids.issued(Sid(header.p1)) {
            self.counters.stale += 1;
            return Ok(());
        }
        let reason = CloseReason::UnknownChannel(header.p1);
        self.report(error::NO_CHANNEL, Eca::INTERNAL, &reason.to_string(), out);
        Err(reason)
    }

    /// Ends all subscriptions; the circuit is gone.
    pub fn close<S: Service<Channel = C>>(&mut self, service: &mut S) {
        for (feed, channel) in self.monitors.drain_feeds() {
            if let Some(channel) = self.channels.get(&channel) {
                service.unsubscribe(&channel.handle, feed);
            }
        }
        self.monitors = Monitors::default();
        self.channels.clear();
    }
}
