//! CREATE_CHAN and CLEAR_CHANNEL.

use std::collections::VecDeque;

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

/// Channel ids that a circuit takes at once.
pub const SID_BLOCK: u32 = 64;
/// Blocks of channel ids that are remembered, so that a late request to a cleared channel does no harm.
const BLOCKS: usize = 65_536;

/// The channel ids that a circuit has issued: whole blocks, which no other circuit issues.
#[derive(Debug, Default)]
pub(super) struct Sids {
    /// First id of each block, oldest first.
    blocks: VecDeque<u32>,
    /// Ids issued from the newest block.
    used: u32,
}

impl Sids {
    /// The next id; `new_block` gives the first id of a block that nobody has used.
    fn next(&mut self, new_block: impl FnOnce() -> u32) -> Sid {
        let block = match self.blocks.back() {
            Some(&block) if self.used < SID_BLOCK => block,
            _ => {
                if self.blocks.len() == BLOCKS {
                    self.blocks.pop_front();
                }
                let block = new_block();
                self.blocks.push_back(block);
                self.used = 0;
                block
            }
        };
        self.used += 1;
        Sid(block + self.used - 1)
    }

    /// True when this circuit has issued the id.
    pub(super) fn issued(&self, sid: Sid) -> bool {
        let at = self.blocks.partition_point(|block| *block <= sid.0);
        let used = if at == self.blocks.len() { self.used } else { SID_BLOCK };
        at > 0 && sid.0 - self.blocks[at - 1] < used
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
            self.counters.over_limit += 1;
            self.report(cid, Eca::ALLOCMEM, &reason.to_string(), out);
            out.header(&channel::create_failed(cid));
            return Ok(());
        }
        let claim = super::search::name(payload, self.limits.name)
            .and_then(|name| service.claim(&name, &self.client));
        let Some(claim) = claim else {
            out.header(&channel::create_failed(cid));
            return Ok(());
        };
        let sid = self.sids.next(|| service.new_sids());
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

    /// Takes a channel out of the circuit, with its subscriptions.
    pub(super) fn remove_channel<S: Service<Channel = C>>(
        &mut self,
        sid: Sid,
        service: &mut S,
    ) -> Option<Channel<C>> {
        let channel = self.channels.remove(&sid)?;
        if let Some(feed) = channel.feed
            && self.monitors.remove_channel(feed, sid)
        {
            service.unsubscribe(&channel.handle, feed);
        }
        Some(channel)
    }

    pub(super) fn handle_clear_channel<S: Service<Channel = C>>(
        &mut self,
        header: &Header,
        service: &mut S,
        out: &mut Output,
    ) -> Result<(), CloseReason> {
        if self.remove_channel(Sid(header.p1), service).is_none() {
            return self.unknown_channel(header, out);
        }
        out.header(&Header { size: 0, ..*header });
        Ok(())
    }
}
