//! What engineers tune on a running PV: alarm rules, deadbands, labels' severities, the fields of its record.

use std::collections::BTreeMap;

use ca::proto::dbr::{LimitPair, Meta, Scalar, Value};
use ca::proto::{AlarmSeverity, EventMask};

use super::alarm_group::Membership;
use super::alarm_rule::number_of;
use crate::record::{FieldSpec, Limit};

/// A deadband and the value that was last told; below 0 every post is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadband {
    pub(super) width: f64,
    pub(super) last: f64,
}

impl Deadband {
    fn new(width: f64, told: Option<f64>) -> Self {
        // Without a number that was told the first one is news.
        Self { width, last: told.unwrap_or(f64::NAN) }
    }

    /// True when the value moved by more than the deadband, to or from NaN, or to another infinity.
    fn is_news(&mut self, value: f64) -> bool {
        let moved = if value.is_finite() && self.last.is_finite() {
            (value - self.last).abs()
        } else if value == self.last || (value.is_nan() && self.last.is_nan()) {
            0.0
        } else {
            f64::INFINITY
        };
        let news = moved > self.width;
        if news {
            self.last = value;
        }
        news
    }
}

/// The alarms of an enum's states, and the raw values of the states.
#[derive(Clone, Debug)]
pub(crate) struct StateAlarms {
    /// By index (ZRSV to FFSV).
    pub(crate) severities: [AlarmSeverity; 16],
    /// Of an index from 16 on (UNSV).
    pub(crate) unknown: AlarmSeverity,
    /// Of any change (COSV).
    pub(crate) change: AlarmSeverity,
    /// What RVAL shows (ZRVL to FFVL).
    pub(super) values: [f64; 16],
}

impl Default for StateAlarms {
    fn default() -> Self {
        let none = AlarmSeverity::NoAlarm;
        Self { severities: [none; 16], unknown: none, change: none, values: [0.0; 16] }
    }
}

/// While DISA equals DISV the PV takes no posts, and its puts run no command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disable {
    pub(super) now: i16,
    pub(super) value: i16,
    pub(super) severity: AlarmSeverity,
}

/// SIMM and SIMS.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Simulation {
    pub(super) mode: u16,
    pub(super) severity: AlarmSeverity,
}

/// Kept only by PVs on which something of it was declared or written, and by those with a record type.
#[derive(Debug)]
pub(super) struct Tuning {
    /// HIHI, HIGH, LOW, LOLO as they were written; in force where the severity is set.
    pub(super) limits: [f64; 4],
    pub(super) severities: [AlarmSeverity; 4],
    /// HYST.
    pub(super) hysteresis: f64,
    /// LALM: the limit of the last alarm, or the last value without one; of an enum the last state.
    pub(super) last_alarm: f64,
    /// MDEL: for VALUE.
    pub(super) value_deadband: Deadband,
    /// ADEL: for LOG.
    pub(super) log_deadband: Deadband,
    /// A NaN is no value, as in records.
    pub(super) nan_is_undefined: bool,
    /// UDFS.
    pub(super) undefined: AlarmSeverity,
    pub(super) disable: Disable,
    pub(super) simulation: Simulation,
    pub(super) states: Option<Box<StateAlarms>>,
    /// DESC, in place of the declared one.
    pub(super) description: Option<Box<str>>,
    /// AMSG.
    pub(super) message: Option<Box<str>>,
    /// What was written to the other fields, by their numbers.
    fields: BTreeMap<u16, Value>,
    /// What those who monitor a field that follows the value were told last.
    pub(super) told: BTreeMap<u16, Value>,
    pub(super) group: Option<Membership>,
}

impl Tuning {
    /// What metadata without tuning stand for, with these deadbands; `told` is the number that everybody knows.
    fn new(meta: &Meta, value_deadband: f64, log_deadband: f64, told: Option<f64>) -> Self {
        let mut tuning = Self {
            limits: [0.0; 4],
            severities: [AlarmSeverity::NoAlarm; 4],
            hysteresis: 0.0,
            last_alarm: told.unwrap_or_default(),
            value_deadband: Deadband::new(value_deadband, told),
            log_deadband: Deadband::new(log_deadband, told),
            nan_is_undefined: false,
            undefined: AlarmSeverity::Invalid,
            disable: Disable { now: 0, value: 1, severity: AlarmSeverity::NoAlarm },
            simulation: Simulation::default(),
            states: None,
            description: None,
            message: None,
            fields: BTreeMap::new(),
            told: BTreeMap::new(),
            group: None,
        };
        Limit::ALL.into_iter().for_each(|limit| tuning.declare(limit, limit.of(meta)));
        tuning
    }

    /// The same, for a PV whose value, if it has one, everybody knows.
    pub(super) fn of(meta: &Meta, (value_deadband, log_deadband): (f64, f64), value: Option<&Value>) -> Self {
        let told = value.and_then(number_of);
        let mut tuning = Self::new(meta, value_deadband, log_deadband, told);
        if let Some(Value::Scalar(Scalar::Enum(index))) = value {
            tuning.last_alarm = f64::from(*index);
        }
        tuning
    }

    /// Takes over a limit that the author declared; a NaN takes it back.
    pub(super) fn declare(&mut self, limit: Limit, value: f64) {
        let at = limit as usize;
        if value.is_nan() {
            self.severities[at] = AlarmSeverity::NoAlarm;
        } else {
            self.limits[at] = value;
            if self.severities[at] == AlarmSeverity::NoAlarm {
                self.severities[at] = limit.severity();
            }
        }
    }

    /// Shows the limits whose severity is set in the metadata, as base does.
    pub(super) fn show(&self, meta: &mut Meta) {
        for limit in Limit::ALL {
            let off = self.severities[limit as usize] == AlarmSeverity::NoAlarm;
            limit.set(meta, if off { f64::NAN } else { self.limits[limit as usize] });
        }
    }

    /// The kinds of change that a number is.
    pub(super) fn news(&mut self, number: f64) -> EventMask {
        let mut mask = EventMask::empty();
        mask.set(EventMask::VALUE, self.value_deadband.is_news(number));
        mask.set(EventMask::LOG, self.log_deadband.is_news(number));
        mask
    }

    pub(super) fn is_disabled(&self) -> bool {
        self.disable.now == self.disable.value
    }

    /// What a field keeps.
    pub(super) fn stored(&self, field: &FieldSpec) -> Option<&Value> {
        self.fields.get(&field.number)
    }

    pub(super) fn keep(&mut self, field: &FieldSpec, value: Value) {
        self.fields.insert(field.number, value);
    }

    pub(super) fn states(&mut self) -> &mut StateAlarms {
        self.states.get_or_insert_default()
    }
}

/// True when the pair is a range: both numbers, the lower one below the upper one.
pub(crate) fn is_range(pair: LimitPair) -> bool {
    pair.low < pair.high
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(width: f64, values: &[f64]) -> Vec<f64> {
        let mut deadband = Deadband::new(width, None);
        values.iter().copied().filter(|value| deadband.is_news(*value)).collect()
    }

    #[test]
    fn a_value_is_news_when_it_moved_by_more_than_the_deadband_since_it_was_told() {
        assert_eq!(told(1.0, &[0.0, 0.6, 1.0, 1.1, 2.0, 2.2]), [0.0, 1.1, 2.2]);
        assert_eq!(told(0.0, &[1.0, 1.0, 1.5]), [1.0, 1.5]);
        assert_eq!(told(-1.0, &[1.0, 1.0]), [1.0, 1.0], "below 0 everything is news");
    }

    #[test]
    fn to_and_from_nan_and_the_infinities_is_news() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        assert_eq!(told(5.0, &[1.0, nan, nan, 1.0, inf, inf, -inf, 1.0]).len(), 6);
    }

    #[test]
    fn a_limit_is_shown_while_its_severity_is_set() {
        let mut meta = Meta { alarm: LimitPair::new(-1.0, 1.0), ..Meta::new() };
        let mut tuning = Tuning::new(&meta, 0.0, 0.0, None);
        assert_eq!(tuning.limits, [1.0, 0.0, 0.0, -1.0]);
        tuning.severities =
            [AlarmSeverity::NoAlarm, AlarmSeverity::Minor, AlarmSeverity::NoAlarm, AlarmSeverity::Major];
        tuning.show(&mut meta);
        assert!(meta.alarm.high.is_nan() && meta.warning.low.is_nan());
        assert_eq!((meta.warning.high, meta.alarm.low), (0.0, -1.0));
    }
}
