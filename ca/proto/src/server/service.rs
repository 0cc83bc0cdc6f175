//! What a circuit asks of the PVs behind it.

use std::sync::Arc;

use super::{AccessRights, Acknowledgement, Extra, FeedId, PutOutcome, Ticket};
use crate::dbr::{Meta, NativeType, Stamp, Value, WireArray};
use crate::{Alarm, EventMask};

/// Value, alarm and time stamp of one instant.
#[derive(Clone, Debug)]
pub struct Update {
    /// The value.
    pub value: Value,
    /// Its alarm.
    pub alarm: Alarm,
    /// Its time.
    pub stamp: Stamp,
    /// What the server noted with it, for its filters; clients never see it.
    pub tag: u32,
}

/// What a get or a first update tells.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Value, alarm, time.
    pub update: Update,
    /// Metadata, when they were asked for.
    pub meta: Option<Arc<Meta>>,
}

/// A channel that could be opened.
#[derive(Debug)]
pub struct Claim<C> {
    /// The caller's own handle: the PV, its field, its filter.
    pub channel: C,
    /// Native element type.
    pub native: NativeType,
    /// Capacity in elements; 1 for a scalar.
    pub count: u32,
    /// What this client may do.
    pub rights: AccessRights,
}

/// Who is at the other end, as it says itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// User name.
    pub user: String,
    /// Host name.
    pub host: String,
    /// The address that its circuit comes from, `host:port`; empty in datagrams.
    pub address: String,
}

/// The state at the moment of a subscription.
#[derive(Debug)]
pub struct Subscribed {
    /// The first update.
    pub reading: Reading,
    /// Number of updates pushed into the feed so far: only later ones are new to this subscription.
    pub since: u64,
}

/// What one subscription lets pass, with a state of its own.
pub trait MonitorFilter: std::fmt::Debug + Send {
    /// The update to send in place of `update`, with its kinds of change; `None` when nothing is to be sent.
    ///
    /// The first call is about the first update of the subscription.
    fn pass(&mut self, update: &Update, mask: EventMask) -> Option<(Update, EventMask)>;
}

/// The PVs as one circuit sees them. Nothing here may block.
pub trait Service {
    /// The caller's handle of an open channel.
    type Channel;

    /// Opens the PV of this name, or says that there is none.
    fn claim(&mut self, name: &str, client: &Client) -> Option<Claim<Self::Channel>>;

    /// True when the name would open.
    fn exists(&mut self, name: &str) -> bool;

    /// The first of [`SID_BLOCK`](super::SID_BLOCK) channel ids that no other circuit of this server has.
    fn new_sids(&mut self) -> u32;

    /// TCP port for search answers.
    fn tcp_port(&self) -> u16;

    /// True when a get has to wait: the mailbox tells later, with the ticket, that it can be answered.
    fn holds_get(&mut self, channel: &Self::Channel, ticket: Ticket) -> bool {
        let _ = (channel, ticket);
        false
    }

    /// The current state; metadata only when `meta` is set.
    fn read(&mut self, channel: &Self::Channel, meta: bool) -> Reading;

    /// What this client may do with the channel now; `None` when its PV is gone.
    fn rights(&mut self, channel: &Self::Channel) -> Option<AccessRights>;

    /// What alarm handlers and record-aware clients ask beside the reading.
    fn extra(&mut self, channel: &Self::Channel) -> Extra;

    /// Changes the acknowledge state of the PV's alarms.
    fn acknowledge(&mut self, channel: &Self::Channel, change: Acknowledgement);

    /// The metadata alone.
    fn meta(&mut self, channel: &Self::Channel) -> Arc<Meta>;

    /// Puts a value; a `Pending` answer comes later through the mailbox, with the ticket.
    fn put(&mut self, channel: &Self::Channel, value: WireArray<'_>, ticket: Option<Ticket>) -> PutOutcome;

    /// Equal for channels that see the same updates; they share one feed.
    fn feed_key(&self, channel: &Self::Channel) -> u64;

    /// What a new subscription on this channel lets pass; `None` lets everything pass.
    fn filter(&mut self, channel: &Self::Channel) -> Option<Box<dyn MonitorFilter>>;

    /// Starts pushing updates of these kinds into `feed`, or widens the kinds of a feed that exists.
    fn subscribe(&mut self, channel: &Self::Channel, feed: FeedId, mask: EventMask, meta: bool)
    -> Subscribed;

    /// Stops pushing into `feed`.
    fn unsubscribe(&mut self, channel: &Self::Channel, feed: FeedId);

    /// Holds updates back (`false`) or lets them pass (`true`).
    fn set_events(&mut self, on: bool);
}
