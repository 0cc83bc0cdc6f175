//! What a server asks of the PVs behind it.

use std::sync::Arc;

use ca_proto::EventMask;
use ca_proto::dbr::{Meta, WireArray};
use ca_proto::server::{
    AccessRights, Acknowledgement, Claim, Client, Extra, MonitorFilter, PutOutcome, Reading, Subscribed,
    Ticket,
};

use super::inbox::{Answer, Inbox, Request, Subscriber};

/// The PVs of a server. Called from network tasks: nothing here may block or take long.
pub trait Service: Send + Sync + 'static {
    /// Handle of an open channel.
    type Channel: Send + Sync + 'static;

    /// Opens the PV of this name, or says that there is none.
    fn claim(&self, name: &str, client: &Client) -> Option<Claim<Self::Channel>>;

    /// True when the name would open.
    fn exists(&self, name: &str) -> bool;

    /// True when a get has to wait: then [`GetRequest::defer`] was taken, and answers when it can be read.
    fn holds_get(&self, channel: &Self::Channel, request: GetRequest<'_>) -> bool {
        let _ = (channel, request);
        false
    }

    /// The current state; metadata only when `meta` is set.
    fn read(&self, channel: &Self::Channel, meta: bool) -> Reading;

    /// What this client may do with the channel now, `None` when its PV is gone; ring [`Server::rights_bell`](super::Server::rights_bell)
    /// after a change.
    fn rights(&self, channel: &Self::Channel, client: &Client) -> Option<AccessRights>;

    /// What a new subscription on this channel lets pass; `None` lets everything pass.
    fn filter(&self, channel: &Self::Channel) -> Option<Box<dyn MonitorFilter>>;

    /// What alarm handlers and record-aware clients ask beside the reading.
    fn extra(&self, channel: &Self::Channel) -> Extra;

    /// Changes the acknowledge state of the PV's alarms.
    fn acknowledge(&self, channel: &Self::Channel, change: Acknowledgement);

    /// The metadata alone.
    fn meta(&self, channel: &Self::Channel) -> Arc<Meta>;

    /// Puts a value. To answer later, take [`PutRequest::defer`] and return [`PutOutcome::Pending`].
    fn put(&self, channel: &Self::Channel, value: WireArray<'_>, request: PutRequest<'_>) -> PutOutcome;

    /// Equal for channels that see the same updates.
    fn feed_key(&self, channel: &Self::Channel) -> u64;

    /// Starts sending updates of these kinds to `subscriber`, or changes the kinds when it is known.
    ///
    /// The reading and [`Subscriber::open`] are taken under the lock that posts hold.
    fn subscribe(
        &self,
        channel: &Self::Channel,
        subscriber: Subscriber,
        mask: EventMask,
        meta: bool,
    ) -> Subscribed;

    /// Stops sending updates to `subscriber`.
    fn unsubscribe(&self, channel: &Self::Channel, subscriber: &Subscriber);
}

/// A circuit; no two that are open have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitId(usize);

impl CircuitId {
    fn of(inbox: &Arc<Inbox>) -> Self {
        Self(Arc::as_ptr(inbox) as usize)
    }
}

/// Who gets.
pub struct GetRequest<'a> {
    pub(super) inbox: &'a Arc<Inbox>,
    pub(super) ticket: Ticket,
}

impl GetRequest<'_> {
    /// The circuit that it came from.
    pub fn circuit(&self) -> CircuitId {
        CircuitId::of(self.inbox)
    }

    /// The answer to give when the value can be read.
    pub fn defer(&self) -> Answer {
        Answer::new(self.inbox.clone(), Request::Get, self.ticket)
    }
}

/// Who puts, and whether an answer is wanted.
pub struct PutRequest<'a> {
    pub(super) inbox: &'a Arc<Inbox>,
    pub(super) ticket: Option<Ticket>,
    pub(super) client: &'a Client,
}

impl PutRequest<'_> {
    /// User and host as the client names itself.
    pub fn client(&self) -> &Client {
        self.client
    }

    /// The circuit that it came from.
    pub fn circuit(&self) -> CircuitId {
        CircuitId::of(self.inbox)
    }

    /// True for a put with completion.
    pub fn wants_answer(&self) -> bool {
        self.ticket.is_some()
    }

    /// The answer to give when the put is done; a plain put has one that goes nowhere.
    pub fn defer(&self) -> Answer {
        match self.ticket {
            Some(ticket) => Answer::new(self.inbox.clone(), Request::Put, ticket),
            None => Answer::nowhere(),
        }
    }
}
