//! `dbnd`: a deadband of one subscription.

use ca::proto::EventMask;
use ca::proto::dbr::{ArrayData, Scalar, Value};

use super::error::FilterError;
use super::settings::Settings;

/// What the band is a measure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Of the value's own unit.
    Absolute,
    /// Of percent of the value passed last.
    Relative,
}

/// How far a value must move from the one passed last to pass; below zero each update passes, as with MDEL.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dbnd {
    mode: Mode,
    band: f64,
}

impl Dbnd {
    /// The names of its settings.
    pub(super) const SETTINGS: &[&str] = &["d", "m", "abs", "rel"];

    /// The band of these settings; without any it is 0, so that equal values do not pass.
    pub(super) fn new(settings: &Settings) -> Result<Self, FilterError> {
        let (absolute, relative) = (settings.number("abs")?, settings.number("rel")?);
        let mode = settings.choice("m", &[("abs", Mode::Absolute), ("rel", Mode::Relative)])?;
        let band = settings.number("d")?;
        match (absolute, relative, mode, band) {
            (Some(band), None, None, None) => Ok(Self { mode: Mode::Absolute, band }),
            (None, Some(band), None, None) => Ok(Self { mode: Mode::Relative, band }),
            (None, None, mode, band) => {
                Ok(Self { mode: mode.unwrap_or(Mode::Absolute), band: band.unwrap_or(0.0) })
            }
            _ => Err(FilterError::TwoBands),
        }
    }

    /// True when the value has left the band around `last`; strings, texts and enums always have.
    fn moved(&self, last: &Value, new: &Value) -> bool {
        if self.band < 0.0 {
            return true;
        }
        match (last, new) {
            (Value::Scalar(last), Value::Scalar(new)) => match (number(last), number(new)) {
                (Some(last), Some(new)) => self.left(last, new),
                _ => true,
            },
            (Value::Array(last), Value::Array(new)) => self.any_moved(last.data(), new.data()),
            _ => true,
        }
    }

    /// True when an array of numbers has left the band around `last`; other arrays always have.
    fn any_moved(&self, last: &ArrayData, new: &ArrayData) -> bool {
        use ArrayData::{Char, Double, Float, Long, Short};
        match (last, new) {
            (Short(last), Short(new)) => self.any_left(last, new),
            (Float(last), Float(new)) => self.any_left(last, new),
            (Char(last), Char(new)) => self.any_left(last, new),
            (Long(last), Long(new)) => self.any_left(last, new),
            (Double(last), Double(new)) => self.any_left(last, new),
            _ => true,
        }
    }

    /// True when the length differs or one element has left its band.
    fn any_left<T: Copy + Into<f64>>(&self, last: &[T], new: &[T]) -> bool {
        last.len() != new.len()
            || last.iter().zip(new).any(|(last, new)| self.left((*last).into(), (*new).into()))
    }

    /// True when a number has left the band around `last`; to NaN or an infinity and back always does.
    fn left(&self, last: f64, new: f64) -> bool {
        if !last.is_finite() || !new.is_finite() {
            return last != new && !(last.is_nan() && new.is_nan());
        }
        let band = match self.mode {
            Mode::Absolute => self.band,
            // Base keeps the sign of the value, which lets every update of a negative one pass.
            Mode::Relative => last.abs() * self.band / 100.0,
        };
        (new - last).abs() > band
    }
}

/// The number that a scalar stands for; the index of a label is none.
fn number(scalar: &Scalar) -> Option<f64> {
    if matches!(scalar, Scalar::Enum(_)) { None } else { scalar.as_f64() }
}

/// The deadband of one subscription and the value it passed last; base has one for the whole channel: a get before a
/// subscription, or another subscription, takes its updates away.
#[derive(Debug)]
pub(super) struct DbndState {
    rule: Dbnd,
    last: Option<Value>,
}

impl DbndState {
    /// Nothing passed yet.
    pub(super) fn new(rule: Dbnd) -> Self {
        Self { rule, last: None }
    }

    /// The kinds of change that pass: inside the band all but VALUE and LOG.
    ///
    /// An alarm that passes inside the band does not move it, as in base.
    pub(super) fn pass(&mut self, value: &Value, mask: EventMask) -> Option<EventMask> {
        let moved = self.last.as_ref().is_none_or(|last| self.rule.moved(last, value));
        if moved {
            self.last = Some(value.clone());
            return Some(mask);
        }
        let rest = mask - (EventMask::VALUE | EventMask::LOG);
        (!rest.is_empty()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ca::proto::dbr::FixedString;

    const NAN: f64 = f64::NAN;
    const INF: f64 = f64::INFINITY;

    fn absolute(band: f64) -> DbndState {
        DbndState::new(Dbnd { mode: Mode::Absolute, band })
    }

    fn relative(band: f64) -> DbndState {
        DbndState::new(Dbnd { mode: Mode::Relative, band })
    }

    /// Which of the values pass.
    fn passing<V: Into<Value>>(mut state: DbndState, values: impl IntoIterator<Item = V>) -> Vec<usize> {
        let passes = |value: V| state.pass(&value.into(), EventMask::VALUE).is_some();
        let passed: Vec<_> = values.into_iter().map(passes).collect();
        (0..passed.len()).filter(|index| passed[*index]).collect()
    }

    fn doubles(values: &[f64]) -> Vec<Value> {
        values.iter().map(|value| Scalar::Double(*value).into()).collect()
    }

    /// Observed with base 7.0.10.
    #[test]
    fn numbers_pass_where_base_passes_them() {
        let cases: Vec<(DbndState, &[f64], &[usize])> = vec![
            (absolute(1.0), &[10.0, 10.5, 11.0, 11.01, 10.5, 9.9], &[0, 3, 5]),
            (absolute(0.0), &[1.0, 1.0, 1.1, 1.1], &[0, 2]),
            (absolute(-1.0), &[10.0, 10.0, 11.0], &[0, 1, 2]),
            (
                relative(10.0),
                &[100.0, 109.0, 110.0, 110.5, 121.0, 122.0, 0.0, 0.0001, 0.0001],
                &[0, 3, 5, 6, 7],
            ),
            (absolute(1.0), &[1.0, NAN, NAN, INF, INF, -INF, 1.0, 1.5], &[0, 1, 3, 5, 6]),
        ];
        for (state, values, wanted) in cases {
            let rule = state.rule;
            assert_eq!(passing(state, doubles(values)), wanted, "{rule:?} {values:?}");
        }
    }

    /// Base loses each of these: a NaN that comes first, all that follow a NaN or an infinity with `rel`, and the
    /// band of negative values.
    #[test]
    fn numbers_pass_where_base_has_it_wrong() {
        let cases: Vec<(DbndState, &[f64], &[usize])> = vec![
            (absolute(1.0), &[NAN, NAN, 1.0], &[0, 2]),
            (relative(10.0), &[1.0, NAN, 5.0, 5.1, 9.0], &[0, 1, 2, 4]),
            (relative(10.0), &[1.0, INF, INF, 5.0, 5.1], &[0, 1, 3]),
            (relative(10.0), &[-100.0, -101.0, -101.0, -120.0], &[0, 3]),
            (absolute(INF), &[1.0, 2.0, NAN, INF], &[0, 2, 3]),
        ];
        for (state, values, wanted) in cases {
            let rule = state.rule;
            assert_eq!(passing(state, doubles(values)), wanted, "{rule:?} {values:?}");
        }
    }

    #[test]
    fn each_type_of_number_has_a_band_and_labels_and_texts_have_none() {
        assert_eq!(passing(absolute(1.5), [0, 1, 2, 3, 4].map(Scalar::Long)), [0, 2, 4]);
        assert_eq!(passing(absolute(1.5), [0, 1, 2].map(Scalar::Short)), [0, 2]);
        assert_eq!(passing(absolute(1.5), [2, 1, 0].map(Scalar::Char)), [0, 2]);
        assert_eq!(passing(absolute(1.5), [0.0, 1.0, 2.0].map(Scalar::Float)), [0, 2]);
        assert_eq!(passing(absolute(1.5), [0, 1, 1].map(Scalar::Enum)), [0, 1, 2]);
        let texts = ["1", "1", "2"].map(|text| Scalar::String(FixedString::cut(text)));
        assert_eq!(passing(absolute(1.5), texts), [0, 1, 2]);
        assert_eq!(passing(absolute(1.5), ["a", "a"].map(Value::text)), [0, 1]);
    }

    #[test]
    fn an_array_passes_when_its_length_or_one_element_does() {
        let values =
            |all: &[&[f64]]| all.iter().map(|v| Value::array(ArrayData::Double(v.to_vec()))).collect();
        let cases: Vec<(DbndState, Vec<Value>, &[usize])> = vec![
            (absolute(1.0), values(&[&[1.0, 2.0], &[1.5, 2.5], &[1.0, 3.5], &[1.0, 3.0]]), &[0, 2]),
            (absolute(1.0), values(&[&[1.0, 2.0], &[1.0], &[], &[], &[1.0]]), &[0, 1, 2, 4]),
            (absolute(-1.0), values(&[&[], &[]]), &[0, 1]),
            // A tenth of its own element, not of the largest.
            (relative(10.0), values(&[&[1.0, 100.0], &[1.05, 109.0], &[1.2, 100.0]]), &[0, 2]),
            (absolute(1.0), values(&[&[NAN], &[NAN], &[1.0]]), &[0, 2]),
        ];
        for (state, values, wanted) in cases {
            assert_eq!(passing(state, values.clone()), wanted, "{values:?}");
        }
        let image = |level: u8| Value::array(ArrayData::Char(Bytes::from(vec![level; 4])));
        assert_eq!(passing(absolute(1.0), [image(1), image(2), image(3)]), [0, 2]);
        let mixed = [Value::array(ArrayData::Long(vec![1])), Value::array(ArrayData::Short(vec![1]))];
        assert_eq!(passing(absolute(1.0), mixed), [0, 1]);
    }

    /// Observed with base 7.0.10: deadband 1.5, HIGH at 100, values 99, 100, 98, 97.6 and 97.4.
    #[test]
    fn an_alarm_passes_inside_the_band_and_does_not_move_it() {
        use EventMask as M;
        let mut state = absolute(1.5);
        let mut pass = |value, mask| state.pass(&Scalar::Double(value).into(), mask);
        assert_eq!(pass(99.0, M::VALUE | M::ALARM), Some(M::VALUE | M::ALARM));
        assert_eq!(pass(100.0, M::VALUE | M::ALARM), Some(M::ALARM));
        assert_eq!(pass(98.0, M::VALUE | M::ALARM), Some(M::ALARM));
        assert_eq!(pass(97.6, M::VALUE), None);
        assert_eq!(pass(97.4, M::VALUE | M::LOG), Some(M::VALUE | M::LOG));
        assert_eq!(pass(97.4, M::LOG), None);
        assert_eq!(pass(97.4, M::PROPERTY | M::LOG), Some(M::PROPERTY));
    }
}
