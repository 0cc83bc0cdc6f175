//! A few PVs in memory behind one circuit.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use ca_proto::dbr::{ArrayData, LimitPair, Meta, Scalar, Stamp, Value, WireArray};
use ca_proto::server::{
    AccessRights, Acknowledgement, Claim, Client, Extra, FeedId, Mailbox, MonitorFilter, PutFailure,
    PutOutcome, Reading, SID_BLOCK, Service, Subscribed, Ticket, Update,
};
use ca_proto::{Acknowledge, Alarm, Eca, EventMask, Limits};

/// What a put posts.
pub(super) const CHANGE: EventMask = EventMask::VALUE.union(EventMask::LOG);

/// A PV.
pub(super) struct Pv {
    pub(super) name: &'static str,
    pub(super) value: Value,
    pub(super) capacity: u32,
    pub(super) rights: AccessRights,
    /// Puts with completion are answered later.
    pub(super) slow: bool,
    pub(super) meta: Arc<Meta>,
}

impl Pv {
    pub(super) fn new(name: &'static str, value: impl Into<Value>, capacity: u32) -> Self {
        let meta =
            Meta { units: "mm".into(), precision: 3, display: LimitPair::new(-1e9, 1e9), ..Meta::new() };
        let rights = AccessRights::all();
        Self { name, value: value.into(), capacity, rights, slow: false, meta: Arc::new(meta) }
    }

    fn convert(&self, wire: WireArray<'_>) -> Result<Value, PutFailure> {
        let (labels, precision) = (&self.meta.labels, self.meta.precision);
        let capacity = self.capacity as usize;
        let converted = match &self.value {
            Value::Scalar(old) => wire.to_scalar(old.native(), labels, precision).map(Value::Scalar),
            Value::Array(old) => match old.data() {
                ArrayData::Text(_) => wire.to_text(capacity).map(|text| Value::text(&text)),
                data => wire.to_array(data.native(), capacity, labels, precision).map(Value::array),
            },
        };
        converted.map_err(|error| PutFailure { status: Eca::PUTFAIL, reason: error.to_string() })
    }
}

/// The PVs of the recorded exchanges, and one of every further kind.
pub(super) fn records() -> Vec<Pv> {
    let labels = ["idle", "running", "error"].map(Box::from).to_vec();
    vec![
        Pv::new("g:double", Scalar::Double(1.5), 1),
        Pv { rights: AccessRights::READ, ..Pv::new("g:ro", Scalar::Double(2.5), 1) },
        Pv { meta: Arc::new(Meta { labels, ..Meta::new() }), ..Pv::new("g:enum", Scalar::Enum(1), 1) },
        Pv::new("g:string", Scalar::String("hello".into()), 1),
        Pv::new("g:long", Scalar::Long(7), 1),
        Pv::new("g:wave", Value::array(ArrayData::Double(vec![1.0, 2.0, 3.0])), 10),
        Pv::new("g:chars", Value::array(ArrayData::Char(Default::default())), 100),
        Pv::new("g:big", Value::array(ArrayData::Char(vec![7; 20_000].into())), 70_000),
        Pv { slow: true, ..Pv::new("slow", Scalar::Double(0.0), 1) },
        Pv { rights: AccessRights::WRITE, ..Pv::new("secret", Scalar::Double(3.5), 1) },
        Pv::new("text", Value::text("hi"), 100),
    ]
}

/// An open channel; the count of those that live tells whether the circuit has dropped them all.
pub(super) struct Handle {
    pub(super) pv: usize,
    live: Rc<Cell<usize>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.live.set(self.live.get() - 1);
    }
}

/// The PVs behind one circuit, and its mailbox.
pub(super) struct Pvs {
    pub(super) pvs: Vec<Pv>,
    pub(super) mailbox: Mailbox,
    /// Puts that wait for their answer.
    pub(super) pending: Vec<Ticket>,
    live: Rc<Cell<usize>>,
    acknowledge: Acknowledge,
    feeds: Vec<(FeedId, usize, EventMask)>,
    next_sid: u32,
}

impl Pvs {
    pub(super) fn new(pvs: Vec<Pv>, limits: &Limits) -> Self {
        Self {
            pvs,
            mailbox: Mailbox::new(limits),
            pending: Vec::new(),
            live: Rc::default(),
            acknowledge: Acknowledge::default(),
            feeds: Vec::new(),
            next_sid: 0,
        }
    }

    /// Channels and feeds that the circuit holds.
    pub(super) fn held(&self) -> (usize, usize) {
        (self.live.get(), self.feeds.len())
    }

    /// Stores a value and tells the feeds.
    pub(super) fn post(&mut self, pv: usize, value: Value, mask: EventMask) {
        self.pvs[pv].value = value;
        let update = self.update(pv);
        for (feed, _, wanted) in self.feeds.iter().filter(|(_, of, _)| *of == pv) {
            if wanted.intersects(mask) {
                self.mailbox.push(*feed, &update, mask);
            }
        }
    }

    fn update(&self, pv: usize) -> Update {
        let stamp = Stamp { seconds: 0x4500_0000, nanos: 123_456_789 };
        Update { value: self.pvs[pv].value.clone(), alarm: Alarm::NONE, stamp, tag: 0 }
    }
}

impl Service for Pvs {
    type Channel = Handle;

    fn claim(&mut self, name: &str, _client: &Client) -> Option<Claim<Handle>> {
        let index = self.pvs.iter().position(|pv| pv.name == name)?;
        let pv = &self.pvs[index];
        self.live.set(self.live.get() + 1);
        let channel = Handle { pv: index, live: self.live.clone() };
        Some(Claim { channel, native: pv.value.native(), count: pv.capacity, rights: pv.rights })
    }

    fn exists(&mut self, name: &str) -> bool {
        self.pvs.iter().any(|pv| pv.name == name)
    }

    fn new_sids(&mut self) -> u32 {
        self.next_sid += SID_BLOCK;
        self.next_sid - SID_BLOCK
    }

    fn tcp_port(&self) -> u16 {
        5064
    }

    fn rights(&mut self, channel: &Handle) -> Option<AccessRights> {
        Some(self.pvs[channel.pv].rights)
    }

    fn filter(&mut self, _channel: &Handle) -> Option<Box<dyn MonitorFilter>> {
        None
    }

    fn extra(&mut self, _channel: &Handle) -> Extra {
        Extra { acknowledge: self.acknowledge, class: "ao" }
    }

    fn acknowledge(&mut self, _channel: &Handle, change: Acknowledgement) {
        match change {
            Acknowledgement::Transient(on) => self.acknowledge.transient = on,
            Acknowledgement::UpTo(severity) => self.acknowledge.up_to(severity),
        }
    }

    fn read(&mut self, channel: &Handle, meta: bool) -> Reading {
        Reading { update: self.update(channel.pv), meta: meta.then(|| self.meta(channel)) }
    }

    fn meta(&mut self, channel: &Handle) -> Arc<Meta> {
        self.pvs[channel.pv].meta.clone()
    }

    fn put(&mut self, channel: &Handle, value: WireArray<'_>, ticket: Option<Ticket>) -> PutOutcome {
        match self.pvs[channel.pv].convert(value) {
            Err(failure) => return PutOutcome::Done(Err(failure)),
            Ok(value) => self.post(channel.pv, value, CHANGE),
        }
        match ticket {
            Some(ticket) if self.pvs[channel.pv].slow => {
                self.pending.push(ticket);
                PutOutcome::Pending
            }
            _ => PutOutcome::Done(Ok(())),
        }
    }

    fn feed_key(&self, channel: &Handle) -> u64 {
        channel.pv as u64
    }

    fn subscribe(&mut self, channel: &Handle, feed: FeedId, mask: EventMask, meta: bool) -> Subscribed {
        match self.feeds.iter_mut().find(|(open, ..)| *open == feed) {
            Some(open) => open.2 = mask,
            None => self.feeds.push((feed, channel.pv, mask)),
        }
        let since = self.mailbox.open(feed);
        Subscribed { reading: self.read(channel, meta), since }
    }

    fn unsubscribe(&mut self, _: &Handle, feed: FeedId) {
        assert!(self.feeds.iter().any(|(open, ..)| *open == feed), "a feed that is not open was closed");
        self.feeds.retain(|(open, ..)| *open != feed);
        self.mailbox.close(feed);
    }

    fn set_events(&mut self, on: bool) {
        self.mailbox.hold(!on);
    }
}
