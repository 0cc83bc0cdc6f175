//! A few PVs in memory.

use std::sync::Arc;

use ca_proto::dbr::{ArrayData, LimitPair, Meta, Scalar, Stamp, Value, WireArray};
use ca_proto::server::{
    AccessRights, Acknowledgement, Claim, Client, Extra, FeedId, Mailbox, MonitorFilter, PutFailure,
    PutOutcome, Reading, SID_BLOCK, Service, Subscribed, Ticket, Update,
};
use ca_proto::{Acknowledge, Alarm, AlarmSeverity, Eca, EventMask, Limits};

/// The stamp of every value: the one in the golden files.
pub(crate) const STAMP: Stamp = Stamp { seconds: 0x4500_0000, nanos: 123_456_789 };
/// TCP port in search answers.
pub(crate) const PORT: u16 = 5064;
/// What a put posts.
pub(crate) const CHANGE: EventMask = EventMask::VALUE.union(EventMask::LOG);

pub(crate) struct Pv {
    pub(crate) name: &'static str,
    pub(crate) value: Value,
    pub(crate) meta: Arc<Meta>,
    capacity: u32,
    pub(crate) rights: AccessRights,
    /// Puts with completion are answered later.
    slow: bool,
}

impl Pv {
    pub(crate) fn scalar(name: &'static str, value: Scalar) -> Self {
        Self::new(name, value.into(), 1)
    }

    pub(crate) fn array(name: &'static str, data: ArrayData, capacity: u32) -> Self {
        Self::new(name, Value::array(data), capacity)
    }

    fn new(name: &'static str, value: Value, capacity: u32) -> Self {
        let rights = AccessRights::all();
        Self { name, value, meta: Arc::new(Meta::new()), capacity, rights, slow: false }
    }

    pub(crate) fn meta(self, meta: Meta) -> Self {
        Self { meta: Arc::new(meta), ..self }
    }

    pub(crate) fn rights(self, rights: AccessRights) -> Self {
        Self { rights, ..self }
    }

    fn convert(&self, wire: WireArray<'_>) -> Result<Value, PutFailure> {
        let (labels, precision) = (&self.meta.labels, self.meta.precision);
        let converted = match &self.value {
            Value::Scalar(old) => wire.to_scalar(old.native(), labels, precision).map(Value::Scalar),
            Value::Array(old) => match old.data() {
                ArrayData::Text(_) => wire.to_text(self.capacity as usize).map(|text| Value::text(&text)),
                data => {
                    wire.to_array(data.native(), self.capacity as usize, labels, precision).map(Value::array)
                }
            },
        };
        converted.map_err(|error| PutFailure { status: Eca::PUTFAIL, reason: error.to_string() })
    }
}

/// Metadata with something in every field.
pub(crate) fn meta() -> Meta {
    Meta {
        units: "mm".into(),
        precision: 3,
        display: LimitPair::new(-10.0, 10.0),
        alarm: LimitPair::new(-9.0, 9.0),
        warning: LimitPair::new(-8.0, 8.0),
        control: LimitPair::new(-5.0, 5.0),
        labels: Vec::new(),
    }
}

/// The PVs of most tests.
pub(crate) fn pvs() -> Vec<Pv> {
    let labels = ["idle", "running", "error"].map(Box::from).to_vec();
    let three = ArrayData::Double(vec![1.0, 2.0, 3.0]);
    vec![
        Pv::scalar("double", Scalar::Double(1.5)).meta(meta()),
        Pv::scalar("enum", Scalar::Enum(1)).meta(Meta { labels, ..Meta::new() }),
        Pv::new("text", Value::text("hi"), 100),
        Pv::array("array", three, 100_000),
        Pv::scalar("readonly", Scalar::Double(2.5)).rights(AccessRights::READ),
        Pv { slow: true, ..Pv::scalar("slow", Scalar::Double(0.0)) },
        Pv::scalar("string", Scalar::String("hello".into())),
        Pv::scalar("secret", Scalar::Double(3.5)).rights(AccessRights::WRITE),
        Pv::array("empty", ArrayData::Double(Vec::new()), 10),
    ]
}

/// The PVs behind one circuit, and its mailbox.
pub(crate) struct Pvs {
    pub(crate) pvs: Vec<Pv>,
    pub(crate) mailbox: Mailbox,
    pub(crate) acknowledge: Acknowledge,
    /// Puts that wait for their answer.
    pub(crate) pending: Vec<Ticket>,
    /// Gets of the slow PV that wait, once such gets are held.
    pub(crate) held_gets: Option<Vec<Ticket>>,
    /// What the client said of itself at each claim.
    pub(crate) clients: Vec<Client>,
    /// Makes the filter of each new subscription.
    pub(crate) filter: fn() -> Option<Box<dyn MonitorFilter>>,
    /// PVs that were removed.
    pub(crate) gone: Vec<usize>,
    feeds: Vec<(FeedId, usize, EventMask)>,
    next_sid: u32,
}

impl Pvs {
    pub(crate) fn new(pvs: Vec<Pv>, limits: &Limits, first_sid: u32) -> Self {
        Self {
            pvs,
            mailbox: Mailbox::new(limits),
            acknowledge: Acknowledge { transient: true, severity: AlarmSeverity::Major },
            pending: Vec::new(),
            held_gets: None,
            clients: Vec::new(),
            filter: || None,
            gone: Vec::new(),
            feeds: Vec::new(),
            next_sid: first_sid,
        }
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.pvs.iter().position(|pv| pv.name == name)
    }

    /// Stores a value and tells the feeds.
    pub(crate) fn post(&mut self, name: &str, value: impl Into<Value>, mask: EventMask) {
        let index = self.index(name).expect("a known PV");
        self.store(index, value.into(), mask);
    }

    fn store(&mut self, index: usize, value: Value, mask: EventMask) {
        self.pvs[index].value = value;
        let update = self.update(index);
        for (feed, _, wanted) in self.feeds.iter().filter(|(_, pv, _)| *pv == index) {
            if wanted.intersects(mask) {
                self.mailbox.push(*feed, &update, mask);
            }
        }
    }

    fn update(&self, index: usize) -> Update {
        Update { value: self.pvs[index].value.clone(), alarm: Alarm::NONE, stamp: STAMP, tag: 0 }
    }

    /// Feeds that are open.
    pub(crate) fn feed_count(&self) -> usize {
        self.feeds.len()
    }
}

impl Service for Pvs {
    type Channel = usize;

    fn claim(&mut self, name: &str, client: &Client) -> Option<Claim<usize>> {
        self.clients.push(client.clone());
        let channel = self.index(name)?;
        let pv = &self.pvs[channel];
        Some(Claim { channel, native: pv.value.native(), count: pv.capacity, rights: pv.rights })
    }

    fn exists(&mut self, name: &str) -> bool {
        self.index(name).is_some()
    }

    fn new_sids(&mut self) -> u32 {
        self.next_sid += SID_BLOCK;
        self.next_sid - SID_BLOCK
    }

    fn tcp_port(&self) -> u16 {
        PORT
    }

    fn rights(&mut self, channel: &usize) -> Option<AccessRights> {
        (!self.gone.contains(channel)).then(|| self.pvs[*channel].rights)
    }

    fn filter(&mut self, _channel: &usize) -> Option<Box<dyn MonitorFilter>> {
        (self.filter)()
    }

    fn extra(&mut self, _channel: &usize) -> Extra {
        Extra { acknowledge: self.acknowledge, class: "ao" }
    }

    fn acknowledge(&mut self, _channel: &usize, change: Acknowledgement) {
        match change {
            Acknowledgement::Transient(on) => self.acknowledge.set_transient(on, AlarmSeverity::Minor),
            Acknowledgement::UpTo(severity) => self.acknowledge.up_to(severity),
        }
    }

    fn holds_get(&mut self, channel: &usize, ticket: Ticket) -> bool {
        match &mut self.held_gets {
            Some(held) if self.pvs[*channel].slow => {
                held.push(ticket);
                true
            }
            _ => false,
        }
    }

    fn read(&mut self, channel: &usize, meta: bool) -> Reading {
        Reading { update: self.update(*channel), meta: meta.then(|| self.meta(channel)) }
    }

    fn meta(&mut self, channel: &usize) -> Arc<Meta> {
        self.pvs[*channel].meta.clone()
    }

    fn put(&mut self, channel: &usize, value: WireArray<'_>, ticket: Option<Ticket>) -> PutOutcome {
        let native = self.pvs[*channel].value.native();
        assert!(value.bytes.len() <= 1 << 20, "a put to a {native:?} is bounded");
        match self.pvs[*channel].convert(value) {
            Err(failure) => return PutOutcome::Done(Err(failure)),
            Ok(value) => self.store(*channel, value, CHANGE),
        }
        match ticket {
            Some(ticket) if self.pvs[*channel].slow => {
                self.pending.push(ticket);
                PutOutcome::Pending
            }
            _ => PutOutcome::Done(Ok(())),
        }
    }

    fn feed_key(&self, channel: &usize) -> u64 {
        *channel as u64
    }

    fn subscribe(&mut self, channel: &usize, feed: FeedId, mask: EventMask, meta: bool) -> Subscribed {
        match self.feeds.iter_mut().find(|(open, ..)| *open == feed) {
            Some(open) => open.2 = mask,
            None => self.feeds.push((feed, *channel, mask)),
        }
        let since = self.mailbox.open(feed);
        Subscribed { reading: self.read(channel, meta), since }
    }

    fn unsubscribe(&mut self, _: &usize, feed: FeedId) {
        self.feeds.retain(|(open, ..)| *open != feed);
        self.mailbox.close(feed);
    }

    fn set_events(&mut self, on: bool) {
        self.mailbox.hold(!on);
    }
}
