//! SEARCH, its answers, and the beacon.

use crate::wire::{Command, Header};
use crate::{Cid, MINOR_VERSION};

/// `data_type` of a SEARCH whose sender wants NOT_FOUND as well.
pub const DO_REPLY: u16 = 10;
/// `p1` of a search answer: connect to the address that the answer came from.
pub const SENDER_ADDRESS: u32 = 0xFFFF_FFFF;

/// Header of an answer over TCP: the server's TCP port, no payload.
pub const fn found(port: u16, cid: Cid) -> Header {
    Header { data_type: port, p1: SENDER_ADDRESS, p2: cid.0, ..super::header(Command::Search) }
}

/// Appends an answer over UDP, with the minor version as payload.
pub fn encode_found(port: u16, cid: Cid, out: &mut Vec<u8>) {
    Header { size: 8, ..found(port, cid) }.encode(out);
    out.extend_from_slice(&MINOR_VERSION.to_be_bytes());
    out.extend_from_slice(&[0; 6]);
}

/// The answer over TCP to a name that does not exist.
pub const fn not_found(request: &Header) -> Header {
    Header { command: Command::NotFound as u16, size: 0, ..*request }
}

/// A sign of life: minor version, TCP port, running number.
pub const fn beacon(port: u16, id: u32) -> Header {
    Header { data_type: MINOR_VERSION, count: port as u32, p1: id, ..super::header(Command::Beacon) }
}
