//! SEARCH, its answers, and the beacon.

use crate::wire::{Command, Header, padded, put_text};
use crate::{Cid, MINOR_VERSION};

/// `data_type` of a SEARCH that is answered only where the name is known.
pub const DONT_REPLY: u16 = 5;
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

/// Appends a SEARCH for a name; the id stands in both places where servers look for it.
pub fn encode_request(reply: u16, cid: Cid, name: &str, out: &mut Vec<u8>) {
    let size = padded(name.len() as u64 + 1) as u32;
    let header = super::header(Command::Search);
    Header { size, data_type: reply, count: MINOR_VERSION.into(), p1: cid.0, p2: cid.0, ..header }
        .encode(out);
    put_text(name.as_bytes(), out);
}
