//! A blocking Channel Access client for tests: it sends any message and shows every message.

#![allow(dead_code, unreachable_pub)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ca_proto::wire::{Command, Header, put_text};

/// No answer takes longer.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A received message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub header: Header,
    pub payload: Vec<u8>,
}

impl Message {
    pub fn is(&self, command: Command) -> bool {
        self.header.command == command as u16
    }

    /// The element of a plain DOUBLE or of TIME_DOUBLE.
    pub fn double(&self) -> f64 {
        let at = if self.header.data_type == 20 { 16 } else { 0 };
        f64::from_be_bytes(self.payload[at..at + 8].try_into().expect("8 bytes"))
    }

    /// The element of a plain LONG.
    pub fn long(&self) -> i32 {
        i32::from_be_bytes(self.payload[..4].try_into().expect("4 bytes"))
    }

    /// The text up to the first NUL.
    pub fn text(&self) -> String {
        let end = self.payload.iter().position(|&b| b == 0).unwrap_or(self.payload.len());
        String::from_utf8_lossy(&self.payload[..end]).into_owned()
    }
}

/// An open channel.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    pub sid: u32,
    pub cid: u32,
    pub native: u16,
    pub count: u32,
    pub rights: u32,
}

/// A client circuit.
pub struct Raw {
    stream: TcpStream,
    input: Vec<u8>,
    read: usize,
    next_id: u32,
}

impl Raw {
    /// Connects and says hello.
    pub fn connect(address: impl Into<SocketAddr>) -> Self {
        let mut raw = Self::silent(address);
        raw.send(Command::Version, 0, 13, 0, 0, &[]);
        raw.send_name(Command::ClientName, "tester");
        raw.send_name(Command::HostName, "bench");
        let greeting = raw.next();
        assert!(greeting.is(Command::Version), "the server speaks first: {greeting:?}");
        raw
    }

    /// Connects and says nothing.
    pub fn silent(address: impl Into<SocketAddr>) -> Self {
        let stream = TcpStream::connect_timeout(&address.into(), DEADLINE).expect("the server accepts");
        stream.set_nodelay(true).expect("nodelay");
        stream.set_read_timeout(Some(DEADLINE)).expect("timeout");
        stream.set_write_timeout(Some(DEADLINE)).expect("timeout");
        Self { stream, input: Vec::new(), read: 0, next_id: 1 }
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub fn id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    fn send_name(&mut self, command: Command, name: &str) {
        let mut payload = Vec::new();
        put_text(name.as_bytes(), &mut payload);
        self.send(command, 0, 0, 0, 0, &payload);
    }

    pub fn send(&mut self, command: Command, data_type: u16, count: u32, p1: u32, p2: u32, payload: &[u8]) {
        let bytes = message(command, data_type, count, p1, p2, payload);
        self.send_bytes(&bytes);
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// The next message; panics when none comes within the deadline.
    pub fn next(&mut self) -> Message {
        self.try_next().expect("the circuit is open")
    }

    /// The next message, or `None` when the server has closed.
    pub fn try_next(&mut self) -> Option<Message> {
        loop {
            let rest = &self.input[self.read..];
            if let Some((header, length)) = Header::decode(rest, true).expect("a good header") {
                let total = length + header.size as usize;
                if rest.len() >= total {
                    let payload = rest[length..total].to_vec();
                    self.read += total;
                    return Some(Message { header, payload });
                }
            }
            self.input.drain(..self.read);
            self.read = 0;
            let mut buffer = [0; 65536];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => self.input.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no message within {DEADLINE:?}: {error}"),
            }
        }
    }

    /// Messages up to and with the first that `last` accepts.
    pub fn until(&mut self, last: impl Fn(&Message) -> bool) -> Vec<Message> {
        let mut all = Vec::new();
        loop {
            let message = self.next();
            let end = last(&message);
            all.push(message);
            if end {
                return all;
            }
        }
    }

    /// Opens a channel.
    pub fn channel(&mut self, name: &str) -> Channel {
        self.try_channel(name).unwrap_or_else(|| panic!("{name} exists"))
    }

    /// Opens a channel, or finds that the name does not exist.
    pub fn try_channel(&mut self, name: &str) -> Option<Channel> {
        let cid = self.id();
        let mut payload = Vec::new();
        put_text(name.as_bytes(), &mut payload);
        self.send(Command::CreateChannel, 0, 0, cid, 13, &payload);
        let mut rights = 0;
        loop {
            let message = self.next();
            let header = message.header;
            if message.is(Command::AccessRights) && header.p1 == cid {
                rights = header.p2;
            } else if message.is(Command::CreateChannelFail) && header.p1 == cid {
                return None;
            } else if message.is(Command::CreateChannel) && header.p1 == cid {
                return Some(Channel {
                    sid: header.p2,
                    cid,
                    native: header.data_type,
                    count: header.count,
                    rights,
                });
            }
        }
    }

    /// Gets, in the type and count given; other messages on the way are dropped.
    pub fn get(&mut self, channel: Channel, data_type: u16, count: u32) -> Message {
        let ioid = self.id();
        self.send(Command::ReadNotify, data_type, count, channel.sid, ioid, &[]);
        let all = self.until(|m| m.is(Command::ReadNotify) && m.header.p2 == ioid);
        all.into_iter().next_back().expect("the last is the reply")
    }

    /// Gets a text PV or a STRING.
    pub fn get_text(&mut self, channel: Channel) -> String {
        if channel.native == 0 { self.get(channel, 0, 1).text() } else { self.get(channel, 4, 0).text() }
    }

    /// Subscribes; the first update is still to come.
    pub fn monitor(&mut self, channel: Channel, data_type: u16, count: u32, mask: u16) -> u32 {
        let id = self.id();
        let mut payload = [0; 16];
        payload[12..14].copy_from_slice(&mask.to_be_bytes());
        self.send(Command::EventAdd, data_type, count, channel.sid, id, &payload);
        id
    }

    /// Puts a text as CHAR with completion; returns the id to wait for.
    pub fn start_put_text(&mut self, channel: Channel, text: &str) -> u32 {
        let ioid = self.id();
        let mut payload = Vec::new();
        put_text(text.as_bytes(), &mut payload);
        self.send(Command::WriteNotify, 4, text.len() as u32 + 1, channel.sid, ioid, &payload);
        ioid
    }

    /// Puts a double with completion; returns the id to wait for.
    pub fn start_put(&mut self, channel: Channel, value: f64) -> u32 {
        let ioid = self.id();
        self.send(Command::WriteNotify, 6, 1, channel.sid, ioid, &value.to_be_bytes());
        ioid
    }

    /// Waits for the completion of a put; returns its status and what came before it.
    pub fn completion(&mut self, ioid: u32) -> (u32, Vec<Message>) {
        let mut all = self.until(|m| m.is(Command::WriteNotify) && m.header.p2 == ioid);
        let last = all.pop().expect("the last is the completion");
        (last.header.p1, all)
    }

    /// Puts a text with completion and waits; returns the status.
    pub fn put_text(&mut self, channel: Channel, text: &str) -> u32 {
        let ioid = self.start_put_text(channel, text);
        self.completion(ioid).0
    }

    /// Puts a double with completion and waits; returns the status.
    pub fn put(&mut self, channel: Channel, value: f64) -> u32 {
        let ioid = self.start_put(channel, value);
        self.completion(ioid).0
    }
}

/// A message as bytes.
pub fn message(command: Command, data_type: u16, count: u32, p1: u32, p2: u32, payload: &[u8]) -> Vec<u8> {
    let size = payload.len().next_multiple_of(8);
    let mut bytes = Vec::new();
    Header { command: command as u16, size: size as u32, data_type, count, p1, p2 }.encode(&mut bytes);
    bytes.extend_from_slice(payload);
    bytes.resize(bytes.len() + size - payload.len(), 0);
    bytes
}

/// Polls until `done` gives something; panics when that takes too long.
pub fn eventually<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < end, "{what} did not happen within {DEADLINE:?}");
        std::thread::yield_now();
    }
}
