//! What a reply or an update carries, and how it is read.

use super::Payload;
use crate::dbr::{
    ConvertError, DbrClass, DbrType, NativeType, Reply, ReplyError, Stamp, WireArray, meta_of_reply,
};
use crate::{Alarm, Eca};

/// Bytes that metadata may be larger than those of base, padding included.
const SLACK: u64 = 64;

/// Data of a reply or an update, as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// How it went; on failure the payload means nothing.
    pub status: Eca,
    /// DBR type, 0..=38.
    pub data_type: u16,
    /// Number of elements.
    pub count: u32,
    /// Status, stamp and metadata of the type, then the elements.
    pub payload: Payload,
}

impl Data {
    /// Nothing but a status.
    pub const fn failure(status: Eca) -> Self {
        Self { status, data_type: 0, count: 0, payload: Payload::EMPTY }
    }

    /// All of it, decoded: status, stamp, metadata, elements.
    ///
    /// # Errors
    /// When the payload is shorter than type and count say.
    pub fn decode(&self) -> Result<Reply, ReplyError> {
        Reply::decode(self.data_type, self.count, &self.payload.to_bytes())
    }

    /// The elements, to be converted to whatever is wanted.
    ///
    /// # Errors
    /// [`ConvertError`] when there are none because the request failed, or the type has none.
    pub fn array(&self) -> Result<WireArray<'_>, ConvertError> {
        let ty = DbrType::from_code(self.data_type).filter(|_| self.status.is_success());
        WireArray::from_put(ty.ok_or(ConvertError::Empty)?, self.count, &self.payload)
    }

    /// The text of a CHAR array or of a first STRING, up to its first NUL.
    ///
    /// # Errors
    /// [`ConvertError`] when the elements are neither.
    pub fn text(&self) -> Result<String, ConvertError> {
        self.array()?.to_text(usize::MAX)
    }

    /// Status and severity, where the type has them; codes that nobody knows count as the worst there is.
    pub fn alarm(&self) -> Option<Alarm> {
        DbrType::from_code(self.data_type).filter(|ty| ty.class != DbrClass::Plain)?;
        Some(Alarm::from_codes(self.word(0)?, self.word(2)?))
    }

    /// The stamp, where the type has one; `None` also for 0/0, which a PV has that was never processed.
    pub fn stamp(&self) -> Option<Stamp> {
        DbrType::from_code(self.data_type).filter(|ty| ty.class == DbrClass::Time)?;
        let long = |at: usize| Some(u32::from_be_bytes(*self.payload.get(at..)?.first_chunk()?));
        let (seconds, nanos) = (long(4)?, long(8)?);
        // More than a second of nanoseconds is a fault of the server's clock, not of ours.
        let nanos = nanos.min(999_999_999);
        (seconds != 0 || nanos != 0).then_some(Stamp { seconds, nanos })
    }

    /// The labels of an enum, where the type has them.
    pub fn labels(&self) -> Vec<String> {
        let offset = DbrType::from_code(self.data_type).map_or(0, DbrType::value_offset);
        let front = self.payload.get(..offset).unwrap_or(&self.payload);
        let labels = meta_of_reply(self.data_type, front).map(|meta| meta.labels).unwrap_or_default();
        labels.into_iter().map(String::from).collect()
    }

    fn word(&self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes(*self.payload.get(at..)?.first_chunk()?))
    }
}

/// Bytes of `count` elements of a DBR type, 0..=38.
pub(super) fn payload_size(data_type: u16, count: u32) -> Option<u64> {
    match data_type {
        // The alarm acknowledgements, which are only written.
        35 | 36 => Some(2 * u64::from(count)),
        code => Reply::size(code, count),
    }
}

/// Most bytes that a payload of this type and count may have: caproto has metadata that base has not.
pub(super) fn most_size(data_type: u16, count: u32) -> Option<u64> {
    payload_size(data_type, count).map(|size| size + SLACK)
}

/// Least bytes that a payload of this type and count must have; a single STRING may be cut.
pub(super) fn least_size(data_type: u16, count: u32) -> Option<u64> {
    let string = DbrType::from_code(data_type).filter(|ty| ty.native == NativeType::String);
    match string {
        Some(ty) if count == 1 => Some(ty.value_offset() as u64),
        _ => payload_size(data_type, count),
    }
}
