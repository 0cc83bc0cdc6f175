//! `x` takes random steps; clients set the time between them.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use wrapper::{Launcher, Pv, PvGroup, sleep};

#[derive(PvGroup)]
struct RandomWalk {
    /// Time between steps
    #[pv(value = 3.0, units = "s", control_limits = 0.001..=3600.0)]
    dt: Pv<f64>,
    /// The random value
    #[pv(value = 0.0, startup_async = Self::walk)]
    x: Pv<f64>,
}

impl RandomWalk {
    async fn walk(self: Arc<Self>, x: Pv<f64>) {
        loop {
            x.post(x.get() + 2.0 * fastrand::f64() - 1.0);
            sleep(Duration::from_secs_f64(self.dt.get())).await;
        }
    }
}

fn main() -> ExitCode {
    Launcher::new("A random walk").prefix("random_walk:").group(RandomWalk::build).run()
}
