//! Trajectories: evenly spaced numbers.

use wrapper::DeviceError;

/// Most points of a trajectory: what `values` can show.
pub(crate) const MAX_POINTS: usize = 10_000;

/// Numbers from `start` towards `end`, `step` apart, `end` excluded, as `numpy.arange` gives them.
pub(crate) fn linear(start: f64, end: f64, step: f64) -> Result<Vec<f64>, DeviceError> {
    if ![start, end, step].iter().all(|v| v.is_finite()) {
        return Err(DeviceError::new("start, end and step must be finite"));
    }
    if step == 0.0 {
        return Err(DeviceError::new("step is 0, the end would never be reached"));
    }
    let points = ((end - start) / step).ceil().max(0.0);
    if points > MAX_POINTS as f64 {
        return Err(DeviceError::new(format!("{points} points, at most {MAX_POINTS} fit")));
    }
    Ok((0..points as usize).map(|i| start + i as f64 * step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_excluded_and_the_direction_follows_the_step() {
        assert_eq!(linear(0.0, 10.0, 1.0).map(|v| v.len()), Ok(10));
        assert_eq!(linear(0.0, -3.0, -1.0), Ok(vec![0.0, -1.0, -2.0]));
        assert_eq!(linear(0.0, -3.0, 1.0), Ok(vec![]));
        assert_eq!(linear(0.0, 1.0, 0.4), Ok(vec![0.0, 0.4, 0.8]));
    }

    #[test]
    fn impossible_steps_are_refused() {
        for (start, end, step) in
            [(0.0, 1.0, 0.0), (0.0, 1.0, 1e-9), (f64::NAN, 1.0, 0.1), (0.0, f64::INFINITY, 1.0)]
        {
            assert!(linear(start, end, step).is_err(), "{start} {end} {step}");
        }
    }
}
