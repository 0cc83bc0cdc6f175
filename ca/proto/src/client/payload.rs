//! The bytes of a value: few of them in place, many shared.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

/// Most bytes in place: a TIME_DOUBLE has 24.
const FEW: usize = 38;

/// Bytes of a value; cheap to clone, and few of them take no memory of their own.
///
/// ```
/// use ca_proto::client::Payload;
/// let payload = Payload::from(&[1, 2, 3][..]);
/// assert_eq!(payload[1..], [2, 3]);
/// ```
#[derive(Clone)]
pub struct Payload(Held);

#[derive(Clone)]
enum Held {
    Few { len: u8, bytes: [u8; FEW] },
    Many(Bytes),
}

impl Payload {
    /// No bytes.
    pub const EMPTY: Self = Self(Held::Few { len: 0, bytes: [0; FEW] });

    /// The bytes, to be sliced.
    pub fn to_bytes(&self) -> Bytes {
        match &self.0 {
            Held::Few { .. } => Bytes::copy_from_slice(self),
            Held::Many(bytes) => bytes.clone(),
        }
    }
}

impl Deref for Payload {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Held::Few { len, bytes } => &bytes[..usize::from(*len).min(FEW)],
            Held::Many(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for Payload {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        let mut few = [0; FEW];
        match few.get_mut(..bytes.len()) {
            Some(front) => {
                front.copy_from_slice(bytes);
                Self(Held::Few { len: bytes.len() as u8, bytes: few })
            }
            None => Self(Held::Many(Bytes::copy_from_slice(bytes))),
        }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self(Held::Many(bytes))
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_same_in_place_and_shared() {
        let bytes: Vec<u8> = (0..100).collect();
        for len in 0..bytes.len() {
            let part = &bytes[..len];
            let (copied, shared) = (Payload::from(part), Payload::from(Bytes::copy_from_slice(part)));
            assert_eq!((&*copied, &*shared, &copied.to_bytes()[..]), (part, part, part));
            assert_eq!(copied, shared);
            assert_eq!(matches!(copied.0, Held::Few { .. }), len <= FEW);
        }
        assert!(Payload::EMPTY.is_empty());
    }
}
