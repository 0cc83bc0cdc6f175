//! `seqioc`: starts IOCs, lists devices, reads and writes PVs, explains the network.

mod bar;
mod bench;
mod cmd;
mod diagnose;
mod list;
mod manual;
mod new;
mod output;
mod registry;
mod repeater;
mod run;
mod screens;
mod search;
mod tools;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use wrapper::config::ConfigFile;

/// The tools that have a command line of their own.
const TOOLS: &str = "Channel Access tools, each with -h for its options:
  get      Read PVs, as caget of EPICS base
  put      Write PVs, as caput
  monitor  Show PVs as they change, as camonitor
  info     Show how PVs are connected, as cainfo";

/// Laboratory devices as EPICS PVs.
///
/// Exit status: 0 done, 1 it could not be done, 2 the command line is wrong.
#[derive(Parser)]
#[command(name = "seqioc", version, verbatim_doc_comment, after_help = TOOLS)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve devices: the ones named, or all
    #[command(after_help = wrapper::launch::STATUS)]
    Run(run::Options),
    /// Send a command to a device and show how it goes, until it is done; or list its commands
    ///
    /// On a terminal with a progress bar. Ctrl-C aborts the command; a second one ends only this program.
    #[command(after_help = cmd::STATUS)]
    Cmd(cmd::Options),
    /// Write a crate for a device of one's own, which builds, is tested and runs
    #[command(after_help = new::STATUS)]
    New(new::Options),
    /// Measure any server: connect, get, put, put with completion, monitor
    ///
    /// Nothing is changed without --put. It takes the time of --time for each measurement, and no longer than --wait for what
    /// does not answer.
    #[command(after_help = bench::STATUS)]
    Bench(bench::Options),
    /// Print the JSON schema of the config file
    ///
    /// Editors check a TOML file against it.
    #[command(after_help = manual::STATUS)]
    Schema,
    /// List the devices and their PVs
    #[command(
        after_help = "Exit status: 0 they are listed, 1 they could not be, 2 the command line is wrong."
    )]
    List(list::Options),
    /// Write operator screens of the devices for Phoebus (.bob) and PyDM (.ui)
    ///
    /// One for each device, with its groups, commands, images and what goes on, one for details where there are some, and
    /// an overview that leads to all. No device is started.
    #[command(after_help = screens::STATUS)]
    Screens(screens::Options),
    /// Write Python modules with ophyd classes of the devices, and a happi database
    ///
    /// happi_db.json names the modules, so DIR belongs on PYTHONPATH. No device is started.
    #[command(after_help = screens::STATUS)]
    Ophyd(screens::Options),
    /// Share the beacons of servers among the clients of this host
    ///
    /// All of them hear of servers that come up or live, whatever library they use, as from caRepeater of EPICS base.
    /// Multicast groups in EPICS_CAS_BEACON_ADDR_LIST are heard too. It ends with 0 at once when a repeater runs already,
    /// else with SIGINT or SIGTERM.
    #[command(after_help = repeater::STATUS)]
    Repeater(repeater::Options),
    /// Show who has a name: every server that answers, from where and how fast
    ///
    /// Searches as any client does: EPICS_CA_ADDR_LIST over UDP, EPICS_CA_NAME_SERVERS over TCP. Two servers with one
    /// name are warned of.
    #[command(after_help = search::STATUS)]
    Search(search::Options),
    /// Explain the network settings: what each variable means here, who is there, what is wrong
    #[command(after_help = diagnose::STATUS)]
    Diagnose(diagnose::Options),
    /// Print what makes a shell complete the words of a command line
    ///
    /// For bash: seqioc completion bash > ~/.local/share/bash-completion/completions/seqioc.
    /// In bash and zsh the commands of a device too, which is asked: `seqioc cmd TEST:SERVER.` and the Tab key
    #[command(after_help = manual::STATUS)]
    Completion(manual::Completion),
    /// Print the manual page, or write one for each subcommand
    #[command(after_help = manual::STATUS)]
    Man(manual::Man),
}

fn main() -> ExitCode {
    if let Some(call) = tools::Call::of(std::env::args_os()) {
        return call.run();
    }
    let result = match Cli::parse().command {
        Command::Run(options) => run::run(&options).map(done),
        Command::Cmd(options) => cmd::run(&options),
        Command::New(options) => new::run(&options).map(done),
        Command::Bench(options) => bench::run(&options),
        Command::Schema => schema().map(done),
        Command::List(options) => list::run(&options).map(done),
        Command::Screens(options) => screens::screens(&options).map(done),
        Command::Ophyd(options) => screens::ophyd(&options).map(done),
        Command::Repeater(options) => repeater::run(&options).map(done),
        Command::Search(options) => search::run(&options),
        Command::Diagnose(options) => diagnose::run(&options),
        Command::Completion(options) => manual::complete(whole(), &options).map(done),
        Command::Man(options) => manual::write(whole(), &options).map(done),
    };
    match result {
        Ok(status) => status,
        Err(error) => match error.downcast::<clap::Error>() {
            Ok(wrong) => wrong.exit(),
            Err(error) => {
                eprintln!("seqioc: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

/// The command line with the tools, which have parsers of their own.
fn whole() -> clap::Command {
    Cli::command().subcommands(tools::describe::commands()).after_help(None::<&str>)
}

/// Prints the schema of the config file.
fn schema() -> anyhow::Result<()> {
    Ok(output::write(&format!("{}\n", serde_json::to_string_pretty(&ConfigFile::schema())?))?)
}

fn done((): ()) -> ExitCode {
    ExitCode::SUCCESS
}
