//! Sequences of requests, posts, answers and changes of rights on one circuit, compared with a model.

use std::collections::VecDeque;

use ca_proto::dbr::{ArrayData, Scalar, Value};
use ca_proto::server::{AccessRights, Delivery, Output, ServerCircuit};
use ca_proto::{Eca, EventMask, Limits};

use super::model::{Model, PvModel, Request};
use super::reader::Reader;
use super::service::{CHANGE, Handle, Pv, Pvs};
use super::wire::{check, drain, request, split_message};

/// As the driver: a bulk update is taken only below this.
const BULK_BELOW: usize = 64 * 1024;
/// More than the largest message.
const LARGEST: usize = 160 * 1024;
/// Operations of one input; more of them find nothing new.
const MOST: usize = 400;
/// What gets and subscriptions ask for.
const TYPES: [u16; 8] = [5, 6, 2, 0, 20, 34, 14, 33];
/// One name of each PV.
const NAMES: [&str; 6] = ["long", "double", "array", "slow", "wide", "bulk"];
/// Elements of each at first; 0 for a scalar. 16 KiB leave by reference, 128 KiB wait behind small updates.
const LENGTHS: [u32; 6] = [0, 0, 8, 0, 2200, 16_400];

/// Runs the input as operations of four bytes each, behind one byte that chooses the limits.
pub fn operations(data: &[u8]) {
    let mut reader = Reader(data);
    let mut world = World::new(reader.byte());
    for _ in 0..MOST {
        if reader.0.is_empty() {
            break;
        }
        world.step(reader.bytes());
    }
    world.finish();
}

struct World {
    circuit: ServerCircuit<Handle>,
    pvs: Pvs,
    out: Output,
    high_water: usize,
    /// Requests that are not executed yet.
    input: VecDeque<(Vec<u8>, Request)>,
    /// Sent and not yet parsed.
    sent: Vec<u8>,
    model: Model,
    /// The last number or id that was used.
    last: u32,
    /// Rights are told to all channels at once, whatever room there is.
    bounded: bool,
}

/// The value with this number.
fn value(pv: usize, n: u32, len: u32) -> Value {
    match pv {
        0 => Scalar::Long(n as i32).into(),
        1 | 3 => Scalar::Double(n.into()).into(),
        _ => Value::array(ArrayData::Double(vec![n.into(); len as usize])),
    }
}

impl World {
    fn new(flags: u8) -> Self {
        let limits = Limits {
            output_high_water: [64, 1024, 32 * 1024, 256 * 1024][usize::from(flags & 3)],
            feed_entries: [4, 1, 64, 2][usize::from(flags >> 2 & 3)],
            feed_bytes: [100, 1 << 20][usize::from(flags >> 4 & 1)],
            ..Limits::default()
        };
        let pv = |at: usize| Pv {
            slow: at == 3,
            ..Pv::new(NAMES[at], value(at, at as u32 + 1, LENGTHS[at]), LENGTHS[at].max(1) + 100)
        };
        let pvs = Pvs::new((0..NAMES.len()).map(pv).collect(), &limits);
        // a scalar is told from an array by its length of 0 in the model
        let models = LENGTHS.iter().zip(1..).map(|(len, n)| PvModel::new(n, *len, n == 4)).collect();
        let mut out = Output::default();
        let high_water = limits.output_high_water;
        let mut circuit = ServerCircuit::new(limits, &mut out);
        let mut pvs = pvs;
        let hello = request(0, 0, 13, [0, 0], &[]);
        assert_eq!(circuit.handle_input(&hello, &mut pvs, &mut out), Ok(hello.len()));
        let model = Model::new(models);
        let (input, sent) = (VecDeque::new(), Vec::new());
        Self { circuit, pvs, out, high_water, input, sent, model, last: 100, bounded: true }
    }

    /// A number that was not used before.
    fn next(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    fn step(&mut self, [op, a, b, c]: [u8; 4]) {
        match op % 16 {
            0 => self.create(usize::from(a % 8)),
            1..=4 if !self.model.channels.is_empty() => {
                let channel = usize::from(a) % self.model.channels.len();
                match op % 16 {
                    1 => self.clear(channel),
                    2 => self.get(channel, b),
                    3 => self.put(channel, b, c),
                    _ => self.subscribe(channel, b, c),
                }
            }
            5 => self.cancel(a),
            6 => self.ask(
                request(if a & 1 == 0 { 8 } else { 9 }, 0, 0, [0, 0], &[]),
                Request::Events { on: a & 1 == 1 },
            ),
            7 => self.post(usize::from(a % 6), b, c),
            8 => self.rights(usize::from(a % 6), b),
            9 => self.complete(a, b),
            10 => {
                self.round(usize::from(a), usize::from(b) * 16);
            }
            11 => {
                self.flush(usize::from(u16::from_be_bytes([a, b])));
            }
            12 => self.deliver(usize::from(a)),
            13 => self.execute(usize::from(a)),
            14 => {
                let id = self.next();
                self.ask(request(23, 1, 2, [id, 4], &[0; 16][..usize::from(a % 17)]), Request::Echo { id });
            }
            15 => (0..a % 16).for_each(|_| self.post(usize::from(b % 4), c, 0)),
            _ => {}
        }
    }

    fn ask(&mut self, bytes: Vec<u8>, request: Request) {
        self.input.push_back((bytes, request));
    }

    fn create(&mut self, pv: usize) {
        let cid = self.next();
        let name = NAMES.get(pv).unwrap_or(&"nobody");
        let bytes = request(18, 0, 0, [cid, 13], &[name.as_bytes(), &[0]].concat());
        self.ask(bytes, Request::Create { cid, pv });
    }

    fn clear(&mut self, channel: usize) {
        let of = &self.model.channels[channel];
        let bytes = request(12, 0, 0, [of.sid, of.cid], &[]);
        self.ask(bytes, Request::Clear { channel });
    }

    /// A type, and a count that is not 0 for strings: a large array of them takes too long.
    fn wanted(b: u8) -> (u16, u16) {
        let ty = TYPES[usize::from(b & 7)];
        let count = [0, 1, 2, 8][usize::from(b >> 3 & 3)];
        (ty, if ty.is_multiple_of(7) { count.max(1) } else { count })
    }

    fn get(&mut self, channel: usize, b: u8) {
        let ioid = self.next();
        let (ty, count) = Self::wanted(b);
        let bytes = request(15, ty, count, [self.model.channels[channel].sid, ioid], &[]);
        self.ask(bytes, Request::Get { channel, ioid, ty, count: count.into() });
    }

    fn put(&mut self, channel: usize, b: u8, c: u8) {
        let (notify, good) = (b & 1 == 0, b & 0x1E != 2);
        let ioid = self.next();
        let of = &self.model.channels[channel];
        let count = if LENGTHS[of.pv] == 0 { 1 } else { u16::from(c % 8) + 1 };
        let (ty, count, payload) = match good {
            true => (6, count, vec![0; 8 * usize::from(count)]),
            false => (0, 1, b"zz\0".to_vec()),
        };
        let bytes = request(if notify { 19 } else { 4 }, ty, count, [of.sid, ioid], &payload);
        self.ask(bytes, Request::Put { channel, ioid, notify, good, n: 0, ty, count: count.into() });
    }

    fn subscribe(&mut self, channel: usize, b: u8, c: u8) {
        if self.model.subs.len() >= 64 {
            return;
        }
        let fresh = self.next();
        let cancelled = |sub: &&mut super::model::Sub| sub.channel == channel && sub.cancelled && !sub.reused;
        let again = self.model.subs.iter_mut().find(cancelled).filter(|_| b >= 128);
        let id = again.map_or(fresh, |sub| {
            sub.reused = true;
            sub.id
        });
        let (ty, count) = Self::wanted(b);
        let bits = if c == 0 { 15 } else { u16::from(c) };
        let mut payload = [0; 16];
        payload[12..14].copy_from_slice(&bits.to_be_bytes());
        let bytes = request(1, ty, count, [self.model.channels[channel].sid, id], &payload);
        let mask = EventMask::from_bits_truncate(bits);
        self.ask(bytes, Request::Subscribe { channel, id, ty, count: count.into(), mask });
    }

    fn cancel(&mut self, a: u8) {
        let Some(sub) = usize::from(a).checked_rem(self.model.subs.len()) else { return };
        let of = &mut self.model.subs[sub];
        // a second one closes the circuit, which the target `requests` sees
        if !std::mem::replace(&mut of.cancelled, true) {
            let bytes = request(2, of.ty, of.count as u16, [self.model.channels[of.channel].sid, of.id], &[]);
            self.ask(bytes, Request::Cancel { sub });
        }
    }

    fn post(&mut self, pv: usize, b: u8, c: u8) {
        let n = self.next();
        let mask = match EventMask::from_bits_truncate(u16::from(b)) {
            none if none.is_empty() => CHANGE,
            mask => mask,
        };
        // a large array is small for a while
        let len = match LENGTHS[pv] {
            0 => 0,
            most if c < 128 => most,
            _ => u32::from(c % 8) + 1,
        };
        self.pvs.post(pv, value(pv, n, len), mask);
        self.model.posted(pv, n, len, mask);
    }

    fn rights(&mut self, pv: usize, b: u8) {
        let rights = AccessRights::from_bits_truncate(u32::from(b & 3));
        self.pvs.pvs[pv].rights = rights;
        self.model.pvs[pv].rights = rights;
        self.pvs.mailbox.recheck_rights();
        self.model.calm = false;
        self.bounded = false;
    }

    fn complete(&mut self, a: u8, b: u8) {
        let Some(at) = usize::from(a).checked_rem(self.pvs.pending.len()) else { return };
        let ticket = self.pvs.pending.remove(at);
        let status = if b & 1 == 0 { Eca::NORMAL } else { Eca::PUTFAIL };
        self.pvs.mailbox.answer(ticket, status);
        self.model.completed(ticket.ioid.0, status.0);
    }

    /// What the driver does in one round, with at most these deliveries and bytes; returns the bytes sent.
    fn round(&mut self, deliveries: usize, bytes: usize) -> usize {
        self.execute(usize::MAX);
        self.deliver(deliveries);
        self.flush(bytes)
    }

    fn execute(&mut self, most: usize) {
        for _ in 0..most {
            let n = self.next();
            let Some((bytes, request)) = self.input.front_mut() else { return };
            request.number(n, bytes);
            let used = self.circuit.handle_input(bytes, &mut self.pvs, &mut self.out);
            match used.expect("no request that closes") {
                0 => return,
                used => assert_eq!(used, bytes.len()),
            }
            self.model.executed(*request);
            self.input.pop_front();
            self.is_bounded();
        }
    }

    /// Sends first updates that were held back; true when none is left.
    fn resume(&mut self) -> bool {
        let resumed = self.circuit.resume(&mut self.pvs, &mut self.out);
        self.is_bounded();
        if resumed {
            self.model.resumed();
        }
        resumed
    }

    fn deliver(&mut self, most: usize) {
        if !self.resume() {
            return;
        }
        for _ in 0..most {
            if self.out.len() >= self.high_water {
                return;
            }
            let bulk = self.out.len() < BULK_BELOW;
            let ready = self.pvs.mailbox.is_ready(bulk);
            match self.pvs.mailbox.pop(bulk) {
                None => return,
                Some(Delivery::Update(feed, entry)) => {
                    self.circuit.handle_update(feed, entry, &mut self.pvs, &mut self.out);
                    self.is_bounded();
                }
                Some(Delivery::Answer(ticket, status)) => {
                    self.circuit.handle_answer(ticket, status, &mut self.out);
                }
                Some(Delivery::Get(ticket, status)) => {
                    self.circuit.handle_get(ticket, status, &mut self.pvs, &mut self.out);
                }
                Some(Delivery::Rights) => {
                    self.circuit.handle_rights(&mut self.pvs, &mut self.out);
                    self.model.rechecked();
                    if !self.resume() {
                        return;
                    }
                }
            }
            assert!(ready, "something was there without being ready");
        }
    }

    fn is_bounded(&self) {
        let bound = self.high_water + LARGEST;
        assert!(!self.bounded || self.out.len() <= bound, "{} bytes wait, not {bound}", self.out.len());
    }

    /// Sends some bytes and lets the client read what is whole; returns their number.
    fn flush(&mut self, most: usize) -> usize {
        let sent = drain(&mut self.out, most, &mut self.sent);
        let mut rest = &self.sent[..];
        while let Some(message) = split_message(&mut rest) {
            check(&message);
            self.model.received(&message, self.pvs.mailbox.squashed() > 0);
        }
        let used = self.sent.len() - rest.len();
        self.sent.drain(..used);
        sent
    }

    fn finish(mut self) {
        self.ask(request(9, 0, 0, [0, 0], &[]), Request::Events { on: true });
        for rounds in 0.. {
            assert!(rounds < 1_000_000, "it never ends");
            while !self.pvs.pending.is_empty() {
                self.complete(0, 0);
            }
            let moved = self.round(usize::MAX, usize::MAX);
            let waits = self.pvs.mailbox.is_ready(true) || !self.pvs.pending.is_empty();
            if moved == 0 && self.input.is_empty() && !waits {
                break;
            }
        }
        assert!(self.sent.is_empty(), "a part of a message is left");
        self.model.finish();
        let open = self.model.channels.iter().filter(|channel| channel.open).count();
        let live = self.model.subs.iter().filter(|sub| sub.live).count();
        assert_eq!((self.circuit.channel_count(), self.circuit.subscription_count()), (open, live));
        self.circuit.close(&mut self.pvs);
        assert_eq!(self.pvs.held(), (0, 0), "channels and feeds after the close");
    }
}
