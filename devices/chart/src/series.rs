//! What is known of each trace: its samples over time, or the array it has now.

use std::collections::VecDeque;

/// Samples that a trace keeps, the newest ones.
pub(crate) const HISTORY: usize = 100_000;

/// The data of one trace.
#[derive(Debug, Default)]
pub(crate) struct Series {
    /// Time in s, or x, and value.
    pairs: VecDeque<(f64, f64)>,
    /// The elements, where the trace is an array.
    array: Vec<f64>,
    /// The newest sample, whatever is made of it.
    latest: Option<f64>,
    /// Its PV is not there.
    pub(crate) lost: bool,
}

impl Series {
    /// Nothing is known yet; `lost` when that is because its PV is not there.
    pub(crate) fn new(lost: bool) -> Self {
        Self { lost, ..Self::default() }
    }

    /// Adds a sample; the oldest goes when there are too many.
    pub(crate) fn push(&mut self, x: f64, value: f64) {
        if self.pairs.len() == HISTORY {
            self.pairs.pop_front();
        }
        self.pairs.push_back((x, value));
        self.latest = Some(value);
    }

    /// Takes a new array, or a sample when it is a single number.
    pub(crate) fn take(&mut self, time: f64, values: Vec<f64>) {
        match values[..] {
            [value] => {
                self.array.clear();
                self.push(time, value);
            }
            _ => self.array = values,
        }
    }

    /// The newest sample.
    pub(crate) fn latest(&self) -> Option<f64> {
        self.latest
    }

    /// The samples from `start` on, and the one before them, from which a line comes in.
    pub(crate) fn since(&self, start: f64) -> impl Iterator<Item = (f64, f64)> + Clone {
        let first = self.pairs.partition_point(|(time, _)| *time < start).saturating_sub(1);
        self.pairs.range(first..).copied()
    }

    /// All pairs.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (f64, f64)> + Clone {
        self.pairs.iter().copied()
    }

    /// The present array, empty when the trace is of single numbers.
    pub(crate) fn array(&self) -> &[f64] {
        &self.array
    }

    /// Forgets all but whether its PV is there.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.lost);
    }
}

/// How many values fall into each of `bins` equal parts between the least and the greatest; values that are no numbers in none.
pub(crate) fn histogram(
    values: impl Iterator<Item = f64> + Clone,
    bins: usize,
    counts: &mut Vec<f64>,
) -> (f64, f64) {
    counts.clear();
    counts.resize(bins, 0.0);
    let finite = values.filter(|value| value.is_finite()).map(|value| value.clamp(-1e300, 1e300));
    let (low, high) = finite
        .clone()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return (0.0, 1.0);
    }
    let (low, high) = if low == high {
        let pad = (low.abs() * 1e-6).max(0.5);
        (low - pad, high + pad)
    } else {
        (low, high)
    };
    for value in finite {
        let bin = ((value - low) / (high - low) * bins as f64) as usize;
        counts[bin.min(bins - 1)] += 1.0;
    }
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_series_keeps_the_newest_samples() {
        let mut series = Series::default();
        (0..HISTORY + 10).for_each(|i| series.push(i as f64, -(i as f64)));
        assert_eq!(series.pairs().count(), HISTORY);
        assert_eq!(series.pairs().next(), Some((10.0, -10.0)));
        assert_eq!(series.latest(), Some(-((HISTORY + 9) as f64)));
    }

    #[test]
    fn the_sample_before_the_window_is_there_too() {
        let mut series = Series::default();
        (0..10).for_each(|i| series.push(f64::from(i), 0.0));
        let times = |start| series.since(start).map(|(time, _)| time).collect::<Vec<_>>();
        assert_eq!(times(7.5), [7.0, 8.0, 9.0]);
        assert_eq!(times(-5.0).len(), 10);
        assert_eq!(times(100.0), [9.0]);
        assert_eq!(Series::default().since(0.0).count(), 0);
    }

    #[test]
    fn one_number_is_a_sample_and_more_are_an_array() {
        let mut series = Series::default();
        series.take(1.0, vec![5.0]);
        assert_eq!((series.latest(), series.array().len()), (Some(5.0), 0));
        series.take(2.0, vec![1.0, 2.0, 3.0]);
        assert_eq!((series.pairs().count(), series.array()), (1, &[1.0, 2.0, 3.0][..]));
        series.take(3.0, vec![]);
        assert!(series.array().is_empty());
        series.lost = true;
        series.clear();
        assert!(series.lost && series.latest().is_none() && series.pairs().next().is_none());
    }

    #[test]
    fn a_histogram_counts_each_number_once() {
        let mut counts = Vec::new();
        let bounds =
            histogram([0.0, 0.1, 5.0, 9.9, 10.0, f64::NAN, f64::INFINITY].into_iter(), 10, &mut counts);
        assert_eq!(bounds, (0.0, 10.0));
        assert_eq!(counts, [2.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0]);
        assert_eq!(histogram(std::iter::empty(), 3, &mut counts), (0.0, 1.0));
        assert_eq!(counts, [0.0; 3]);
        assert_eq!(histogram([7.0, 7.0].into_iter(), 1, &mut counts), (6.5, 7.5));
        assert_eq!(counts, [2.0]);
        histogram([f64::MAX, f64::MIN].into_iter(), 2, &mut counts);
        assert_eq!(counts, [1.0, 1.0]);
    }
}
