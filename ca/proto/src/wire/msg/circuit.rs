//! VERSION, ECHO, EVENTS_OFF: messages about the circuit itself.

use crate::MINOR_VERSION;
use crate::wire::{Command, Header};

/// The VERSION that a server sends at accept, unasked.
pub const fn version() -> Header {
    Header { count: MINOR_VERSION as u32, ..super::header(Command::Version) }
}

/// The VERSION at the head of a datagram; `sequence` is the number of the request it answers.
pub const fn datagram_version(sequence: u32) -> Header {
    Header { data_type: 1, count: MINOR_VERSION as u32, p1: sequence, ..super::header(Command::Version) }
}

/// A user or host name from its payload: up to 511 bytes and a NUL inside the payload.
pub fn identity(payload: &[u8]) -> Option<&[u8]> {
    let end = payload.iter().position(|&b| b == 0)?;
    (end < 512).then(|| &payload[..end])
}
