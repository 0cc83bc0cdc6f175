//! `seqioc run`: serves devices until it is told to stop.

use anyhow::Result;
use clap::Args;
use wrapper::launch::{self, RunOptions};

use crate::registry;

#[derive(Args)]
pub(crate) struct Options {
    /// Devices to serve [default: all]
    #[arg(value_name = "DEVICE", value_parser = registry::names())]
    devices: Vec<String>,
    #[command(flatten)]
    run: RunOptions,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    launch::start_log(&options.run);
    let kinds = registry::select(&options.devices);
    let (builder, devices) = registry::build(&kinds, Some(&options.run))?;
    let mut hints: Vec<_> = devices
        .iter()
        .map(|(kind, prefix)| format!("  {:<10} {prefix:<16} {}", kind.name, kind.about))
        .collect();
    match devices.iter().find(|(kind, _)| kind.name == "example") {
        Some((_, prefix)) => hints.extend(launch::hints(prefix)),
        None => hints.push("Ctrl-C stops.".to_owned()),
    }
    launch::run(builder, &options.run, &hints)?;
    Ok(())
}
