//! The rules of the record, without a clock: time is what the tests say.

mod coordinates;
mod faults;
mod jogs;
mod limits;
mod moves;
mod run;
mod settings;

use super::{End, Put, Record};
use crate::fields::Field::{self, *};

/// Time between two looks, in seconds.
const TICK: f64 = 0.05;
/// No motion of these tests takes longer, in seconds.
const LONGEST: f64 = 120.0;

/// A motor and its time.
pub(super) struct Bench {
    pub(super) record: Record,
    pub(super) now: f64,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self { record: Record::new(), now: 0.0 }
    }

    /// A motor with these fields put.
    pub(super) fn with(fields: &[(Field, f64)]) -> Self {
        let mut bench = Self::new();
        for (field, value) in fields {
            assert_eq!(bench.put(*field, *value), Ok(Put::Done), "{field:?}");
        }
        bench
    }

    pub(super) fn put(&mut self, field: Field, value: f64) -> Result<Put, String> {
        self.record.put(field, value, self.now)
    }

    pub(super) fn get(&self, field: Field) -> f64 {
        self.record.value(field)
    }

    #[track_caller]
    pub(super) fn shows(&self, wanted: &[(Field, f64)]) {
        for (field, value) in wanted {
            let shown = self.get(*field);
            assert!((shown - value).abs() < 1e-9, "{field:?} is {shown}, not {value}");
        }
    }

    /// Goes on for so many seconds; how a motion ended, when one did.
    pub(super) fn run(&mut self, seconds: f64) -> Option<End> {
        let until = self.now + seconds;
        let mut ended = None;
        while self.now < until {
            let event = self.record.next_event().unwrap_or(f64::INFINITY).max(self.now);
            self.now = (self.now + TICK).min(until).min(event);
            let end = self.record.tick(self.now);
            assert!(ended.is_none() || end.is_none(), "a motion ended twice");
            ended = ended.or(end);
        }
        ended
    }

    /// Goes on to the end of the motion.
    #[track_caller]
    pub(super) fn finish(&mut self) -> End {
        let until = self.now + LONGEST;
        loop {
            if let Some(end) = self.record.tick(self.now) {
                return end;
            }
            assert!(self.now < until, "the motion does not end");
            let event = self.record.next_event().unwrap_or(f64::INFINITY).max(self.now);
            self.now = (self.now + TICK).min(event);
        }
    }

    /// Puts, and goes on to the end of the motion that this begins.
    #[track_caller]
    pub(super) fn go(&mut self, field: Field, value: f64) -> End {
        assert_eq!(self.put(field, value), Ok(Put::Moves), "{field:?} {value}");
        self.shows(&[(Dmov, 0.0)]);
        let end = self.finish();
        self.shows(&[(Dmov, 1.0), (Movn, 0.0), (Mip, 0.0)]);
        end
    }
}

pub(super) fn refusal(put: Result<Put, String>) -> String {
    put.expect_err("it is refused")
}
