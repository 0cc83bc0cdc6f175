//! The value of another PV, `--target`, with the time at which it came to be.

use std::process::ExitCode;

use wrapper::client::{Context, Error, Reading};
use wrapper::{GroupBuilder, GroupError, Launcher, Post, Pv};

async fn mirror(target: String, value: Pv<f64>) -> Result<(), Error> {
    let mut monitor = Context::from_env()?.pv(&target).monitor::<Reading<f64>>();
    loop {
        // While the target is lost the last value stays.
        if let Ok(reading) = monitor.next().await {
            let post = reading.time.map_or_else(Post::new, |time| Post::new().at(time));
            value.post_with(reading.value, post);
        }
    }
}

fn build(group: &mut GroupBuilder) -> Result<(), GroupError> {
    let target = group.macro_value("target").unwrap_or_default().to_owned();
    let value = group.pv("value", 0.0).read_only().doc("Value of the target").add()?;
    group.on_startup_of_async(&value, move |value| mirror(target, value))
}

fn main() -> ExitCode {
    Launcher::new("Mirrors the value of another PV")
        .prefix("mirror:")
        .option("target", None, "PV to mirror")
        .group(build)
        .run()
}
