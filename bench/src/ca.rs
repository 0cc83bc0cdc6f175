//! A raw Channel Access client: one blocking circuit, no search, nothing hidden from the caller.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use socket2::{Domain, Socket, Type};

use crate::wire::{self, Header, cmd};

/// How long one read or write may stand still before the run fails.
const IO_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a server may refuse connections after it said it was ready.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Receive buffer; it grows only for a message larger than this.
const RX_BYTES: usize = 256 * 1024;
/// Largest message accepted from a server under test.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;
/// `ECA_NORMAL`.
const NORMAL: u32 = 1;

/// One message as it lies in the receive buffer.
#[derive(Debug)]
pub struct Message<'a> {
    /// The decoded header.
    pub head: Header,
    /// The payload, padding included.
    pub payload: &'a [u8],
}

/// A channel the server has created.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    /// Server's id.
    pub sid: u32,
    /// Our id.
    pub cid: u32,
    /// Native DBR type.
    pub dbr: u16,
    /// Native element count.
    pub count: u32,
    /// Access rights: bit 0 read, bit 1 write.
    pub rights: u32,
}

/// One TCP circuit. Requests are queued in memory and leave with [`Circuit::flush`].
#[derive(Debug)]
pub struct Circuit {
    stream: TcpStream,
    rx: Vec<u8>,
    start: usize,
    end: usize,
    tx: Vec<u8>,
    next_id: u32,
}

impl Circuit {
    /// Connects and introduces itself.
    ///
    /// # Errors
    /// When the server refuses for ten seconds.
    pub fn connect(addr: SocketAddr) -> Result<Self> {
        Self::on(connect(addr)?)
    }

    /// The same with a kernel receive buffer of this many bytes, which then does not grow.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn connect_with_buffer(addr: SocketAddr, bytes: usize) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // before connecting, so that the window is scaled to it
        socket.set_recv_buffer_size(bytes)?;
        socket.connect_timeout(&addr.into(), CONNECT_TIMEOUT)?;
        Self::on(socket.into())
    }

    fn on(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(IO_TIMEOUT))?;
        stream.set_write_timeout(Some(IO_TIMEOUT))?;
        let mut circuit =
            Self { stream, rx: vec![0; RX_BYTES], start: 0, end: 0, tx: Vec::new(), next_id: 1 };
        circuit.push(cmd::VERSION, &[], 0, 13, 0, 0);
        circuit.push(cmd::CLIENT_NAME, b"bench\0", 0, 0, 0, 0);
        circuit.push(cmd::HOST_NAME, b"localhost\0", 0, 0, 0, 0);
        circuit.flush()?;
        Ok(circuit)
    }

    /// Creates a channel and waits for it.
    ///
    /// # Errors
    /// When the server does not have the name.
    pub fn create(&mut self, name: &str) -> Result<Channel> {
        let cid = self.id();
        self.push_create(name, cid);
        self.flush()?;
        let channel = self.created().with_context(|| format!("creating {name}"))?;
        ensure!(channel.cid == cid, "channel {} created instead of {cid}", channel.cid);
        Ok(channel)
    }

    /// Queues a CREATE_CHAN.
    pub fn push_create(&mut self, name: &str, cid: u32) {
        let mut text = name.as_bytes().to_vec();
        text.push(0);
        self.push(cmd::CREATE_CHAN, &text, 0, 0, cid, 13);
    }

    /// Waits for the next channel to be created; its rights come first.
    ///
    /// # Errors
    /// When the server does not have the name, or says something else.
    pub fn created(&mut self) -> Result<Channel> {
        let mut rights = (0, 0);
        loop {
            let head = self.next()?.head;
            match head.cmd {
                cmd::ACCESS_RIGHTS => rights = (head.p1, head.p2),
                cmd::CREATE_CHAN => {
                    ensure!(rights.0 == head.p1, "the rights of channel {} are missing", head.p1);
                    let Header { dbr, count, p1: cid, p2: sid, .. } = head;
                    return Ok(Channel { sid, cid, dbr, count, rights: rights.1 });
                }
                cmd::CREATE_CH_FAIL => bail!("the server does not have the name"),
                other => bail!("command {other} while creating a channel"),
            }
        }
    }

    /// A fresh id, for channels, requests and subscriptions alike.
    pub fn id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// Queues a READ_NOTIFY.
    pub fn push_get(&mut self, channel: &Channel, dbr: u16, count: u32, ioid: u32) {
        self.push(cmd::READ_NOTIFY, &[], dbr, count, channel.sid, ioid);
    }

    /// Queues a plain WRITE.
    pub fn push_put(&mut self, channel: &Channel, dbr: u16, count: u32, data: &[u8]) {
        self.push(cmd::WRITE, data, dbr, count, channel.sid, channel.cid);
    }

    /// Queues a WRITE_NOTIFY.
    pub fn push_put_notify(&mut self, channel: &Channel, dbr: u16, count: u32, data: &[u8], ioid: u32) {
        self.push(cmd::WRITE_NOTIFY, data, dbr, count, channel.sid, ioid);
    }

    /// Queues an EVENT_ADD for value changes (`DBE_VALUE`).
    pub fn push_monitor(&mut self, channel: &Channel, dbr: u16, count: u32, subid: u32) {
        let mut body = [0u8; 16];
        body[13] = 1;
        self.push(cmd::EVENT_ADD, &body, dbr, count, channel.sid, subid);
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// When the server does not take it within fifteen seconds.
    pub fn flush(&mut self) -> Result<()> {
        self.stream.write_all(&self.tx).context("sending to the server")?;
        self.tx.clear();
        Ok(())
    }

    /// Reads and checks one scalar double.
    ///
    /// # Errors
    /// When the reply is not the one asked for, or says failure.
    pub fn get_f64(&mut self, channel: &Channel) -> Result<f64> {
        let ioid = self.id();
        self.push_get(channel, wire::DBR_DOUBLE, 1, ioid);
        self.flush()?;
        self.next()?.get_reply(ioid, wire::DBR_DOUBLE, 1)?.f64_at(0)
    }

    /// Puts one double and waits for its completion.
    ///
    /// # Errors
    /// When the put fails.
    pub fn put_f64_wait(&mut self, channel: &Channel, value: f64) -> Result<()> {
        let ioid = self.id();
        self.push_put_notify(channel, wire::DBR_DOUBLE, 1, &value.to_be_bytes(), ioid);
        self.flush()?;
        self.next()?.put_reply(ioid, wire::DBR_DOUBLE, 1)
    }

    /// The next message that is not a VERSION.
    ///
    /// # Errors
    /// When the server says ERROR or SERVER_DISCONN, closes, is silent for fifteen seconds, or sends what is not Channel
    /// Access.
    pub fn next(&mut self) -> Result<Message<'_>> {
        loop {
            let (head, body) = self.advance()?;
            match head.cmd {
                cmd::VERSION => {}
                cmd::ERROR => bail!("{}", wire::error_text(&head, &self.rx[body])),
                cmd::SERVER_DISCONN => bail!("the server disconnected channel {}", head.p1),
                _ => return Ok(Message { head, payload: &self.rx[body] }),
            }
        }
    }

    fn push(&mut self, cmd: u16, payload: &[u8], dbr: u16, count: u32, p1: u32, p2: u32) {
        wire::push(&mut self.tx, cmd, payload, dbr, count, p1, p2);
    }

    fn advance(&mut self) -> Result<(Header, Range<usize>)> {
        loop {
            if let Some((head, header_len)) = Header::decode(&self.rx[self.start..self.end]) {
                let total = header_len + head.size;
                ensure!(total <= MAX_MESSAGE, "message of {total} bytes is over {MAX_MESSAGE}");
                if self.end - self.start >= total {
                    let body = self.start + header_len..self.start + total;
                    self.start += total;
                    return Ok((head, body));
                }
                if total > self.rx.len() {
                    self.rx.resize(total, 0);
                }
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<()> {
        if self.start > 0 {
            self.rx.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let n = loop {
            match self.stream.read(&mut self.rx[self.end..]) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                other => break other.context("waiting for the server")?,
            }
        };
        ensure!(n > 0, "the server closed the circuit");
        self.end += n;
        Ok(())
    }
}

impl Message<'_> {
    /// Checks that this is the good reply to one READ_NOTIFY and hands it on.
    ///
    /// # Errors
    /// When command, id, status, type, count or size differ.
    pub fn get_reply(self, ioid: u32, dbr: u16, count: u32) -> Result<Self> {
        self.check(cmd::READ_NOTIFY, ioid, dbr, count)?;
        Ok(self)
    }

    /// Checks that this is a good update of one subscription; `count` 0 accepts any number of elements.
    ///
    /// # Errors
    /// When command, id, status, type, count or size differ.
    pub fn update(self, subid: u32, dbr: u16, count: u32) -> Result<Self> {
        self.check(cmd::EVENT_ADD, subid, dbr, if count == 0 { self.head.count } else { count })?;
        Ok(self)
    }

    /// Checks that this is the good completion of one WRITE_NOTIFY.
    ///
    /// # Errors
    /// When command, id, status, type or count differ.
    pub fn put_reply(&self, ioid: u32, dbr: u16, count: u32) -> Result<()> {
        let h = &self.head;
        let good = h.cmd == cmd::WRITE_NOTIFY
            && h.p2 == ioid
            && h.p1 == NORMAL
            && h.dbr == dbr
            && h.count == count
            && h.size == 0;
        ensure!(good, "not the good completion of put {ioid}: {h}");
        Ok(())
    }

    /// The double at a payload offset.
    ///
    /// # Errors
    /// When the payload ends before it.
    pub fn f64_at(&self, offset: usize) -> Result<f64> {
        let bytes = self.payload.get(offset..offset + 8).context("payload too short for a double")?;
        Ok(f64::from_be_bytes(bytes.try_into()?))
    }

    /// The 32-bit integer at a payload offset.
    ///
    /// # Errors
    /// When the payload ends before it.
    pub fn i32_at(&self, offset: usize) -> Result<i32> {
        let bytes = self.payload.get(offset..offset + 4).context("payload too short for a long")?;
        Ok(i32::from_be_bytes(bytes.try_into()?))
    }

    #[inline]
    fn check(&self, cmd: u16, id: u32, dbr: u16, count: u32) -> Result<()> {
        let h = &self.head;
        // rsrv cuts a single STRING behind its NUL
        let cut = dbr == wire::DBR_STRING && count == 1 && (8..40).contains(&h.size);
        let good = h.cmd == cmd
            && h.p2 == id
            && h.p1 == NORMAL
            && h.dbr == dbr
            && h.count == count
            && (h.size == wire::payload_size(dbr, count) || cut);
        ensure!(good, "expected command {cmd} for id {id}, type {dbr}, count {count}, status 1; got {h}");
        Ok(())
    }
}

fn connect(addr: SocketAddr) -> Result<TcpStream> {
    let until = Instant::now() + CONNECT_TIMEOUT;
    loop {
        match TcpStream::connect_timeout(&addr, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(e) if Instant::now() > until => {
                return Err(e).with_context(|| format!("connecting to {addr}"));
            }
            Err(_) => sleep(Duration::from_millis(20)),
        }
    }
}
