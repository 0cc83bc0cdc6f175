//! NUL-terminated texts in payloads.

use super::padded;

/// The bytes in front of the first NUL; without one, all but the last byte, as base reads it.
pub fn terminated(payload: &[u8]) -> &[u8] {
    let end = payload.iter().position(|&b| b == 0).unwrap_or(payload.len().saturating_sub(1));
    &payload[..end]
}

/// Appends `text`, a NUL, and zeros up to a multiple of 8; returns the bytes appended.
pub fn put_text(text: &[u8], out: &mut Vec<u8>) -> usize {
    let size = padded(text.len() as u64 + 1) as usize;
    out.extend_from_slice(text);
    out.resize(out.len() + size - text.len(), 0);
    size
}
