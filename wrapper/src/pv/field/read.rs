//! What a field reads.

use ca::proto::dbr::{ArrayData, NativeType, Scalar, Value};

use super::Field;
use crate::pv::core::PvCore;
use crate::pv::state::State;
use crate::pv_type::Shape;
use crate::record::{FieldSpec, Limit, Live, number_as};

impl Field {
    /// The present value, a text in full.
    pub(in crate::pv) fn value(self, pv: &PvCore, state: &State) -> Value {
        let Self::Of(spec) = self else { return state.value.clone() };
        match (spec.live, spec.native) {
            (Live::Stored | Live::Simulated, _) => stored(spec, state),
            (_, NativeType::String) => Value::text(&self.text(pv, state)),
            (live, native) => number_as(native, number(live, pv, state)).into(),
        }
    }

    /// The text of a text field, not cut.
    pub(super) fn text(self, pv: &PvCore, state: &State) -> Box<str> {
        let Self::Of(spec) = self else { return "".into() };
        let tuning = state.tuning.as_ref();
        match spec.live {
            Live::Name => pv.name.clone(),
            Live::Record => pv.record_type().into(),
            Live::Units => state.meta.units.clone(),
            Live::Description => {
                tuning.and_then(|tuning| tuning.description.clone()).unwrap_or_else(|| pv.fixed.doc.clone())
            }
            Live::Message => tuning.and_then(|tuning| tuning.message.clone()).unwrap_or_default(),
            Live::Label(at) => state.meta.labels.get(usize::from(at)).cloned().unwrap_or_default(),
            _ => text_of(&stored(spec, state)),
        }
    }

    /// What a field that shows the alarm reads.
    pub(in crate::pv) fn of_alarm(self, state: &State) -> Value {
        match self.live() {
            Some(Live::Message) => Value::text(state.message().unwrap_or_default()),
            Some(live) => number_as(NativeType::Enum, alarm(live, state)).into(),
            None => state.value.clone(),
        }
    }
}

/// What was written, or the first value.
fn stored(spec: &FieldSpec, state: &State) -> Value {
    let written = state.tuning.as_ref().and_then(|tuning| tuning.stored(spec));
    written.cloned().unwrap_or_else(|| spec.first())
}

fn text_of(value: &Value) -> Box<str> {
    match value {
        Value::Array(array) => match array.data() {
            ArrayData::Text(text) => String::from_utf8_lossy(text).into(),
            _ => "".into(),
        },
        Value::Scalar(_) => "".into(),
    }
}

fn number(live: Live, pv: &PvCore, state: &State) -> f64 {
    let meta = &state.meta;
    match live {
        Live::Precision => f64::from(meta.precision),
        Live::DisplayHigh => meta.display.high,
        Live::DisplayLow => meta.display.low,
        Live::DriveHigh => meta.control.high,
        Live::DriveLow => meta.control.low,
        Live::Limit(limit) => limit_of(limit, state),
        Live::LimitSeverity(limit) => severity_of(limit, state),
        Live::Status | Live::Severity | Live::Unacknowledged | Live::Transient => alarm(live, state),
        Live::Active => f64::from(u8::from(pv.is_active())),
        Live::PutsRefused => f64::from(u8::from(pv.refuses_puts())),
        Live::Trace => f64::from(u8::from(pv.is_traced())),
        Live::Scan => f64::from(pv.scan()),
        Live::Capacity => f64::from(pv.fixed.capacity),
        Live::Length => state.value.len() as f64,
        Live::ElementType => element_type(pv),
        Live::Undefined => f64::from(u8::from(!state.defined || state.is_undefined_nan())),
        _ => tuned(live, pv, state),
    }
}

fn alarm(live: Live, state: &State) -> f64 {
    f64::from(match live {
        Live::Status => state.alarm.status.code(),
        Live::Unacknowledged => state.acknowledge.severity.code(),
        Live::Transient => u16::from(state.acknowledge.transient),
        _ => state.alarm.severity.code(),
    })
}

/// What stands in the tuning, or what a PV without one would have there.
fn tuned(live: Live, pv: &PvCore, state: &State) -> f64 {
    let Some(tuning) = state.tuning.as_deref() else { return untuned(live, pv, state) };
    let severity = |severity: ca::proto::AlarmSeverity| f64::from(severity.code());
    let states = tuning.states.as_deref();
    match live {
        Live::Hysteresis => tuning.hysteresis,
        Live::LastAlarm => tuning.last_alarm,
        Live::ValueDeadband => tuning.value_deadband.width,
        Live::LogDeadband => tuning.log_deadband.width,
        Live::ValueTold => told(state, tuning.value_deadband.last),
        Live::LogTold => told(state, tuning.log_deadband.last),
        Live::UndefinedSeverity => severity(tuning.undefined),
        Live::Disable => f64::from(tuning.disable.now),
        Live::DisableValue => f64::from(tuning.disable.value),
        Live::DisableSeverity => severity(tuning.disable.severity),
        Live::Simulate => f64::from(tuning.simulation.mode),
        Live::SimulateSeverity => severity(tuning.simulation.severity),
        Live::StateValue(at) => states.map_or(0.0, |states| states.values[usize::from(at)]),
        Live::StateSeverity(at) => states.map_or(0.0, |states| severity(states.severities[usize::from(at)])),
        Live::UnknownSeverity => states.map_or(0.0, |states| severity(states.unknown)),
        Live::ChangeSeverity => states.map_or(0.0, |states| severity(states.change)),
        Live::Raw => state.raw(),
        _ => 0.0,
    }
}

fn untuned(live: Live, pv: &PvCore, state: &State) -> f64 {
    match live {
        Live::ValueDeadband | Live::LogDeadband if pv.fixed.every_post => -1.0,
        Live::LastAlarm | Live::ValueTold | Live::LogTold => told(state, f64::NAN),
        Live::UndefinedSeverity => f64::from(ca::proto::AlarmSeverity::Invalid.code()),
        Live::DisableValue => 1.0,
        _ => 0.0,
    }
}

/// The number that was told last: of an enum, and without a deadband, the present one.
fn told(state: &State, last: f64) -> f64 {
    match &state.value {
        _ if !last.is_nan() => last,
        Value::Scalar(scalar) if state.defined => scalar.as_f64().unwrap_or_default(),
        _ => 0.0,
    }
}

fn limit_of(limit: Limit, state: &State) -> f64 {
    match &state.tuning {
        Some(tuning) => tuning.limits[limit as usize],
        None => Some(limit.of(&state.meta)).filter(|limit| !limit.is_nan()).unwrap_or_default(),
    }
}

fn severity_of(limit: Limit, state: &State) -> f64 {
    let severity = match &state.tuning {
        Some(tuning) => tuning.severities[limit as usize],
        None if limit.of(&state.meta).is_nan() => ca::proto::AlarmSeverity::NoAlarm,
        None => limit.severity(),
    };
    f64::from(severity.code())
}

/// The element type as a choice of FTVL.
fn element_type(pv: &PvCore) -> f64 {
    match (pv.fixed.shape, pv.fixed.native) {
        (_, NativeType::String) => 0.0,
        (Shape::Text, _) => 1.0,
        (_, NativeType::Char) => 2.0,
        (_, NativeType::Short) => 3.0,
        (_, NativeType::Long) => 5.0,
        (_, NativeType::Float) => 9.0,
        (_, NativeType::Double) => 10.0,
        (_, NativeType::Enum) => 11.0,
    }
}

impl State {
    /// RVAL: the raw value of the present state; without raw values its index.
    fn raw(&self) -> f64 {
        let Value::Scalar(Scalar::Enum(index)) = self.value else { return 0.0 };
        match self.tuning.as_ref().and_then(|tuning| tuning.states.as_ref()) {
            Some(states) if states.has_values() => {
                states.values.get(usize::from(index)).copied().unwrap_or_default()
            }
            _ => f64::from(index),
        }
    }

    /// The state of a raw value.
    pub(super) fn state_of(&self, raw: f64) -> Option<u16> {
        match self.tuning.as_ref().and_then(|tuning| tuning.states.as_ref()) {
            Some(states) if states.has_values() => {
                states.values.iter().position(|value| *value == raw).map(|at| at as u16)
            }
            _ => Some(raw as u16).filter(|index| f64::from(*index) == raw),
        }
    }
}
