//! WRITE and WRITE_NOTIFY.

use bytes::Bytes;

use super::{AccessRights, ClientCircuit, Event, Output, Refused};
use crate::wire::msg;
use crate::wire::{Command, Header, padded};
use crate::{Cid, Eca, Ioid};

/// Values from this size on leave by reference, in bytes.
const SHARE: usize = 16 * 1024;
/// Largest payload for a server before 4.9.
const SHORT: u64 = 0xFFF8;

impl ClientCircuit {
    /// Puts `count` elements of a plain type (0..=6), or an alarm acknowledgement (35, 36).
    ///
    /// With `notify` the answer comes as [`Event::PutDone`]; without it only a failure comes, as [`Event::Error`]
    /// about `ioid`.
    ///
    /// # Errors
    /// When the channel is not connected or may not be written, the type cannot be written, or there are more
    /// elements than the channel has.
    pub fn put(
        &mut self,
        cid: Cid,
        data_type: u16,
        count: u32,
        payload: Bytes,
        (ioid, notify): (Ioid, bool),
        out: &mut Output,
    ) -> Result<(), Refused> {
        let (link, sid) = self.link(cid)?;
        if !link.rights.contains(AccessRights::WRITE) {
            return Err(Refused::Rights(Eca::NOWTACCESS));
        }
        if !matches!(data_type, 0..=6 | 35 | 36) {
            return Err(Refused::DataType(data_type));
        }
        if count > link.count {
            return Err(Refused::Count { count, capacity: link.count });
        }
        let (bytes, limit) = (padded(payload.len() as u64), self.put_limit());
        if bytes > limit {
            return Err(Refused::Size { bytes, limit });
        }
        let command = if notify { Command::WriteNotify } else { Command::Write };
        if notify {
            self.requests.insert(ioid, cid);
        }
        let size = bytes as u32;
        out.header(&Header { size, data_type, count, p1: sid.0, p2: ioid.0, ..msg::header(command) });
        let pad = bytes as usize - payload.len();
        if payload.len() >= SHARE {
            out.share(payload);
        } else {
            out.buffer().extend_from_slice(&payload);
        }
        let buffer = out.buffer();
        buffer.resize(buffer.len() + pad, 0);
        Ok(())
    }

    fn put_limit(&self) -> u64 {
        let long = self.minor.is_none_or(|minor| minor >= 9);
        if long { u64::from(u32::MAX) - 7 } else { SHORT }
    }

    pub(super) fn handle_put_done(&mut self, header: &Header, sink: &mut impl FnMut(Event)) {
        let ioid = Ioid(header.p2);
        if self.requests.remove(&ioid).is_some() {
            sink(Event::PutDone(ioid, Eca(header.p1)));
        }
    }
}
