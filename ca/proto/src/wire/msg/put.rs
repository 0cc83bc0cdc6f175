//! The answer to WRITE_NOTIFY.

use crate::wire::{Command, Header};
use crate::{Eca, Ioid};

/// A put with completion is done, or failed: type and count of the request, no payload.
pub const fn done(data_type: u16, count: u32, status: Eca, ioid: Ioid) -> Header {
    Header { data_type, count, p1: status.0, p2: ioid.0, ..super::header(Command::WriteNotify) }
}
