//! `performance.md`, its JSON and its plots.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::row::{Goal, HEAD, Row, Series, short};
use super::svg::{Bar, Line, bars, lines};

const INTRO: &str = "# Performance

Written by `cargo run --release --manifest-path bench/Cargo.toml -- all --write-docs docs`; edit nothing here.

Our server, EPICS base's (rsrv, also under pythonSoftIOC) and caproto, side by side in one run over loopback: rounds alternate
between the servers, the same raw-socket client talks to each and checks every reply. A value is the median of the rounds, a ratio
the median of the ratios of paired rounds (ours to the peer's), a spread the smallest and the largest of them. Failed or unequal work
has no ratio. CPU time and memory are the server process's, or the client's in the rows of clients, ours / peers.
";

/// Writes all of it into a folder.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path, machine: &Value, seconds: u64, rows: &[Row]) -> Result<()> {
    let plots = folder.join("performance");
    fs::create_dir_all(&plots)?;
    let (ratios, delivered, ages) =
        (ratio_bars(rows), rate_lines(rows, "delivered_per_s"), rate_lines(rows, "age"));
    fs::write(plots.join("ratios.svg"), bars("ours to the peer; the mark is the target", &ratios))?;
    let axes = ("puts per second", "updates delivered per second");
    fs::write(plots.join("delivered.svg"), lines("one monitor at a rising rate", axes, &delivered))?;
    let axes = ("puts per second", "age p99, us");
    fs::write(plots.join("age.svg"), lines("one monitor at a rising rate", axes, &ages))?;
    let cases: Vec<_> = rows.iter().map(Row::to_json).collect();
    let all = json!({"machine": machine, "seconds": seconds, "cases": cases});
    fs::write(folder.join("performance.json"), format!("{all:#}\n"))?;
    fs::write(folder.join("performance.md"), page(machine, seconds, rows))?;
    Ok(())
}

fn page(machine: &Value, seconds: u64, rows: &[Row]) -> String {
    let mut out = INTRO.to_owned();
    out.push_str("\n## Machine and versions\n\n| what | value |\n|---|---|\n");
    for (key, value) in machine.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(inner) => inner.iter().for_each(|(k, v)| push_pair(&mut out, k, v)),
            None => push_pair(&mut out, key, value),
        }
    }
    push_pair(&mut out, "seconds for all cases", &json!(seconds));
    out.push_str("\n## Results\n\n");
    push_line(&mut out, &HEAD.map(str::to_owned));
    push_line(&mut out, &HEAD.map(|_| "---".to_owned()));
    let (micro, cases): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.unit == "ns/op");
    cases.iter().for_each(|row| push_line(&mut out, &row.cells()));
    for (file, what) in [("ratios", "ratios"), ("delivered", "delivered updates"), ("age", "ages")] {
        let _ = write!(out, "\n![{what}](performance/{file}.svg)\n");
    }
    out.push_str(&behind(rows));
    out.push_str("\n## Micro-benchmarks\n\n| operation | ns | spread | allocations |\n|---|---|---|---|\n");
    for row in &micro {
        let [name, _, ns, _, _, _, _, spread, _, _] = row.cells();
        push_line(&mut out, &[name, ns, spread, row.note.clone()]);
    }
    out.push_str("\n## Notes\n\n");
    for row in cases.iter().filter(|row| !row.note.is_empty()) {
        let _ = writeln!(out, "- {}: {}", row.case, row.note);
    }
    out
}

/// What was missed or failed, with what is known of the gap.
fn behind(rows: &[Row]) -> String {
    let mut out = "\n## Behind the target\n\n".to_owned();
    let missed: Vec<_> = rows.iter().filter(|r| r.met() == Some(false) || r.fault.is_some()).collect();
    if missed.is_empty() {
        out.push_str("Nothing.\n");
    }
    for row in missed {
        match &row.fault {
            Some(fault) => {
                let _ = writeln!(out, "- {}: failed: {}", row.case, fault.replace('\n', " "));
            }
            None => {
                let _ = writeln!(
                    out,
                    "- {}: {}, to reach {}. {}",
                    row.case,
                    row.figure(),
                    row.cells()[5],
                    gap(row, rows)
                );
            }
        }
    }
    out
}

/// What a time is made of, as far as it was measured: server CPU time, and for puts the client alone.
fn gap(row: &Row, rows: &[Row]) -> String {
    let (Some(ours), Some(peer)) = (row.sides.first(), row.peer()) else { return String::new() };
    if row.unit != "us/op" && row.unit != "us/channel" {
        return row.note.clone();
    }
    let (mine, theirs) = (ours.median(), peer.median());
    let cpu =
        format!("Server CPU time {} us beside {} us of {}", short(ours.cpu()), short(peer.cpu()), peer.name);
    if !row.case.starts_with("pipelined put,") {
        return format!(
            "{} us beside {} us. {cpu}: {:+.2} us of {:+.2} us; the rest is waiting, the kernel's and the client's time.",
            short(mine),
            short(theirs),
            ours.cpu() - peer.cpu(),
            mine - theirs
        );
    }
    let alone = rows.iter().find(|r| r.case.starts_with("client alone")).and_then(|r| r.sides.first());
    let alone = alone.map_or(f64::NAN, Series::median);
    format!(
        "{} us beside {} us. {cpu}; the client alone takes {} us on its core meanwhile.",
        short(mine),
        short(theirs),
        short(alone)
    )
}

fn push_pair(out: &mut String, key: &str, value: &Value) {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let _ = writeln!(out, "| {key} | {text} |");
}

fn push_line(out: &mut String, cells: &[String]) {
    let _ = writeln!(out, "| {} |", cells.join(" | ").replace('\n', " "));
}

fn ratio_bars(rows: &[Row]) -> Vec<Bar> {
    let bar = |row: &Row| {
        // a limit in the row's unit is no part of a ratio
        let (Goal::PartAtMost(_, limit) | Goal::PartAtLeast(_, limit)) = row.goal? else { return None };
        let peer = row.peer()?.name;
        let name = format!("{} ({peer})", row.case);
        Some(Bar { name, ratio: row.ratios()?.median(), target: limit, met: row.met() })
    };
    rows.iter().filter_map(bar).collect()
}

/// A line per server over the rates of the rising case.
fn rate_lines(rows: &[Row], what: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let rising = rows.iter().filter(|row| row.case.starts_with("monitor at"));
    for side in rising.flat_map(|row| &row.sides) {
        let Some(point) = point(side, what) else { continue };
        match lines.iter_mut().find(|line| line.name == side.name) {
            Some(line) => line.points.push(point),
            None => lines.push(Line { name: side.name.to_owned(), points: vec![point] }),
        }
    }
    lines
}

fn point(side: &Series, what: &str) -> Option<(f64, f64)> {
    let more = side.more.last()?;
    let value = if what == "age" { &more["age_us"]["p99"] } else { &more[what] };
    Some((more["puts_per_s"].as_f64()?, value.as_f64()?))
}
