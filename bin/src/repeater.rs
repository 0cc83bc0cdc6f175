//! `seqioc repeater`: shares beacons among the clients of this host until it is told to stop.

use anyhow::Result;
use clap::Args;

/// Every client of this host hears of servers that come up or live, whatever library it uses, as from caRepeater
/// of EPICS base. With EPICS_CAS_BEACON_ADDR_LIST the multicast groups in it are heard too.
/// Exits with 0 at once when a repeater runs already.
#[derive(Args)]
#[command(verbatim_doc_comment)]
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
