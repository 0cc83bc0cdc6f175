//! The answer to READ_NOTIFY.

use crate::wire::{Command, Header};
use crate::{Eca, Ioid};

/// Header of a get's answer; the data follow.
pub const fn reply(data_type: u16, count: u32, size: u32, status: Eca, ioid: Ioid) -> Header {
    Header { command: Command::ReadNotify as u16, size, data_type, count, p1: status.0, p2: ioid.0 }
}
