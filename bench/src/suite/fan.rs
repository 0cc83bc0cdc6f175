//! One PV, many subscriptions: on one circuit and on many.

use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow, ensure};
use serde_json::json;

use super::{Done, Goal, Lab, RSRV, Row, Side, measure};
use crate::ca::{Channel, Circuit};
use crate::fanout::{read_until, write};
use crate::peer::Server;
use crate::wire::{DBR_DOUBLE, DBR_TIME_DOUBLE};

/// Ours must deliver at least this part of what the peer does for a ratio of CPU time.
const SAME: f64 = 0.98;

/// How many subscriptions on how many circuits, and puts per second.
#[derive(Clone, Copy)]
struct Plan {
    circuits: usize,
    subscriptions: u32,
    rate: u32,
}

struct State {
    /// Each with the id of its first subscription.
    readers: Vec<(Circuit, u32)>,
    writer: Circuit,
    target: Channel,
    value: f64,
}

/// All rows of fan-out.
pub fn rows(lab: &Lab) -> Result<Vec<Row>> {
    let plan = |circuits, subscriptions, rate| Plan { circuits, subscriptions, rate };
    [plan(1, 200, 2000), plan(1, 200, 20_000), plan(50, 20, 200), plan(50, 20, 2000)]
        .into_iter()
        .map(|plan| row(lab, plan))
        .collect()
}

fn row(lab: &Lab, plan: Plan) -> Result<Row> {
    let open = |server: Server| Side::new(server, |server| State::open(server, plan));
    let mut sides = [open(lab.ours(&[])?)?, open(lab.softioc(RSRV, &[])?)?];
    let Plan { circuits, subscriptions, rate } = plan;
    let case = format!("fan-out, {circuits} clients x {subscriptions} subscriptions, {rate} puts/s");
    let row = Row::new(case, "updates/s", Some(Goal::PartAtMost(RSRV, 0.5)));
    let seconds = lab.pick(3, 1);
    let mut row = measure(row, lab.pick(3, 1), &mut sides, |side| side.state.round(plan, seconds));
    row.by_cpu = true;
    if let [ours, peer] = &row.sides[..]
        && ours.median() < SAME * peer.median()
    {
        row.fault.get_or_insert(format!(
            "ours delivered {:.0} updates/s, rsrv {:.0}: no ratio of CPU time",
            ours.median(),
            peer.median()
        ));
    }
    Ok(row.note("CPU time per delivered update; the last value reached every subscription"))
}

impl State {
    fn open(server: &Server, plan: Plan) -> Result<Self> {
        let mut writer = server.circuit()?;
        let target = writer.create("BENCH:double")?;
        let value = writer.get_f64(&target)?;
        let mut readers = Vec::new();
        for _ in 0..plan.circuits {
            let mut circuit = server.circuit()?;
            let watched = circuit.create("BENCH:double")?;
            let first = circuit.id();
            for i in 0..plan.subscriptions {
                circuit.push_monitor(&watched, DBR_TIME_DOUBLE, 1, first + i);
            }
            circuit.flush()?;
            read_until(&mut circuit, first, plan.subscriptions, value)?;
            readers.push((circuit, first));
        }
        ensure!(target.dbr == DBR_DOUBLE, "not a double: {target:?}");
        Ok(Self { readers, writer, target, value })
    }

    /// A thread per circuit and one that writes, until the last value has reached every subscription.
    fn round(&mut self, plan: Plan, seconds: u32) -> Result<Done> {
        let puts = plan.rate * seconds;
        let (from, last) = (self.value, self.value + f64::from(puts));
        self.value = last;
        let start = Instant::now();
        let Self { readers, writer, target, .. } = self;
        let (updates, written) = thread::scope(|scope| {
            let writing = scope.spawn(|| write(writer, target, from, puts, plan.rate));
            let reading: Vec<_> = readers
                .iter_mut()
                .map(|(circuit, first)| scope.spawn(|| read_until(circuit, *first, plan.subscriptions, last)))
                .collect();
            let written = writing.join().map_err(|_| anyhow!("the writer panicked"))?;
            let counts: Vec<_> = reading.into_iter().map(|r| r.join()).collect();
            let mut updates = 0;
            for count in counts {
                updates += count.map_err(|_| anyhow!("a reader panicked"))??;
            }
            anyhow::Ok((updates, written?))
        })?;
        let wall = start.elapsed().as_secs_f64();
        let all = u64::from(puts) * plan.circuits as u64 * u64::from(plan.subscriptions);
        let squashed = 1.0 - updates as f64 / all as f64;
        let more = Some(json!({"puts_per_s": f64::from(puts) / written, "squashed": squashed}));
        Ok(Done { ops: updates, value: Some(updates as f64 / wall), more, ..Done::default() })
    }
}
