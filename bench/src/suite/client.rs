//! Our client beside libca and caproto's: connecting and getting, monitoring, doing nothing.
//!
//! Every client is a process of its own that is made for each round; its CPU time is read while it lives.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::row::Series;
use super::row::short;
use super::{CAPROTO, Goal, Lab, OURS, RSRV, Row};
use crate::peer::{Server, free_port};

/// libca as a C program.
const LIBCA: &str = "libca";
/// libca under Python.
const AIOCA: &str = "aioca";
/// Channels of the connecting clients.
const CHANNELS: u32 = 10_000;
/// The same of clients in Python.
const FEWER: u32 = 1000;
/// Monitored PVs, and posts of each per second.
const MONITORED: u32 = 1000;
const RATE: u32 = 10;
/// Channels of an idle client.
const IDLE: u32 = 100;
/// Above this, in milliseconds per second, CPU time counts as measurable.
const NONE: f64 = 0.1;

/// The client programs.
struct Clients<'a> {
    lab: &'a Lab,
    libca: PathBuf,
}

/// All rows of clients.
pub fn rows(lab: &Lab) -> Result<Vec<Row>> {
    let clients = Clients { lab, libca: libca(lab)? };
    let ours = lab.ours(&["--pvs", "10000"])?;
    let mut rows = vec![clients.connecting(&ours, "ours")?];
    drop(ours);
    let rsrv = lab.softioc(RSRV, &["pvs=10000"])?;
    rows.push(clients.connecting(&rsrv, RSRV)?);
    drop(rsrv);
    rows.push(clients.monitoring()?);
    rows.push(clients.idle()?);
    Ok(rows)
}

/// Compiles the program that uses libca, against the one that the Python environment holds.
fn libca(lab: &Lab) -> Result<PathBuf> {
    let ask =
        "import epicscorelibs.path as p; print(p.include_path, p.get_lib('ca'), p.get_lib('Com'), sep='\\n')";
    let answer = Command::new(&lab.python.python).args(["-c", ask]).output().context("asking for libca")?;
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    let mut lines = answer.lines();
    let mut next = || lines.next().map(PathBuf::from).context("no libca in the Python environment");
    let (include, ca, com) = (next()?, next()?, next()?);
    let folder = ca.parent().unwrap_or(Path::new("."));
    let program = lab.client.with_file_name("libca-client");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-o"]).arg(&program).arg(lab.python.peers.join("libca_client.c"));
    for part in ["", "os/Linux", "compiler/gcc"] {
        cc.arg("-I").arg(include.join(part));
    }
    cc.args([&ca, &com]).arg(format!("-Wl,-rpath,{}", folder.display()));
    let status = cc.status().context("starting the C compiler that Rust links with")?;
    ensure!(status.success(), "cc: {status}");
    Ok(program)
}

impl Clients<'_> {
    /// Starts a client that is ready for what it is to do.
    fn start(
        &self,
        name: &'static str,
        what: &str,
        count: u32,
        server: &Server,
        repeater: Option<u16>,
    ) -> Result<Server> {
        let mut command = match name {
            OURS => Command::new(&self.lab.client),
            LIBCA => Command::new(&self.libca),
            _ => Command::new(&self.lab.python.python),
        };
        if let AIOCA | CAPROTO = name {
            let script = self.lab.python.peers.join(format!("{name}_client.py"));
            command.args(["-u", "-B"]).arg(script);
        }
        command.arg(what).arg(count.to_string());
        server.client(name, command, repeater)
    }

    /// From nothing to the values of all channels.
    fn connecting(&self, server: &Server, of: &str) -> Result<Row> {
        let case = format!("client: connect {CHANNELS} channels of {of} and get them all");
        let row = Row::new(case, "us/channel", Some(Goal::PartAtMost(LIBCA, 1.0)));
        let row = self.measure(row, &[OURS, LIBCA, AIOCA, CAPROTO], self.lab.pick(7, 1), |name, series| {
            let count = if let AIOCA | CAPROTO = name { FEWER } else { CHANNELS };
            let mut client = self.start(name, "connect", count, server, None)?;
            let (cpu, start) = (client.cpu_seconds()?, Instant::now());
            client.tell("go")?;
            client.wait_line("done")?;
            let (wall, cpu) = (start.elapsed().as_secs_f64(), client.cpu_seconds()? - cpu);
            series.push(u64::from(count), wall * 1e6 / f64::from(count), cpu, client.rss()?);
            Ok(())
        });
        Ok(row.demand_equal_work(&[AIOCA, CAPROTO]).note(format!(
            "the client's CPU time; libca as a C program; {AIOCA} and {CAPROTO} with {FEWER} channels"
        )))
    }

    /// Many PVs that change at a steady rate.
    fn monitoring(&self) -> Result<Row> {
        let mut server = self.lab.ours(&["--pvs", &MONITORED.to_string()])?;
        server.tell(&format!("start all {MONITORED} {RATE}"))?;
        let case = format!("client: {MONITORED} PVs monitored at {RATE} Hz");
        let row = Row::new(case, "updates/s", Some(Goal::PartAtMost(LIBCA, 0.5)));
        let seconds = self.lab.pick(7, 2);
        let mut row =
            self.measure(row, &[OURS, LIBCA, AIOCA, CAPROTO], self.lab.pick(3, 1), |name, series| {
                let mut client = self.start(name, "monitor", MONITORED, &server, None)?;
                let mut read = || -> Result<(u64, f64)> {
                    client.tell("count")?;
                    let updates = client.wait_line("updates")?["updates"].as_u64().context("no number")?;
                    Ok((updates, client.cpu_seconds()?))
                };
                let (before, start) = (read()?, Instant::now());
                sleep(Duration::from_secs(seconds));
                let (after, wall) = (read()?, start.elapsed().as_secs_f64());
                let updates = after.0 - before.0;
                series.push(updates, updates as f64 / wall, after.1 - before.1, client.rss()?);
                Ok(())
            });
        row.by_cpu = true;
        let all = f64::from(MONITORED * RATE);
        if row.sides.iter().take(2).any(|side| side.median() < 0.98 * all) {
            row.fault
                .get_or_insert(format!("{all} updates/s were posted, not all came: no ratio of CPU time"));
        }
        let part = row.sides.get(2).map(|aioca| row.sides[0].cpu() / aioca.cpu());
        Ok(row.note(format!(
            "the client's CPU time per update; libca as a C program that only counts; {} of {AIOCA}'s, which is libca \
             under Python",
            short(part.unwrap_or(f64::NAN))
        )))
    }

    /// Channels that do not change. Ours is the repeater of its host, libca registers with it.
    fn idle(&self) -> Result<Row> {
        let server = self.lab.ours(&["--pvs", &IDLE.to_string()])?;
        let repeater = Some(free_port()?);
        let ours = self.start(OURS, "monitor", IDLE, &server, repeater)?;
        let libca = self.start(LIBCA, "monitor", IDLE, &server, repeater)?;
        // the first registrations and echoes are over
        sleep(Duration::from_secs(self.lab.pick(3, 1)));
        let seconds = self.lab.pick(10, 2);
        let read = |client: &Server| client.cpu_seconds().map(|cpu| (cpu * 1e3, client.wakeups()));
        let before = [read(&ours)?, read(&libca)?];
        sleep(Duration::from_secs(seconds));
        let after = [read(&ours)?, read(&libca)?];
        let per_second =
            |i: usize, of: fn(&(f64, f64)) -> f64| (of(&after[i]) - of(&before[i])) / seconds as f64;
        let values = [(OURS, per_second(0, |r| r.0)), (LIBCA, per_second(1, |r| r.0))];
        let case = format!("client: idle for {seconds} s, {IDLE} monitors");
        let row = Row::of(case, "ms CPU per s", Some(Goal::Limit(NONE)), &values);
        let [ours, libca] = [per_second(0, |r| r.1), per_second(1, |r| r.1)].map(short);
        Ok(row.note(format!("threads woken {ours} times per s, libca's {libca} times")))
    }

    /// A round of each client in turn; what fails ends the row.
    fn measure(
        &self,
        mut row: Row,
        names: &[&'static str],
        rounds: usize,
        mut work: impl FnMut(&'static str, &mut Series) -> Result<()>,
    ) -> Row {
        row.sides = names.iter().map(|name| Series::new(name)).collect();
        for _ in 0..rounds {
            for side in &mut row.sides {
                if let Err(error) = work(side.name, side) {
                    row.fault = Some(format!("{error:#}"));
                    eprintln!("  FAILED {}: {error:#}", row.case);
                    return row;
                }
            }
        }
        row
    }
}

impl Series {
    /// One round of a client: operations, value, CPU seconds, resident bytes.
    fn push(&mut self, ops: u64, value: f64, cpu: f64, rss: f64) {
        self.values.push(value);
        self.cpu_us.push(cpu * 1e6 / ops as f64);
        self.work.push(ops);
        self.rss_mb = rss / 1e6;
    }
}
