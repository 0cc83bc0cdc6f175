//! A small beamline: detectors that see the position of their motors and a current that swings.

use std::f64::consts::TAU;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wrapper::{Launcher, PutDecision, Pv, PvGroup, Scan, sleep};

/// Counts per current and exposure.
const COUNTS: f64 = 200.0;
const ROWS: usize = 480;
const COLUMNS: usize = 640;

/// What a detector sees of the beam at a position of its motor, from 0 to 1.
type Profile = fn(f64) -> f64;

fn pinhole(x: f64) -> f64 {
    (-x * x / 50.0).exp()
}

fn edge(x: f64) -> f64 {
    erfc((5.0 - x) / 2.5) / 2.0
}

fn slit(x: f64) -> f64 {
    (erfc((x - 7.5) / 2.5) - erfc((x + 7.5) / 2.5)) / 2.0
}

/// The complementary error function to 7 digits (Abramowitz and Stegun 7.1.26).
fn erfc(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let factors = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let tail = factors.iter().fold(0.0, |sum, factor| (sum + factor) * t) * (-x * x).exp();
    if x < 0.0 { 2.0 - tail } else { tail }
}

/// A random count of this mean; of high means with the normal distribution.
fn poisson(mean: f64) -> f64 {
    if mean < 30.0 {
        let mut left = fastrand::f64();
        let limit = (-mean).exp();
        return std::iter::repeat_with(fastrand::f64)
            .take_while(|factor| {
                let counts = left > limit;
                left *= factor;
                counts
            })
            .count() as f64;
    }
    let radius = (-2.0 * (1.0 - fastrand::f64()).ln()).sqrt();
    (mean + mean.sqrt() * radius * (TAU * fastrand::f64()).cos()).round().max(0.0)
}

#[derive(PvGroup)]
struct Detector {
    #[arg]
    profile: Profile,
    #[arg]
    current: Pv<f64>,
    /// Scalar detector value
    #[pv(value = 0.0, read_only, scan(Scan::every(Duration::from_millis(500)), Self::expose))]
    det: Pv<f64>,
    /// Motor
    #[pv(value = 0.0, precision = 3, record = "ai", put_async = Self::travel)]
    mtr: Pv<f64>,
    /// Exposure
    #[pv(value = 1.0, put = Self::clip)]
    exp: Pv<f64>,
    /// Velocity
    #[pv(value = 1.0, control_limits = 0.001..=1000.0)]
    vel: Pv<f64>,
    /// Update tick rate
    #[pv(value = 10.0, units = "Hz", control_limits = 0.1..=1000.0)]
    mtr_tick_rate: Pv<f64>,
}

impl Detector {
    fn expose(&self, det: &Pv<f64>) {
        let seen = (self.profile)(self.mtr.get());
        det.post(poisson(COUNTS * self.current.get() * self.exp.get() * seen));
    }

    async fn travel(self: Arc<Self>, mtr: Pv<f64>, target: f64) {
        let (start, tick) = (mtr.get(), 1.0 / self.mtr_tick_rate.get());
        let steps = ((target - start).abs() / self.vel.get() / tick) as u32;
        for step in 1..=steps {
            mtr.post(start + (target - start) * f64::from(step) / f64::from(steps));
            sleep(Duration::from_secs_f64(tick)).await;
        }
    }

    fn clip(&self, _pv: &Pv<f64>, exposure: f64) -> PutDecision<f64> {
        PutDecision::Replace(exposure.max(0.0))
    }
}

#[derive(PvGroup)]
struct MovingDot {
    #[arg]
    current: Pv<f64>,
    /// Detector image (480x640)
    #[pv(value = [0.0; ROWS * COLUMNS], read_only, scan(Scan::every(Duration::from_secs(2)), Self::expose))]
    det: Pv<Vec<f64>>,
    /// Image sum
    #[pv(value = 0.0, read_only)]
    img_sum: Pv<f64>,
    /// Motor X
    #[pv(value = 0.0)]
    mtrx: Pv<f64>,
    /// Motor Y
    #[pv(value = 0.0)]
    mtry: Pv<f64>,
    /// Exposure
    #[pv(value = 1.0, put = Self::clip)]
    exp: Pv<f64>,
    /// Shutter open/close
    #[pv(value = 1)]
    shutter_open: Pv<i32>,
    /// Image array size Y
    #[pv(name = "ArraySizeY_RBV", value = ROWS as i32, read_only)]
    rows: Pv<i32>,
    /// Image array size X
    #[pv(name = "ArraySizeX_RBV", value = COLUMNS as i32, read_only)]
    columns: Pv<i32>,
    /// Image array size [Y, X]
    #[pv(name = "ArraySize_RBV", value = [ROWS as i32, COLUMNS as i32], read_only)]
    size: Pv<Vec<i32>>,
}

impl MovingDot {
    fn expose(&self, det: &Pv<Vec<f64>>) {
        let (x, y) = (self.mtrx.get(), self.mtry.get());
        let open = if self.shutter_open.get() == 0 { 0.0 } else { 1.0 };
        let middle = (-(x * x + y * y) / 1e4).exp();
        let brightest = open * COUNTS * self.current.get() * self.exp.get() * middle;
        let pixels = (0..ROWS * COLUMNS).map(|at| {
            let dx = ((at % COLUMNS) as f64 - COLUMNS as f64 / 2.0 + x) / 50.0;
            let dy = ((at / COLUMNS) as f64 - ROWS as f64 / 2.0 + y) / 25.0;
            poisson(1000.0) + poisson(brightest * (-(dx * dx + dy * dy) / 2.0).exp())
        });
        let pixels: Vec<_> = pixels.collect();
        self.img_sum.post(pixels.iter().sum());
        det.post(pixels);
    }

    fn clip(&self, _pv: &Pv<f64>, exposure: f64) -> PutDecision<f64> {
        PutDecision::Replace(exposure.max(0.0))
    }
}

#[derive(PvGroup)]
struct MiniBeamline {
    #[init(Instant::now())]
    started: Instant,
    /// Beam current, with a period of 4 s
    #[pv(value = 500.0, read_only, scan(Scan::every(Duration::from_millis(100)), Self::swing))]
    current: Pv<f64>,
    #[group(args(pinhole, current.clone()))]
    ph: Arc<Detector>,
    #[group(args(edge, current.clone()))]
    edge: Arc<Detector>,
    #[group(args(slit, current.clone()))]
    slit: Arc<Detector>,
    #[group(args(current.clone()))]
    dot: Arc<MovingDot>,
}

impl MiniBeamline {
    fn swing(&self, current: &Pv<f64>) {
        current.post(500.0 + 25.0 * (self.started.elapsed().as_secs_f64() * TAU / 4.0).sin());
    }
}

fn main() -> ExitCode {
    Launcher::new("A small beamline").prefix("mini:").group(MiniBeamline::build).run()
}
