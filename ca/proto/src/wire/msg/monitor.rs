//! EVENT_ADD: its payload, updates, and the confirmation of a cancel.

use crate::wire::{Command, Header};
use crate::{Eca, Sid, SubscriptionId};

/// The event mask in the 16-byte payload of EVENT_ADD; `None` when the payload is too short.
pub fn mask(payload: &[u8]) -> Option<u16> {
    payload.get(12..14).map(|m| u16::from_be_bytes([m[0], m[1]]))
}

/// Header of an update; the data follow.
pub const fn update(data_type: u16, count: u32, size: u32, status: Eca, id: SubscriptionId) -> Header {
    Header { command: Command::EventAdd as u16, size, data_type, count, p1: status.0, p2: id.0 }
}

/// A subscription is cancelled: type and count of its EVENT_ADD, no payload.
pub const fn cancelled(data_type: u16, count: u32, sid: Sid, id: SubscriptionId) -> Header {
    Header { data_type, count, p1: sid.0, p2: id.0, ..super::header(Command::EventAdd) }
}
