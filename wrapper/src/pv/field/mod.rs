//! The fields that a PV answers to beside its value, as a record of EPICS base has them.

mod read;
mod write;

use std::sync::Arc;
use std::time::Duration;

use ca::proto::dbr::{Meta, NativeType};

use super::core::PvCore;
use crate::pv_type::Shape;
use crate::record::{FieldSpec, Live};

pub(super) use write::After;

/// What a channel is about: the value, or a field beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Field {
    /// The value itself (VAL).
    Val,
    /// A field of the PV's record type.
    Of(&'static FieldSpec),
}

impl Field {
    /// The field of this name.
    pub(crate) fn find(pv: &PvCore, name: &str) -> Option<Self> {
        match name {
            "" | "VAL" => Some(Self::Val),
            name => pv.fixed.record.field(name).map(Self::Of),
        }
    }

    /// Its place among the fields of its PV.
    pub(crate) const fn number(self) -> u16 {
        match self {
            Self::Val => 0,
            Self::Of(spec) => spec.number,
        }
    }

    /// What the field does; `None` for the value.
    pub(super) const fn live(self) -> Option<Live> {
        match self {
            Self::Val => None,
            Self::Of(spec) => Some(spec.live),
        }
    }

    /// True when clients can never write it.
    pub(crate) const fn is_read_only(self) -> bool {
        matches!(self, Self::Of(spec) if spec.read_only)
    }

    /// True for what the alarm pushes when it changes.
    pub(super) const fn shows_alarm(self) -> bool {
        matches!(self.live(), Some(Live::Status | Live::Severity | Live::Message | Live::Unacknowledged))
    }

    /// True for what may change whenever the value does.
    pub(super) const fn follows_value(self) -> bool {
        matches!(
            self.live(),
            Some(
                Live::Active
                    | Live::LastAlarm
                    | Live::Length
                    | Live::LogTold
                    | Live::Raw
                    | Live::Undefined
                    | Live::ValueTold
            )
        )
    }

    /// Element type on the wire.
    pub(crate) const fn native(self, pv: &PvCore) -> NativeType {
        match self {
            Self::Val => pv.fixed.native,
            Self::Of(spec) => spec.native,
        }
    }

    /// Bytes of the long form, with its NUL, that `$` gives of a STRING field; `None` for other fields.
    pub(crate) fn long_capacity(self, pv: &PvCore) -> Option<u32> {
        match self {
            Self::Val => is_string(pv).then_some(40),
            Self::Of(spec) if spec.native == NativeType::String => {
                // What an author declares may be longer than what a client can write.
                let present = self.text(pv, &pv.lock()).len() + 1;
                Some(spec.room.max(present) as u32)
            }
            Self::Of(_) => None,
        }
    }

    /// Units, decimals and range of a number field, the labels of a choice.
    pub(crate) fn meta(self, of: &Arc<Meta>) -> Arc<Meta> {
        let Self::Of(spec) = self else { return of.clone() };
        let precision = spec.decimals.unwrap_or(of.precision);
        let meta = match (spec.live, spec.native) {
            (_, NativeType::String) => Meta::new(),
            (_, NativeType::Enum) => Meta { labels: spec.labels.to_vec(), ..Meta::new() },
            (Live::Limit(_) | Live::LastAlarm | Live::ValueTold | Live::LogTold | Live::Simulated, _) => {
                let Meta { display, control, .. } = **of;
                Meta { units: of.units.clone(), precision, display, control, ..Meta::new() }
            }
            (_, NativeType::Double | NativeType::Float) => {
                Meta { units: of.units.clone(), precision, ..Meta::new() }
            }
            _ => Meta::new(),
        };
        meta.into()
    }
}

/// True for a PV that is one STRING.
fn is_string(pv: &PvCore) -> bool {
    pv.fixed.shape == Shape::Scalar && pv.fixed.native == NativeType::String
}

/// The period of a choice of SCAN; `None` for those without one.
pub(super) fn scan_period(choice: u16) -> Option<Duration> {
    const MILLISECONDS: [u64; 7] = [10_000, 5000, 2000, 1000, 500, 200, 100];
    let at = usize::from(choice).checked_sub(3)?;
    MILLISECONDS.get(at).copied().map(Duration::from_millis)
}
