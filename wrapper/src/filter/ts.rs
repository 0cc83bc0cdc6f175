//! `ts`: the time of fetch as time stamp, or the time stamp as value.

use ca::proto::dbr::{ArrayData, EPICS_EPOCH, FixedString, NativeType, Scalar, Stamp, Value};
use ca::server::Update;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::error::FilterError;
use super::settings::Settings;

/// The number that stands for a time stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    /// Seconds with their fraction.
    Seconds,
    /// Whole seconds.
    Whole,
    /// Nanoseconds within the second.
    Nanos,
    /// Whole seconds and nanoseconds, two elements.
    Pair,
}

/// The year that seconds are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Epoch {
    /// 1990.
    Epics,
    /// 1970.
    Unix,
}

/// How a time stamp is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// As the EPICS tools write it.
    Epics,
    /// ISO 8601 with the offset from UTC.
    Iso,
}

/// What becomes of the time stamp.
#[derive(Clone, Debug)]
pub(super) enum Ts {
    /// It is the time of fetch.
    Now,
    /// It is the value, as numbers.
    Numbers(Numbers),
    /// It is the value, as a text.
    Text(Text),
}

/// A time stamp as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    number: Number,
    epoch: Epoch,
}

/// A time stamp as text, in the local time of where the chain was opened.
#[derive(Clone, Debug)]
pub(super) struct Text {
    style: Style,
    zone: TimeZone,
}

impl Ts {
    /// The names of its settings.
    pub(super) const SETTINGS: &[&str] = &["num", "str", "epoch"];

    /// What these settings ask for; `str` wins over `num`, as in base.
    pub(super) fn new(settings: &Settings) -> Result<Self, FilterError> {
        let numbers =
            [("dbl", Number::Seconds), ("sec", Number::Whole), ("nsec", Number::Nanos), ("ts", Number::Pair)];
        let number = settings.choice("num", &numbers)?;
        let style = settings.choice("str", &[("epics", Style::Epics), ("iso", Style::Iso)])?;
        let epoch = settings.choice("epoch", &[("epics", Epoch::Epics), ("unix", Epoch::Unix)])?;
        Ok(match (style, number) {
            (Some(style), _) => Self::Text(Text { style, zone: TimeZone::system() }),
            (None, Some(number)) => Self::Numbers(Numbers { number, epoch: epoch.unwrap_or(Epoch::Epics) }),
            (None, None) => Self::Now,
        })
    }

    /// Type and count of the value that it puts in place of the PV's own, if it does.
    pub(super) fn announce(&self) -> Option<(NativeType, u32)> {
        match self {
            Self::Now => None,
            // Unsigned longs are doubles on Channel Access.
            Self::Numbers(Numbers { number: Number::Pair, .. }) => Some((NativeType::Double, 2)),
            Self::Numbers(_) => Some((NativeType::Double, 1)),
            Self::Text(_) => Some((NativeType::String, 1)),
        }
    }

    /// The update with another time stamp or value.
    pub(super) fn apply(&self, update: Update, now: Stamp) -> Update {
        match self {
            Self::Now => Update { stamp: now, ..update },
            Self::Numbers(numbers) => Update { value: numbers.of(update.stamp), ..update },
            Self::Text(text) => Update { value: Scalar::String(text.of(update.stamp)).into(), ..update },
        }
    }
}

impl Numbers {
    /// The value that stands for a time stamp.
    fn of(self, stamp: Stamp) -> Value {
        let offset = match self.epoch {
            Epoch::Epics => 0,
            Epoch::Unix => EPICS_EPOCH,
        };
        let seconds = (u64::from(stamp.seconds) + offset) as f64;
        let nanos = f64::from(stamp.nanos);
        match self.number {
            Number::Seconds => Scalar::Double(seconds + nanos * 1e-9).into(),
            Number::Whole => Scalar::Double(seconds).into(),
            Number::Nanos => Scalar::Double(nanos).into(),
            Number::Pair => Value::array(ArrayData::Double(vec![seconds, nanos])),
        }
    }
}

impl Text {
    /// The text of a time stamp.
    fn of(&self, stamp: Stamp) -> FixedString {
        let unix = i64::from(stamp.seconds) + EPICS_EPOCH as i64;
        match Timestamp::from_second(unix) {
            // The epoch itself is the stamp of what never had one.
            Ok(time) if stamp != Stamp::default() => FixedString::cut(&self.write(time, stamp.nanos)),
            _ => FixedString::cut("<undefined>"),
        }
    }

    /// The time in this style, to the microsecond.
    fn write(&self, time: Timestamp, nanos: u32) -> String {
        // Rounded, but never into the next second.
        let micros = (nanos.saturating_add(500)).min(999_999_999) / 1000;
        let local = time.to_zoned(self.zone.clone());
        match self.style {
            Style::Epics => format!("{}.{micros:06}", local.strftime("%Y-%m-%d %H:%M:%S")),
            Style::Iso => {
                format!("{}.{micros:06}{}", local.strftime("%Y-%m-%dT%H:%M:%S"), local.strftime("%z"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ca::proto::Alarm;
    use jiff::tz;

    const STAMP: Stamp = Stamp { seconds: 1_164_109_599, nanos: 814_521_551 };

    fn value(ts: &Ts, stamp: Stamp) -> Value {
        let update = Update { value: Scalar::Long(7).into(), alarm: Alarm::COMM, stamp, tag: 0 };
        let found = ts.apply(update, Stamp::default());
        assert_eq!((found.alarm, found.stamp), (Alarm::COMM, stamp));
        found.value
    }

    /// Observed with base 7.0.10.
    #[test]
    fn a_time_stamp_is_the_numbers_that_base_makes() {
        use Epoch::{Epics, Unix};
        for (number, epoch, wanted) in [
            (Number::Seconds, Epics, vec![1_164_109_599.814_521_6]),
            (Number::Seconds, Unix, vec![1_795_261_599.814_521_6]),
            (Number::Whole, Epics, vec![1_164_109_599.0]),
            (Number::Whole, Unix, vec![1_795_261_599.0]),
            (Number::Nanos, Unix, vec![814_521_551.0]),
            (Number::Pair, Epics, vec![1_164_109_599.0, 814_521_551.0]),
            (Number::Pair, Unix, vec![1_795_261_599.0, 814_521_551.0]),
        ] {
            let ts = Ts::Numbers(Numbers { number, epoch });
            assert_eq!(ts.announce(), Some((NativeType::Double, wanted.len() as u32)), "{ts:?}");
            let wanted = match wanted[..] {
                [one] => Scalar::Double(one).into(),
                _ => Value::array(ArrayData::Double(wanted)),
            };
            assert_eq!(value(&ts, STAMP), wanted, "{ts:?}");
        }
    }

    /// Observed with base 7.0.10 in Berlin, in winter.
    #[test]
    fn a_time_stamp_is_the_text_that_base_makes() {
        let early = Stamp { nanos: 1, ..STAMP };
        let late = Stamp { nanos: 999_999_999, ..STAMP };
        for (style, hours, stamp, wanted) in [
            (Style::Epics, 1, STAMP, "2026-11-21 12:46:39.814522"),
            (Style::Iso, 1, STAMP, "2026-11-21T12:46:39.814522+0100"),
            (Style::Iso, 0, STAMP, "2026-11-21T11:46:39.814522+0000"),
            (Style::Iso, -8, STAMP, "2026-11-21T03:46:39.814522-0800"),
            (Style::Epics, 0, early, "2026-11-21 11:46:39.000000"),
            (Style::Epics, 0, late, "2026-11-21 11:46:39.999999"),
            (Style::Iso, 1, Stamp::default(), "<undefined>"),
            (Style::Epics, 0, Stamp { seconds: u32::MAX, nanos: u32::MAX }, "2126-02-07 06:28:15.999999"),
        ] {
            let ts = Ts::Text(Text { style, zone: TimeZone::fixed(tz::offset(hours)) });
            assert_eq!(ts.announce(), Some((NativeType::String, 1)));
            assert_eq!(value(&ts, stamp), Scalar::String(FixedString::cut(wanted)).into(), "{wanted}");
        }
    }

    #[test]
    fn without_settings_the_time_of_fetch_is_the_stamp() {
        let ts = Ts::Now;
        assert_eq!(ts.announce(), None);
        let update = Update { value: Scalar::Long(7).into(), alarm: Alarm::NONE, stamp: STAMP, tag: 0 };
        let found = ts.apply(update, Stamp { seconds: 9, nanos: 8 });
        assert_eq!(found.value, Scalar::Long(7).into());
        assert_eq!(found.stamp, Stamp { seconds: 9, nanos: 8 });
    }
}
