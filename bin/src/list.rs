//! `seqioc list`: devices and PVs.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;

use crate::{output, registry};

#[derive(Args)]
pub(crate) struct Options {
    /// Devices to list [default: all]
    #[arg(value_name = "DEVICE", value_parser = registry::names())]
    devices: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut text = String::new();
    let kinds = registry::select(&options.devices)?;
    if options.json {
        let table = registry::table(registry::in_the_box(&kinds, None)?, None)?;
        writeln!(text, "{}", serde_json::to_string_pretty(&table)?)?;
        return Ok(output::write(&text)?);
    }
    for kind in kinds {
        writeln!(text, "{} ({}): {}", kind.name, kind.prefix, kind.about)?;
        for device in registry::build(registry::in_the_box(&[kind], None)?)?.describe_devices() {
            for command in device.commands {
                writeln!(text, "  command {:<50} {}", command.call, command.doc)?;
            }
            for pv in device.pvs {
                let size = if pv.count > 1 { format!("[{}]", pv.count) } else { String::new() };
                let kind = format!("{}{size}", pv.pv_type);
                writeln!(text, "  {:<28} {kind:<14} {} {:<3} {}", pv.name, pv.access, pv.units, pv.doc)?;
            }
        }
    }
    Ok(output::write(&text)?)
}
