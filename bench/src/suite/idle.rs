//! CPU time of a server whose 100 clients monitor what does not change.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

use super::row::short;
use super::{Goal, Lab, OURS, RSRV, Row};
use crate::ca::Circuit;
use crate::peer::Server;
use crate::wire::DBR_TIME_DOUBLE;

const CLIENTS: usize = 100;
/// Above this, in milliseconds per second, CPU time counts as measurable.
const NONE: f64 = 0.1;

/// The row of the idle servers.
pub fn rows(lab: &Lab) -> Result<Vec<Row>> {
    let seconds = lab.pick(10, 2);
    let servers = [lab.ours(&[])?, lab.softioc(RSRV, &[])?];
    let _clients = [clients(&servers[0])?, clients(&servers[1])?];
    // servers send beacons often at first, each gap twice the one before, up to 15 s
    sleep(Duration::from_secs(lab.pick(20, 1)));
    let read = |s: &Server| s.cpu_seconds().map(|cpu| (cpu * 1e3, s.wakeups()));
    let before = [read(&servers[0])?, read(&servers[1])?];
    sleep(Duration::from_secs(seconds));
    let after = [read(&servers[0])?, read(&servers[1])?];
    let per_second = |i: usize, of: fn(&(f64, f64)) -> f64| (of(&after[i]) - of(&before[i])) / seconds as f64;
    let values = [(OURS, per_second(0, |r| r.0)), (RSRV, per_second(1, |r| r.0))];
    let case = format!("idle for {seconds} s, {CLIENTS} clients");
    let row = Row::of(case, "ms CPU per s", Some(Goal::Limit(NONE)), &values);
    let wakeups = [per_second(0, |r| r.1), per_second(1, |r| r.1)];
    let [ours, rsrv] = wakeups.map(short);
    Ok(vec![row.note(format!(
        "threads woken {ours} times per s, rsrv's {rsrv} times, with those of the Python interpreter it runs under"
    ))])
}

/// Clients with a monitor each that has shown its value.
fn clients(server: &Server) -> Result<Vec<Circuit>> {
    let client = || {
        let mut circuit = server.circuit()?;
        let channel = circuit.create("BENCH:double")?;
        let subid = circuit.id();
        circuit.push_monitor(&channel, DBR_TIME_DOUBLE, 1, subid);
        circuit.flush()?;
        circuit.next()?.update(subid, DBR_TIME_DOUBLE, 1)?;
        Ok(circuit)
    };
    (0..CLIENTS).map(|_| client().map_err(|e| server.explain(e))).collect()
}
