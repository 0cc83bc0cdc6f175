//! Pipelined get and put of one double: our server and EPICS base's, in alternating rounds.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::ca::{Channel, Circuit};
use crate::peer::{Python, Server};
use crate::report::{Report, Table, f3};
use crate::stats::{Sample, paired_ratio};
use crate::wire::DBR_DOUBLE;

/// Pipelined READ_NOTIFY and WRITE of one double, ours beside EPICS base (rsrv), in alternating rounds
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The seqioc binary
    #[arg(long, value_name = "PATH")]
    ours: PathBuf,
    /// Our PV, a double scalar
    #[arg(long, default_value = "TEST:SERVER.example_pv")]
    pv: String,
    #[command(flatten)]
    python: Python,
    /// Rounds of each server
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Operations in a round
    #[arg(short, long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1000..=10_000_000))]
    ops: u32,
    /// Requests written at once
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1024))]
    batch: u32,
    /// Gets on their way at most; low enough that requests and replies fit the socket buffers
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..=4096))]
    window: u32,
}

/// What is known of one operation on one server after all rounds.
#[derive(Debug, Default)]
struct Series {
    us: Vec<f64>,
    cpu_us: Vec<f64>,
}

struct Side {
    server: Server,
    circuit: Circuit,
    channel: Channel,
    base: f64,
    gets: Series,
    puts: Series,
}

/// Runs the comparison.
///
/// # Errors
/// When a server does not start, or one reply is not what was asked for.
pub fn run(args: &Args, report: &mut Report) -> Result<()> {
    ensure!(args.batch <= args.window, "--batch {} is over --window {}", args.batch, args.window);
    let mut ours = Side::new(Server::ours(&args.ours)?, &args.pv)?;
    let mut base = Side::new(args.python.start("softioc", "softioc_peer.py")?, "BENCH:example_pv")?;
    for side in [&mut ours, &mut base] {
        side.round(args, args.ops / 10)?;
        (side.gets, side.puts) = Default::default();
    }
    for _ in 0..args.rounds {
        ours.round(args, args.ops)?;
        base.round(args, args.ops)?;
    }
    rounds_table(&ours, &base).print();
    let get = compare("get", &ours.gets, &base.gets, report);
    let put = compare("put", &ours.puts, &base.puts, report);
    report.check("every reply", true, "command, id, status, type, count, size and value as asked");
    report.target("get, ours/softioc", get, 0.7);
    report.target("put, ours/softioc", put, 0.5);
    Ok(())
}

impl Side {
    fn new(server: Server, pv: &str) -> Result<Self> {
        let mut circuit = server.circuit()?;
        let channel = circuit.create(pv).map_err(|e| server.explain(e))?;
        let Channel { dbr, count, rights, .. } = channel;
        ensure!(
            (dbr, count, rights) == (DBR_DOUBLE, 1, 3),
            "{pv} is not a double scalar, read-write: {channel:?}"
        );
        Ok(Self { server, circuit, channel, base: 0.0, gets: Series::default(), puts: Series::default() })
    }

    fn round(&mut self, args: &Args, ops: u32) -> Result<()> {
        let (us, cpu) = self.timed(ops, |side| side.get_round(args, ops))?;
        self.gets.us.push(us);
        self.gets.cpu_us.push(cpu);
        let (us, cpu) = self.timed(ops, |side| side.put_round(args, ops))?;
        self.puts.us.push(us);
        self.puts.cpu_us.push(cpu);
        Ok(())
    }

    /// Microseconds of wall and of server CPU per operation.
    fn timed(&mut self, ops: u32, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<(f64, f64)> {
        let (cpu, start) = (self.server.cpu_seconds()?, Instant::now());
        work(self).map_err(|e| self.server.explain(e))?;
        let wall = start.elapsed().as_secs_f64();
        let cpu = self.server.cpu_seconds()? - cpu;
        Ok((wall * 1e6 / f64::from(ops), cpu * 1e6 / f64::from(ops)))
    }

    /// One thread writes and reads: a batch leaves as soon as it has room in the window.
    fn get_round(&mut self, args: &Args, ops: u32) -> Result<()> {
        let (mut sent, mut got) = (0, 0);
        while got < ops {
            while sent < ops && sent - got + args.batch <= args.window {
                let upto = ops.min(sent + args.batch);
                (sent..upto).for_each(|ioid| self.circuit.push_get(&self.channel, DBR_DOUBLE, 1, ioid));
                self.circuit.flush()?;
                sent = upto;
            }
            let value = self.circuit.next()?.get_reply(got, DBR_DOUBLE, 1)?.f64_at(0)?;
            ensure!(value == self.base, "get {got} returned {value}, last put was {}", self.base);
            got += 1;
        }
        Ok(())
    }

    /// Every put changes the value; the get behind the last must see it.
    fn put_round(&mut self, args: &Args, ops: u32) -> Result<()> {
        let mut sent = 0;
        while sent < ops {
            let upto = ops.min(sent + args.batch);
            for _ in sent..upto {
                self.base += 1.0;
                self.circuit.push_put(&self.channel, DBR_DOUBLE, 1, &self.base.to_be_bytes());
            }
            self.circuit.flush()?;
            sent = upto;
        }
        let value = self.circuit.get_f64(&self.channel)?;
        ensure!(value == self.base, "the get behind {ops} puts returned {value}, last put was {}", self.base);
        Ok(())
    }
}

fn rounds_table(ours: &Side, base: &Side) -> Table {
    let mut table = Table::new(["us per op, round", "get ours", "get softioc", "put ours", "put softioc"]);
    for i in 0..ours.gets.us.len() {
        let cells = [ours.gets.us[i], base.gets.us[i], ours.puts.us[i], base.puts.us[i]];
        table.row([(i + 1).to_string()].into_iter().chain(cells.map(f3)));
    }
    table
}

/// Prints and keeps one operation's figures; returns the ratio of the medians.
fn compare(op: &str, ours: &Series, base: &Series, report: &mut Report) -> f64 {
    let mut table = Table::new([op, "median us", "min", "max", "server CPU us"]);
    for (name, series) in [("ours", ours), ("softioc", base)] {
        let (wall, cpu) = (Sample::new(series.us.clone()), Sample::new(series.cpu_us.clone()));
        table.row([name.to_owned(), f3(wall.median()), f3(wall.min()), f3(wall.max()), f3(cpu.median())]);
        report.figure(&format!("{op}.{name}.us"), series.us.clone());
        report.figure(&format!("{op}.{name}.cpu_us"), series.cpu_us.clone());
        report.figure(&format!("{op}.{name}.median_us"), wall.median());
        report.figure(&format!("{op}.{name}.median_cpu_us"), cpu.median());
    }
    let ratio = Sample::new(ours.us.clone()).median() / Sample::new(base.us.clone()).median();
    let paired = paired_ratio(&ours.us, &base.us);
    let cpu = paired_ratio(&ours.cpu_us, &base.cpu_us);
    table.row(["ratio of medians".to_owned(), f3(ratio)]);
    table.row(["median of paired ratios".to_owned(), f3(paired), String::new(), String::new(), f3(cpu)]);
    table.print();
    report.figure(&format!("{op}.ratio"), ratio);
    report.figure(&format!("{op}.paired_ratio"), paired);
    report.figure(&format!("{op}.paired_cpu_ratio"), cpu);
    ratio
}
