//! What a get or a subscription asks for: a DBR type, or one of the special ones.

use super::get::{append_data, append_failure};
use super::special::{Special, append_special};
use super::{Extra, Output, Reading};
use crate::Eca;
use crate::dbr::{DbrType, NativeType};
use crate::wire::Header;

/// Any of the types 0..=38.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    Dbr(DbrType),
    Special(Special),
}

impl Wanted {
    pub(super) fn from_code(code: u16) -> Option<Self> {
        DbrType::from_code(code).map(Self::Dbr).or_else(|| Special::from_code(code).map(Self::Special))
    }

    pub(super) fn code(self) -> u16 {
        match self {
            Self::Dbr(ty) => ty.code(),
            Self::Special(special) => special.code(),
        }
    }

    /// The type in which the value itself is sent.
    pub(super) fn value(self) -> DbrType {
        match self {
            Self::Dbr(ty) => ty,
            Self::Special(_) => NativeType::String.plain(),
        }
    }

    /// Offset of the first element, and bytes of each.
    fn layout(self) -> (u64, u64) {
        match self {
            Self::Dbr(ty) => (ty.value_offset() as u64, ty.native.width() as u64),
            Self::Special(special) => special.layout(),
        }
    }

    /// Payload bytes for `count` elements, before padding.
    pub(super) fn size(self, count: u32) -> u64 {
        let (offset, width) = self.layout();
        offset + width * u64::from(count)
    }

    /// Appends a message with the data, or one that says that there are none; `header` makes its header from
    /// status, count and payload size.
    pub(super) fn append(
        self,
        reading: &Reading,
        extra: impl FnOnce() -> Extra,
        count: u32,
        most: u64,
        out: &mut Output,
        header: impl Fn(Eca, u32, u32) -> Header,
    ) {
        let good = |count, size| header(Eca::NORMAL, count, size);
        let done = match self {
            Self::Dbr(ty) => append_data(reading, ty, count, most, out, good),
            Self::Special(special) => append_special(special, reading, &extra(), count, most, out, good),
        };
        if !done {
            self.append_failure(Eca::GETFAIL, count, out, header);
        }
    }

    /// Appends a message whose data are all zero.
    pub(super) fn append_failure(
        self,
        status: Eca,
        count: u32,
        out: &mut Output,
        header: impl Fn(Eca, u32, u32) -> Header,
    ) {
        let (offset, width) = self.layout();
        append_failure(width, offset, count, out, |count, size| header(status, count, size));
    }
}
