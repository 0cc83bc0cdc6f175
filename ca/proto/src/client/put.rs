//! WRITE and WRITE_NOTIFY.

use bytes::Bytes;

use super::circuit::Request;
use super::data::payload_size;
use super::{AccessRights, ClientCircuit, Event, Output, Refused};
use crate::dbr::NativeType;
use crate::wire::msg;
use crate::wire::{Command, Header, padded};
use crate::{Cid, Eca, Ioid};

/// Values from this size on leave by reference, in bytes.
const SHARE: usize = 16 * 1024;
/// Bytes of a STRING.
const STRING: usize = NativeType::String.width();
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
        if !link.rights.unwrap_or_default().contains(AccessRights::WRITE) {
            return Err(Refused::Rights(Eca::NOWTACCESS));
        }
        if !matches!(data_type, 0..=6 | 35 | 36) {
            return Err(Refused::DataType(data_type));
        }
        if count > link.count {
            return Err(Refused::Count { count, capacity: link.count });
        }
        let payload = checked(data_type, count, payload)?;
        let (bytes, limit) = (padded(payload.len() as u64), self.put_limit());
        if bytes > limit {
            return Err(Refused::Size { bytes, limit });
        }
        let command = if notify { Command::WriteNotify } else { Command::Write };
        if notify {
            self.begin(ioid, Request { cid, bound: 0 });
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
        let long = self.minor.or(self.supposed).is_none_or(|minor| minor >= 9);
        if long { u64::from(u32::MAX) - 7 } else { SHORT }
    }

    pub(super) fn handle_put_done(&mut self, header: &Header, sink: &mut impl FnMut(Event)) {
        let ioid = Ioid(header.p2);
        if self.finish(ioid) {
            sink(Event::PutDone(ioid, Eca(header.p1)));
        }
    }
}

/// The payload of a put, when it is what type and count say; a single STRING may be short and needs no NUL.
fn checked(data_type: u16, count: u32, payload: Bytes) -> Result<Bytes, Refused> {
    let (bytes, string) = (payload.len(), data_type == NativeType::String as u16);
    let ended = |cell: &[u8]| cell.contains(&0);
    if string && count == 1 && bytes < STRING {
        return Ok(match ended(&payload) {
            true => payload,
            false => [&*payload, &[0]].concat().into(),
        });
    }
    if string && !payload.chunks(STRING).all(ended) {
        return Err(Refused::Text);
    }
    match payload_size(data_type, count) {
        Some(size) if size == bytes as u64 => Ok(payload),
        _ => Err(Refused::Payload { bytes, data_type, count }),
    }
}
