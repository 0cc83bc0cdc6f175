//! EVENT_ADD, EVENT_CANCEL and updates.

use bytes::Bytes;

use super::get::LAST_TYPE;
use super::{ClientCircuit, Data, Event, Output, Refused};
use crate::wire::msg;
use crate::wire::{Command, Header};
use crate::{Cid, Eca, EventMask, SubscriptionId};

/// A subscription on a circuit.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) cid: Cid,
    data_type: u16,
    count: u32,
    /// The next message without data confirms the cancel.
    cancelled: bool,
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
        if data_type > LAST_TYPE {
            return Err(Refused::DataType(data_type));
        }
        let capacity = link.count;
        let count = self.asked(count.min(capacity), capacity);
        self.subscriptions.insert(id, Subscription { cid, data_type, count, cancelled: false });
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

    /// Cancels a subscription; updates that are on their way are dropped.
    pub fn cancel(&mut self, id: SubscriptionId, out: &mut Output) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        if std::mem::replace(&mut subscription.cancelled, true) {
            return;
        }
        let Subscription { cid, data_type, count, .. } = *subscription;
        let Ok((_, sid)) = self.link(cid) else { return };
        out.header(&Header { data_type, count, p1: sid.0, p2: id.0, ..msg::header(Command::EventCancel) });
    }

    pub(super) fn handle_event(&mut self, header: &Header, payload: Bytes, sink: &mut impl FnMut(Event)) {
        let id = SubscriptionId(header.p2);
        let Some(subscription) = self.subscriptions.get(&id) else { return };
        if subscription.cancelled {
            // The confirmation is the one without data; an empty array that was on its way looks the same.
            if payload.is_empty() {
                self.subscriptions.remove(&id);
            }
            return;
        }
        let (data_type, count, status) = (header.data_type, header.count, Eca(header.p1));
        sink(Event::Update(id, Data { status, data_type, count, payload }));
    }
}
