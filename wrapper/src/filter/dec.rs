//! `dec`: each Nth update.

use ca::proto::EventMask;

use super::error::FilterError;
use super::settings::Settings;

/// Of so many updates one passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dec(i32);

impl Dec {
    /// The names of its settings.
    pub(super) const SETTINGS: &[&str] = &["n"];

    /// The factor of these settings.
    pub(super) fn new(settings: &Settings) -> Result<Self, FilterError> {
        match settings.whole("n")? {
            Some(factor) if factor >= 1 => Ok(Self(factor)),
            Some(_) => Err(settings.refuse("n", "1 or more")),
            None => Err(settings.missing("n")),
        }
    }
}

/// The counter of one subscription.
#[derive(Debug)]
pub(super) struct DecState {
    rule: Dec,
    /// Updates since the one that passed, once there was one.
    since: Option<i32>,
}

impl DecState {
    /// Nothing passed yet.
    pub(super) fn new(rule: Dec) -> Self {
        Self { rule, since: None }
    }

    /// True for the first update and each Nth from there; new metadata pass uncounted, alarms are counted as all
    /// other changes, as in base.
    ///
    /// Base does not count the first update of a subscription that wants PROPERTY, so that its second passes too.
    pub(super) fn pass(&mut self, mask: EventMask) -> bool {
        let Some(since) = self.since else {
            self.since = Some(1);
            return true;
        };
        if mask.contains(EventMask::PROPERTY) {
            return true;
        }
        let passes = since >= self.rule.0;
        self.since = Some(if passes { 1 } else { since + 1 });
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing(factor: i32, masks: &[EventMask]) -> Vec<usize> {
        let mut state = DecState::new(Dec(factor));
        (0..masks.len()).filter(|index| state.pass(masks[*index])).collect()
    }

    /// Observed with base 7.0.10.
    #[test]
    fn the_first_passes_and_then_each_nth() {
        assert_eq!(passing(3, &[EventMask::VALUE; 9]), [0, 3, 6]);
        assert_eq!(passing(2, &[EventMask::VALUE; 5]), [0, 2, 4]);
        assert_eq!(passing(1, &[EventMask::VALUE; 3]), [0, 1, 2]);
        assert_eq!(passing(i32::MAX, &[EventMask::VALUE; 3]), [0]);
    }

    #[test]
    fn alarms_are_counted_and_metadata_are_not() {
        use EventMask as M;
        assert_eq!(passing(3, &[M::VALUE, M::ALARM, M::ALARM, M::VALUE]), [0, 3]);
        assert_eq!(passing(3, &[M::VALUE, M::PROPERTY, M::VALUE, M::VALUE, M::VALUE]), [0, 1, 4]);
        assert_eq!(passing(2, &[M::all(), M::VALUE, M::VALUE]), [0, 2]);
    }
}
