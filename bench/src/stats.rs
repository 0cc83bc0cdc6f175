//! Order statistics of small samples.

use serde_json::{Value, json};

/// A sorted sample.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    sorted: Vec<f64>,
}

impl Sample {
    /// Sorts the values.
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { sorted: values }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The value below which `q` (0..=1) of the sample lies, by nearest rank; NaN for an empty sample.
    pub fn quantile(&self, q: f64) -> f64 {
        let rank = (q * self.len() as f64).ceil() as usize;
        self.sorted.get(rank.clamp(1, self.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
    }

    /// The median; the mean of the two middle values for an even number.
    pub fn median(&self) -> f64 {
        let n = self.len();
        if n == 0 {
            return f64::NAN;
        }
        (self.sorted[(n - 1) / 2] + self.sorted[n / 2]) / 2.0
    }

    /// The smallest value.
    pub fn min(&self) -> f64 {
        self.sorted.first().copied().unwrap_or(f64::NAN)
    }

    /// The largest value.
    pub fn max(&self) -> f64 {
        self.sorted.last().copied().unwrap_or(f64::NAN)
    }

    /// The usual figures as JSON.
    pub fn to_json(&self) -> Value {
        json!({
            "n": self.len(), "min": self.min(), "p50": self.median(), "p90": self.quantile(0.9),
            "p99": self.quantile(0.99), "max": self.max(),
        })
    }
}

/// The ratios of two series taken in the same rounds.
pub fn paired_ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter().zip(theirs).map(|(a, b)| a / b).collect()
}

/// The median of the ratios of two series taken in the same rounds.
pub fn paired_ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    Sample::new(paired_ratios(ours, theirs)).median()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_rank() {
        let s = Sample::new((1..=100).map(f64::from).collect());
        assert_eq!((s.quantile(0.99), s.quantile(0.9), s.median(), s.max()), (99.0, 90.0, 50.5, 100.0));
        assert!(Sample::default().quantile(0.5).is_nan());
    }
}
