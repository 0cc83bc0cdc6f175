//! `seqioc run`: serves devices until it is told to stop.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use wrapper::config::ConfigFile;
use wrapper::launch::{self, RunOptions};

use crate::registry::{self, Served};

#[derive(Args)]
pub(crate) struct Options {
    /// Devices to serve [default: all]: kinds in the box, or with --config names of the file
    #[arg(value_name = "DEVICE")]
    devices: Vec<String>,
    /// Serve the devices and PVs of this TOML file; "seqioc schema" describes it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    panel: panel::Options,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    launch::start_log(&options.run);
    let file = options.config.as_deref().map(ConfigFile::load).transpose()?;
    let prefix = options.run.prefix.as_deref();
    let devices = match &file {
        Some(file) => registry::of_file(file, &options.devices, prefix)?,
        None => registry::in_the_box(&registry::select(&options.devices)?, prefix)?,
    };
    let hints = hints(&devices);
    let mut builder = registry::build(devices)?;
    if let Some(file) = &file {
        builder = file.services(builder.group(file.group()?))?;
    }
    launch::run_with_services(builder, &options.run, &hints, vec![Box::new(options.panel.clone())])?;
    Ok(())
}

/// The devices, and what to try.
fn hints(devices: &[Served]) -> Vec<String> {
    let mut hints: Vec<_> =
        devices.iter().map(|d| format!("  {:<10} {:<16} {}", d.name, d.prefix, d.kind.about)).collect();
    match devices.iter().find(|device| device.kind.name == "example") {
        Some(example) => hints.extend(launch::hints(&example.prefix, &[])),
        None => hints.push("Ctrl-C stops.".to_owned()),
    }
    hints
}
