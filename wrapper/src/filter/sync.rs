//! `sync`: updates by a state of the group.

use ca::proto::EventMask;
use ca::server::Update;

use super::error::FilterError;
use super::settings::Settings;

/// Which updates pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The last one before the state came on.
    Before,
    /// The first one after it came on.
    First,
    /// The last one before it went off.
    Last,
    /// The first one after it went off.
    After,
    /// All while it is on.
    While,
    /// All while it is off.
    Unless,
}

const MODES: [(&str, Mode); 6] = [
    ("before", Mode::Before),
    ("first", Mode::First),
    ("last", Mode::Last),
    ("after", Mode::After),
    ("while", Mode::While),
    ("unless", Mode::Unless),
];

/// The mode, and the bit of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SyncRule {
    mode: Mode,
    bit: u32,
}

impl SyncRule {
    /// The names of its settings.
    pub(super) const SETTINGS: &[&str] = &["m", "s", "before", "first", "last", "after", "while", "unless"];

    /// The rule of these settings: `m` and `s`, or a mode with the state as its value.
    pub(super) fn new(settings: &Settings, find: impl Fn(&str) -> Option<u32>) -> Result<Self, FilterError> {
        let mode = settings.choice("m", &MODES)?;
        let short = MODES.iter().find_map(|(word, mode)| Some((*mode, settings.text(word)?)));
        let (mode, state) = match (mode, settings.text("s"), short) {
            (Some(mode), Some(state), None) => (mode, state),
            (None, None, Some(short)) => short,
            (None, _, None) => return Err(settings.missing("m")),
            (Some(_), None, None) => return Err(settings.missing("s")),
            (_, _, Some(_)) => return Err(FilterError::TwoModes),
        };
        let bit = find(&state).ok_or(FilterError::NoState(state))?;
        Ok(Self { mode, bit })
    }
}

/// The state of one subscription.
#[derive(Debug)]
pub(super) struct SyncRun {
    rule: SyncRule,
    was_on: bool,
    last: Option<Update>,
}

impl SyncRun {
    pub(super) fn new(rule: SyncRule) -> Self {
        Self { rule, was_on: false, last: None }
    }

    /// What is sent at this update, as base decides: edges of the state are seen at updates only.
    pub(super) fn pass(&mut self, update: Update, mask: EventMask) -> Option<Update> {
        if mask == EventMask::PROPERTY {
            return Some(update);
        }
        let on = update.tag & self.rule.bit != 0;
        let was_on = std::mem::replace(&mut self.was_on, on);
        let (rises, falls) = (on && !was_on, was_on && !on);
        match self.rule.mode {
            Mode::While => on.then_some(update),
            Mode::Unless => (!on).then_some(update),
            Mode::First => rises.then_some(update),
            Mode::After => falls.then_some(update),
            Mode::Before => self.last.replace(update).filter(|_| rises),
            Mode::Last => self.last.replace(update).filter(|_| falls),
        }
    }
}

#[cfg(test)]
mod tests {
    use ca::proto::Alarm;
    use ca::proto::dbr::{Scalar, Stamp};

    use super::*;

    /// Which of ten updates pass; the state is on for those from 3 to 5 and from 8 on.
    fn passing(mode: Mode) -> Vec<i32> {
        let mut run = SyncRun::new(SyncRule { mode, bit: 4 });
        let update = |number: i32| {
            let on = (3..=5).contains(&number) || number >= 8;
            let (value, stamp) = (Scalar::Long(number).into(), Stamp::default());
            Update { value, alarm: Alarm::NONE, stamp, tag: if on { 5 } else { 1 } }
        };
        let number = |update: Update| match update.value {
            ca::proto::dbr::Value::Scalar(Scalar::Long(number)) => number,
            _ => -1,
        };
        (0..10).filter_map(|n| run.pass(update(n), EventMask::VALUE)).map(number).collect()
    }

    #[test]
    fn each_mode_passes_its_updates() {
        assert_eq!(passing(Mode::While), [3, 4, 5, 8, 9]);
        assert_eq!(passing(Mode::Unless), [0, 1, 2, 6, 7]);
        assert_eq!(passing(Mode::First), [3, 8]);
        assert_eq!(passing(Mode::After), [6]);
        assert_eq!(passing(Mode::Before), [2, 7]);
        assert_eq!(passing(Mode::Last), [5]);
    }
}
