//! `simple:A` of another IOC with its time and alarm; while it is lost, the last value with the alarm LINK.

use std::process::ExitCode;
use std::sync::Arc;

use wrapper::client::{Context, Error, Reading};
use wrapper::{Alarm, AlarmSeverity, AlarmStatus, Launcher, Post, Pv, PvGroup};

#[derive(PvGroup)]
struct Mirror {
    /// What simple:A is
    #[pv(value = 0.0, record = "ai", startup_async = Self::follow)]
    mirrored: Pv<f64>,
}

impl Mirror {
    async fn follow(self: Arc<Self>, pv: Pv<f64>) -> Result<(), Error> {
        let mut monitor = Context::from_env()?.pv("simple:A").monitor::<Reading<f64>>();
        loop {
            match monitor.next().await {
                Ok(Reading { value, alarm, time }) => {
                    let post = Post::new().alarm(alarm);
                    pv.post_with(value, time.map_or(post.clone(), |time| post.at(time)));
                }
                Err(error) => {
                    let link = Alarm::new(AlarmStatus::Link, AlarmSeverity::Major);
                    pv.post_with(pv.get(), Post::new().alarm(link).message(&error.to_string()));
                }
            }
        }
    }
}

fn main() -> ExitCode {
    Launcher::new("Mirrors simple:A, async").prefix("mirror:").group(Mirror::build).run()
}
