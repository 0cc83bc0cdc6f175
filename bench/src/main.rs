//! Side-by-side Channel Access load programs. One subcommand per question; see README.md.

use std::fs;
use std::path::PathBuf;
use std::process::{ExitCode, exit};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::report::Report;

mod busy;
mod ca;
mod cpu;
mod fanout;
mod order;
mod peer;
mod pipelined;
mod report;
mod roundtrip;
mod stats;
mod suite;
mod wire;

/// Channel Access load programs: seqioc beside EPICS base, pythonSoftIOC and caproto, in one run, over loopback
///
/// Exit status: 0 all checks passed, 1 a check failed, 2 wrong arguments, 124 out of time, 130 interrupted.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Sub,
    /// Also write figures and checks to this file
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A missed target fails the run, as a failed check does
    #[arg(long, global = true)]
    strict: bool,
    /// End everything after this many seconds
    #[arg(long, global = true, value_name = "S", default_value_t = 1800)]
    max_seconds: u64,
}

#[derive(Subcommand)]
enum Sub {
    Pipelined(pipelined::Args),
    Roundtrip(roundtrip::Args),
    Busy(busy::Args),
    Order(order::Args),
    Fanout(fanout::Args),
    /// Every case on our server and its peers, one table: from a fresh clone, with nothing built
    All(suite::run::Args),
    /// Some of those cases
    Case {
        /// Which
        #[arg(required = true)]
        cases: Vec<suite::run::Case>,
        #[command(flatten)]
        args: suite::run::Args,
    },
}

impl Sub {
    fn name(&self) -> &'static str {
        match self {
            Self::Pipelined(_) => "pipelined",
            Self::Roundtrip(_) => "roundtrip",
            Self::Busy(_) => "busy",
            Self::Order(_) => "order",
            Self::Fanout(_) => "fanout",
            Self::All(_) => "all",
            Self::Case { .. } => "case",
        }
    }

    fn run(&self, report: &mut Report) -> Result<()> {
        match self {
            Self::Pipelined(args) => pipelined::run(args, report),
            Self::Roundtrip(args) => roundtrip::run(args, report),
            Self::Busy(args) => busy::run(args, report),
            Self::Order(args) => order::run(args, report),
            Self::Fanout(args) => fanout::run(args, report),
            Self::All(args) => suite::run::run(&[], args, report),
            Self::Case { cases, args } => suite::run::run(cases, args, report),
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(e) => {
            eprintln!("bench: {e:#}");
            ExitCode::from(1)
        }
    }
}

fn run(args: &Args) -> Result<bool> {
    leave_no_server_behind(Duration::from_secs(args.max_seconds))?;
    let mut report = Report::new(args.strict);
    let result = args.command.run(&mut report);
    if let Some(path) = &args.json {
        let text = report.to_json(args.command.name(), result.as_ref().err());
        fs::write(path, format!("{text:#}\n")).with_context(|| format!("writing {}", path.display()))?;
    }
    result.map(|()| report.passed())
}

/// A signal or the end of the time allowed ends the servers before it ends us.
fn leave_no_server_behind(limit: Duration) -> Result<()> {
    ctrlc::set_handler(|| stop("interrupted", 130))?;
    thread::spawn(move || {
        thread::sleep(limit);
        stop("out of time", 124);
    });
    Ok(())
}

fn stop(why: &str, status: i32) {
    eprintln!("bench: {why}");
    peer::end_all();
    exit(status);
}
