//! The suite: every case of the design on our server and its peers, one table.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use crate::peer::{Python, Server};
use row::{Goal, Row, Series};

mod array;
mod client;
mod connect;
mod device;
mod docs;
mod fan;
mod idle;
mod image;
mod machine;
mod memory;
mod micro;
mod rising;
pub mod row;
pub mod run;
mod scalar;
mod setup;
mod svg;

/// What peers are called in tables.
const OURS: &str = "ours";
const RSRV: &str = "rsrv";
const PYTHON_SOFT_IOC: &str = "pythonSoftIOC";
const CAPROTO: &str = "caproto";

/// What the cases need.
struct Lab {
    /// The bench-server program.
    server: PathBuf,
    /// The bench-client program.
    client: PathBuf,
    /// The bench-micro program.
    micro: PathBuf,
    python: Python,
    quick: bool,
}

/// A server and what a case keeps of it.
struct Side<T> {
    server: Server,
    state: T,
}

/// One round.
#[derive(Default)]
struct Done {
    /// Operations that were checked.
    ops: u64,
    /// The round's value, where it is not the wall microseconds per operation.
    value: Option<f64>,
    /// Server CPU microseconds per operation, where it is not that of the whole round.
    cpu_us: Option<f64>,
    /// More figures.
    more: Option<Value>,
}

impl Done {
    /// So many checked operations.
    fn ops(ops: u64) -> Self {
        Self { ops, ..Self::default() }
    }
}

impl Lab {
    /// The first for a real run, the second for a smoke run.
    fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    fn ours(&self, args: &[&str]) -> Result<Server> {
        Server::program(OURS, &self.server, &owned(args))
    }

    /// rsrv, called `name` in the table.
    fn softioc(&self, name: &'static str, args: &[&str]) -> Result<Server> {
        self.python.start_with(name, "softioc_bench.py", &owned(args))
    }

    fn caproto(&self, args: &[&str]) -> Result<Server> {
        self.python.start_with(CAPROTO, "caproto_bench.py", &owned(args))
    }
}

impl<T> Side<T> {
    fn new(server: Server, open: impl FnOnce(&Server) -> Result<T>) -> Result<Self> {
        match open(&server) {
            Ok(state) => Ok(Self { server, state }),
            Err(error) => Err(server.explain(error)),
        }
    }
}

fn owned(args: &[&str]) -> Vec<String> {
    args.iter().map(|a| (*a).to_owned()).collect()
}

/// Runs rounds on each server in turn, after one that does not count; what fails ends the row, not the suite.
fn measure<T>(
    mut row: Row,
    rounds: usize,
    sides: &mut [Side<T>],
    mut work: impl FnMut(&mut Side<T>) -> Result<Done>,
) -> Row {
    row.sides = sides.iter().map(|s| Series::new(s.server.name)).collect();
    for round in 0..=rounds {
        for (side, series) in sides.iter_mut().zip(&mut row.sides) {
            if let Err(error) = one_round(side, series, round > 0, &mut work) {
                row.fault = Some(format!("{:#}", side.server.explain(error)));
                eprintln!("  FAILED {}: {}", row.case, row.fault.as_deref().unwrap_or_default());
                return row;
            }
        }
    }
    row
}

fn one_round<T>(
    side: &mut Side<T>,
    series: &mut Series,
    counts: bool,
    work: &mut impl FnMut(&mut Side<T>) -> Result<Done>,
) -> Result<()> {
    let (cpu, start) = (side.server.cpu_seconds()?, Instant::now());
    let done = work(side)?;
    let wall = start.elapsed().as_secs_f64();
    let cpu = side.server.cpu_seconds()? - cpu;
    if counts {
        let per_op = 1e6 / done.ops as f64;
        series.values.push(done.value.unwrap_or(wall * per_op));
        series.cpu_us.push(done.cpu_us.unwrap_or(cpu * per_op));
        series.work.push(done.ops);
        series.more.extend(done.more);
        series.rss_mb = side.server.rss()? / 1e6;
    }
    Ok(())
}

/// The Unix time.
fn now() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}
