//! A scalar ten times a second, beside an image of 15.7 MB as often.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use wrapper::{Launcher, Pv, PvGroup, Scan};

const PIXELS: usize = 3960 * 3960;

fn noise() -> Vec<u8> {
    let mut image = vec![0; PIXELS];
    fastrand::fill(&mut image);
    image
}

#[derive(PvGroup)]
struct BigImage {
    #[init(Instant::now())]
    started: Instant,
    /// Seconds since the start
    #[pv(value = 2.0, units = "s", scan(Scan::every(Duration::from_millis(100)), Self::tick))]
    t1: Pv<f64>,
    /// 3960 x 3960 pixels
    #[pv(value = noise())]
    image: Pv<Vec<u8>>,
}

impl BigImage {
    fn tick(&self, t1: &Pv<f64>) {
        t1.post(self.started.elapsed().as_secs_f64());
        self.image.post(noise());
    }
}

fn main() -> ExitCode {
    Launcher::new("A big image beside a scalar").prefix("big_image:").group(BigImage::build).run()
}
