//! EVENT_ADD, EVENT_CANCEL and updates.

use super::circuit::Request;
use super::data::most_size;
use super::{ClientCircuit, Data, Event, Output, Payload, Refused};
use crate::dbr::CLASS_NAME;
use crate::wire::msg;
use crate::wire::{Command, Header};
use crate::{Cid, CloseReason, Eca, EventMask, Ioid, SubscriptionId};

/// A subscription on a circuit.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) cid: Cid,
    data_type: u16,
    count: u32,
    /// Most bytes that an update can have.
    bound: u64,
    /// The next message without data confirms the cancel.
    cancelled: bool,
    /// The server has refused it and knows nothing of it.
    pub(super) refused: bool,
}

impl ClientCircuit {
    /// Subscribes; count 0 is the current length, more than the channel has is cut to that.
    ///
    /// # Errors
    /// When the channel is not connected or the type does not exist. Rights are not asked for: they may come.
    pub fn subscribe(
        &mut self,
        cid: Cid,
        id: SubscriptionId,
        data_type: u16,
        count: u32,
        mask: EventMask,
        out: &mut Output,
    ) -> Result<(), Refused> {
        let (link, sid) = self.link(cid)?;
        let bound = most_size(data_type, link.count).ok_or(Refused::DataType(data_type))?;
        let count = self.asked(count.min(link.count), link.count);
        let subscription = Subscription { cid, data_type, count, bound, cancelled: false, refused: false };
        self.subscriptions.insert(id, subscription);
        if let Some(link) = self.channels.get_mut(&cid) {
            link.subscriptions.push(id);
        }
        out.header(&Header {
            size: 16,
            data_type,
            count,
            p1: sid.0,
            p2: id.0,
            ..msg::header(Command::EventAdd)
        });
        let mut payload = [0; 16];
        payload[12..14].copy_from_slice(&mask.bits().to_be_bytes());
        out.buffer().extend_from_slice(&payload);
        Ok(())
    }

    /// Gets the present value of a subscription, after a time of which nothing is known.
    ///
    /// # Errors
    /// As for [`ClientCircuit::get`].
    pub fn refresh(&mut self, id: SubscriptionId, ioid: Ioid, out: &mut Output) -> Result<(), Refused> {
        let subscription = self.subscriptions.get(&id).ok_or(Refused::Disconnected)?;
        let (cid, data_type, count) = (subscription.cid, subscription.data_type, subscription.count);
        self.get(cid, data_type, count, ioid, out)
    }

    /// Cancels a subscription; updates that are on their way are dropped.
    pub fn cancel(&mut self, id: SubscriptionId, out: &mut Output) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        if std::mem::replace(&mut subscription.cancelled, true) {
            return;
        }
        let Subscription { cid, data_type, count, refused, .. } = *subscription;
        if refused {
            // rsrv closes the circuit for a cancel of what it does not know.
            return self.end_subscription(id);
        }
        let Ok((_, sid)) = self.link(cid) else { return };
        out.header(&Header { data_type, count, p1: sid.0, p2: id.0, ..msg::header(Command::EventCancel) });
    }

    fn end_subscription(&mut self, id: SubscriptionId) {
        let Some(subscription) = self.subscriptions.remove(&id) else { return };
        if let Some(link) = self.channels.get_mut(&subscription.cid) {
            link.subscriptions.retain(|other| *other != id);
        }
    }

    /// Most bytes of an update that is wanted.
    pub(super) fn update_bound(&self, id: SubscriptionId) -> Option<u64> {
        self.subscriptions.get(&id).filter(|s| !s.cancelled).map(|s| s.bound)
    }

    pub(super) fn handle_event(
        &mut self,
        header: &Header,
        payload: Payload,
        sink: &mut impl FnMut(Event),
    ) -> Result<(), CloseReason> {
        let id = SubscriptionId(header.p2);
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return Ok(()) };
        if subscription.cancelled {
            // The confirmation is the one without data; an empty array that was on its way looks the same.
            if payload.is_empty() {
                self.end_subscription(id);
            }
            return Ok(());
        }
        subscription.refused = false;
        let status = Eca(header.p1);
        if payload.is_empty() && status != Eca::NORMAL {
            // The confirmation of a cancel that nobody sent. libca drops empty arrays here too; we do not.
            return Ok(());
        }
        let (data_type, count) = (header.data_type, header.count);
        let (data, checked) = super::circuit::checked(Data { status, data_type, count, payload });
        sink(Event::Update(id, data));
        checked
    }
}

impl Request {
    /// A get of a type that exists; `None` for any other.
    pub(super) fn get(cid: Cid, data_type: u16, capacity: u32) -> Option<Self> {
        (data_type <= CLASS_NAME).then(|| {
            let bound = most_size(data_type, capacity).unwrap_or_default();
            Self { cid, bound }
        })
    }
}
