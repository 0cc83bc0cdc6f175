//! The fields that every PV answers to beside its value, as a record of EPICS base has them.

use ca::proto::dbr::{Meta, NativeType, Scalar, Value, WireArray};
use ca::proto::{Alarm, AlarmSeverity, AlarmStatus};

use super::alarm_rule::number_of;
use super::core::PvCore;
use super::state::State;
use super::tuning::{Limit, Tuning, is_range};
use crate::hooks::PutError;
use crate::pv_type::Shape;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// A field of a PV.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Field {
            $($(#[$doc])* $name),+
        }

        impl Field {
            /// All fields, in the order of their numbers.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),+];
            const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];
        }
    };
}

fields! {
    /// The value itself.
    Val,
    /// The PV's name.
    Name,
    /// What it is, for people.
    Desc,
    /// The record type that it stands for.
    Rtyp,
    /// Engineering units.
    Egu,
    /// Decimals shown.
    Prec,
    /// Upper display limit.
    Hopr,
    /// Lower display limit.
    Lopr,
    /// Upper control limit.
    Drvh,
    /// Lower control limit.
    Drvl,
    /// Upper alarm limit.
    Hihi,
    /// Upper warning limit.
    High,
    /// Lower warning limit.
    Low,
    /// Lower alarm limit.
    Lolo,
    /// Severity of HIHI.
    Hhsv,
    /// Severity of HIGH.
    Hsv,
    /// Severity of LOW.
    Lsv,
    /// Severity of LOLO.
    Llsv,
    /// Deadband of VALUE events; below 0 every post is one.
    Mdel,
    /// Deadband of LOG events.
    Adel,
    /// Alarm status.
    Stat,
    /// Alarm severity.
    Sevr,
}

/// What kind of value a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A STRING of at most so many bytes; the channel cuts it to 39, or gives it in full for `$`.
    Text(usize),
    /// DOUBLE, or LONG beside an integer value.
    Number,
    Short,
    /// One of these names.
    Choice(&'static [&'static str]),
}

/// Most bytes of EGU and DESC in base.
const UNITS: usize = 15;
const DESCRIPTION: usize = 40;

impl Field {
    /// The field of this name: upper case only, as in base.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let is_name = |field: &&Self| {
            let known = Self::NAMES[**field as usize];
            known.eq_ignore_ascii_case(name) && !name.bytes().any(|b| b.is_ascii_lowercase())
        };
        Self::ALL.iter().find(is_name).copied()
    }

    /// Its name as clients write it.
    pub(crate) fn name(self) -> String {
        Self::NAMES[self as usize].to_ascii_uppercase()
    }

    /// True when clients can never write it.
    pub(crate) const fn is_read_only(self) -> bool {
        matches!(self, Self::Name | Self::Rtyp | Self::Stat | Self::Sevr)
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Val | Self::Prec => Kind::Short,
            Self::Name => Kind::Text(60),
            Self::Desc => Kind::Text(DESCRIPTION),
            Self::Rtyp => Kind::Text(39),
            Self::Egu => Kind::Text(UNITS),
            Self::Hhsv | Self::Hsv | Self::Lsv | Self::Llsv | Self::Sevr => {
                Kind::Choice(AlarmSeverity::NAMES)
            }
            Self::Stat => Kind::Choice(AlarmStatus::NAMES),
            _ => Kind::Number,
        }
    }

    /// Element type on the wire.
    pub(crate) fn native(self, pv: &PvCore) -> NativeType {
        let fixed = &pv.fixed;
        match self.kind() {
            _ if self == Self::Val => fixed.native,
            Kind::Text(_) => NativeType::String,
            Kind::Short => NativeType::Short,
            Kind::Choice(_) => NativeType::Enum,
            Kind::Number => match (fixed.shape, fixed.native) {
                (Shape::Scalar, NativeType::Long | NativeType::Short) => NativeType::Long,
                _ => NativeType::Double,
            },
        }
    }

    /// Bytes of the long form, with its NUL, that `$` gives of a STRING field; `None` for other fields.
    pub(crate) fn long_capacity(self, pv: &PvCore) -> Option<u32> {
        match self.kind() {
            _ if self == Self::Val => fixed_string(pv).then_some(40),
            Kind::Text(most) => Some(most.max(self.text(pv, &pv.lock()).len()) as u32 + 1),
            _ => None,
        }
    }

    /// STAT or SEVR of an alarm.
    pub(super) fn of_alarm(self, alarm: Alarm) -> Value {
        Scalar::Enum(if self == Self::Stat { alarm.status.code() } else { alarm.severity.code() }).into()
    }

    /// The text of a text field, not cut.
    pub(super) fn text(self, pv: &PvCore, state: &State) -> Box<str> {
        match self {
            Self::Name => pv.name.clone(),
            Self::Rtyp => pv.record_type().into(),
            Self::Egu => state.meta.units.clone(),
            Self::Desc => {
                let tuned = state.tuning.as_ref().and_then(|tuning| tuning.description.clone());
                tuned.unwrap_or_else(|| pv.fixed.doc.clone())
            }
            _ => "".into(),
        }
    }

    /// The present value, a text in full.
    pub(super) fn value(self, pv: &PvCore, state: &State) -> Value {
        match self.kind() {
            _ if self == Self::Val => state.value.clone(),
            Kind::Text(_) => Value::text(&self.text(pv, state)),
            Kind::Short => Scalar::Short(state.meta.precision).into(),
            Kind::Choice(_) => match self.limit() {
                Some(limit) => Scalar::Enum(severity(state, limit).code()).into(),
                None => self.of_alarm(state.alarm),
            },
            Kind::Number => {
                let number = self.number(pv, state);
                match self.native(pv) {
                    NativeType::Long => Scalar::Long(number as i32).into(),
                    _ => Scalar::Double(number).into(),
                }
            }
        }
    }

    fn number(self, pv: &PvCore, state: &State) -> f64 {
        let (meta, tuning) = (&state.meta, state.tuning.as_deref());
        let untuned = if pv.fixed.every_post { -1.0 } else { 0.0 };
        match self {
            Self::Hopr => meta.display.high,
            Self::Lopr => meta.display.low,
            Self::Drvh => meta.control.high,
            Self::Drvl => meta.control.low,
            Self::Mdel => tuning.map_or(untuned, |tuning| tuning.value_deadband.width),
            Self::Adel => tuning.map_or(untuned, |tuning| tuning.log_deadband.width),
            _ => self.limit().map_or(0.0, |limit| match tuning {
                Some(tuning) => tuning.limits[limit as usize],
                None => Some(limit.of(meta)).filter(|limit| !limit.is_nan()).unwrap_or(0.0),
            }),
        }
    }

    /// The alarm limit that a limit or severity field is about.
    const fn limit(self) -> Option<Limit> {
        match self {
            Self::Hihi | Self::Hhsv => Some(Limit::HiHi),
            Self::High | Self::Hsv => Some(Limit::High),
            Self::Low | Self::Lsv => Some(Limit::Low),
            Self::Lolo | Self::Llsv => Some(Limit::LoLo),
            _ => None,
        }
    }

    /// Units, decimals and range of a number field, the labels of a choice.
    pub(super) fn meta(self, of: &Meta) -> Meta {
        match self.kind() {
            Kind::Choice(names) => {
                Meta { labels: names.iter().map(|name| (*name).into()).collect(), ..Meta::new() }
            }
            Kind::Number => Meta {
                units: of.units.clone(),
                precision: of.precision,
                display: of.display,
                control: of.display,
                ..Meta::new()
            },
            Kind::Text(_) | Kind::Short => Meta::new(),
        }
    }

    /// What a put asks for; nothing is changed yet.
    pub(super) fn convert(self, pv: &PvCore, wire: WireArray<'_>) -> Result<Written, PutError> {
        Ok(match self.kind() {
            Kind::Text(most) => {
                let text = wire.to_text(wire.bytes.len())?;
                let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
                Written::Text(text[..end.unwrap_or(0)].to_owned())
            }
            Kind::Choice(names) => {
                let labels: Vec<Box<str>> = names.iter().map(|name| (*name).into()).collect();
                match wire.to_scalar(NativeType::Enum, &labels, 0)? {
                    Scalar::Enum(index) => Written::Severity(
                        AlarmSeverity::from_code(index)
                            .ok_or_else(|| PutError::Refused(format!("{index} is not in 0..=3")))?,
                    ),
                    _ => return Err(PutError::ReadOnly),
                }
            }
            Kind::Short | Kind::Number => {
                let number = wire.to_scalar(self.native(pv), &[], 0)?.as_f64().unwrap_or_default();
                Written::Number(number)
            }
        })
    }

    /// Stores what a put asks for.
    ///
    /// # Errors
    /// When control limits would let more pass than the author of the PV declared.
    pub(super) fn store(self, pv: &PvCore, state: &mut State, written: Written) -> Result<(), PutError> {
        if matches!(self, Self::Drvh | Self::Drvl) {
            let Written::Number(limit) = written else { return Err(PutError::ReadOnly) };
            return self.store_control(state, limit);
        }
        let mut meta = Meta::clone(&state.meta);
        match (self, written) {
            (Self::Egu, Written::Text(text)) => meta.units = text.into(),
            (Self::Desc, Written::Text(text)) => state.tune(pv).description = Some(text.into()),
            (Self::Prec, Written::Number(number)) => meta.precision = number as i16,
            (Self::Hopr, Written::Number(number)) => meta.display.high = number,
            (Self::Lopr, Written::Number(number)) => meta.display.low = number,
            (Self::Mdel, Written::Number(number)) => state.tune(pv).value_deadband.width = number,
            (Self::Adel, Written::Number(number)) => state.tune(pv).log_deadband.width = number,
            (_, written) => {
                let Some(limit) = self.limit() else { return Err(PutError::ReadOnly) };
                let tuning = state.tune(pv);
                match written {
                    Written::Number(number) => tuning.limits[limit as usize] = number,
                    Written::Severity(severity) => tuning.severities[limit as usize] = severity,
                    Written::Text(_) => return Err(PutError::ReadOnly),
                }
                tuning.show(&mut meta);
            }
        }
        state.meta = meta.into();
        Ok(())
    }

    fn store_control(self, state: &mut State, limit: f64) -> Result<(), PutError> {
        let (mut control, widest) = (state.meta.control, state.control);
        match self {
            Self::Drvh => control.high = limit,
            _ => control.low = limit,
        }
        if is_range(widest) {
            if !(widest.low..=widest.high).contains(&limit) {
                let (low, high) = (widest.low.to_string(), widest.high.to_string());
                return Err(PutError::OutsideLimits { value: limit.to_string(), low, high });
            }
            if !is_range(control) {
                return Err(PutError::Refused(format!(
                    "DRVL {} is not below DRVH {}",
                    control.low, control.high
                )));
            }
        }
        state.meta = Meta { control, ..Meta::clone(&state.meta) }.into();
        Ok(())
    }
}

/// A converted put to a field.
#[derive(Debug)]
pub(super) enum Written {
    Text(String),
    Number(f64),
    Severity(AlarmSeverity),
}

/// True for a PV that is one STRING.
fn fixed_string(pv: &PvCore) -> bool {
    pv.fixed.shape == Shape::Scalar && pv.fixed.native == NativeType::String
}

fn severity(state: &State, limit: Limit) -> AlarmSeverity {
    match &state.tuning {
        Some(tuning) => tuning.severities[limit as usize],
        None if limit.of(&state.meta).is_nan() => AlarmSeverity::NoAlarm,
        None => limit.severity(),
    }
}

impl State {
    /// The tuning of this PV, made at the first use.
    fn tune(&mut self, pv: &PvCore) -> &mut Tuning {
        let width = if pv.fixed.every_post { -1.0 } else { 0.0 };
        let (meta, value) = (&self.meta, &self.value);
        self.tuning.get_or_insert_with(|| Box::new(Tuning::new(meta, width, width, number_of(value))))
    }
}
