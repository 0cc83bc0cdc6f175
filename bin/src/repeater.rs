//! `seqioc repeater`: shares beacons among the clients of this host until it is told to stop.

use anyhow::Result;
use clap::Args;

#[derive(Args)]
pub(crate) struct Options {
    /// UDP port; 0 takes a free one [default: EPICS_CA_REPEATER_PORT, or 5065]
    #[arg(short, long, value_name = "PORT")]
    port: Option<u16>,
    /// Log clients that come and go
    #[arg(short, long)]
    verbose: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    wrapper::repeater::run(options.port, options.verbose)?;
    Ok(())
}
