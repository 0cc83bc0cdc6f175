//! What engineers tune on a running PV: alarm severities, deadbands, the description.

use ca::proto::dbr::{LimitPair, Meta};
use ca::proto::{AlarmSeverity, EventMask};

/// The four alarm limits, from the highest down: HIHI, HIGH, LOW, LOLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    HiHi,
    High,
    Low,
    LoLo,
}

impl Limit {
    pub(super) const ALL: [Self; 4] = [Self::HiHi, Self::High, Self::Low, Self::LoLo];

    /// The limit as DBR types show it; a NaN means none.
    pub(super) const fn of(self, meta: &Meta) -> f64 {
        match self {
            Self::HiHi => meta.alarm.high,
            Self::High => meta.warning.high,
            Self::Low => meta.warning.low,
            Self::LoLo => meta.alarm.low,
        }
    }

    pub(super) const fn set(self, meta: &mut Meta, limit: f64) {
        match self {
            Self::HiHi => meta.alarm.high = limit,
            Self::High => meta.warning.high = limit,
            Self::Low => meta.warning.low = limit,
            Self::LoLo => meta.alarm.low = limit,
        }
    }

    /// The severity of a limit that is declared without one.
    pub(super) const fn severity(self) -> AlarmSeverity {
        match self {
            Self::HiHi | Self::LoLo => AlarmSeverity::Major,
            Self::High | Self::Low => AlarmSeverity::Minor,
        }
    }
}

/// A deadband and the value that was last told; below 0 every post is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadband {
    pub(super) width: f64,
    last: f64,
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

/// Kept only by PVs on which something of it was declared or written.
#[derive(Clone, Debug)]
pub(super) struct Tuning {
    /// HIHI, HIGH, LOW, LOLO as they were written; in force where the severity is set.
    pub(super) limits: [f64; 4],
    pub(super) severities: [AlarmSeverity; 4],
    /// MDEL: for VALUE.
    pub(super) value_deadband: Deadband,
    /// ADEL: for LOG.
    pub(super) log_deadband: Deadband,
    /// DESC, in place of the declared one.
    pub(super) description: Option<Box<str>>,
}

impl Tuning {
    /// What metadata without tuning stand for, with these deadbands; `told` is the number that everybody knows.
    pub(super) fn new(meta: &Meta, value_deadband: f64, log_deadband: f64, told: Option<f64>) -> Self {
        let mut tuning = Self {
            limits: [0.0; 4],
            severities: [AlarmSeverity::NoAlarm; 4],
            value_deadband: Deadband::new(value_deadband, told),
            log_deadband: Deadband::new(log_deadband, told),
            description: None,
        };
        Limit::ALL.into_iter().for_each(|limit| tuning.declare(limit, limit.of(meta)));
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
