//! One PV ticks steadily, another faster and faster: how many updates can a client take?

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use wrapper::{GroupBuilder, GroupError, Launcher, Pv, PvGroup, Scan};

const SLOWEST: f64 = 0.5;
const FASTEST: f64 = 1e-14;

#[derive(PvGroup)]
struct Chirp {
    #[arg]
    ramp_rate: f64,
    /// The chirping signal
    #[pv(value = 0.0, read_only, startup = Self::start)]
    chirp: Pv<f64>,
    /// A steadily updating signal
    #[pv(value = 0, read_only, scan(Scan::every(Duration::from_millis(100)), Self::tick))]
    steady: Pv<i32>,
}

impl Chirp {
    /// Timers of hooks tick in milliseconds; a thread sleeps much shorter.
    fn start(&self, chirp: &Pv<f64>) {
        let (chirp, ramp_rate) = (chirp.clone(), self.ramp_rate);
        thread::spawn(move || {
            loop {
                let (mut period, mut value) = (SLOWEST, 0.0);
                while period >= FASTEST {
                    chirp.post(value);
                    thread::sleep(Duration::from_secs_f64(period));
                    period *= ramp_rate;
                    value += 1.0;
                }
            }
        });
    }

    fn tick(&self, steady: &Pv<i32>) {
        steady.post((steady.get() + 1) % 1000);
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().map_err(|error| format!("{error}"))?;
    if 0.0 < rate && rate < 1.0 { Ok(rate) } else { Err(format!("{rate} is not between 0 and 1")) }
}

fn build(group: &mut GroupBuilder) -> Result<Arc<Chirp>, GroupError> {
    let ramp_rate = group.macro_value("ramprate").map_or(Ok(0.75), rate);
    Chirp::build(group, ramp_rate.unwrap_or(0.75))
}

fn main() -> ExitCode {
    Launcher::new("A steady signal beside one that chirps")
        .prefix("chirp:")
        .checked_option("ramprate", Some("0.75"), "Each period is this part of the last", |text| {
            rate(text).map(drop)
        })
        .group(build)
        .run()
}
