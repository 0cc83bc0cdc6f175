//! Put to a request PV, a device thread, monitor update of a response PV: three servers, the same client.

use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};

use crate::ca::{Channel, Circuit};
use crate::peer::{Python, Server};
use crate::report::{Report, Table, f1, f3};
use crate::stats::Sample;
use crate::wire::{DBR_DOUBLE, DBR_LONG, DBR_TIME_DOUBLE, TIME_DOUBLE_VALUE};

/// Put -> device thread -> monitor update: ours, pythonSoftIOC and caproto, in alternating rounds
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The seqioc binary
    #[arg(long, value_name = "PATH")]
    ours: PathBuf,
    #[command(flatten)]
    python: Python,
    /// Round trips of each server
    #[arg(short, value_name = "N", default_value_t = 3000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    n: u32,
    /// Round trips before the next server has its turn
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    round: u32,
}

struct Side {
    server: Server,
    circuit: Circuit,
    request: Channel,
    subid: u32,
    last: f64,
    us: Vec<f64>,
}

/// Runs the comparison.
///
/// # Errors
/// When a server does not start, or an update is not the answer to the put in front of it.
pub fn run(args: &Args, report: &mut Report) -> Result<()> {
    let ours = Server::ours(&args.ours)?;
    no_delay(&ours).map_err(|e| ours.explain(e))?;
    let softioc = args.python.start("pythonSoftIOC", "softioc_roundtrip.py")?;
    let caproto = args.python.start("caproto", "caproto_roundtrip.py")?;
    let mut sides = [Side::new(ours, "wt:")?, Side::new(softioc, "BENCH:")?, Side::new(caproto, "BENCH:")?];
    for side in &mut sides {
        side.round(50.min(args.n))?;
        side.us.clear();
    }
    let mut left = args.n;
    while left > 0 {
        let turn = left.min(args.round);
        for side in &mut sides {
            side.round(turn)?;
        }
        left -= turn;
    }
    tell(&sides, report);
    Ok(())
}

/// The clock takes 0.2 s per request unless told not to.
fn no_delay(ours: &Server) -> Result<()> {
    let mut circuit = ours.circuit()?;
    let delay = circuit.create("wt:delay")?;
    circuit.put_f64_wait(&delay, 0.0)?;
    let found = circuit.get_f64(&delay)?;
    ensure!(found == 0.0, "wt:delay is {found} after a put of 0");
    Ok(())
}

impl Side {
    fn new(server: Server, prefix: &str) -> Result<Self> {
        let (circuit, request, subid, last) = Self::open(&server, prefix).map_err(|e| server.explain(e))?;
        Ok(Self { server, circuit, request, subid, last, us: Vec::new() })
    }

    fn open(server: &Server, prefix: &str) -> Result<(Circuit, Channel, u32, f64)> {
        let mut circuit = server.circuit()?;
        let request = circuit.create(&format!("{prefix}request"))?;
        let response = circuit.create(&format!("{prefix}response"))?;
        ensure!(response.dbr == DBR_DOUBLE, "{prefix}response is not a double: {response:?}");
        let subid = circuit.id();
        circuit.push_monitor(&response, DBR_TIME_DOUBLE, 1, subid);
        circuit.flush()?;
        let last = circuit.next()?.update(subid, DBR_TIME_DOUBLE, 1)?.f64_at(TIME_DOUBLE_VALUE)?;
        Ok((circuit, request, subid, last))
    }

    fn round(&mut self, n: u32) -> Result<()> {
        (0..n).try_for_each(|_| self.trip()).map_err(|e| self.server.explain(e))
    }

    fn trip(&mut self) -> Result<()> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        let start = Instant::now();
        self.circuit.push_put(&self.request, DBR_LONG, 1, &1i32.to_be_bytes());
        self.circuit.flush()?;
        let update = self.circuit.next()?.update(self.subid, DBR_TIME_DOUBLE, 1)?;
        let value = update.f64_at(TIME_DOUBLE_VALUE)?;
        self.us.push(start.elapsed().as_secs_f64() * 1e6);
        ensure!(value != self.last, "the response {value} is that of the put before");
        ensure!(value > wall - 1e-3, "the response {value} was made before its put at {wall}");
        self.last = value;
        Ok(())
    }
}

fn tell(sides: &[Side; 3], report: &mut Report) {
    let mut table = Table::new(["put -> thread -> monitor, us", "n", "p50", "p90", "p99", "min", "max"]);
    let samples = sides.each_ref().map(|s| Sample::new(s.us.clone()));
    for (side, s) in sides.iter().zip(&samples) {
        let figures = [s.median(), s.quantile(0.9), s.quantile(0.99), s.min(), s.max()];
        table.row([side.server.name.to_owned(), s.len().to_string()].into_iter().chain(figures.map(f1)));
        report.figure(&format!("{}.us", side.server.name), s.to_json());
    }
    table.print();
    let [ours, softioc, caproto] = samples.map(|s| s.median());
    println!("p50 ours/pythonSoftIOC {}, ours/caproto {}\n", f3(ours / softioc), f3(ours / caproto));
    report.figure("ratio_pythonSoftIOC", ours / softioc);
    report.figure("ratio_caproto", ours / caproto);
    report.check("every update", true, "good status, a new value, made after its put");
    report.target("p50, ours/pythonSoftIOC", ours / softioc, 0.4);
}
