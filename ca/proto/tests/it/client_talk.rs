//! A client circuit driven by scripted bytes of a server, and one against a server circuit in memory.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use ca_proto::client::{ClientCircuit, Data, Event, Identity, Output};
use ca_proto::{Cid, CloseReason, EventMask, Ioid, Limits, SubscriptionId};

use crate::support::pvs;
use crate::talk::{Message, Talk, drain, message, messages, version};

/// EPICS_CA_CONN_TMO of these tests.
pub(crate) const SILENCE: Duration = Duration::from_secs(30);
/// Largest payload that is accepted.
pub(crate) const LARGEST: u64 = 1 << 20;

/// A client circuit; the test plays the server.
pub(crate) struct Client {
    pub(crate) circuit: ClientCircuit,
    pub(crate) out: Output,
    pub(crate) now: Instant,
    input: BytesMut,
    pub(crate) closed: Option<CloseReason>,
}

impl Client {
    /// A circuit whose greeting waits to be sent.
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    pub(crate) fn silent() -> Self {
        let (mut out, now) = (Output::default(), Instant::now());
        let identity = Identity { user: "operator".into(), host: "console".into() };
        let circuit = ClientCircuit::new(&identity, 7, LARGEST, SILENCE, now, &mut out);
        Self { circuit, out, now, input: BytesMut::new(), closed: None }
    }

    /// A circuit after both greetings.
    pub(crate) fn new() -> Self {
        let mut client = Self::silent();
        client.take();
        assert_eq!(client.hear(&version(0, 13)), [Event::Version(13)]);
        client
    }

    /// A circuit with an open channel: cid 1, sid 100, DOUBLE.
    pub(crate) fn open(count: u16) -> Self {
        let mut client = Self::new();
        client.create(1);
        client.hear(&[rights(1, 3), created(1, 100, 6, count)].concat());
        client
    }

    pub(crate) fn create(&mut self, cid: u32) -> Vec<Message> {
        self.circuit.create(Cid(cid), "pv", &mut self.out);
        self.take()
    }

    /// What was sent since the last time.
    pub(crate) fn take(&mut self) -> Vec<Message> {
        messages(&drain(&mut self.out))
    }

    /// Lets the client have some bytes.
    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        self.input.extend_from_slice(bytes);
        let heard = self.circuit.handle_input(self.now, &mut self.input, &mut self.out, |e| events.push(e));
        self.closed = self.closed.take().or(heard.err());
        events
    }

    pub(crate) fn get(&mut self, data_type: u16, count: u32, ioid: u32) {
        self.circuit.get(Cid(1), data_type, count, Ioid(ioid), &mut self.out).expect("allowed");
    }

    pub(crate) fn monitor(&mut self, data_type: u16, count: u32, id: u32) {
        let id = SubscriptionId(id);
        self.circuit
            .subscribe(Cid(1), id, data_type, count, EventMask::VALUE, &mut self.out)
            .expect("connected");
    }

    /// Bytes that wait to be complete.
    pub(crate) fn waiting(&self) -> usize {
        self.input.len()
    }
}

pub(crate) fn rights(cid: u32, rights: u32) -> Vec<u8> {
    message(22, 0, 0, [cid, rights], &[])
}

pub(crate) fn created(cid: u32, sid: u32, data_type: u16, count: u16) -> Vec<u8> {
    message(18, data_type, count, [cid, sid], &[])
}

/// The answer to a get.
pub(crate) fn got(data_type: u16, count: u16, status: u32, ioid: u32, payload: &[u8]) -> Vec<u8> {
    message(15, data_type, count, [status, ioid], payload)
}

/// An update.
pub(crate) fn update(data_type: u16, count: u16, status: u32, id: u32, payload: &[u8]) -> Vec<u8> {
    message(1, data_type, count, [status, id], payload)
}

/// The data of the only event.
pub(crate) fn data(events: &[Event]) -> &Data {
    match events {
        [Event::Got(_, data) | Event::Update(_, data)] => data,
        other => panic!("{other:?}"),
    }
}

/// Both circuits in memory.
pub(crate) struct Pair {
    pub(crate) client: Client,
    pub(crate) server: Talk,
    /// Sizes of the pieces in which bytes arrive at the server and at the client.
    pieces: (usize, usize),
    pub(crate) events: Vec<Event>,
    /// Every byte that the client has sent.
    pub(crate) said: Vec<u8>,
}

impl Pair {
    pub(crate) fn new(pieces: (usize, usize)) -> Self {
        let server = Talk::silent(pvs(), Limits::default(), 100);
        let mut pair =
            Self { client: Client::silent(), server, pieces, events: Vec::new(), said: Vec::new() };
        pair.run();
        pair
    }

    /// Lets both sides talk until nobody has anything to say.
    pub(crate) fn run(&mut self) {
        loop {
            let up = drain(&mut self.client.out);
            up.chunks(self.pieces.0).for_each(|piece| self.server.send(piece));
            self.said.extend_from_slice(&up);
            self.server.run();
            let down = std::mem::take(&mut self.server.sent);
            for piece in down.chunks(self.pieces.1) {
                let events = self.client.hear(piece);
                self.events.extend(events);
            }
            if up.is_empty() && down.is_empty() {
                assert_eq!((&self.client.closed, &self.server.closed), (&None, &None));
                return;
            }
        }
    }

    pub(crate) fn create(&mut self, cid: u32, name: &str) {
        self.client.circuit.create(Cid(cid), name, &mut self.client.out);
        self.run();
    }

    pub(crate) fn put(&mut self, cid: u32, value: f64, ioid: u32, notify: bool) {
        let payload = Bytes::copy_from_slice(&value.to_be_bytes());
        let ids = (Ioid(ioid), notify);
        self.client.circuit.put(Cid(cid), 6, 1, payload, ids, &mut self.client.out).expect("allowed");
        self.run();
    }
}
