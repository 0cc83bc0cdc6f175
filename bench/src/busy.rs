//! Gets on a circuit whose put to a slow device is still running.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail, ensure};

use crate::ca::{Channel, Circuit};
use crate::peer::Server;
use crate::report::{Report, Table, f3};
use crate::stats::Sample;
use crate::wire::{DBR_DOUBLE, DBR_LONG, cmd};

/// Completion must not come before the device's time.
const AT_LEAST: f64 = 0.2;
/// Nor much behind it.
const AT_MOST: f64 = 0.25;
/// The response is the Unix time, this near.
const CLOCK_TOLERANCE: f64 = 0.3;

/// Gets while a WRITE_NOTIFY to a device that takes 0.2 s is on its way, on the same circuit
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The seqioc binary
    #[arg(long, value_name = "PATH")]
    ours: PathBuf,
    /// Gets at least
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    gets: u32,
    /// Puts at least
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    puts: u32,
    /// The PV to get
    #[arg(long, default_value = "wt:delay")]
    pv: String,
    /// p99 of the gets at most, in ms
    #[arg(long, value_name = "MS", default_value_t = 10.0)]
    limit: f64,
}

struct Busy {
    circuit: Circuit,
    request: Channel,
    response: Channel,
    read: Channel,
    get_ms: Vec<f64>,
    put_s: Vec<f64>,
    clock_error: Vec<f64>,
}

/// Runs the acceptance test.
///
/// # Errors
/// When the server does not start, or a reply is not what was asked for.
pub fn run(args: &Args, report: &mut Report) -> Result<()> {
    let server = Server::ours(&args.ours)?;
    let busy = collect(args, &server).map_err(|e| server.explain(e))?;
    busy.tell(args, report);
    Ok(())
}

fn collect(args: &Args, server: &Server) -> Result<Busy> {
    let mut busy = Busy::open(server, &args.pv)?;
    // a get takes far less than a period; the bound stops a server that answers only between them
    let most = args.puts + args.gets;
    while busy.put_s.len() < args.puts as usize || busy.get_ms.len() < args.gets as usize {
        ensure!(
            busy.put_s.len() < most as usize,
            "only {} gets answered during {most} puts",
            busy.get_ms.len()
        );
        busy.period()?;
    }
    Ok(busy)
}

impl Busy {
    fn open(server: &Server, pv: &str) -> Result<Self> {
        let mut circuit = server.circuit()?;
        let delay = circuit.create("wt:delay")?;
        circuit.put_f64_wait(&delay, AT_LEAST)?;
        let found = circuit.get_f64(&delay)?;
        ensure!(found == AT_LEAST, "wt:delay is {found} after a put of {AT_LEAST}");
        let request = circuit.create("wt:request")?;
        let response = circuit.create("wt:response")?;
        let read = circuit.create(pv)?;
        let (get_ms, put_s, clock_error) = Default::default();
        Ok(Self { circuit, request, response, read, get_ms, put_s, clock_error })
    }

    /// One put and gets, one behind the other, until it completes. The last get is not counted: it overlaps the completion.
    fn period(&mut self) -> Result<()> {
        let put = self.circuit.id();
        let start = Instant::now();
        self.circuit.push_put_notify(&self.request, DBR_LONG, 1, &1i32.to_be_bytes(), put);
        self.circuit.flush()?;
        let mut done = None;
        while done.is_none() {
            done = self.get(put, start)?;
            ensure!(
                start.elapsed() < Duration::from_secs(10),
                "a put of {AT_LEAST} s is not complete after 10 s"
            );
        }
        self.put_s.extend(done);
        let value = self.circuit.get_f64(&self.response)?;
        self.clock_error.push(value - SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64());
        Ok(())
    }

    /// One get; the put's duration if its completion came first.
    fn get(&mut self, put: u32, start: Instant) -> Result<Option<f64>> {
        let ioid = self.circuit.id();
        let sent = Instant::now();
        self.circuit.push_get(&self.read, DBR_DOUBLE, 1, ioid);
        self.circuit.flush()?;
        let mut done = None;
        loop {
            let message = self.circuit.next()?;
            match message.head.cmd {
                cmd::WRITE_NOTIFY if done.is_none() => {
                    message.put_reply(put, DBR_LONG, 1)?;
                    done = Some(start.elapsed().as_secs_f64());
                }
                cmd::READ_NOTIFY => {
                    message.get_reply(ioid, DBR_DOUBLE, 1)?;
                    break;
                }
                _ => bail!("unexpected {}", message.head),
            }
        }
        if done.is_none() {
            self.get_ms.push(sent.elapsed().as_secs_f64() * 1e3);
        }
        Ok(done)
    }

    fn tell(self, args: &Args, report: &mut Report) {
        let (gets, puts) = (Sample::new(self.get_ms), Sample::new(self.put_s));
        let worst = self.clock_error.into_iter().map(f64::abs).fold(0.0, f64::max);
        let mut table = Table::new(["while busy", "n", "min", "p50", "p99", "max"]);
        for (name, s) in [("get, ms", &gets), ("put completion, s", &puts)] {
            let figures = [s.min(), s.median(), s.quantile(0.99), s.max()];
            table.row([name.to_owned(), s.len().to_string()].into_iter().chain(figures.map(f3)));
        }
        table.print();
        report.figure("get_ms", gets.to_json());
        report.figure("put_s", puts.to_json());
        report.figure("clock_error_s", worst);
        let p99 = gets.quantile(0.99);
        report.check(
            "p99 of the gets",
            p99 <= args.limit,
            &format!("{p99:.3} ms, at most {:.3}", args.limit),
        );
        let good = puts.min() >= AT_LEAST && puts.max() <= AT_MOST;
        let found = format!("{:.4}..{:.4} s, within {AT_LEAST}..{AT_MOST}", puts.min(), puts.max());
        report.check("put completion", good, &found);
        let found = format!("{worst:.4} s off, at most {CLOCK_TOLERANCE}");
        report.check("response is the Unix time", worst <= CLOCK_TOLERANCE, &found);
    }
}
