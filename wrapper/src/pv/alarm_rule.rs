//! Values to alarms: limits with hysteresis, states, changes of state, as the records of base check them.

use ca::proto::dbr::{Meta, Scalar, Value};
use ca::proto::{Alarm, AlarmSeverity, AlarmStatus};

use super::tuning::{StateAlarms, Tuning};
use crate::record::Limit;

/// The order in which limits are tried: the outer ones win, as in base.
const ORDER: [(Limit, AlarmStatus); 4] = [
    (Limit::HiHi, AlarmStatus::HiHi),
    (Limit::LoLo, AlarmStatus::LoLo),
    (Limit::High, AlarmStatus::High),
    (Limit::Low, AlarmStatus::Low),
];

/// The alarm of a value by the declared limits of its PV: alarm limits are MAJOR, warning limits MINOR.
///
/// A NaN is INVALID where limits are declared. Texts, enums and arrays have no limits.
pub(super) fn by_limits(value: &Value, meta: &Meta) -> Alarm {
    let Meta { alarm, warning, .. } = meta;
    if alarm.low.is_nan() & alarm.high.is_nan() & warning.low.is_nan() & warning.high.is_nan() {
        return Alarm::NONE;
    }
    let Some(number) = number_of(value) else { return Alarm::NONE };
    if number.is_nan() {
        return Alarm::UDF;
    }
    for (limit, status) in ORDER {
        // Comparisons with NaN, which means no limit, are false.
        if is_beyond(limit, number, limit.of(meta)) {
            return Alarm::new(status, limit.severity());
        }
    }
    Alarm::NONE
}

fn is_beyond(limit: Limit, number: f64, level: f64) -> bool {
    match limit {
        Limit::HiHi | Limit::High => number >= level,
        Limit::Low | Limit::LoLo => number <= level,
    }
}

/// The number to which limits and deadbands apply; texts, enums and arrays have none.
pub(crate) fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Scalar(Scalar::Enum(_)) | Value::Array(_) => None,
        Value::Scalar(scalar) => scalar.as_f64(),
    }
}

/// The worse of two alarms; of equal severities the first.
pub(super) fn worse(first: Alarm, second: Alarm) -> Alarm {
    if second.severity > first.severity { second } else { first }
}

impl Tuning {
    /// The alarm of a value, and what the next one is compared with.
    pub(super) fn alarm_of(&mut self, value: &Value) -> Alarm {
        if self.is_disabled() {
            return Alarm::new(AlarmStatus::Disable, self.disable.severity);
        }
        let own = match value {
            Value::Scalar(Scalar::Enum(index)) => self.by_state(*index),
            _ => number_of(value).map_or(Alarm::NONE, |number| self.by_number(number)),
        };
        if self.simulation.mode == 0 {
            return own;
        }
        worse(raised(AlarmStatus::Simm, self.simulation.severity), own)
    }

    fn by_number(&mut self, number: f64) -> Alarm {
        if number.is_nan() {
            let limited = self.severities.iter().any(|severity| *severity != AlarmSeverity::NoAlarm);
            let undefined = self.nan_is_undefined || limited;
            return raised(AlarmStatus::Udf, if undefined { self.undefined } else { AlarmSeverity::NoAlarm });
        }
        for (limit, status) in ORDER {
            let (level, severity) = (self.limits[limit as usize], self.severities[limit as usize]);
            let inside = match limit {
                Limit::HiHi | Limit::High => level - self.hysteresis,
                Limit::Low | Limit::LoLo => level + self.hysteresis,
            };
            let held = self.last_alarm == level && is_beyond(limit, number, inside);
            if severity != AlarmSeverity::NoAlarm && (is_beyond(limit, number, level) || held) {
                self.last_alarm = level;
                return Alarm::new(status, severity);
            }
        }
        self.last_alarm = number;
        Alarm::NONE
    }

    fn by_state(&mut self, index: u16) -> Alarm {
        let index = f64::from(index);
        let changed = std::mem::replace(&mut self.last_alarm, index) != index;
        let Some(states) = &self.states else { return Alarm::NONE };
        let change = if changed { states.change } else { AlarmSeverity::NoAlarm };
        worse(raised(AlarmStatus::State, states.severity(index)), raised(AlarmStatus::Cos, change))
    }
}

impl StateAlarms {
    fn severity(&self, index: f64) -> AlarmSeverity {
        self.severities.get(index as usize).copied().unwrap_or(self.unknown)
    }
}

/// An alarm of this severity, which may be none.
pub(super) const fn raised(status: AlarmStatus, severity: AlarmSeverity) -> Alarm {
    match severity {
        AlarmSeverity::NoAlarm => Alarm::NONE,
        severity => Alarm::new(status, severity),
    }
}

#[cfg(test)]
mod tests {
    use ca::proto::dbr::LimitPair;

    use super::*;
    use AlarmSeverity::{Invalid, Major, Minor, NoAlarm};
    use AlarmStatus::{Cos, HiHi, High, LoLo, Low, State};

    fn meta() -> Meta {
        Meta { alarm: LimitPair::new(-1.0, 6.0), warning: LimitPair::new(-0.5, 5.5), ..Meta::new() }
    }

    fn tuned(meta: &Meta) -> Tuning {
        Tuning::of(meta, (0.0, 0.0), None)
    }

    fn alarms(tuning: &mut Tuning, values: &[f64]) -> Vec<AlarmStatus> {
        values.iter().map(|value| tuning.alarm_of(&Scalar::Double(*value).into()).status).collect()
    }

    fn states(tuning: &mut Tuning, indices: &[u16]) -> Vec<Alarm> {
        indices.iter().map(|index| tuning.alarm_of(&Scalar::Enum(*index).into())).collect()
    }

    #[test]
    fn limits_are_inclusive_and_the_outer_ones_win() {
        let expected = [
            (0.0, Alarm::NONE),
            (5.5, Alarm::new(High, Minor)),
            (6.0, Alarm::new(HiHi, Major)),
            (-0.5, Alarm::new(Low, Minor)),
            (-1.0, Alarm::new(LoLo, Major)),
            (f64::NAN, Alarm::UDF),
        ];
        for (value, alarm) in expected {
            let value = Scalar::Double(value).into();
            assert_eq!(by_limits(&value, &meta()), alarm, "{value:?}");
            assert_eq!(tuned(&meta()).alarm_of(&value), alarm, "{value:?}, tuned");
        }
    }

    #[test]
    fn severities_that_were_set_win() {
        let mut tuning = tuned(&meta());
        tuning.severities = [Invalid; 4];
        assert_eq!(tuning.alarm_of(&Scalar::Long(6).into()), Alarm::new(HiHi, Invalid));
        tuning.severities = [NoAlarm, Minor, NoAlarm, NoAlarm];
        assert_eq!(tuning.alarm_of(&Scalar::Long(6).into()), Alarm::new(High, Minor));
    }

    #[test]
    fn without_limits_nothing_is_an_alarm_but_a_nan_of_a_record() {
        let nan = Scalar::Double(f64::NAN).into();
        assert_eq!(by_limits(&nan, &Meta::new()), Alarm::NONE);
        let mut tuning = tuned(&Meta::new());
        assert_eq!(tuning.alarm_of(&nan), Alarm::NONE);
        tuning.nan_is_undefined = true;
        assert_eq!(tuning.alarm_of(&nan), Alarm::UDF);
        tuning.undefined = Minor;
        assert_eq!(tuning.alarm_of(&nan).severity, Minor);
    }

    #[test]
    fn an_alarm_stays_until_the_value_is_behind_the_limit_by_the_hysteresis() {
        let mut tuning = tuned(&meta());
        tuning.hysteresis = 1.0;
        let up = [5.4, 5.5, 5.0, 4.5, 4.4, 4.5, 6.0, 5.2, 4.9, 4.4];
        use AlarmStatus::NoAlarm as None;
        assert_eq!(alarms(&mut tuning, &up), [None, High, High, High, None, None, HiHi, HiHi, None, None]);
        assert_eq!(
            alarms(&mut tuning, &[-0.5, 0.5, 0.6, -1.0, 0.0, 0.1]),
            [Low, Low, None, LoLo, LoLo, None]
        );
    }

    #[test]
    fn a_state_and_a_change_of_state_are_alarms_and_the_state_wins() {
        let mut tuning = tuned(&Meta::new());
        tuning.last_alarm = 0.0;
        *tuning.states() = StateAlarms { change: Minor, unknown: Major, ..StateAlarms::default() };
        tuning.states().severities[2] = Minor;
        tuning.states().severities[3] = Invalid;
        let seen = states(&mut tuning, &[0, 1, 1, 2, 2, 3, 16, 0]);
        let (cos, state) = (Alarm::new(Cos, Minor), |severity| Alarm::new(State, severity));
        let none = Alarm::NONE;
        assert_eq!(seen, [none, cos, none, state(Minor), state(Minor), state(Invalid), state(Major), cos]);
    }

    #[test]
    fn a_simulated_value_has_its_severity_and_a_worse_limit_wins() {
        let mut tuning = tuned(&meta());
        tuning.simulation.mode = 1;
        assert_eq!(alarms(&mut tuning, &[0.0]), [AlarmStatus::NoAlarm], "SIMS is NO_ALARM");
        tuning.simulation.severity = Minor;
        assert_eq!(alarms(&mut tuning, &[0.0, 5.5, 6.0]), [AlarmStatus::Simm, AlarmStatus::Simm, HiHi]);
    }

    #[test]
    fn a_disabled_pv_has_one_alarm_only() {
        let mut tuning = tuned(&meta());
        tuning.disable.now = 1;
        tuning.disable.severity = Minor;
        assert_eq!(tuning.alarm_of(&Scalar::Long(6).into()), Alarm::new(AlarmStatus::Disable, Minor));
    }
}
