//! CREATE_CHAN and CLEAR_CHANNEL.

use super::circuit::CLEARED;
use super::{AccessRights, FeedId, Output, ServerCircuit, Service};
use crate::dbr::{DbrType, NativeType};
use crate::wire::msg::channel;
use crate::wire::{Header, padded};
use crate::{Cid, CloseReason, Eca, OLDEST_MINOR, Sid};

/// An open channel.
#[derive(Debug)]
pub(super) struct Channel<C> {
    pub(super) handle: C,
    pub(super) cid: Cid,
    pub(super) native: NativeType,
    pub(super) capacity: u32,
    pub(super) rights: AccessRights,
    /// The feed of its subscriptions, shared with other channels to the same PV field.
    pub(super) feed: Option<FeedId>,
}

impl<C> Channel<C> {
    /// Most payload bytes that a put of this type can use.
    pub(super) fn put_bound(&self, header: &Header) -> u64 {
        let ty = DbrType::from_code(header.data_type).unwrap_or(self.native.plain());
        padded(ty.size(self.capacity)).max(padded(self.native.plain().size(self.capacity)))
    }
}

impl<C> ServerCircuit<C> {
    pub(super) fn handle_create_channel<S: Service<Channel = C>>(
        &mut self,
        header: &Header,
        payload: &[u8],
        service: &mut S,
        out: &mut Output,
    ) -> Result<(), CloseReason> {
        let cid = Cid(header.p1);
        let minor = header.p2.min(u32::from(u16::MAX)) as u16;
        if minor < OLDEST_MINOR {
            return Err(CloseReason::Version { minor, priority: self.priority() });
        }
        self.minor = Some(minor);
        let limit = self.limits.channels;
        if self.channels.len() >= limit {
            let reason = CloseReason::Limit { what: "channels", limit };
            self.report(cid, Eca::ALLOCMEM, header, &reason.to_string(), out);
            out.header(&channel::create_failed(cid));
            return Ok(());
        }
        let claim = super::search::name(payload, self.limits.name)
            .and_then(|name| service.claim(&name, &self.client));
        let Some(claim) = claim else {
            out.header(&channel::create_failed(cid));
            return Ok(());
        };
        let sid = service.new_sid();
        out.header(&channel::access_rights(cid, claim.rights));
        // A client before 4.9 has 16 bits for the count.
        let count = if minor < 9 { claim.count.min(0xFFFE) } else { claim.count };
        out.header(&channel::created(cid, sid, claim.native, count));
        self.channels.insert(
            sid,
            Channel {
                handle: claim.channel,
                cid,
                native: claim.native,
                capacity: claim.count,
                rights: claim.rights,
                feed: None,
            },
        );
        Ok(())
    }

    pub(super) fn handle_clear_channel<S: Service<Channel = C>>(
        &mut self,
        header: &Header,
        service: &mut S,
        out: &mut Output,
    ) -> Result<(), CloseReason> {
        let sid = Sid(header.p1);
        let Some(channel) = self.channels.remove(&sid) else {
            return self.unknown_channel(header, out);
        };
        if let Some(feed) = channel.feed
            && self.monitors.remove_channel(feed, sid)
        {
            service.unsubscribe(&channel.handle, feed);
        }
        if self.cleared.len() == CLEARED {
            self.cleared.pop_front();
        }
        self.cleared.push_back(sid);
        out.header(&Header { size: 0, ..*header });
        Ok(())
    }
}
