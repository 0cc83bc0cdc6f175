//! Limits to alarms.

use ca::proto::dbr::{Meta, Scalar, Value};
use ca::proto::{Alarm, AlarmSeverity, AlarmStatus};

use super::tuning::Limit;

/// The order in which limits are tried: the outer ones win, as in base.
const ORDER: [(Limit, AlarmStatus); 4] = [
    (Limit::HiHi, AlarmStatus::HiHi),
    (Limit::LoLo, AlarmStatus::LoLo),
    (Limit::High, AlarmStatus::High),
    (Limit::Low, AlarmStatus::Low),
];

/// The alarm of a value by the limits of its PV.
///
/// Without `severities` alarm limits are MAJOR and warning limits MINOR. A NaN is INVALID where limits are
/// declared. Texts, enums and arrays have no limits.
pub(super) fn by_limits(value: &Value, meta: &Meta, severities: Option<&[AlarmSeverity; 4]>) -> Alarm {
    let Meta { alarm, warning, .. } = meta;
    if alarm.low.is_nan() & alarm.high.is_nan() & warning.low.is_nan() & warning.high.is_nan() {
        return Alarm::NONE;
    }
    let Some(number) = number_of(value) else { return Alarm::NONE };
    if number.is_nan() {
        return Alarm::new(AlarmStatus::Udf, AlarmSeverity::Invalid);
    }
    for (limit, status) in ORDER {
        // Comparisons with NaN, which means no limit, are false.
        let beyond = match limit {
            Limit::HiHi | Limit::High => number >= limit.of(meta),
            Limit::Low | Limit::LoLo => number <= limit.of(meta),
        };
        if beyond {
            let severity = severities.map_or(limit.severity(), |all| all[limit as usize]);
            return Alarm::new(status, severity);
        }
    }
    Alarm::NONE
}

/// The number to which limits and deadbands apply; texts, enums and arrays have none.
pub(crate) fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Scalar(Scalar::Enum(_)) | Value::Array(_) => None,
        Value::Scalar(scalar) => scalar.as_f64(),
    }
}

/// True for an alarm that [`by_limits`] gives, and for none: a change of the limits may change it.
pub(super) const fn is_by_limits(alarm: Alarm) -> bool {
    use AlarmStatus::{HiHi, High, LoLo, Low, NoAlarm};
    matches!(alarm.status, NoAlarm | HiHi | High | LoLo | Low)
}

#[cfg(test)]
mod tests {
    use ca::proto::dbr::LimitPair;

    use super::*;

    fn meta() -> Meta {
        Meta { alarm: LimitPair::new(-1.0, 6.0), warning: LimitPair::new(-0.5, 5.5), ..Meta::new() }
    }

    fn alarm(value: f64) -> Alarm {
        by_limits(&Scalar::Double(value).into(), &meta(), None)
    }

    #[test]
    fn limits_are_inclusive_and_the_outer_ones_win() {
        use AlarmStatus::{HiHi, High, LoLo, Low};
        assert_eq!(alarm(0.0), Alarm::NONE);
        assert_eq!(alarm(5.5), Alarm::new(High, AlarmSeverity::Minor));
        assert_eq!(alarm(6.0), Alarm::new(HiHi, AlarmSeverity::Major));
        assert_eq!(alarm(-0.5), Alarm::new(Low, AlarmSeverity::Minor));
        assert_eq!(alarm(-1.0), Alarm::new(LoLo, AlarmSeverity::Major));
        assert_eq!(alarm(f64::NAN).severity, AlarmSeverity::Invalid);
    }

    #[test]
    fn severities_that_were_set_win() {
        let severities = [AlarmSeverity::Invalid; 4];
        let alarm = by_limits(&Scalar::Long(6).into(), &meta(), Some(&severities));
        assert_eq!(alarm, Alarm::new(AlarmStatus::HiHi, AlarmSeverity::Invalid));
    }

    #[test]
    fn without_limits_nothing_is_an_alarm() {
        assert_eq!(by_limits(&Scalar::Double(f64::NAN).into(), &Meta::new(), None), Alarm::NONE);
    }
}
