//! A put to a device on its own thread: the monitor update it makes, and its completion.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{CAPROTO, Done, Goal, Lab, PYTHON_SOFT_IOC, Row, Side, measure, now};
use crate::ca::{Channel, Circuit};
use crate::peer::Server;
use crate::stats::Sample;
use crate::wire::{DBR_LONG, DBR_TIME_DOUBLE, TIME_DOUBLE_VALUE};

struct State {
    circuit: Circuit,
    request: Channel,
    response: Channel,
    subid: u32,
    last: f64,
}

/// Both rows of the devices.
pub fn rows(lab: &Lab) -> Result<Vec<Row>> {
    let (rounds, trips) = (lab.pick(6, 2), lab.pick(500, 50));
    // the servers of the old round trip program: their device threads answer by a queue, nothing waits for completion
    let softioc = lab.python.start(PYTHON_SOFT_IOC, "softioc_roundtrip.py")?;
    let caproto = lab.python.start(CAPROTO, "caproto_roundtrip.py")?;
    let sides = [lab.ours(&[])?, softioc, caproto];
    let goal = Some(Goal::PartAtMost(PYTHON_SOFT_IOC, 0.4));
    let row = Row::new("put -> device thread -> monitor, p50", "us", goal);
    let mut sides = sides.into_iter().map(State::watching).collect::<Result<Vec<_>>>()?;
    let first = measure(row, rounds, &mut sides, |side| side.state.round(trips, State::trip));
    drop(sides);

    let sides = [lab.ours(&[])?, lab.softioc(PYTHON_SOFT_IOC, &["device"])?, lab.caproto(&[])?];
    let row =
        Row::new("put completion through a device thread, p50", "us", Some(Goal::PartAtMost(CAPROTO, 0.5)));
    let mut sides = sides.into_iter().map(State::plain).collect::<Result<Vec<_>>>()?;
    let second = measure(row, rounds, &mut sides, |side| side.state.round(trips, State::completion));
    Ok(vec![first.demand_equal_work(&[]), second.demand_equal_work(&[])])
}

impl State {
    fn plain(server: Server) -> Result<Side<Self>> {
        Side::new(server, |server| {
            let mut circuit = server.circuit()?;
            let request = circuit.create("BENCH:request")?;
            let response = circuit.create("BENCH:response")?;
            Ok(Self { circuit, request, response, subid: 0, last: 0.0 })
        })
    }

    fn watching(server: Server) -> Result<Side<Self>> {
        let mut side = Self::plain(server)?;
        let Side { server, state } = &mut side;
        state.subscribe().map_err(|e| server.explain(e))?;
        Ok(side)
    }

    fn subscribe(&mut self) -> Result<()> {
        self.subid = self.circuit.id();
        self.circuit.push_monitor(&self.response, DBR_TIME_DOUBLE, 1, self.subid);
        self.circuit.flush()?;
        let first = self.circuit.next()?.update(self.subid, DBR_TIME_DOUBLE, 1)?;
        self.last = first.f64_at(TIME_DOUBLE_VALUE)?;
        Ok(())
    }

    fn round(&mut self, trips: u32, trip: fn(&mut Self) -> Result<f64>) -> Result<Done> {
        let us = Sample::new((0..trips).map(|_| trip(self)).collect::<Result<_>>()?);
        let more = Some(json!({"us": us.to_json()}));
        Ok(Done { ops: u64::from(trips), value: Some(us.median()), more, ..Done::default() })
    }

    /// Microseconds from a put to the update that its execution posts.
    fn trip(&mut self) -> Result<f64> {
        let (wall, start) = (now().as_secs_f64(), Instant::now());
        self.circuit.push_put(&self.request, DBR_LONG, 1, &1i32.to_be_bytes());
        self.circuit.flush()?;
        let update = self.circuit.next()?.update(self.subid, DBR_TIME_DOUBLE, 1)?;
        let value = update.f64_at(TIME_DOUBLE_VALUE)?;
        let us = start.elapsed().as_secs_f64() * 1e6;
        self.is_new(value, wall)?;
        Ok(us)
    }

    /// Microseconds from a put to its completion, by which the response must be there.
    fn completion(&mut self) -> Result<f64> {
        let (wall, start) = (now().as_secs_f64(), Instant::now());
        let ioid = self.circuit.id();
        self.circuit.push_put_notify(&self.request, DBR_LONG, 1, &1i32.to_be_bytes(), ioid);
        self.circuit.flush()?;
        self.circuit.next()?.put_reply(ioid, DBR_LONG, 1)?;
        let us = start.elapsed().as_secs_f64() * 1e6;
        let value = self.circuit.get_f64(&self.response)?;
        self.is_new(value, wall)?;
        Ok(us)
    }

    fn is_new(&mut self, value: f64, wall: f64) -> Result<()> {
        ensure!(value != self.last, "the response {value} is that of the put before");
        ensure!(value > wall - 1e-3, "the response {value} was made before its put at {wall}");
        self.last = value;
        Ok(())
    }
}
