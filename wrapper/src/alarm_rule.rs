//! Limits to alarms.

use ca::proto::dbr::{LimitPair, Meta, Scalar, Value};
use ca::proto::{Alarm, AlarmSeverity, AlarmStatus};

/// True when the pair is a range: both numbers, the lower one below the upper one.
pub(crate) fn is_range(pair: LimitPair) -> bool {
    pair.low < pair.high
}

/// The alarm of a value by the limits of its PV: alarm limits are MAJOR, warning limits MINOR, a NaN is
/// INVALID where limits are declared. Texts, enums and arrays have none.
pub(crate) fn by_limits(value: &Value, meta: &Meta) -> Alarm {
    if !is_range(meta.alarm) && !is_range(meta.warning) {
        return Alarm::NONE;
    }
    let number = match value {
        Value::Scalar(Scalar::Enum(_)) | Value::Array(_) => return Alarm::NONE,
        Value::Scalar(scalar) => match scalar.as_f64() {
            Some(number) => number,
            None => return Alarm::NONE,
        },
    };
    if number.is_nan() {
        return Alarm::new(AlarmStatus::Udf, AlarmSeverity::Invalid);
    }
    let outside = |pair: LimitPair, low, high, severity| {
        let status = if !is_range(pair) {
            return None;
        } else if number <= pair.low {
            low
        } else if number >= pair.high {
            high
        } else {
            return None;
        };
        Some(Alarm::new(status, severity))
    };
    outside(meta.alarm, AlarmStatus::LoLo, AlarmStatus::HiHi, AlarmSeverity::Major)
        .or_else(|| outside(meta.warning, AlarmStatus::Low, AlarmStatus::High, AlarmSeverity::Minor))
        .unwrap_or(Alarm::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(value: f64) -> Alarm {
        let meta =
            Meta { alarm: LimitPair::new(-1.0, 6.0), warning: LimitPair::new(-0.5, 5.5), ..Meta::new() };
        by_limits(&Scalar::Double(value).into(), &meta)
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
    fn without_limits_nothing_is_an_alarm() {
        assert_eq!(by_limits(&Scalar::Double(f64::NAN).into(), &Meta::new()), Alarm::NONE);
    }
}
