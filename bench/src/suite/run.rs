//! The suite's commands: one case or all of them, printed, and written where asked.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::Value;

use super::row::{HEAD, Row};
use super::{
    Lab, array, client, connect, device, docs, fan, idle, image, machine, memory, micro, rising, scalar,
};
use crate::report::{Report, Table};

/// What the suite's commands share.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Python interpreter of an environment with softioc and caproto; made under the target folder when absent
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Few operations and rounds: whether everything works, not how fast it is
    #[arg(long)]
    quick: bool,
    /// Also write performance.md, performance.json and plots into this folder
    #[arg(long, value_name = "DIR")]
    write_docs: Option<PathBuf>,
}

/// A group of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Case {
    /// Get, put and put-notify of scalars
    Scalars,
    /// Get and put-notify of scalars, one at a time
    Sequential,
    /// Get, put and put-notify of arrays
    Arrays,
    /// Channels and searches
    Connect,
    /// Our client beside libca and caproto's
    Clients,
    /// Put to a device thread, monitor and completion
    Devices,
    /// One PV, many subscriptions
    Fan,
    /// Monitors at a rising rate
    Rising,
    /// Images, and a scalar beside them
    Images,
    /// Memory of PVs, channels, subscriptions and circuits
    Memory,
    /// CPU time of idle servers
    Idle,
    /// Codec, conversion, feed queue and port, with allocations
    Micro,
}

const ALL: [Case; 12] = [
    Case::Idle,
    Case::Memory,
    Case::Scalars,
    Case::Sequential,
    Case::Arrays,
    Case::Connect,
    Case::Clients,
    Case::Devices,
    Case::Fan,
    Case::Rising,
    Case::Images,
    Case::Micro,
];

impl Case {
    fn rows(self, lab: &Lab) -> Result<Vec<Row>> {
        match self {
            Self::Scalars => scalar::rows(lab),
            Self::Sequential => scalar::sequential(lab),
            Self::Arrays => array::rows(lab),
            Self::Connect => connect::rows(lab),
            Self::Clients => client::rows(lab),
            Self::Devices => device::rows(lab),
            Self::Fan => fan::rows(lab),
            Self::Rising => rising::rows(lab),
            Self::Images => image::rows(lab),
            Self::Memory => memory::rows(lab),
            Self::Idle => idle::rows(lab),
            Self::Micro => micro::rows(lab),
        }
    }
}

/// Runs some cases, or all.
///
/// # Errors
/// When the servers cannot be built, the environment not be made, or the results not be written.
pub fn run(cases: &[Case], args: &Args, report: &mut Report) -> Result<()> {
    let lab = Lab::new(args.python.clone(), args.quick)?;
    let (machine, start) = (machine::describe(&lab), Instant::now());
    let mut rows = Vec::new();
    for case in if cases.is_empty() { &ALL } else { cases } {
        let began = Instant::now();
        match case.rows(&lab) {
            Ok(more) => rows.extend(more),
            Err(error) => rows.push(Row::failed(format!("{case:?}"), &error)),
        }
        println!("{case:?}: {:.0} s", began.elapsed().as_secs_f64());
    }
    let seconds = start.elapsed().as_secs();
    tell(&rows, report);
    report.figure("machine", machine.clone());
    report.figure("seconds", seconds);
    report.figure("cases", rows.iter().map(Row::to_json).collect::<Vec<Value>>());
    println!("{seconds} s in all");
    if let Some(folder) = &args.write_docs {
        docs::write(folder, &machine, seconds, &rows)
            .with_context(|| format!("writing into {}", folder.display()))?;
        println!("written into {}", folder.display());
    }
    Ok(())
}

fn tell(rows: &[Row], report: &mut Report) {
    let mut table = Table::new(HEAD);
    rows.iter().for_each(|row| table.row(row.cells()));
    println!();
    table.print();
    rows.iter().filter(|row| !row.note.is_empty()).for_each(|row| println!("{}: {}", row.case, row.note));
    println!();
    for row in rows {
        if let Some(fault) = &row.fault {
            report.check(&row.case, false, fault);
        } else if row.met() == Some(false) {
            report
                .missed(&row.case, &format!("ratio or value {}, to reach {}", row.figure(), row.cells()[5]));
        }
    }
    if rows.iter().all(|row| row.fault.is_none()) {
        report.check("work", true, "every reply and update as asked, equal work on all servers");
    }
}
