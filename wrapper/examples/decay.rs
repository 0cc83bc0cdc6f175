//! An exponential decay to a setpoint: I = SP + Tvar exp(-t / K), t counting from the last put to SP.

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use wrapper::{Launcher, Pv, PvGroup, Scan};

#[derive(PvGroup)]
struct Decay {
    #[init(Mutex::new(Instant::now()))]
    start: Mutex<Instant>,
    /// The current readback value
    #[pv(
        name = "I",
        value = 0.0,
        read_only,
        record = "ai",
        precision = 3,
        scan(Scan::by_field(Duration::from_millis(100)), Self::step)
    )]
    readback: Pv<f64>,
    /// Whether the current value is close to the setpoint
    #[pv(value = false, read_only, record = "bi")]
    done: Pv<bool>,
    /// Where to go
    #[pv(name = "SP", value = 100.0, put = Self::restart)]
    setpoint: Pv<f64>,
    /// The decay constant
    #[pv(name = "K", value = 10.0, units = "s", control_limits = 0.001..=1e6)]
    constant: Pv<f64>,
    /// The scale of the initial excursion
    #[pv(name = "Tvar", value = 10.0)]
    excursion: Pv<f64>,
}

impl Decay {
    fn restart(&self, _pv: &Pv<f64>, _setpoint: f64) {
        *self.start.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn step(&self, readback: &Pv<f64>) {
        let seconds = self.start.lock().unwrap_or_else(PoisonError::into_inner).elapsed().as_secs_f64();
        let (setpoint, excursion) = (self.setpoint.get(), self.excursion.get());
        let value = setpoint + excursion * (-seconds / self.constant.get()).exp();
        readback.post(value);
        self.done.post(((value - setpoint) / (setpoint - excursion)).abs() < 0.05);
    }
}

fn main() -> ExitCode {
    Launcher::new("An exponential decay to a setpoint").prefix("decay:").group(Decay::build).run()
}
