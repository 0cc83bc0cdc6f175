//! The bytes of Channel Access messages: headers, padding, the few DBR types used here.

use std::fmt;

/// Command codes.
pub mod cmd {
    #![allow(missing_docs, reason = "the names are those of the protocol")]
    pub const VERSION: u16 = 0;
    pub const EVENT_ADD: u16 = 1;
    pub const WRITE: u16 = 4;
    pub const SEARCH: u16 = 6;
    pub const ERROR: u16 = 11;
    pub const READ_NOTIFY: u16 = 15;
    pub const CREATE_CHAN: u16 = 18;
    pub const WRITE_NOTIFY: u16 = 19;
    pub const CLIENT_NAME: u16 = 20;
    pub const HOST_NAME: u16 = 21;
    pub const ACCESS_RIGHTS: u16 = 22;
    pub const CREATE_CH_FAIL: u16 = 26;
    pub const SERVER_DISCONN: u16 = 27;
}

/// Text of 40 bytes.
pub const DBR_STRING: u16 = 0;
/// 32-bit float.
pub const DBR_FLOAT: u16 = 2;
/// Unsigned bytes, also text.
pub const DBR_CHAR: u16 = 4;
/// 32-bit signed integer.
pub const DBR_LONG: u16 = 5;
/// Double.
pub const DBR_DOUBLE: u16 = 6;
/// Double with alarm and time stamp; the value begins at [`TIME_DOUBLE_VALUE`].
pub const DBR_TIME_DOUBLE: u16 = 20;
/// Offset of the first element in a `DBR_TIME_DOUBLE` payload.
pub const TIME_DOUBLE_VALUE: usize = 16;

/// A decoded message header, short or extended form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Command.
    pub cmd: u16,
    /// Payload bytes, padding included.
    pub size: usize,
    /// DBR type.
    pub dbr: u16,
    /// Element count.
    pub count: u32,
    /// First parameter: status, sid or cid.
    pub p1: u32,
    /// Second parameter: ioid, subid or sid.
    pub p2: u32,
}

impl Header {
    /// Decodes a header and its own length; `None` while bytes are missing.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Option<(Self, usize)> {
        let short = bytes.first_chunk::<16>()?;
        let (cmd, size, dbr, count) =
            (u16_at(short, 0), u16_at(short, 2), u16_at(short, 4), u16_at(short, 6));
        let (p1, p2) = (u32_at(short, 8), u32_at(short, 12));
        if size != 0xFFFF {
            let head = Self { cmd, size: usize::from(size), dbr, count: u32::from(count), p1, p2 };
            return Some((head, 16));
        }
        let long = bytes.first_chunk::<24>()?;
        Some((Self { cmd, size: u32_at(long, 16) as usize, dbr, count: u32_at(long, 20), p1, p2 }, 24))
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cmd, size, dbr, count, p1, p2 } = self;
        write!(f, "command {cmd}, size {size}, type {dbr}, count {count}, p1 {p1}, p2 {p2}")
    }
}

/// Appends one message, padded to a multiple of 8, extended when it must be.
pub fn push(out: &mut Vec<u8>, cmd: u16, payload: &[u8], dbr: u16, count: u32, p1: u32, p2: u32) {
    let padded = payload.len().next_multiple_of(8);
    let extended = padded >= 0xFFFF || count >= 0xFFFF;
    let (size16, count16) = if extended { (0xFFFF, 0) } else { (padded as u16, count as u16) };
    let mut head = [0u8; 24];
    for (at, word) in [cmd, size16, dbr, count16].into_iter().enumerate() {
        head[2 * at..2 * at + 2].copy_from_slice(&word.to_be_bytes());
    }
    for (at, word) in [p1, p2, padded as u32, count].into_iter().enumerate() {
        head[8 + 4 * at..12 + 4 * at].copy_from_slice(&word.to_be_bytes());
    }
    out.extend_from_slice(&head[..if extended { 24 } else { 16 }]);
    out.extend_from_slice(payload);
    out.resize(out.len() + padded - payload.len(), 0);
}

/// The padded payload size of `count` elements of a type used here.
#[inline]
pub fn payload_size(dbr: u16, count: u32) -> usize {
    let n = count as usize;
    let bytes = match dbr {
        DBR_STRING => 40 * n,
        DBR_CHAR => n,
        DBR_LONG | DBR_FLOAT => 4 * n,
        DBR_DOUBLE => 8 * n,
        DBR_TIME_DOUBLE => TIME_DOUBLE_VALUE + 8 * n,
        other => unreachable!("type {other} is not used by these programs"),
    };
    bytes.next_multiple_of(8)
}

/// Says what an ERROR message says.
pub fn error_text(head: &Header, payload: &[u8]) -> String {
    let Some((request, len)) = Header::decode(payload) else {
        return format!("error {} from the server, without the request", head.p2);
    };
    let text = payload[len..].split(|b| *b == 0).next().unwrap_or_default();
    format!("error {} from the server to {request}: {}", head.p2, String::from_utf8_lossy(text))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_header_is_read_back_and_its_payload_is_padded() {
        let mut out = Vec::new();
        push(&mut out, cmd::WRITE, b"[1]", DBR_CHAR, 3, 7, 9);
        let (head, len) = Header::decode(&out).unwrap();
        assert_eq!((head.size, head.count, head.p1, head.p2, len), (8, 3, 7, 9, 16));
        assert_eq!(&out[16..], b"[1]\0\0\0\0\0");
    }

    #[test]
    fn a_large_count_takes_the_extended_header() {
        let mut out = Vec::new();
        push(&mut out, cmd::READ_NOTIFY, &[], DBR_DOUBLE, 70_000, 1, 2);
        assert_eq!(out.len(), 24);
        let (head, len) = Header::decode(&out).unwrap();
        assert_eq!((head.size, head.count, len), (0, 70_000, 24));
    }

    #[test]
    fn a_cut_header_is_not_a_header() {
        let mut out = Vec::new();
        push(&mut out, cmd::READ_NOTIFY, &[], DBR_DOUBLE, 70_000, 1, 2);
        assert!((0..24).all(|n| Header::decode(&out[..n]).is_none()));
    }
}
