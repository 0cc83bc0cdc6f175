//! Many subscriptions of one PV on one circuit, a writer on another.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use crate::ca::{Channel, Circuit};
use crate::peer::{Python, Server};
use crate::report::{Report, Table, f3};
use crate::stats::Sample;
use crate::wire::{DBR_DOUBLE, DBR_TIME_DOUBLE, TIME_DOUBLE_VALUE};

/// The writer sleeps this long between looks at the clock; two or three puts are due then at 20 kHz.
const TICK: Duration = Duration::from_micros(50);

/// 200 subscriptions of one PV on one circuit, a writer at 20 kHz on a second: updates and server CPU, ours beside EPICS base
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
    /// Subscriptions
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    subscriptions: u32,
    /// Puts per second
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// Seconds of a round
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// Rounds of each server
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
}

struct Side {
    server: Server,
    reader: Circuit,
    writer: Circuit,
    target: Channel,
    /// Subscription ids are `first..first + subscriptions`.
    first: u32,
    value: f64,
    rounds: Vec<Round>,
}

#[derive(Clone, Copy)]
struct Round {
    puts_per_s: f64,
    updates_per_s: f64,
    /// Server CPU per second of wall time.
    cores: f64,
    cpu_us_per_update: f64,
}

/// Runs the comparison.
///
/// # Errors
/// When a server does not start, an update is bad, or the last value does not reach every subscription.
pub fn run(args: &Args, report: &mut Report) -> Result<()> {
    let mut ours = Side::new(Server::ours(&args.ours)?, &args.pv, args)?;
    let mut base = Side::new(args.python.start("softioc", "softioc_peer.py")?, "BENCH:example_pv", args)?;
    let mut table = Table::new(["round", "server", "puts/s", "updates/s", "cores", "CPU us/update"]);
    for round in 1..=args.rounds {
        for side in [&mut ours, &mut base] {
            let r = side.round(args).map_err(|e| side.server.explain(e))?;
            let cells = [format!("{:.0}", r.puts_per_s), format!("{:.0}", r.updates_per_s)];
            let cells = cells.into_iter().chain([f3(r.cores), f3(r.cpu_us_per_update)]);
            table.row([round.to_string(), side.server.name.to_owned()].into_iter().chain(cells));
            side.rounds.push(r);
        }
    }
    table.print();
    tell(&ours, &base, report);
    Ok(())
}

impl Side {
    fn new(server: Server, pv: &str, args: &Args) -> Result<Self> {
        let mut reader = server.circuit()?;
        let mut writer = server.circuit()?;
        let watched = reader.create(pv).map_err(|e| server.explain(e))?;
        let target = writer.create(pv).map_err(|e| server.explain(e))?;
        let first = reader.id();
        (0..args.subscriptions).for_each(|i| reader.push_monitor(&watched, DBR_TIME_DOUBLE, 1, first + i));
        reader.flush()?;
        let mut side = Self { server, reader, writer, target, first, value: 0.0, rounds: Vec::new() };
        let start = side.writer.get_f64(&side.target)?;
        side.value = start;
        read_until(&mut side.reader, first, args.subscriptions, start).map_err(|e| side.server.explain(e))?;
        Ok(side)
    }

    /// Writer in a thread of its own, reader here, until the last value has reached every subscription.
    fn round(&mut self, args: &Args) -> Result<Round> {
        let puts = args.rate * args.seconds;
        let (from, last) = (self.value, self.value + f64::from(puts));
        self.value = last;
        let (cpu, start) = (self.server.cpu_seconds()?, Instant::now());
        let (writer, target, reader) = (&mut self.writer, &self.target, &mut self.reader);
        let (updates, written) = thread::scope(|scope| {
            let writing = scope.spawn(move || write(writer, target, from, puts, args.rate));
            let updates = read_until(reader, self.first, args.subscriptions, last);
            let written = writing.join().map_err(|_| anyhow!("the writer panicked"))??;
            // the writer's error comes first: it is the cause when both fail
            anyhow::Ok((updates?, written))
        })?;
        let wall = start.elapsed().as_secs_f64();
        let cpu = self.server.cpu_seconds()? - cpu;
        let updates = updates as f64;
        Ok(Round {
            puts_per_s: f64::from(puts) / written,
            updates_per_s: updates / wall,
            cores: cpu / wall,
            cpu_us_per_update: cpu * 1e6 / updates,
        })
    }
}

/// Puts rising values at a rate; returns the seconds it took.
pub fn write(circuit: &mut Circuit, target: &Channel, from: f64, puts: u32, rate: u32) -> Result<f64> {
    let start = Instant::now();
    let mut sent = 0;
    while sent < puts {
        let due = ((start.elapsed().as_secs_f64() * f64::from(rate)) as u32).min(puts);
        while sent < due {
            sent += 1;
            circuit.push_put(target, DBR_DOUBLE, 1, &(from + f64::from(sent)).to_be_bytes());
        }
        circuit.flush()?;
        thread::sleep(TICK);
    }
    // an error answer to any of the puts would come before this reply
    let value = circuit.get_f64(target)?;
    ensure!(value == from + f64::from(puts), "the get behind the puts returned {value}");
    Ok(start.elapsed().as_secs_f64())
}

/// Counts updates until each subscription has shown `last`; values of one subscription must rise.
pub fn read_until(circuit: &mut Circuit, first: u32, subscriptions: u32, last: f64) -> Result<u64> {
    let mut seen = vec![f64::NEG_INFINITY; subscriptions as usize];
    let (mut updates, mut finished) = (0, 0);
    while finished < subscriptions {
        let message = circuit.next()?;
        let subid = message.head.p2;
        let at = subid.wrapping_sub(first) as usize;
        ensure!(at < seen.len(), "update for an unknown subscription: {}", message.head);
        let value = message.update(subid, DBR_TIME_DOUBLE, 1)?.f64_at(TIME_DOUBLE_VALUE)?;
        ensure!(value > seen[at] && value <= last, "subscription {at} got {value} behind {}", seen[at]);
        seen[at] = value;
        updates += 1;
        finished += u32::from(value == last);
    }
    Ok(updates)
}

fn tell(ours: &Side, base: &Side, report: &mut Report) {
    for side in [ours, base] {
        for (name, of) in [
            ("puts_per_s", (|r: &Round| r.puts_per_s) as fn(&Round) -> f64),
            ("updates_per_s", |r| r.updates_per_s),
            ("cores", |r| r.cores),
            ("cpu_us_per_update", |r| r.cpu_us_per_update),
        ] {
            report.figure(&format!("{}.{name}", side.server.name), side.median(of));
        }
    }
    let ratio = |of: fn(&Round) -> f64| ours.median(of) / base.median(of);
    println!("cores ours/softioc {}\n", f3(ratio(|r| r.cores)));
    report.check("last value", true, "reached every subscription in every round, values rising");
    report.target("updates/s, softioc/ours", 1.0 / ratio(|r| r.updates_per_s), 1.0);
    report.target("CPU per update, ours/softioc", ratio(|r| r.cpu_us_per_update), 0.5);
}

impl Side {
    fn median(&self, of: fn(&Round) -> f64) -> f64 {
        Sample::new(self.rounds.iter().map(of).collect()).median()
    }
}
