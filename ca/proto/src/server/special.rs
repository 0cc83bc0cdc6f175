//! DBR types 35..=38: alarm acknowledge (PUT_ACKT, PUT_ACKS, STSACK_STRING) and the record type (CLASS_NAME).

use super::get::{append_failure, needs_meta};
use super::{AccessRights, Output, PutFailure, PutOutcome, Reading, ServerCircuit, Service};
use crate::alarm::{Acknowledge, AlarmSeverity};
use crate::dbr::{FixedString, Meta, NativeType, encode};
use crate::wire::msg::get;
use crate::wire::{Header, padded};
use crate::{CloseReason, Eca, Ioid, Sid};

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

/// Appends a message with data of a special type; false, with nothing appended, for the write-only ones.
pub(super) fn append_special(
    special: Special,
    reading: &Reading,
    extra: &Extra,
    count: u32,
    out: &mut Output,
    header: impl Fn(u32, u32) -> Header,
) -> bool {
    let mut data = Vec::new();
    let reply = match special {
        Special::PutAckT | Special::PutAckS => return false,
        Special::ClassName => {
            data.extend_from_slice(FixedString::cut(extra.class).cell());
            count.max(1)
        }
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
            match encode::value(&reading.update.value, NativeType::String, count, meta, &mut data) {
                Ok(reply) => reply,
                Err(_) => return false,
            }
        }
    };
    let size = padded(special.size(reply));
    data.resize(size as usize, 0);
    let buffer = out.buffer();
    header(reply, size as u32).encode(buffer);
    buffer.extend_from_slice(&data);
    true
}

impl<C> ServerCircuit<C> {
    /// A get of a special type; a type that does not exist ends the circuit without a word.
    pub(super) fn handle_read_special<S: Service<Channel = C>>(
        &mut self,
        header: &Header,
        service: &mut S,
        out: &mut Output,
    ) -> Result<(), CloseReason> {
        let Some(special) = Special::from_code(header.data_type) else {
            return Err(CloseReason::DataType(header.data_type));
        };
        let Some(channel) = self.channels.get(&Sid(header.p1)) else {
            return self.unknown_channel(header, out);
        };
        let (code, count, ioid) = (header.data_type, header.count, Ioid(header.p2));
        let text = NativeType::String.plain();
        if special.size(count) > self.reply_bound(text, channel.capacity) {
            return self.too_large(header, out);
        }
        let reply = |status: Eca| move |count, size| get::reply(code, count, size, status, ioid);
        let (offset, width) = special.layout();
        if !channel.rights.contains(AccessRights::READ) {
            append_failure(width, offset, count, out, reply(Eca::NORDACCESS));
            return Ok(());
        }
        let reading = service.read(&channel.handle, needs_meta(channel.native, text));
        let extra = service.extra(&channel.handle);
        if !append_special(special, &reading, &extra, count, out, reply(Eca::NORMAL)) {
            append_failure(width, offset, count, out, reply(Eca::GETFAIL));
        }
        Ok(())
    }

    /// A put of PUT_ACKT or PUT_ACKS; all other special types cannot be written.
    pub(super) fn acknowledge<S: Service<Channel = C>>(
        &self,
        channel: &C,
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
                service.acknowledge(channel, change);
                PutOutcome::Done(Ok(()))
            }
            None => PutOutcome::Done(Err(PutFailure {
                status: Eca::PUTFAIL,
                reason: "this data type, or this value of it, cannot be written".to_owned(),
            })),
        }
    }
}
