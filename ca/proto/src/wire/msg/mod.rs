//! One file per kind of message: what the server sends, and the payloads it reads.

pub mod channel;
pub mod circuit;
pub mod error;
pub mod get;
pub mod monitor;
pub mod put;
pub mod search;

use super::{Command, Header};

/// A header of this command with everything else zero.
pub const fn header(command: Command) -> Header {
    Header { command: command as u16, size: 0, data_type: 0, count: 0, p1: 0, p2: 0 }
}
