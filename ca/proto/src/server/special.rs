//! DBR types 35..=38: alarm acknowledge (PUT_ACKT, PUT_ACKS, STSACK_STRING) and the record type (CLASS_NAME).

use super::channel::Channel;
use super::get::reply_count;
use super::{Output, PutFailure, PutOutcome, Reading, Service};
use crate::Eca;
use crate::alarm::{Acknowledge, AlarmSeverity};
use crate::dbr::{FixedString, Meta, NativeType, encode};
use crate::wire::{Header, padded};

/// A type beyond the DBR types that have a native type and a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    /// Whether a transient alarm must be acknowledged; write only.
    PutAckT,
    /// Acknowledges alarms up to a severity; write only.
    PutAckS,
    /// Status, severity, acknowledge state and the value as string; read only.
    StsAck,
    /// The record type; read only.
    ClassName,
}

/// What these types tell beside a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// The acknowledge state.
    pub acknowledge: Acknowledge,
    /// The record type, as RTYP tells it.
    pub class: &'static str,
}

/// A change of the acknowledge state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    /// Whether a transient alarm must be acknowledged (ACKT).
    Transient(bool),
    /// Alarms up to this severity are acknowledged (ACKS).
    UpTo(AlarmSeverity),
}

impl Special {
    pub(super) const fn from_code(code: u16) -> Option<Self> {
        match code {
            35 => Some(Self::PutAckT),
            36 => Some(Self::PutAckS),
            37 => Some(Self::StsAck),
            38 => Some(Self::ClassName),
            _ => None,
        }
    }

    pub(super) const fn code(self) -> u16 {
        35 + self as u16
    }

    /// Offset of the first element, and bytes of each.
    pub(super) const fn layout(self) -> (u64, u64) {
        match self {
            Self::PutAckT | Self::PutAckS => (0, 2),
            Self::StsAck => (8, 40),
            Self::ClassName => (0, 40),
        }
    }

    /// Payload bytes for `count` elements, before padding.
    pub(super) const fn size(self, count: u32) -> u64 {
        let (offset, width) = self.layout();
        offset + width * count as u64
    }
}

/// Appends a message with data of a special type; false, with nothing appended, for the write-only ones and
/// for more than `most` bytes.
pub(super) fn append_special(
    special: Special,
    reading: &Reading,
    extra: &Extra,
    count: u32,
    most: u64,
    out: &mut Output,
    header: impl Fn(u32, u32) -> Header,
) -> bool {
    let held = match special {
        Special::PutAckT | Special::PutAckS => return false,
        Special::ClassName => 1,
        Special::StsAck => reply_count(&reading.update.value, NativeType::String),
    };
    let reply = if count == 0 { held } else { count };
    let size = padded(special.size(reply));
    if size > most {
        return false;
    }
    let mut data = Vec::new();
    match special {
        Special::PutAckT | Special::PutAckS => {}
        Special::ClassName => data.extend_from_slice(FixedString::cut(extra.class).cell()),
        Special::StsAck => {
            let (alarm, acknowledge) = (reading.update.alarm, extra.acknowledge);
            let words = [
                alarm.status.code(),
                alarm.severity.code(),
                u16::from(acknowledge.transient),
                acknowledge.severity.code(),
            ];
            words.iter().for_each(|word| data.extend_from_slice(&word.to_be_bytes()));
            let none = Meta::new();
            let meta = reading.meta.as_deref().unwrap_or(&none);
            if encode::value(&reading.update.value, NativeType::String, reply, meta, &mut data).is_err() {
                return false;
            }
        }
    }
    data.resize(size as usize, 0);
    let buffer = out.buffer();
    header(reply, size as u32).encode(buffer);
    buffer.extend_from_slice(&data);
    true
}

impl<C> Channel<C> {
    /// A put of PUT_ACKT or PUT_ACKS; all other special types cannot be written.
    pub(super) fn acknowledge<S: Service<Channel = C>>(
        &self,
        code: u16,
        payload: &[u8],
        service: &mut S,
    ) -> PutOutcome {
        let value = payload.get(..2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
        let change = match (Special::from_code(code), value) {
            (Some(Special::PutAckT), Some(value)) => Some(Acknowledgement::Transient(value != 0)),
            (Some(Special::PutAckS), Some(value)) => {
                AlarmSeverity::from_code(value).map(Acknowledgement::UpTo)
            }
            _ => None,
        };
        match change {
            Some(change) => {
                service.acknowledge(&self.handle, change);
                PutOutcome::Done(Ok(()))
            }
            None => PutOutcome::Done(Err(PutFailure {
                status: Eca::PUTFAIL,
                reason: "this data type, or this value of it, cannot be written".to_owned(),
            })),
        }
    }
}
