//! On the wire of one circuit, a command's updates arrive before its completion.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::ca::{Channel, Circuit, Message};
use crate::peer::Server;
use crate::report::{Report, Table};
use crate::wire::{DBR_CHAR, DBR_LONG, DBR_TIME_DOUBLE, TIME_DOUBLE_VALUE, cmd};

/// WRITE_NOTIFYs to CMD with DONE and values monitored on the same circuit: updates first, then completion
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The seqioc binary
    #[arg(long, value_name = "PATH")]
    ours: PathBuf,
    /// Commands in the pipelined part; the part with one at a time has a tenth
    #[arg(short, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(10..=10_000_000))]
    n: u32,
    /// Commands on their way; the device queue takes 16
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=16))]
    window: u32,
}

/// What the subscriptions have told so far.
struct Wire {
    circuit: Circuit,
    command: Channel,
    done_sub: u32,
    values_sub: u32,
    /// Last DONE seen.
    done: i32,
    /// Last `values` seen.
    values: Vec<f64>,
    done_updates: u64,
    values_updates: u64,
}

/// Runs the check.
///
/// # Errors
/// At the first violation, which the message describes.
pub fn run(args: &Args, report: &mut Report) -> Result<()> {
    let server = Server::ours(&args.ours)?;
    let mut wire = Wire::open(&server).map_err(|e| server.explain(e))?;
    let mut table = Table::new(["window", "commands", "commands/s", "DONE updates", "values updates"]);
    for (window, n) in [(1, args.n / 10), (args.window, args.n)] {
        (wire.done_updates, wire.values_updates) = (0, 0);
        let start = Instant::now();
        wire.commands(n, window).map_err(|e| server.explain(e))?;
        let rate = f64::from(n) / start.elapsed().as_secs_f64();
        table.row(
            [window.to_string(), n.to_string(), format!("{rate:.0}")]
                .into_iter()
                .chain([wire.done_updates.to_string(), wire.values_updates.to_string()]),
        );
        report.figure(&format!("window_{window}.per_second"), rate);
        report.figure(&format!("window_{window}.done_updates"), wire.done_updates);
        report.figure(&format!("window_{window}.values_updates"), wire.values_updates);
    }
    table.print();
    report.check(
        "DONE and values before every completion",
        true,
        &format!("{} commands", args.n + args.n / 10),
    );
    Ok(())
}

impl Wire {
    fn open(server: &Server) -> Result<Self> {
        let mut circuit = server.circuit()?;
        let command = circuit.create("TEST:SERVER.seq.CMD")?;
        let done = circuit.create("TEST:SERVER.seq.DONE")?;
        let values = circuit.create("TEST:SERVER.seq.values")?;
        let (done_sub, values_sub) = (circuit.id(), circuit.id());
        circuit.push_monitor(&done, DBR_LONG, 1, done_sub);
        circuit.push_monitor(&values, DBR_TIME_DOUBLE, 0, values_sub);
        circuit.flush()?;
        let (done, values, done_updates, values_updates) = Default::default();
        let mut wire =
            Self { circuit, command, done_sub, values_sub, done, values, done_updates, values_updates };
        while wire.done_updates == 0 || wire.values_updates == 0 {
            wire.step()?;
        }
        Ok(wire)
    }

    /// Runs commands `[1]`..`[n]`, `window` at a time, and checks each completion against what had arrived before it.
    fn commands(&mut self, n: u32, window: u32) -> Result<()> {
        let before = self.done;
        let (mut sent, mut completed) = (0, 0);
        while completed < n {
            if sent < n && sent - completed < window {
                while sent < n && sent - completed < window {
                    sent += 1;
                    self.push_command(sent);
                }
                self.circuit.flush()?;
            }
            let Some((ioid, count)) = self.step()? else { continue };
            completed += 1;
            ensure!(ioid == completed, "completion of command {ioid}, expected that of {completed}");
            ensure!(count == text(completed).len() as u32, "completion of command {ioid} with count {count}");
            let done = self.done - before;
            ensure!(
                i64::from(done) >= i64::from(ioid),
                "completion of command {ioid} came before its DONE update; last was {done}"
            );
            ensure!(i64::from(done) <= i64::from(sent), "DONE says {done} of {sent} commands");
            self.check_values(ioid, window)?;
        }
        Ok(())
    }

    /// With one command at a time `values` is exactly its result; with more a later command may have emptied or replaced it.
    fn check_values(&self, ioid: u32, window: u32) -> Result<()> {
        let good = match (window, &self.values[..]) {
            (1, [value]) => *value == f64::from(ioid),
            (1, _) => false,
            (_, []) => true,
            (_, [value]) => *value >= f64::from(ioid),
            (..) => false,
        };
        ensure!(good, "at the completion of command {ioid} the last values update was {:?}", self.values);
        Ok(())
    }

    fn push_command(&mut self, number: u32) {
        let text = text(number);
        self.circuit.push_put_notify(&self.command, DBR_CHAR, text.len() as u32, text.as_bytes(), number);
    }

    /// Takes one message; the id and count of a completion.
    fn step(&mut self) -> Result<Option<(u32, u32)>> {
        let message = self.circuit.next()?;
        let head = message.head;
        match head.cmd {
            cmd::WRITE_NOTIFY => {
                message.put_reply(head.p2, DBR_CHAR, head.count).context("a command failed")?;
                return Ok(Some((head.p2, head.count)));
            }
            cmd::EVENT_ADD if head.p2 == self.done_sub => {
                let done = message.update(self.done_sub, DBR_LONG, 1)?.i32_at(0)?;
                ensure!(done >= self.done, "DONE went back from {} to {done}", self.done);
                self.done = done;
                self.done_updates += 1;
            }
            cmd::EVENT_ADD if head.p2 == self.values_sub => {
                elements(message.update(self.values_sub, DBR_TIME_DOUBLE, 0)?, &mut self.values)?;
                self.values_updates += 1;
            }
            _ => bail!("unexpected {head}"),
        }
        Ok(None)
    }
}

fn text(number: u32) -> String {
    format!("[{number}]")
}

fn elements(message: Message<'_>, into: &mut Vec<f64>) -> Result<()> {
    into.clear();
    for at in 0..message.head.count as usize {
        into.push(message.f64_at(TIME_DOUBLE_VALUE + 8 * at)?);
    }
    Ok(())
}
