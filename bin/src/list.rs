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
            let commands =
                device.commands.into_iter().map(|command| ["command".into(), command.call, command.doc]);
            text += &columns(&commands.collect::<Vec<_>>());
            let pvs = device.pvs.into_iter().map(|pv| {
                let size = if pv.count > 1 { format!("[{}]", pv.count) } else { String::new() };
                [pv.name, pv.pv_type + &size, pv.access.into(), pv.units, pv.doc]
            });
            text += &columns(&pvs.collect::<Vec<_>>());
        }
    }
    Ok(output::write(&text)?)
}

/// Lines whose cells stand below each other, each column as wide as its widest cell.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: [usize; N] =
        std::array::from_fn(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or_default());
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("  {cell:<width$}"));
        format!("{}\n", cells.collect::<String>().trim_end())
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a.RESTARTS", "µm", "what"], ["b", "", "that"], ["c", "s", ""]]
            .map(|row| row.map(String::from));
        assert_eq!(columns(&rows), "  a.RESTARTS  µm  what\n  b               that\n  c           s\n");
        assert_eq!(columns::<2>(&[]), "");
    }
}
