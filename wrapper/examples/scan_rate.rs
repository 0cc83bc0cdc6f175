//! The field SCAN of a record says how often it is measured: `caput periodic:scanned.SCAN '.5 second'`.

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use wrapper::{Launcher, Pv, PvGroup, Scan};

#[derive(PvGroup)]
struct ScanRate {
    /// Time since the last scan
    #[pv(value = 0.0, units = "s", precision = 3, record = "ai", startup = Self::start,
         scan(Scan::by_field(Duration::from_secs(1)), Self::measure))]
    scanned: Pv<f64>,
    last: Mutex<Option<Instant>>,
}

impl ScanRate {
    fn start(&self, pv: &Pv<f64>) {
        println!("the startup hook of {} runs", pv.name());
    }

    fn measure(&self, pv: &Pv<f64>) {
        let now = Instant::now();
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
        if let Some(last) = last {
            pv.post((now - last).as_secs_f64());
        }
    }
}

fn main() -> ExitCode {
    Launcher::new("A record that is scanned as its SCAN says")
        .prefix("periodic:")
        .group(ScanRate::build)
        .run()
}
