//! `simple:A` of another IOC with its time and alarm, followed by a thread; while it is lost, the last value with the alarm LINK.

use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use wrapper::client::{Context, Reading};
use wrapper::{Alarm, AlarmSeverity, AlarmStatus, Launcher, Post, Pv, PvGroup};

/// The thread looks up so often; nothing depends on it.
const LOOK_UP: Duration = Duration::from_secs(60);

#[derive(PvGroup)]
struct Mirror {
    /// What simple:A is
    #[pv(value = 0.0, record = "ai", startup = Self::start)]
    mirrored: Pv<f64>,
}

impl Mirror {
    fn start(&self, pv: &Pv<f64>) -> io::Result<()> {
        let client = Context::from_env().map_err(io::Error::other)?;
        let mut monitor = client.pv("simple:A").monitor::<Reading<f64>>();
        let pv = pv.clone();
        let follow = move || {
            loop {
                match monitor.wait(LOOK_UP) {
                    Some(Ok(Reading { value, alarm, time })) => {
                        let post = Post::new().alarm(alarm);
                        pv.post_with(value, time.map_or(post.clone(), |time| post.at(time)));
                    }
                    Some(Err(error)) => {
                        let link = Alarm::new(AlarmStatus::Link, AlarmSeverity::Major);
                        pv.post_with(pv.get(), Post::new().alarm(link).message(&error.to_string()));
                    }
                    None => {}
                }
            }
        };
        thread::Builder::new().name("mirror".to_owned()).spawn(follow).map(drop)
    }
}

fn main() -> ExitCode {
    Launcher::new("Mirrors simple:A, by a thread").prefix("mirror:").group(Mirror::build).run()
}
