//! `seqioc`: starts IOCs, lists devices.

mod list;
mod registry;
mod run;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Laboratory devices as EPICS PVs.
///
/// Exit status: 0 done, 1 it could not be done, 2 the command line is wrong.
#[derive(Parser)]
#[command(name = "seqioc", version, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve devices: the ones named, or all
    Run(run::Options),
    /// List the devices and their PVs
    List(list::Options),
}

fn main() -> ExitCode {
    if let Some(call) = tools::Call::of(std::env::args_os()) {
        return call.run();
    }
    let result = match Cli::parse().command {
        Command::Run(options) => run::run(&options),
        Command::List(options) => list::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seqioc: {error:#}");
            ExitCode::FAILURE
        }
    }
}
