//! `seqioc bench`: measures any server.

mod measure;
mod print;
mod progress;

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use ca::client::{AccessRights, Channel, Context, Data};
use ca::{ClientConfig, Error};
use clap::Args;

use measure::{Measurement, Meter};
use progress::Progress;

/// Exit status when all was measured, and otherwise.
pub(crate) const STATUS: &str = "Exit status: 0 all was measured, 1 a PV was not connected, or the server refused or lost something, \
    2 the command line is wrong.";

#[derive(Args)]
pub(crate) struct Options {
    /// Names of PVs
    #[arg(value_name = "PV", required = true)]
    names: Vec<String>,
    /// Put too: each PV gets the value that it has, and at the end once more what it had at the start.
    /// What follows from a put of an equal value follows, a command is executed
    #[arg(long)]
    put: bool,
    /// Time of each measurement
    #[arg(short, long, value_name = "SEC", default_value = "1", value_parser = crate::search::seconds)]
    time: Duration,
    /// Time to wait for PVs to connect, and for each answer
    #[arg(short, long, value_name = "SEC", default_value = "3", value_parser = crate::search::seconds)]
    wait: Duration,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What a run has found.
#[derive(Default)]
struct Findings {
    /// Of the PVs that were measured, in the order of the command line.
    pvs: Vec<String>,
    not_connected: Vec<String>,
    /// PVs that may not be put, or had nothing to put back.
    not_put: Vec<String>,
    /// The first failure of each PV.
    failures: BTreeMap<String, String>,
    measurements: Vec<Measurement>,
}

/// A PV with what is put to it.
struct Target {
    channel: Channel,
    value: Data,
}

/// A run.
struct Bench<'a> {
    options: &'a Options,
    config: ClientConfig,
    found: Findings,
    progress: Progress,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let (config, warnings) = ClientConfig::from_env();
    warnings.iter().for_each(|warning| eprintln!("seqioc bench: {warning}"));
    let mut names: Vec<&str> = Vec::new();
    for name in &options.names {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let phases = if options.put { 6 } else { 4 };
    let progress = Progress::new(options.time * phases);
    let mut bench = Bench { options, config, found: Findings::default(), progress };
    bench.all(&names)?;
    bench.progress.clear()?;
    let found = bench.found;
    let text = if options.json { format!("{:#}\n", print::json(&found)) } else { print::table(&found) };
    crate::output::write(&text)?;
    print::complain(&found);
    let good = found.not_connected.is_empty() && found.not_put.is_empty() && found.failures.is_empty();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Bench<'_> {
    fn all(&mut self, names: &[&str]) -> Result<()> {
        let context = Context::new(self.config.clone())?;
        let channels = context.channels(names.iter().copied());
        let connected = self.connected(channels)?;
        if connected.is_empty() {
            return Ok(());
        }
        self.connect(&connected)?;
        self.get(&connected)?;
        self.get_many(&connected)?;
        if self.options.put {
            let targets = self.targets(&connected);
            self.put_all(&context, &targets)?;
        }
        self.monitor(&connected)?;
        Ok(())
    }

    /// The channels that connect in time; the others are named.
    fn connected(&mut self, channels: Vec<Channel>) -> io::Result<Vec<Channel>> {
        self.progress.show("connect")?;
        let deadline = Instant::now() + self.options.wait;
        let mut connected = Vec::new();
        for channel in channels {
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            match channel.connected(left).wait() {
                Ok(_) => {
                    self.found.pvs.push(channel.name().to_owned());
                    connected.push(channel);
                }
                Err(_) => self.found.not_connected.push(channel.name().to_owned()),
            }
        }
        Ok(connected)
    }

    /// What can be put, with the values of now.
    fn targets(&mut self, channels: &[Channel]) -> Vec<Target> {
        let mut targets = Vec::new();
        for channel in channels {
            let writable = channel.status().rights.contains(AccessRights::WRITE);
            let value = channel.get(Channel::PLAIN, 0, self.options.wait).wait();
            match value {
                Ok(Some(value)) if writable && value.count > 0 => {
                    targets.push(Target { channel: channel.clone(), value });
                }
                _ => self.found.not_put.push(channel.name().to_owned()),
            }
        }
        targets
    }

    /// Puts, and puts back what was there.
    fn put_all(&mut self, context: &Context, targets: &[Target]) -> Result<()> {
        if targets.is_empty() {
            return Ok(());
        }
        self.put(context, targets)?;
        self.put_notify(targets)?;
        for target in targets {
            let put = target.put_notify(self.options.wait);
            self.note(&target.channel, put.map(drop));
        }
        Ok(())
    }

    fn meter(&mut self, name: &'static str) -> io::Result<Meter> {
        self.progress.show(name)?;
        Ok(Meter::new(name, self.options.time))
    }

    /// Keeps the first failure of a PV; false when there was one that ends the measurement.
    fn note(&mut self, channel: &Channel, result: Result<(), Error>) -> bool {
        let Err(error) = result else { return true };
        let name = channel.name();
        self.found.failures.entry(name.to_owned()).or_insert_with(|| {
            // The name stands before it.
            let reason = error.to_string();
            reason.strip_prefix(&format!("{name}: ")).map_or(reason.clone(), str::to_owned)
        });
        !(error.is_timeout() || error.is_disconnected())
    }
}

impl Target {
    fn put_notify(&self, wait: Duration) -> Result<Option<Data>, Error> {
        let value = &self.value;
        self.channel.put_notify(value.data_type, value.count, value.payload.to_bytes(), wait).wait()
    }
}
