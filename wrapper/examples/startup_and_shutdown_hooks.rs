//! What runs when the IOC starts and when it stops.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use wrapper::{Launcher, Pv, PvGroup, sleep};

#[derive(PvGroup)]
#[group(startup_async = Self::start, shutdown = Self::stop)]
struct StartupAndShutdown {
    /// An integer
    #[pv(value = 2, startup = Self::start_thing)]
    thing: Pv<i32>,
}

impl StartupAndShutdown {
    async fn start(self: Arc<Self>) {
        println!("1. the startup hook of the group runs");
        sleep(Duration::from_secs(1)).await;
        println!("(it ended after a second)");
    }

    fn start_thing(&self, pv: &Pv<i32>) {
        println!("2. the startup hook of {:?} runs", pv.name());
    }

    fn stop(&self) {
        println!("3. the shutdown hook runs, thing is {}", self.thing.get());
    }
}

fn main() -> ExitCode {
    Launcher::new("Prints at startup and shutdown").prefix("simple:").group(StartupAndShutdown::build).run()
}
