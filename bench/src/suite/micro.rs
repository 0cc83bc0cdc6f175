//! The rows of the bench-micro program, which counts its own allocations and so is a process of its own.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Lab, OURS, Row, Series};

/// A row per operation: nanoseconds, and allocations in the note.
pub fn rows(lab: &Lab) -> Result<Vec<Row>> {
    let mut command = Command::new(&lab.micro);
    command.args(lab.pick(&[][..], &["--quick"][..]));
    let output = command.output().context("starting bench-micro")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "bench-micro: {}\n{said}", output.status);
    String::from_utf8_lossy(&output.stdout).lines().map(row).collect()
}

fn row(line: &str) -> Result<Row> {
    let line: Value = serde_json::from_str(line).with_context(|| format!("bench-micro said {line}"))?;
    let numbers =
        |key: &str| -> Option<Vec<f64>> { line[key].as_array()?.iter().map(Value::as_f64).collect() };
    let (name, ns) = (line["name"].as_str().context("no name")?, numbers("ns").context("no times")?);
    let allocations = line["allocations"].as_f64().context("no allocations")?;
    let mut row = Row::new(name, "ns/op", None);
    row.sides = vec![Series { values: ns, ..Series::new(OURS) }];
    Ok(row.note(format!("{allocations:.3} per op")))
}
