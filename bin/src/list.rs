//! `seqioc list`: devices and PVs.

use anyhow::Result;
use clap::Args;

use crate::registry;

#[derive(Args)]
pub(crate) struct Options {
    /// Devices to list [default: all]
    #[arg(value_name = "DEVICE")]
    devices: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut all = Vec::new();
    for kind in registry::select(&options.devices)? {
        let (builder, _) = registry::build(&[kind], None)?;
        let pvs = builder.describe();
        if options.json {
            all.push(serde_json::json!({
                "device": kind.name, "prefix": kind.prefix, "about": kind.about, "pvs": pvs,
            }));
            continue;
        }
        println!("{} ({}): {}", kind.name, kind.prefix, kind.about);
        for pv in pvs {
            let size = if pv.count > 1 { format!("[{}]", pv.count) } else { String::new() };
            let kind = format!("{}{size}", pv.pv_type);
            println!("  {:<28} {kind:<14} {} {:<3} {}", pv.name, pv.access, pv.units, pv.doc);
        }
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&all)?);
    }
    Ok(())
}
