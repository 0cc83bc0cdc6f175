//! PVs that count how often they are read. Prefer to post: monitors never run a get hook.

use std::collections::HashMap;
use std::process::ExitCode;

use std::sync::{Mutex, PoisonError};
use wrapper::{Launcher, Pv, PvGroup};

#[derive(PvGroup)]
struct ReadingCounter {
    #[pv(name = "A", value = 0, get = Self::count)]
    a: Pv<i32>,
    #[pv(name = "B", value = 0, get = Self::count)]
    b: Pv<i32>,
    tallies: Mutex<HashMap<String, i32>>,
}

impl ReadingCounter {
    fn count(&self, pv: &Pv<i32>) -> Option<i32> {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = tallies.entry(pv.name().to_owned()).or_default();
        *tally += 1;
        Some(*tally)
    }
}

fn main() -> ExitCode {
    Launcher::new("PVs whose value is the number of times they were read")
        .prefix("reading_counter:")
        .group(ReadingCounter::build)
        .run()
}
