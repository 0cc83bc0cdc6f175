//! A temperature that swings to its setpoint: I = SP + Tvar exp(-t / K) sin(omega t), t from the last put to SP.

use std::f64::consts::PI;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use wrapper::{Launcher, Pv, PvGroup, Scan};

#[derive(PvGroup)]
struct Thermo {
    #[init(Mutex::new(Instant::now()))]
    start: Mutex<Instant>,
    /// Readback temperature
    #[pv(
        name = "I",
        value = 0.0,
        read_only,
        record = "ai",
        precision = 3,
        scan(Scan::by_field(Duration::from_millis(100)), Self::step)
    )]
    readback: Pv<f64>,
    /// Setpoint temperature
    #[pv(name = "SP", value = 100.0, put = Self::restart)]
    setpoint: Pv<f64>,
    /// Decay constant
    #[pv(name = "K", value = 10.0, units = "s", control_limits = 0.001..=1e6)]
    constant: Pv<f64>,
    /// Oscillation frequency
    #[pv(value = PI, units = "rad/s")]
    omega: Pv<f64>,
    /// Scale of oscillations
    #[pv(name = "Tvar", value = 10.0)]
    amplitude: Pv<f64>,
}

impl Thermo {
    fn restart(&self, _pv: &Pv<f64>, _setpoint: f64) {
        *self.start.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn step(&self, readback: &Pv<f64>) {
        let seconds = self.start.lock().unwrap_or_else(PoisonError::into_inner).elapsed().as_secs_f64();
        let swing = (-seconds / self.constant.get()).exp() * (self.omega.get() * seconds).sin();
        readback.post(self.setpoint.get() + self.amplitude.get() * swing);
    }
}

fn main() -> ExitCode {
    Launcher::new("A temperature that swings to its setpoint").prefix("thermo:").group(Thermo::build).run()
}
