//! A put that is done when its work is: hooks may block, and each group has a thread for them.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use wrapper::{Launcher, Pv, PvGroup};

#[derive(PvGroup)]
struct Worker {
    /// Seconds of work
    #[pv(value = 0, control_limits = 0.0..=3600.0, put = Self::work)]
    request: Pv<i32>,
}

impl Worker {
    fn work(&self, _pv: &Pv<i32>, seconds: i32) {
        println!("sleeping for {seconds} s");
        thread::sleep(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
        println!("done");
    }
}

fn main() -> ExitCode {
    Launcher::new("Blocking work with put completion").prefix("wt:").group(Worker::build).run()
}
