//! CPU time of a server whose 100 clients monitor what does not change.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

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
    sleep(Duration::from_secs(1));
    let before = [servers[0].cpu_seconds()?, servers[1].cpu_seconds()?];
    sleep(Duration::from_secs(seconds));
    let used = |i: usize| servers[i].cpu_seconds().map(|s: f64| (s - before[i]) * 1e3 / seconds as f64);
    let values = [(OURS, used(0)?), (RSRV, used(1)?)];
    let case = format!("idle for {seconds} s, {CLIENTS} clients");
    let row = Row::of(case, "ms CPU per s", Some(Goal::Limit(NONE)), &values);
    Ok(vec![row.note("rsrv with the Python interpreter it runs under")])
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
