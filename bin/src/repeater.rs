//! `seqioc repeater`: shares beacons among the clients of this host until it is told to stop.

use anyhow::Result;
use clap::Args;

/// Exit status when all is well, and otherwise.
pub(crate) const STATUS: &str = "Exit status: 0 stopped by SIGINT or SIGTERM, or a repeater runs already, 1 the port cannot \
    be had, 2 the command line is wrong, 130 a second SIGINT while it stopped.";

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
