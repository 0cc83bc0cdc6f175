//! ERROR: a request failed; carries the request's own header, byte for byte, and a text.

use crate::wire::{Command, Header, put_text};
use crate::{Cid, Eca};

/// The channel id of an error that concerns no channel.
pub const NO_CHANNEL: Cid = Cid(0xFFFF_FFFF);

/// Longest text, in bytes.
const TEXT: usize = 460;

/// Appends an ERROR to `out`; `request` is the header of the request as it came, 16 or 24 bytes.
pub fn encode(cid: Cid, status: Eca, request: &[u8], text: &str, out: &mut Vec<u8>) {
    let mut end = text.len().min(TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = Vec::with_capacity(512);
    payload.extend_from_slice(request);
    put_text(&text.as_bytes()[..end], &mut payload);
    let size = payload.len() as u32;
    Header { size, p1: cid.0, p2: status.0, ..super::header(Command::Error) }.encode(out);
    out.extend_from_slice(&payload);
}
