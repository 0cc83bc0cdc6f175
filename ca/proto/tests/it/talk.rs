//! A conversation with a server circuit: requests as bytes, answers as messages.

use std::io::IoSlice;

use ca_proto::server::{Delivery, Output, ServerCircuit};
use ca_proto::{CloseReason, Limits};

use crate::support::{Pv, Pvs, pvs};

/// A message as the peer sees it; decoded here, not by the code under test.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) command: u16,
    pub(crate) data_type: u16,
    pub(crate) count: u32,
    pub(crate) p1: u32,
    pub(crate) p2: u32,
    pub(crate) payload: Vec<u8>,
    /// The header is the long form.
    pub(crate) extended: bool,
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) << 16 | u32::from(u16_at(bytes, at + 2))
}

/// Splits a stream into messages; the last one must be complete.
pub(crate) fn messages(mut bytes: &[u8]) -> Vec<Message> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let extended = u16_at(bytes, 2) == 0xFFFF;
        let (head, size, count) = match extended {
            true => (24, u32_at(bytes, 16), u32_at(bytes, 20)),
            false => (16, u32::from(u16_at(bytes, 2)), u32::from(u16_at(bytes, 6))),
        };
        assert_eq!(size % 8, 0, "payloads are padded");
        let (message, rest) = bytes.split_at(head + size as usize);
        bytes = rest;
        all.push(Message {
            command: u16_at(message, 0),
            data_type: u16_at(message, 4),
            count,
            p1: u32_at(message, 8),
            p2: u32_at(message, 12),
            payload: message[head..].to_vec(),
            extended,
        });
    }
    all
}

/// A message in the short form, its payload padded to 8.
pub(crate) fn message(command: u16, data_type: u16, count: u16, ids: [u32; 2], payload: &[u8]) -> Vec<u8> {
    let size = payload.len().next_multiple_of(8);
    let mut bytes = Vec::with_capacity(16 + size);
    for half in [command, u16::try_from(size).expect("a short payload"), data_type, count] {
        bytes.extend(half.to_be_bytes());
    }
    ids.iter().for_each(|id| bytes.extend(id.to_be_bytes()));
    bytes.extend(payload);
    bytes.resize(16 + size, 0);
    bytes
}

/// The header of the long form; the payload is the caller's.
pub(crate) fn extended(command: u16, data_type: u16, count: u32, ids: [u32; 2], size: u32) -> Vec<u8> {
    let mut bytes = message(command, data_type, 0, ids, &[]);
    bytes[2..4].fill(0xFF);
    bytes.extend(size.to_be_bytes());
    bytes.extend(count.to_be_bytes());
    bytes
}

pub(crate) fn version(priority: u16, minor: u16) -> Vec<u8> {
    message(0, priority, minor, [0, 0], &[])
}

pub(crate) fn create(cid: u32, name: &str) -> Vec<u8> {
    message(18, 0, 0, [cid, 13], &[name.as_bytes(), &[0]].concat())
}

pub(crate) fn clear(sid: u32, cid: u32) -> Vec<u8> {
    message(12, 0, 0, [sid, cid], &[])
}

pub(crate) fn get(ty: u16, count: u16, sid: u32, ioid: u32) -> Vec<u8> {
    message(15, ty, count, [sid, ioid], &[])
}

pub(crate) fn put(sid: u32, cid: u32, value: f64) -> Vec<u8> {
    message(4, 6, 1, [sid, cid], &value.to_be_bytes())
}

pub(crate) fn put_notify(sid: u32, ioid: u32, value: f64) -> Vec<u8> {
    message(19, 6, 1, [sid, ioid], &value.to_be_bytes())
}

pub(crate) fn monitor(ty: u16, count: u16, sid: u32, id: u32, mask: u16) -> Vec<u8> {
    let mut payload = [0; 16];
    payload[12..14].copy_from_slice(&mask.to_be_bytes());
    message(1, ty, count, [sid, id], &payload)
}

pub(crate) fn cancel(ty: u16, count: u16, sid: u32, id: u32) -> Vec<u8> {
    message(2, ty, count, [sid, id], &[])
}

pub(crate) fn events(on: bool) -> Vec<u8> {
    message(if on { 9 } else { 8 }, 0, 0, [0, 0], &[])
}

pub(crate) fn echo(payload: &[u8]) -> Vec<u8> {
    message(23, 1, 2, [3, 4], payload)
}

/// A circuit, the PVs behind it, and both ends of the wire.
pub(crate) struct Talk {
    pub(crate) circuit: ServerCircuit<usize>,
    pub(crate) pvs: Pvs,
    pub(crate) out: Output,
    pub(crate) closed: Option<CloseReason>,
    high_water: usize,
    /// Received and not yet executed.
    pub(crate) input: Vec<u8>,
    /// Sent and not yet taken by the test.
    pub(crate) sent: Vec<u8>,
    /// Most bytes that waited in the output.
    pub(crate) peak: usize,
}

/// Takes all bytes out of an output.
pub(crate) fn drain(out: &mut Output) -> Vec<u8> {
    let mut all = Vec::new();
    while !out.is_empty() {
        let before = all.len();
        let mut slices = [IoSlice::new(&[]); 17];
        let filled = out.slices(&mut slices);
        slices[..filled].iter().for_each(|slice| all.extend_from_slice(slice));
        out.advance(all.len() - before);
    }
    all
}

impl Talk {
    /// A fresh circuit; nothing was said yet but the server's greeting.
    pub(crate) fn silent(pvs: Vec<Pv>, limits: Limits, first_sid: u32) -> Self {
        let mut out = Output::default();
        Self {
            pvs: Pvs::new(pvs, &limits, first_sid),
            high_water: limits.output_high_water,
            circuit: ServerCircuit::new(limits, &mut out),
            out,
            closed: None,
            input: Vec::new(),
            sent: Vec::new(),
            peak: 0,
        }
    }

    /// A circuit after both greetings.
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let mut talk = Self::silent(pvs(), limits, 100);
        talk.send(&version(0, 13));
        talk.sent.clear();
        talk
    }

    /// Opens a channel and returns its sid.
    pub(crate) fn open(&mut self, cid: u32, name: &str) -> u32 {
        let answers = self.ask(&create(cid, name));
        assert_eq!(answers.len(), 2, "{answers:?}");
        assert_eq!((answers[1].command, answers[1].p1), (18, cid));
        answers[1].p2
    }

    /// Lets the server have some bytes and do all that it can.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.run();
    }

    pub(crate) fn run(&mut self) {
        loop {
            let used = self.execute();
            self.deliver();
            self.peak = self.peak.max(self.out.len());
            let bytes = drain(&mut self.out);
            self.sent.extend_from_slice(&bytes);
            if used == 0 && bytes.is_empty() {
                return;
            }
        }
    }

    /// One pass over the input, without delivering or sending anything.
    pub(crate) fn execute(&mut self) -> usize {
        if self.closed.is_some() {
            return 0;
        }
        match self.circuit.handle_input(&self.input, &mut self.pvs, &mut self.out) {
            Ok(used) => {
                self.input.drain(..used);
                used
            }
            Err(reason) => {
                self.closed = Some(reason);
                0
            }
        }
    }

    fn deliver(&mut self) {
        if self.closed.is_some() || !self.circuit.resume(&mut self.pvs, &mut self.out) {
            return;
        }
        while self.out.len() < self.high_water {
            match self.pvs.mailbox.pop(self.out.len() < 64 * 1024) {
                None => return,
                Some(Delivery::Update(feed, entry)) => {
                    self.circuit.handle_update(feed, entry, &mut self.pvs, &mut self.out);
                }
                Some(Delivery::Answer(ticket, status)) => {
                    self.circuit.handle_answer(ticket, status, &mut self.out);
                }
                Some(Delivery::Get(ticket, status)) => {
                    self.circuit.handle_get(ticket, status, &mut self.pvs, &mut self.out);
                }
                Some(Delivery::Rights) => {
                    self.circuit.handle_rights(&mut self.pvs, &mut self.out);
                    if !self.circuit.resume(&mut self.pvs, &mut self.out) {
                        return;
                    }
                }
            }
        }
    }

    /// What was sent since the last time.
    pub(crate) fn take(&mut self) -> Vec<Message> {
        self.run();
        messages(&std::mem::take(&mut self.sent))
    }

    /// Sends a request and takes the answers; the circuit stays open.
    pub(crate) fn ask(&mut self, bytes: &[u8]) -> Vec<Message> {
        self.send(bytes);
        assert_eq!(self.closed, None);
        self.take()
    }

    /// Sends a request that has exactly one answer.
    pub(crate) fn ask_one(&mut self, bytes: &[u8]) -> Message {
        let mut answers = self.ask(bytes);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }
}

/// The parts of an ERROR: channel, status, the request in it.
pub(crate) fn error(message: &Message) -> (u32, u32, &[u8]) {
    assert_eq!((message.command, message.data_type, message.count), (11, 0, 0), "{message:?}");
    let head = if u16_at(&message.payload, 2) == 0xFFFF { 24 } else { 16 };
    let text = &message.payload[head..];
    assert_eq!(text.last(), Some(&0), "the text ends with a NUL");
    assert!(text.len() <= 512);
    (message.p1, message.p2, &message.payload[..head])
}
