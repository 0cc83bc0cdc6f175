//! `seqioc completion` and `seqioc man`: what the command line says of itself.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Command};
use clap_complete::Shell;

use crate::output;

/// Exit status when all is well, and otherwise.
pub(crate) const STATUS: &str =
    "Exit status: 0 it is written, 1 it could not be, 2 the command line is wrong.";

#[derive(Args)]
pub(crate) struct Completion {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Args)]
pub(crate) struct Man {
    /// Folder for the pages seqioc.1, seqioc-run.1, ...; it is made [default: the first goes to standard output]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(crate) fn complete(mut command: Command, options: &Completion) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command, "seqioc", &mut script);
    let of_devices = match options.shell {
        Shell::Bash => include_str!("cmd/complete.bash"),
        Shell::Zsh => include_str!("cmd/complete.zsh"),
        _ => "",
    };
    Ok(output::write(&(String::from_utf8(script)? + of_devices))?)
}

pub(crate) fn write(command: Command, options: &Man) -> Result<()> {
    let command = command.disable_help_subcommand(true);
    let Some(folder) = &options.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        return Ok(output::write(&String::from_utf8(page)?)?);
    };
    let write = || {
        std::fs::create_dir_all(folder)?;
        clap_mangen::generate_to(command, folder)
    };
    write().with_context(|| format!("{}", folder.display()))
}
