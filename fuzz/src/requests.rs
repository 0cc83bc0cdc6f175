//! Any bytes as the stream of one circuit.

use ca_proto::server::{Delivery, Output, ServerCircuit};
use ca_proto::{CloseReason, Eca, Limits};

use super::reader::Reader;
use super::service::{Handle, Pvs, records};
use super::wire::{Message, check, drain, messages, u16_at, u32_at};

/// Largest payload in either direction, in bytes: small, or zeros are all that a run does.
const MAX_PAYLOAD: u64 = 64 * 1024;
/// Largest payload that is no put, in bytes.
const SMALL_PAYLOAD: u32 = 512;
/// More than the largest messages that one request can have as its answers.
const LARGEST: usize = MAX_PAYLOAD as usize + 1024;
/// As the driver: a bulk update is taken only below this.
const BULK_BELOW: usize = 64 * 1024;

/// How a stream reaches the circuit, and how its answers leave.
#[derive(Clone, Copy)]
struct Way {
    high_water: usize,
    /// Bytes in each segment.
    segment: usize,
    /// Bytes that leave at once.
    window: usize,
    /// Updates and late answers leave while requests come, not behind them all.
    mixed: bool,
}

/// What came out.
struct Result {
    sent: Vec<u8>,
    reason: Option<CloseReason>,
    requests: u64,
    /// Bytes that are not consumed.
    left: usize,
}

/// Sends the input, but for its first three bytes, to a circuit on three ways and compares what comes back.
pub fn requests(data: &[u8]) {
    let mut reader = Reader(data);
    let [flags, segment, window] = reader.bytes();
    let stream = reader.0;
    let high_water = [1, 256, 4096, 64 * 1024][usize::from(flags & 3)];
    let segment = (usize::from(segment) + 1) << (flags >> 2 & 3);
    let window = (usize::from(window) + 1) << (flags >> 4 & 7);
    let whole = Way { high_water: 1 << 20, segment: usize::MAX, window: usize::MAX, mixed: false };
    let first = run(stream, whole);
    let second = run(stream, Way { high_water, segment, window, mixed: false });
    assert!(first.sent == second.sent, "another split gives other bytes");
    assert_eq!((&first.reason, first.requests), (&second.reason, second.requests));
    let third = run(stream, Way { high_water, segment, window, mixed: true });
    assert_eq!(first.reason, third.reason);
    assert_eq!(answers(&first.sent), answers(&third.sent), "answers do not depend on updates");
    let framing = framing(stream);
    // a part of a payload that is refused is consumed
    let framed = first.left == 0 || first.left == framing.left;
    assert!(framed || first.reason.is_some(), "{} bytes are left, not {}", first.left, framing.left);
    if framing.old {
        assert!(!messages(&first.sent).iter().any(|m| m.extended), "a client before 4.9 has no long header");
    }
}

/// All but the puts whose answer may come late, and the updates: that of an empty array looks as the
/// confirmation of a cancel does.
fn answers(sent: &[u8]) -> Vec<Message<'_>> {
    messages(sent).into_iter().filter(|m| !matches!(m.command, 1 | 19)).collect()
}

/// What a second, simple reader of the stream has seen.
struct Framing {
    /// Bytes behind the last whole message.
    left: usize,
    /// No message has told a version that knows the long header.
    old: bool,
}

fn framing(mut stream: &[u8]) -> Framing {
    let (mut minor, mut old) = (None, true);
    while let Some(head) = stream.get(..16) {
        let long = minor.is_some_and(|minor| minor >= 9) && head[2..4] == [0xFF; 2];
        let size = match long {
            true if stream.len() < 24 => break,
            true => 24 + u32_at(stream, 16) as usize,
            false => 16 + usize::from(u16_at(head, 2)),
        };
        let Some(rest) = stream.get(size..) else { break };
        match u16_at(head, 0) {
            _ if size > SMALL_PAYLOAD as usize + if long { 24 } else { 16 } => {}
            0 => minor = Some(if long { u32_at(stream, 20) & 0xFFFF } else { u16_at(head, 6).into() }),
            18 => minor = minor.and(Some(u32_at(head, 12))),
            _ => {}
        }
        old &= minor.is_none_or(|minor| minor < 9);
        stream = rest;
    }
    Framing { left: stream.len(), old }
}

struct Run {
    way: Way,
    circuit: ServerCircuit<Handle>,
    pvs: Pvs,
    out: Output,
    sent: Vec<u8>,
    reason: Option<CloseReason>,
}

fn run(stream: &[u8], way: Way) -> Result {
    let limits = Limits {
        output_high_water: way.high_water,
        max_payload: MAX_PAYLOAD,
        small_payload: SMALL_PAYLOAD,
        channels: 64,
        subscriptions: 64,
        feed_entries: 4,
        ..Limits::default()
    };
    let mut out = Output::default();
    let circuit = ServerCircuit::new(limits.clone(), &mut out);
    let pvs = Pvs::new(records(), &limits);
    let mut run = Run { way, circuit, pvs, out, sent: Vec::new(), reason: None };
    let left = run.feed(stream);
    run.deliver_all();
    run.finish(left)
}

impl Run {
    /// Returns the number of bytes that are not consumed.
    fn feed(&mut self, stream: &[u8]) -> usize {
        let mut input: Vec<u8> = Vec::new();
        for segment in stream.chunks(self.way.segment.min(stream.len()).max(1)) {
            input.extend_from_slice(segment);
            loop {
                let used = match self.circuit.handle_input(&input, &mut self.pvs, &mut self.out) {
                    Ok(used) => used,
                    Err(reason) => {
                        self.reason = Some(reason);
                        return input.len();
                    }
                };
                input.drain(..used);
                if self.way.mixed {
                    self.deliver();
                }
                if used == 0 && self.flush() == 0 {
                    break;
                }
            }
        }
        input.len()
    }

    /// Sends one window; checks that the output had a bound.
    fn flush(&mut self) -> usize {
        let bound = self.way.high_water + LARGEST;
        assert!(self.out.len() <= bound, "{} bytes wait for a bound of {bound}", self.out.len());
        drain(&mut self.out, self.way.window, &mut self.sent)
    }

    /// Moves updates and answers into the output as the driver does.
    fn deliver(&mut self) {
        for ticket in std::mem::take(&mut self.pvs.pending) {
            self.pvs.mailbox.answer(ticket, Eca::NORMAL);
        }
        if !self.circuit.resume(&mut self.pvs, &mut self.out) {
            return;
        }
        while self.out.len() < self.way.high_water {
            match self.pvs.mailbox.pop(self.out.len() < BULK_BELOW) {
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
                Some(Delivery::Rights) => panic!("no rights change here"),
            }
        }
    }

    /// Lets all leave that waits; a circuit that is to be closed has only its last words.
    fn deliver_all(&mut self) {
        loop {
            if self.reason.is_none() {
                self.deliver();
            }
            if self.flush() == 0 {
                return;
            }
        }
    }

    fn finish(mut self, left: usize) -> Result {
        messages(&self.sent).iter().for_each(check);
        let (channels, _) = self.pvs.held();
        assert_eq!(channels, self.circuit.channel_count());
        self.circuit.close(&mut self.pvs);
        assert_eq!(self.pvs.held(), (0, 0), "channels and feeds after the close");
        assert_eq!((self.circuit.channel_count(), self.circuit.subscription_count()), (0, 0));
        let requests = self.circuit.counters().requests;
        Result { sent: self.sent, reason: self.reason, requests, left }
    }
}
