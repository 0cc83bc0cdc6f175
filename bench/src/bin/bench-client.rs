//! Our client as a load program: `connect N` or `monitor N` of the PVs `BENCH:p0`, `BENCH:p1`, ...
//!
//! `connect` says that it is ready, waits for a line, connects all and gets them all, says so, and waits for the end of its
//! standard input. `monitor` is ready when each PV has shown its value, and answers each line with the number of
//! updates so far.

use std::io::{Write as _, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use clap::{Parser, Subcommand};
use wrapper::client::{Channel, Context, Reading};

/// Longest time for all channels to connect.
const DEADLINE: Duration = Duration::from_secs(30);

/// A client of PVs named `BENCH:p...`
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Connects and gets
    Connect {
        /// Channels
        channels: usize,
    },
    /// Monitors
    Monitor {
        /// Channels
        channels: usize,
    },
}

fn main() -> Result<()> {
    match Args::parse().what {
        What::Connect { channels } => connect(channels),
        What::Monitor { channels } => monitor(channels),
    }
}

fn channels(client: &Context, count: usize) -> Vec<Channel> {
    (0..count).map(|i| client.pv(&format!("BENCH:p{i}"))).collect()
}

fn connect(count: usize) -> Result<()> {
    say(r#"{"ready": true}"#)?;
    wait()?;
    let client = Context::from_env()?.within(DEADLINE);
    let channels = channels(&client, count);
    for (i, value) in client.get_all::<f64>(&channels).wait().into_iter().enumerate() {
        let value = value?;
        ensure!(value == i as f64, "p{i} is {value}");
    }
    say(&format!(r#"{{"done": {count}}}"#))?;
    wait()?;
    Ok(())
}

fn monitor(count: usize) -> Result<()> {
    let client = Context::from_env()?;
    let updates = Arc::new(AtomicU64::new(0));
    let on_update = |channel: &Channel| {
        let updates = updates.clone();
        channel.on_update::<Reading<f64>>(move |update| {
            if update.is_ok() {
                updates.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let _monitors: Vec<_> = channels(&client, count).iter().map(on_update).collect();
    let start = Instant::now();
    while updates.load(Ordering::Relaxed) < count as u64 {
        if start.elapsed() > DEADLINE {
            bail!("{} of {count} PVs have shown a value", updates.load(Ordering::Relaxed));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    say(r#"{"ready": true}"#)?;
    while wait()? {
        say(&format!(r#"{{"updates": {}}}"#, updates.load(Ordering::Relaxed)))?;
    }
    Ok(())
}

/// One line, at once.
fn say(line: &str) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Waits for a line; false at the end.
fn wait() -> Result<bool> {
    Ok(stdin().read_line(&mut String::new())? > 0)
}
