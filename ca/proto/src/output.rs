//! Bytes on their way to the client: small messages in one buffer, large payloads shared.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::wire::Header;

/// A payload that stands between two bytes of the inline buffer.
#[derive(Debug)]
struct Shared {
    at: usize,
    bytes: Bytes,
}

/// The output of one circuit.
#[derive(Debug, Default)]
pub struct Output {
    inline: Vec<u8>,
    sent: usize,
    shared: VecDeque<Shared>,
    shared_len: usize,
}

/// Inline bytes that may stay in front of unsent ones before they are moved away.
const COMPACT: usize = 256 * 1024;

impl Output {
    /// Bytes not yet sent.
    pub fn len(&self) -> usize {
        self.inline.len() - self.sent + self.shared_len
    }

    /// True when everything was sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes reserved, for reports.
    pub fn capacity(&self) -> usize {
        self.inline.capacity()
    }

    /// Appends a message without payload.
    pub fn header(&mut self, header: &Header) {
        header.encode(&mut self.inline);
    }

    /// The buffer to append whole messages to.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.inline
    }

    /// Appends a payload by reference.
    pub fn share(&mut self, bytes: Bytes) {
        self.shared_len += bytes.len();
        self.shared.push_back(Shared { at: self.inline.len(), bytes });
    }

    /// Fills `slices` with the bytes to send next; returns how many slices were filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut from = self.sent;
        let mut filled = 0;
        let mut put = |bytes: &'a [u8]| {
            if !bytes.is_empty() && filled < slices.len() {
                slices[filled] = IoSlice::new(bytes);
                filled += 1;
            }
        };
        for shared in self.shared.iter().take(8) {
            put(&self.inline[from..shared.at]);
            put(&shared.bytes);
            from = shared.at;
        }
        let end = self.shared.get(8).map_or(self.inline.len(), |next| next.at);
        put(&self.inline[from..end]);
        filled
    }

    /// Forgets the first `count` bytes, which were sent.
    pub fn advance(&mut self, mut count: usize) {
        while count > 0 {
            let next = self.shared.front().map_or(self.inline.len(), |shared| shared.at);
            let step = count.min(next - self.sent);
            self.sent += step;
            count -= step;
            let Some(shared) = self.shared.front_mut() else { break };
            if self.sent == shared.at {
                let step = count.min(shared.bytes.len());
                shared.bytes.advance(step);
                self.shared_len -= step;
                count -= step;
                if !shared.bytes.is_empty() {
                    break;
                }
                self.shared.pop_front();
            }
        }
        self.compact();
    }

    fn compact(&mut self) {
        if self.sent == self.inline.len() && self.shared.is_empty() {
            self.inline.clear();
            if self.inline.capacity() > 4 * COMPACT {
                self.inline.shrink_to(COMPACT);
            }
            self.sent = 0;
        } else if self.sent > COMPACT && self.sent > self.inline.len() / 2 {
            self.inline.drain(..self.sent);
            for shared in &mut self.shared {
                shared.at -= self.sent;
            }
            self.sent = 0;
        }
    }
}
