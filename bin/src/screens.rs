//! `seqioc screens` and `seqioc ophyd`: files for clients, from the table of PVs.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use screens::{File, Table};
use wrapper::config::ConfigFile;

use crate::{output, registry};

/// Exit status when all is well, and otherwise.
pub(crate) const STATUS: &str = "Exit status: 0 the files are written or were there already, 1 they could not be written, \
    or some differ and --force was not given, 2 the command line is wrong.";

#[derive(Args)]
pub(crate) struct Options {
    /// Folder for the files; it is made
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Devices [default: all]: kinds in the box, with --config names of the file, with --table names of the table
    #[arg(value_name = "DEVICE")]
    devices: Vec<String>,
    /// Take the devices and PVs of this TOML file, as "seqioc run" does
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Prefix of the PV names, as of "seqioc run": replaces the one of a single device, goes before those of several
    #[arg(long, value_name = "P")]
    prefix: Option<String>,
    /// Take a table that an IOC has printed with --list-pvs=json; "-" is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "prefix"])]
    table: Option<PathBuf>,
    /// Replace files that say something else
    #[arg(long)]
    force: bool,
}

pub(crate) fn screens(options: &Options) -> Result<()> {
    write(options, screens::screens)
}

pub(crate) fn ophyd(options: &Options) -> Result<()> {
    write(options, screens::ophyd)
}

fn write(options: &Options, make: fn(&Table) -> Vec<File>) -> Result<()> {
    let table = table(options)?;
    let files = make(&table);
    let done = screens::write(&options.folder, &files, options.force)?;
    let text = format!(
        "{}: {} files written, {} as they were, for {} devices and {} PVs\n",
        options.folder.display(),
        done.written,
        done.kept,
        table.devices.len(),
        table.pv_count()
    );
    Ok(output::write(&text)?)
}

fn table(options: &Options) -> Result<Table> {
    let (prefix, names) = (options.prefix.as_deref(), &options.devices);
    if let Some(path) = &options.table {
        let table = Table::parse(&read(path)?).with_context(|| path.display().to_string())?;
        return chosen(table, names);
    }
    let text = match options.config.as_deref().map(ConfigFile::load).transpose()? {
        Some(file) => {
            let devices = registry::of_file(&file, names, prefix)?;
            registry::table(devices, Some(file.group()?))?
        }
        None => registry::table(registry::in_the_box(&registry::select(names)?, prefix)?, None)?,
    };
    Ok(Table::parse(&serde_json::to_string(&text)?)?)
}

fn read(path: &Path) -> Result<String> {
    if path != Path::new("-") {
        return std::fs::read_to_string(path).with_context(|| path.display().to_string());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("standard input")?;
    Ok(text)
}

/// The devices of these names; all without names.
fn chosen(mut table: Table, names: &[String]) -> Result<Table> {
    for name in names {
        if !table.devices.iter().any(|device| device.name == *name) {
            let known: Vec<_> = table.devices.iter().map(|device| device.name.as_str()).collect();
            bail!("the table has no device {name:?}, only {}", known.join(", "));
        }
    }
    table.devices.retain(|device| names.is_empty() || names.contains(&device.name));
    Ok(table)
}
