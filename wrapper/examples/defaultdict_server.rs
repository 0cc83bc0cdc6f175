//! Every name that is asked for is a PV, the number 0: on loopback only, because it answers for PVs of others too.

use std::process::ExitCode;

use wrapper::Launcher;

/// Most PVs that are made.
const MOST: usize = 100_000;

fn main() -> ExitCode {
    println!("this IOC answers to every name: other servers of this host cannot be told from it");
    Launcher::new("Every name is a PV")
        .local_only()
        .fallback(MOST, |name, group| group.pv(name, 0).add().map(drop))
        .run()
}
