//! Resident memory of PVs, channels, subscriptions and circuits, as differences over many of them.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

use super::{Goal, Lab, OURS, RSRV, Row};
use crate::ca::Circuit;
use crate::peer::Server;
use crate::wire::DBR_TIME_DOUBLE;

const PVS: u32 = 10_000;
const CIRCUITS: u32 = 200;
/// Channels and subscriptions on their way at most.
const WINDOW: u32 = 256;
/// A server may still be busy with what it has answered already.
const SETTLE: Duration = Duration::from_millis(200);

/// Bytes of each.
struct Bytes {
    resident: f64,
    pv: f64,
    channel: f64,
    subscription: f64,
    circuit: f64,
}

/// All rows of memory.
pub fn rows(lab: &Lab) -> Result<Vec<Row>> {
    let many = lab.pick(100_000, 20_000);
    let ours = Bytes::of(&lab.ours(&[])?, &lab.ours(&["--pvs", "10000"])?, many)?;
    let rsrv = Bytes::of(&lab.softioc(RSRV, &[])?, &lab.softioc(RSRV, &["pvs=10000"])?, many)?;
    let row = |case: &str, unit, goal, of: fn(&Bytes) -> f64| {
        Row::of(case, unit, goal, &[(OURS, of(&ours)), (RSRV, of(&rsrv))])
    };
    Ok(vec![
        row("resident memory with 10000 PVs", "MB", Some(Goal::Limit(20.0)), |b| b.resident / 1e6)
            .note("rsrv with the Python interpreter it runs under"),
        row("memory of a PV", "bytes", None, |b| b.pv),
        row("memory of a channel", "bytes", None, |b| b.channel),
        row("memory of a subscription", "bytes", None, |b| b.subscription),
        row("memory of a circuit with one subscription", "bytes", None, |b| b.circuit),
    ])
}

impl Bytes {
    /// From a server without and one with many PVs.
    fn of(few: &Server, full: &Server, many: u32) -> Result<Self> {
        let resident = settled(full)?;
        let pv = (resident - settled(few)?) / f64::from(PVS);
        let mut circuit = full.circuit()?;
        let names: Vec<_> = (0..PVS).map(|i| format!("BENCH:p{i}")).collect();
        let before = settled(full)?;
        let channels = create(&mut circuit, &names, many).map_err(|e| full.explain(e))?;
        let created = settled(full)?;
        subscribe(&mut circuit, &channels).map_err(|e| full.explain(e))?;
        let subscribed = settled(full)?;
        let mut others = Vec::new();
        for _ in 0..CIRCUITS {
            let mut other = full.circuit()?;
            let channels = create(&mut other, &names, 1)?;
            subscribe(&mut other, &channels)?;
            others.push(other);
        }
        let circuit = (settled(full)? - subscribed) / f64::from(CIRCUITS);
        let (channel, subscription) = (created - before, subscribed - created);
        let per = |bytes: f64| bytes / f64::from(many);
        Ok(Self { resident, pv, channel: per(channel), subscription: per(subscription), circuit })
    }
}

fn settled(server: &Server) -> Result<f64> {
    sleep(SETTLE);
    server.rss()
}

/// Channels over all names in turn; their sids.
fn create(circuit: &mut Circuit, names: &[String], many: u32) -> Result<Vec<crate::ca::Channel>> {
    let mut channels = Vec::new();
    for from in (0..many).step_by(WINDOW as usize) {
        let upto = many.min(from + WINDOW);
        (from..upto).for_each(|cid| circuit.push_create(&names[cid as usize % names.len()], cid));
        circuit.flush()?;
        for _ in from..upto {
            channels.push(circuit.created()?);
        }
    }
    Ok(channels)
}

/// A subscription of each channel, with its first update.
fn subscribe(circuit: &mut Circuit, channels: &[crate::ca::Channel]) -> Result<()> {
    for part in channels.chunks(WINDOW as usize) {
        part.iter().for_each(|c| circuit.push_monitor(c, DBR_TIME_DOUBLE, 1, c.cid));
        circuit.flush()?;
        for _ in part {
            let message = circuit.next()?;
            let subid = message.head.p2;
            anyhow::ensure!(part.iter().any(|c| c.cid == subid), "update of unknown {}", message.head);
            message.update(subid, DBR_TIME_DOUBLE, 1)?;
        }
    }
    Ok(())
}
