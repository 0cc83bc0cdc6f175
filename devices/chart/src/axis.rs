//! Axes: a range that can be drawn, its ticks, their labels.

/// Values beyond this are drawn as if they were this: a range stays finite.
const FARTHEST: f64 = 1e300;
/// Values closer to 0 than this are 0 for an axis.
const CLOSEST: f64 = 1e-290;
/// A range narrower than this part of its values cannot be told apart on an axis.
pub(crate) const NARROWEST: f64 = 1e-9;

/// What an axis shows: from `low` to `high`, `low` below `high`, both finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The least and the greatest of the finite values, if there are some.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Extent(Option<(f64, f64)>);

impl Extent {
    pub(crate) fn add(&mut self, value: f64) {
        if value.is_finite() {
            let value = value.clamp(-FARTHEST, FARTHEST);
            self.0 = Some(match self.0 {
                Some((low, high)) => (low.min(value), high.max(value)),
                None => (value, value),
            });
        }
    }
}

impl Range {
    /// The range to show for data of this extent, where `fixed` does not say it; even bounds, so that it seldom changes.
    pub(crate) fn around(extent: Extent, fixed: (Option<f64>, Option<f64>), ticks: usize) -> Self {
        // Bounds that cross come from one that is given and one that is the window's.
        let fixed = match fixed {
            (Some(low), Some(high)) if high <= low => (Some(low), None),
            fixed => fixed,
        };
        let (low, high) = extent.0.unwrap_or((0.0, 1.0));
        let (low, high) = (fixed.0.unwrap_or(low), fixed.1.unwrap_or(high));
        // A bound that is fixed on the wrong side of the data shows an empty chart, not a crossed axis.
        let (low, high) = match fixed {
            (Some(low), None) if high <= low => (low, low),
            (None, Some(high)) if low >= high => (high, high),
            _ => (low, high),
        };
        let wide = Self { low, high }.widened();
        let step = wide.step(ticks);
        Self {
            low: fixed.0.unwrap_or((wide.low / step).floor() * step),
            high: fixed.1.unwrap_or((wide.high / step).ceil() * step),
        }
        .widened()
    }

    /// Wide enough for numbers of this size to be told apart.
    fn widened(self) -> Self {
        let [low, high] = [self.low, self.high].map(|v| if v.abs() < CLOSEST { 0.0 } else { v });
        let size = low.abs().max(high.abs());
        if high - low > size * NARROWEST {
            return Self { low, high };
        }
        let pad = if size == 0.0 { 1.0 } else { size * 0.05 };
        Self { low: low - pad, high: high + pad }
    }

    /// The distance between ticks: 1, 2 or 5 times a power of ten.
    fn step(self, ticks: usize) -> f64 {
        let rough = (self.high - self.low) / ticks.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let times = rough / power;
        let nice = [1.0, 2.0, 5.0].into_iter().find(|nice| times <= nice * 1.000_001).unwrap_or(10.0);
        nice * power
    }

    /// Where the ticks are, `ticks` or a few less.
    pub(crate) fn ticks(self, ticks: usize) -> Vec<f64> {
        let step = self.step(ticks);
        let first = (self.low / step - 1e-6).ceil();
        let last = (self.high / step + 1e-6).floor();
        let count = (last - first).clamp(-1.0, ticks as f64) + 1.0;
        (0..count as usize).map(|i| (first + i as f64) * step).collect()
    }

    /// The text of a tick, with the decimals that tell it from its neighbours.
    pub(crate) fn label(self, value: f64, ticks: usize) -> String {
        let step = self.step(ticks);
        let size = self.low.abs().max(self.high.abs());
        let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
        let (step, size) = (digits(step), digits(size));
        if !(-5..7).contains(&size) {
            return if value == 0.0 { "0".into() } else { format!("{value:.*e}", at_least_0(size - step)) };
        }
        format!("{value:.*}", at_least_0(-step))
    }

    /// Where a value is between the ends: 0 at the low one, 1 at the high one.
    pub(crate) fn part(self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

fn digits(value: f64) -> i32 {
    (value.log10() + 1e-9).floor() as i32
}

fn at_least_0(digits: i32) -> usize {
    usize::try_from(digits).unwrap_or(0).min(12)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(values: &[f64]) -> Range {
        let mut extent = Extent::default();
        values.iter().for_each(|value| extent.add(*value));
        Range::around(extent, (None, None), 6)
    }

    fn labels(range: Range) -> Vec<String> {
        range.ticks(6).into_iter().map(|tick| range.label(tick, 6)).collect()
    }

    #[test]
    fn bounds_and_ticks_are_even_numbers() {
        let range = around(&[0.3, 9.7]);
        assert_eq!(range, Range { low: 0.0, high: 10.0 });
        assert_eq!(range.ticks(6), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(labels(range), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(labels(around(&[-0.02, 0.03])), ["-0.02", "-0.01", "0.00", "0.01", "0.02", "0.03"]);
        assert_eq!(labels(around(&[1.2e9, 3.9e9])).first().map(String::as_str), Some("1.0e9"));
    }

    #[test]
    fn nothing_one_value_and_values_that_are_no_numbers_have_an_axis() {
        assert_eq!(around(&[]), Range { low: 0.0, high: 1.0 });
        let one = around(&[7.0]);
        assert!(one.low < 7.0 && one.high > 7.0 && one.high - one.low < 2.0, "{one:?}");
        assert_eq!(around(&[0.0]), Range { low: -1.0, high: 1.0 });
        assert_eq!(around(&[f64::NAN, f64::INFINITY, 0.3, 9.7]), around(&[0.3, 9.7]));
    }

    #[test]
    fn the_greatest_and_the_least_doubles_have_an_axis_with_ticks() {
        let extremes = [
            &[f64::MAX, f64::MIN][..],
            &[f64::MIN_POSITIVE, 5e-324],
            &[1e16, 1e16 + 2.0],
            &[1.0, 1.0 + 1e-15],
            &[-1e-300, 1e-280],
            &[1e308],
        ];
        for values in extremes {
            let range = around(values);
            assert!(range.low < range.high && (range.high - range.low).is_finite(), "{values:?}: {range:?}");
            let ticks = range.ticks(6);
            assert!((1..=7).contains(&ticks.len()), "{values:?}: {ticks:?}");
            assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]), "{values:?}: {ticks:?}");
            assert!(labels(range).iter().all(|label| label.len() <= 14), "{:?}", labels(range));
        }
    }

    #[test]
    fn a_fixed_bound_stays_where_the_data_is_not() {
        let mut extent = Extent::default();
        extent.add(5.0);
        let fixed = Range::around(extent, (Some(10.0), None), 6);
        assert!(fixed.low == 10.0 && fixed.high > 10.0, "{fixed:?}");
        let fixed = Range::around(extent, (None, Some(-1.0)), 6);
        assert!(fixed.high == -1.0 && fixed.low < -1.0, "{fixed:?}");
        assert_eq!(Range::around(extent, (Some(0.1), Some(0.2)), 6), Range { low: 0.1, high: 0.2 });
        let crossed = Range::around(Extent::default(), (Some(5.0), Some(0.0)), 6);
        assert!(crossed.low == 5.0 && crossed.high > 5.0, "{crossed:?}");
    }
}
