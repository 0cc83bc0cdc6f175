//! What a put to a field changes.

use ca::proto::AlarmSeverity;
use ca::proto::dbr::{Meta, NativeType, Scalar, Value, WireArray};

use super::Field;
use crate::hooks::PutError;
use crate::pv::core::PvCore;
use crate::pv::state::State;
use crate::pv::tuning::{StateAlarms, Tuning, is_range};
use crate::record::{ControlRule, FieldSpec, Live, number_as};

/// A converted put to a field.
#[derive(Debug)]
pub(in crate::pv) enum Written {
    Text(Box<str>),
    Number(f64),
}

/// What a written field starts, once the PV's lock is free.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::pv) enum After {
    Nothing,
    /// Run the PV's put with the value that it has.
    Process,
    /// Put this state.
    Put(u16),
    /// The scan period is another one.
    Scan,
}

impl Written {
    fn number(&self) -> Result<f64, PutError> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Text(_) => Err(PutError::ReadOnly),
        }
    }

    fn severity(&self) -> Result<AlarmSeverity, PutError> {
        AlarmSeverity::from_code(self.number()? as u16).ok_or(PutError::ReadOnly)
    }

    fn text(&self) -> Box<str> {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(_) => "".into(),
        }
    }

    fn value(&self, native: NativeType) -> Value {
        match self {
            Self::Text(text) => Value::text(text),
            Self::Number(number) => number_as(native, *number).into(),
        }
    }
}

impl FieldSpec {
    /// What a put asks for; nothing is changed yet.
    pub(in crate::pv) fn convert(&self, wire: WireArray<'_>) -> Result<Written, PutError> {
        if self.native == NativeType::String {
            let text = wire.to_text(wire.bytes.len())?;
            let most = self.room.saturating_sub(1).min(text.len());
            let end = (0..=most).rev().find(|at| text.is_char_boundary(*at));
            return Ok(Written::Text(text[..end.unwrap_or(0)].into()));
        }
        match wire.to_scalar(self.native, &self.labels, 0)? {
            Scalar::Enum(index) if usize::from(index) >= self.labels.len() => {
                Err(PutError::Refused(format!("choice {index}, but there are {}", self.labels.len())))
            }
            scalar => {
                let number = scalar.as_f64().unwrap_or_default();
                Ok(Written::Number(if self.whole { number.trunc() } else { number }))
            }
        }
    }

    /// Stores what a put asks for.
    ///
    /// # Errors
    /// When control limits would let more pass than the author of the PV declared.
    pub(in crate::pv) fn store(
        &self,
        pv: &PvCore,
        state: &mut State,
        written: &Written,
    ) -> Result<After, PutError> {
        match self.live {
            Live::Process => return Ok(After::Process),
            Live::Raw => return raw(state, written),
            Live::DriveHigh | Live::DriveLow => store_control(self.live, state, written.number()?)?,
            Live::PutsRefused => pv.refuse_puts(written.number()? != 0.0),
            Live::Trace => pv.trace(written.number()? != 0.0),
            Live::Undefined => state.defined = written.number()? == 0.0,
            Live::Scan => {
                pv.set_scan(written.number()? as u16);
                return Ok(After::Scan);
            }
            Live::Units
            | Live::Precision
            | Live::DisplayHigh
            | Live::DisplayLow
            | Live::Limit(_)
            | Live::LimitSeverity(_)
            | Live::Label(_) => self.describe(pv, state, written)?,
            Live::Stored | Live::Simulated => state.tune(pv).keep(self, written.value(self.native)),
            _ => self.rule(state.tune(pv), written)?,
        }
        Ok(After::Nothing)
    }

    /// Metadata, which clients see in DBR_GR and DBR_CTRL.
    fn describe(&self, pv: &PvCore, state: &mut State, written: &Written) -> Result<(), PutError> {
        let mut meta = Meta::clone(&state.meta);
        match self.live {
            Live::Units => meta.units = written.text(),
            Live::Precision => meta.precision = written.number()? as i16,
            Live::DisplayHigh => meta.display.high = written.number()?,
            Live::DisplayLow => meta.display.low = written.number()?,
            Live::Label(at) => set_label(&mut meta.labels, usize::from(at), written.text()),
            Live::Limit(limit) => state.tune(pv).limits[limit as usize] = written.number()?,
            Live::LimitSeverity(limit) => state.tune(pv).severities[limit as usize] = written.severity()?,
            _ => {}
        }
        match self.live {
            Live::Limit(_) | Live::LimitSeverity(_) => state.tune(pv).show(&mut meta),
            Live::DisplayHigh | Live::DisplayLow if pv.fixed.control == ControlRule::Show => {
                meta.control = meta.display;
            }
            _ => {}
        }
        state.meta = meta.into();
        Ok(())
    }

    /// Rules of alarms and of events.
    fn rule(&self, tuning: &mut Tuning, written: &Written) -> Result<(), PutError> {
        match self.live {
            Live::Description => tuning.description = Some(written.text()),
            Live::Hysteresis => tuning.hysteresis = written.number()?,
            Live::ValueDeadband => tuning.value_deadband.width = written.number()?,
            Live::LogDeadband => tuning.log_deadband.width = written.number()?,
            Live::UndefinedSeverity => tuning.undefined = written.severity()?,
            Live::Disable => tuning.disable.now = written.number()? as i16,
            Live::DisableValue => tuning.disable.value = written.number()? as i16,
            Live::DisableSeverity => tuning.disable.severity = written.severity()?,
            Live::Simulate => tuning.simulation.mode = written.number()? as u16,
            Live::SimulateSeverity => tuning.simulation.severity = written.severity()?,
            Live::StateValue(at) => tuning.states().values[usize::from(at)] = written.number()?,
            Live::StateSeverity(at) => tuning.states().severities[usize::from(at)] = written.severity()?,
            Live::UnknownSeverity => tuning.states().unknown = written.severity()?,
            Live::ChangeSeverity => tuning.states().change = written.severity()?,
            _ => return Err(PutError::ReadOnly),
        }
        Ok(())
    }
}

impl StateAlarms {
    pub(super) fn has_values(&self) -> bool {
        self.values.iter().any(|value| *value != 0.0)
    }
}

/// The states end with the last one that has a label; bi and bo always have two.
fn set_label(labels: &mut Vec<Box<str>>, at: usize, label: Box<str>) {
    let two = labels.len() == 2;
    if labels.len() <= at {
        labels.resize(at + 1, "".into());
    }
    labels[at] = label;
    while labels.last().is_some_and(|label| label.is_empty()) && !(two && labels.len() == 2) {
        labels.pop();
    }
}

fn raw(state: &State, written: &Written) -> Result<After, PutError> {
    let raw = written.number()?;
    let index = state.state_of(raw).filter(|index| {
        let states = state.meta.labels.len();
        states == 0 || usize::from(*index) < states
    });
    index.map(After::Put).ok_or_else(|| PutError::Refused(format!("no state has the raw value {raw}")))
}

fn store_control(live: Live, state: &mut State, limit: f64) -> Result<(), PutError> {
    let (mut control, widest) = (state.meta.control, state.control);
    match live {
        Live::DriveHigh => control.high = limit,
        _ => control.low = limit,
    }
    if is_range(widest) {
        if !(widest.low..=widest.high).contains(&limit) {
            let (low, high) = (widest.low.to_string(), widest.high.to_string());
            return Err(PutError::OutsideLimits { value: limit.to_string(), low, high });
        }
        if !is_range(control) {
            let reason = format!("DRVL {} is not below DRVH {}", control.low, control.high);
            return Err(PutError::Refused(reason));
        }
    }
    state.meta = Meta { control, ..Meta::clone(&state.meta) }.into();
    Ok(())
}

impl Field {
    /// True when a put to it is taken also while DISP refuses all others.
    pub(in crate::pv) fn is_always_taken(self) -> bool {
        self.live() == Some(Live::PutsRefused)
    }
}
