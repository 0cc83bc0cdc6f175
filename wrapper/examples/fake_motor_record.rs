//! Three motor records whose readbacks move to the value at VELO; `STOP`, and `SPMG` at `Stop`, end a move.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use wrapper::{Launcher, Pv, PvGroup, pv_enum, sleep};

const TICK: Duration = Duration::from_millis(100);

pv_enum! {
    enum Mode { Stop = "Stop", Pause = "Pause", Move = "Move", Go = "Go" }
}

/// What a motor is.
struct Motor {
    name: &'static str,
    velocity: f64,
    precision: u8,
    limits: [f64; 2],
}

#[derive(PvGroup)]
struct FakeMotor {
    #[arg]
    motor: Motor,
    /// Where to go, within LLM and HLM
    #[pv(name = motor.name, value = 0.0, precision = motor.precision, record = "motor", put = Self::ask,
         startup_async = Self::run)]
    target: Pv<f64>,
    #[pv(field(target, "VELO"), value = motor.velocity, control_limits = 0.001..=1000.0)]
    velocity: Pv<f64>,
    #[pv(field(target, "ACCL"), value = 1.0)]
    acceleration: Pv<f64>,
    #[pv(field(target, "MRES"), value = 1e-6)]
    resolution: Pv<f64>,
    #[pv(field(target, "LLM"), value = motor.limits[0])]
    low: Pv<f64>,
    #[pv(field(target, "HLM"), value = motor.limits[1])]
    high: Pv<f64>,
    #[pv(field(target, "STOP"), value = 0)]
    stop: Pv<i16>,
    #[pv(field(target, "SPMG"), value = Mode::Go)]
    mode: Pv<Mode>,
    #[pv(field(target, "RBV"), value = 0.0)]
    readback: Pv<f64>,
    #[pv(field(target, "DRBV"), value = 0.0)]
    dial: Pv<f64>,
    #[pv(field(target, "RRBV"), value = 0)]
    raw: Pv<i32>,
    #[pv(field(target, "DMOV"), value = 1)]
    done: Pv<i16>,
    #[pv(field(target, "MOVN"), value = 0)]
    moving: Pv<i16>,
    asked: AtomicBool,
}

impl FakeMotor {
    fn ask(&self, _pv: &Pv<f64>, target: f64) -> Result<(), String> {
        let (low, high) = (self.low.get(), self.high.get());
        if !(low..=high).contains(&target) {
            return Err(format!("{target} is outside {low}..={high}"));
        }
        self.asked.store(true, SeqCst);
        Ok(())
    }

    async fn run(self: Arc<Self>, _target: Pv<f64>) {
        loop {
            self.stop.post(0);
            // A put of the present position is a move too: clients wait to see DMOV change.
            if self.asked.swap(false, SeqCst) {
                self.done.post(0);
                self.moving.post(1);
                while self.step() {
                    sleep(TICK).await;
                }
                self.moving.post(0);
                self.done.post(1);
            }
            sleep(TICK).await;
        }
    }

    /// Moves for one tick; false at the end of the move.
    fn step(&self) -> bool {
        let (target, from) = (self.target.get(), self.readback.get());
        if self.stop.get() != 0 || self.mode.get() == Mode::Stop {
            self.target.post(from);
            return false;
        }
        let most = self.velocity.get() * TICK.as_secs_f64();
        let to = target.clamp(from - most, from + most);
        self.readback.post(to);
        self.dial.post(to);
        self.raw.post((to / self.resolution.get().max(1e-10)) as i32);
        to != target
    }
}

#[derive(PvGroup)]
struct FakeMotors {
    #[group(prefix = "", args(Motor { name: "mtr1", velocity: 1.0, precision: 3, limits: [0.0, 10.0] }))]
    motor1: Arc<FakeMotor>,
    #[group(prefix = "", args(Motor { name: "mtr2", velocity: 2.0, precision: 2, limits: [-10.0, 20.0] }))]
    motor2: Arc<FakeMotor>,
    #[group(prefix = "", args(Motor { name: "mtr3", velocity: 3.0, precision: 2, limits: [0.0, 30.0] }))]
    motor3: Arc<FakeMotor>,
}

fn main() -> ExitCode {
    Launcher::new("Three fake motors").prefix("sim:").group(FakeMotors::build).run()
}
