//! A record of the author's own kind: a motor by the name of `my_motor`, whose readbacks follow it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use wrapper::{FixedString, Launcher, Post, Pv, PvGroup, Scan};

#[derive(PvGroup)]
struct MyMotor {
    #[arg]
    name: &'static str,
    #[arg]
    start: f64,
    #[pv(name = name, value = start, record = "motor")]
    motor: Pv<f64>,
    #[pv(field(motor, "RTYP"), value = "my_motor")]
    record_type: Pv<FixedString>,
    #[pv(field(motor, "RBV"), value = start, scan(Scan::every(Duration::from_millis(100)), Self::read_back))]
    user: Pv<f64>,
    #[pv(field(motor, "DRBV"), value = start)]
    dial: Pv<f64>,
    #[pv(field(motor, "RRBV"), value = 0)]
    raw: Pv<i32>,
}

impl MyMotor {
    fn read_back(&self, _pv: &Pv<f64>) {
        let position = self.motor.get() + fastrand::f64() / 100.0;
        let now = Post::new().at(SystemTime::now());
        self.user.post_with(position, now.clone());
        self.dial.post_with(position, now.clone());
        self.raw.post_with((position * 100_000.0) as i32, now);
    }
}

#[derive(PvGroup)]
struct Motors {
    #[group(prefix = "", args("motor1", 1.0))]
    motor1: Arc<MyMotor>,
    #[group(prefix = "", args("motor2", 2.0))]
    motor2: Arc<MyMotor>,
}

fn main() -> ExitCode {
    Launcher::new("Motor records of another kind").prefix("mock:").group(Motors::build).run()
}
