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
    let mut all = Vec::new();
    let mut text = String::new();
    for kind in registry::select(&options.devices)? {
        let builder = registry::build(registry::in_the_box(&[kind], None)?)?;
        let pvs = builder.describe();
        let commands: Vec<_> =
            kind.device()?.commands().iter().map(|c| (c.to_string(), c.doc().to_owned())).collect();
        if options.json {
            all.push(serde_json::json!({
                "device": kind.name, "prefix": kind.prefix, "about": kind.about, "pvs": pvs,
                "commands": commands.iter().map(|(call, doc)| serde_json::json!({ "call": call, "doc": doc })).collect::<Vec<_>>(),
            }));
            continue;
        }
        writeln!(text, "{} ({}): {}", kind.name, kind.prefix, kind.about)?;
        for (call, doc) in commands {
            writeln!(text, "  command {call:<50} {doc}")?;
        }
        for pv in pvs {
            let size = if pv.count > 1 { format!("[{}]", pv.count) } else { String::new() };
            let kind = format!("{}{size}", pv.pv_type);
            writeln!(text, "  {:<28} {kind:<14} {} {:<3} {}", pv.name, pv.access, pv.units, pv.doc)?;
        }
    }
    if options.json {
        writeln!(text, "{}", serde_json::to_string_pretty(&all)?)?;
    }
    Ok(output::write(&text)?)
}
