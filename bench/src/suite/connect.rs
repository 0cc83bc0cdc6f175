//! Channels created on one circuit, and names searched over UDP.

use std::net::{Ipv4Addr, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{CAPROTO, Done, Goal, Lab, RSRV, Row, Side, measure};
use crate::peer::Server;
use crate::stats::Sample;
use crate::wire::{self, Header, cmd};

/// PVs that exist.
const PVS: u32 = 10_000;
/// Channels on their way at most: requests and replies of 64 bytes fit the socket buffers.
const WINDOW: u32 = 512;
/// Time for a server to take a closed circuit apart.
const SETTLE: Duration = Duration::from_millis(50);
/// Names in a datagram.
const NAMES: u32 = 30;
/// Datagrams on their way at most, so that none is lost.
const DATAGRAMS: u32 = 4;

/// All rows of connecting.
pub fn rows(lab: &Lab) -> Result<Vec<Row>> {
    let server = |server| Side::new(server, |_| Ok(()));
    let mut sides =
        vec![server(lab.ours(&["--pvs", "10000"])?)?, server(lab.softioc(RSRV, &["pvs=10000"])?)?];
    sides.push(server(lab.caproto(&["pvs=1000"])?)?);
    let (most, goal) = (lab.pick(100_000, 20_000), Some(Goal::PartAtMost(RSRV, 1.0)));
    let mut rows = Vec::new();
    for (channels, rounds, circuits) in
        [(1000, lab.pick(9, 3), 5), (10_000, lab.pick(9, 2), 2), (most, lab.pick(5, 1), 1)]
    {
        if channels > 1000 {
            // caproto takes a millisecond per channel
            sides.truncate(2);
        }
        let row = Row::new(format!("connect {channels} channels"), "us/channel", goal);
        let row = measure(row, rounds, &mut sides, |side| connects(&side.server, channels, circuits));
        rows.push(row.demand_equal_work(&[CAPROTO]));
    }
    let row = Row::new(format!("search {PVS} names over UDP"), "us/name", None);
    rows.push(measure(row, lab.pick(5, 2), &mut sides, |side| search(&side.server)).demand_equal_work(&[]));
    Ok(rows)
}

/// The median of some circuits, one behind the other: that of 1000 channels lives for a millisecond only.
fn connects(server: &Server, channels: u32, circuits: u32) -> Result<Done> {
    let all = (0..circuits).map(|_| connect(server, channels)).collect::<Result<Vec<_>>>()?;
    let median =
        |of: fn(&Done) -> Option<f64>| Some(Sample::new(all.iter().filter_map(of).collect()).median());
    let (value, cpu_us) = (median(|done| done.value), median(|done| done.cpu_us));
    Ok(Done { ops: all.iter().map(|done| done.ops).sum(), value, cpu_us, more: None })
}

/// Creates channels on a circuit of their own, over all PVs in turn.
fn connect(server: &Server, channels: u32) -> Result<Done> {
    let (cpu, start) = (server.cpu_seconds()?, Instant::now());
    let mut circuit = server.circuit()?;
    let names: Vec<_> = (0..channels.min(PVS)).map(|i| format!("BENCH:p{i}")).collect();
    let (mut sids, mut sent) = (Vec::with_capacity(channels as usize), 0);
    while (sids.len() as u32) < channels {
        let got = sids.len() as u32;
        if sent < channels && sent - got <= WINDOW / 2 {
            let upto = channels.min(got + WINDOW);
            (sent..upto).for_each(|cid| circuit.push_create(&names[(cid % PVS) as usize], cid));
            circuit.flush()?;
            sent = upto;
        }
        let channel = circuit.created()?;
        let found = (channel.cid, channel.dbr, channel.count, channel.rights);
        ensure!(found == (got, wire::DBR_DOUBLE, 1, 3), "channel {got} is {channel:?}");
        sids.push(channel.sid);
    }
    let wall = start.elapsed().as_secs_f64();
    // while the circuit is open: rsrv's threads of it end with it, and their time is then not seen any more
    let cpu = server.cpu_seconds()? - cpu;
    sids.sort_unstable();
    sids.dedup();
    ensure!(sids.len() == channels as usize, "{} different sids of {channels}", sids.len());
    drop(circuit);
    sleep(SETTLE);
    let per_channel = 1e6 / f64::from(channels);
    let (value, cpu_us) = (Some(wall * per_channel), Some(cpu * per_channel));
    Ok(Done { ops: u64::from(channels), value, cpu_us, more: None })
}

/// Searches all names once, some datagrams at a time; each must be answered.
fn search(server: &Server) -> Result<Done> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.connect(server.udp_addr())?;
    let mut found = vec![false; PVS as usize];
    let (mut sent, mut got) = (0, 0);
    while got < PVS {
        while sent < PVS && sent - got < DATAGRAMS * NAMES {
            let upto = PVS.min(sent + NAMES);
            socket.send(&datagram(sent, upto))?;
            sent = upto;
        }
        got += answers(&socket, &mut found)?;
    }
    Ok(Done::ops(u64::from(PVS)))
}

fn datagram(from: u32, upto: u32) -> Vec<u8> {
    let mut out = Vec::new();
    wire::push(&mut out, cmd::VERSION, &[], 0, 13, 1, 0);
    for cid in from..upto {
        // 5 is DO_NOT_REPLY for those who do not have it
        wire::push(&mut out, cmd::SEARCH, format!("BENCH:p{cid}\0").as_bytes(), 5, 13, cid, cid);
    }
    out
}

/// The number of names that the next datagram answers.
fn answers(socket: &UdpSocket, found: &mut [bool]) -> Result<u32> {
    let mut buffer = [0; 65_536];
    let size = socket.recv(&mut buffer).context("a search was not answered")?;
    let (mut rest, mut got) = (&buffer[..size], 0);
    while let Some((head, len)) = Header::decode(rest) {
        if head.cmd == cmd::SEARCH {
            let new = found.get_mut(head.p2 as usize).context("answer to no search")?;
            ensure!(!*new, "name {} answered twice", head.p2);
            *new = true;
            got += 1;
        }
        rest = rest.get(len + head.size..).context("a message is cut")?;
    }
    Ok(got)
}
