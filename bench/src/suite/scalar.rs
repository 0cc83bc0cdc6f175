//! Get, put and put-notify of double, float, long and string: pipelined and one at a time.

use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow, ensure};

use super::pin::Pinned;
use super::{CAPROTO, Done, Goal, Lab, OURS, RSRV, Row, Series, Side, measure};
use crate::ca::{Channel, Circuit, Message};
use crate::wire::{DBR_DOUBLE, DBR_FLOAT, DBR_LONG, DBR_STRING};

/// Requests written at once.
const BATCH: u64 = 256;
/// Requests on their way at most: they and their replies fit the socket buffers.
const WINDOW: u64 = 1024;
/// caproto gets this part of the operations.
const SLOWER: u64 = 50;
/// Sequential operations in a round: some 10 ms, so that a disturbance spoils a round, and with it one pair, not the row.
const SHORT: u64 = 500;
/// The same of put-notifies, of which rsrv does less in the time.
const SHORT_PUTS: u64 = 250;

const KINDS: [(&str, u16); 4] =
    [("double", DBR_DOUBLE), ("float", DBR_FLOAT), ("long", DBR_LONG), ("string", DBR_STRING)];

/// A circuit with one channel, and what was put last.
struct State {
    circuit: Circuit,
    channel: Channel,
    dbr: u16,
    number: u32,
}

/// All rows of the scalars.
pub fn rows(lab: &Lab) -> Result<Vec<Row>> {
    let mut rows = vec![sink(lab)?];
    for (kind, dbr) in KINDS {
        let mut sides = servers(lab, kind, dbr)?;
        let (rounds, many) = (lab.pick(7, 2), lab.pick(200_000, 20_000));
        let goal = |limit| Some(Goal::PartAtMost(RSRV, limit));
        let mut case = |name: &str, goal, ops: u64, work: fn(&mut State, u64) -> Result<()>| {
            let row = Row::new(format!("{name}, {kind}"), "us/op", goal);
            let row = measure(row, rounds, &mut sides, |side| {
                let ops = if side.server.name == CAPROTO { ops.div_ceil(SLOWER) } else { ops };
                work(&mut side.state, ops).map(|()| Done::ops(ops))
            });
            rows.push(row.demand_equal_work(&[CAPROTO]));
        };
        case("pipelined get", goal(0.7), many, |s, ops| s.pipelined(ops, false));
        case("pipelined put", goal(0.5), many, State::puts);
        // rsrv takes 30 us for one
        case("pipelined put-notify", goal(0.8), many / 10, |s, ops| s.pipelined(ops, true));
    }
    Ok(rows)
}

/// The rows of one operation at a time, on one core: whether the kernel wakes a server's thread on the client's core or on another
/// weighs four times what the server does, and changes from second to second.
pub fn sequential(lab: &Lab) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (kind, dbr) in KINDS {
        let mut sides = servers(lab, kind, dbr)?;
        let pinned = Pinned::with(sides.iter().map(|side| side.server.pid()));
        let place = match &pinned {
            Ok(_) => "client and servers on one core".to_owned(),
            Err(error) => format!("on any core, as they cannot be held on one: {error:#}"),
        };
        for (name, put, limit, ops) in [("get", false, 1.05, SHORT), ("put-notify", true, 0.8, SHORT_PUTS)] {
            let goal = Goal::PartAtMost(RSRV, limit);
            let row = Row::new(format!("sequential {name}, {kind}"), "us/op", Some(goal));
            let row = measure(row, lab.pick(100, 2), &mut sides, |side| {
                let ops = if side.server.name == CAPROTO { ops.div_ceil(SLOWER) } else { ops };
                side.state.sequential(ops, put).map(|()| Done::ops(ops))
            });
            let note = format!("{place}; {}", row.middle());
            rows.push(row.demand_equal_work(&[CAPROTO]).note(note));
        }
    }
    Ok(rows)
}

fn servers(lab: &Lab, kind: &str, dbr: u16) -> Result<Vec<Side<State>>> {
    let mut sides = vec![State::open(lab.ours(&[])?, kind, dbr)?];
    sides.push(State::open(lab.softioc(RSRV, &[])?, kind, dbr)?);
    if dbr == DBR_DOUBLE {
        sides.push(State::open(lab.caproto(&[])?, kind, dbr)?);
    }
    Ok(sides)
}

/// What the client alone takes for a pipelined put: nobody but a reader that drops all bytes is at the other end.
fn sink(lab: &Lab) -> Result<Row> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let addr = listener.local_addr()?;
    let reading = thread::spawn(move || -> Result<()> {
        let (mut stream, mut buffer) = (listener.accept()?.0, vec![0; 65_536]);
        while stream.read(&mut buffer)? > 0 {}
        Ok(())
    });
    let (ops, rounds) = (lab.pick(200_000, 20_000), lab.pick(7, 2));
    let channel = Channel { sid: 1, cid: 1, dbr: DBR_DOUBLE, count: 1, rights: 3 };
    let mut state = State { circuit: Circuit::connect(addr)?, channel, dbr: DBR_DOUBLE, number: 0 };
    let mut row = Row::new("client alone, pipelined put into a sink, double", "us/op", None);
    let mut series = Series::new(OURS);
    for round in 0..=rounds {
        let start = Instant::now();
        state.push_puts(ops)?;
        if round == 0 {
            continue;
        }
        series.values.push(start.elapsed().as_secs_f64() * 1e6 / ops as f64);
    }
    drop(state);
    reading.join().map_err(|_| anyhow!("the sink panicked"))??;
    row.sides.push(series);
    Ok(row.note("the client's part of a pipelined put on every server; no server is in it"))
}

impl State {
    fn open(server: crate::peer::Server, kind: &str, dbr: u16) -> Result<Side<Self>> {
        Side::new(server, |server| {
            let mut circuit = server.circuit()?;
            let channel = circuit.create(&format!("BENCH:{kind}"))?;
            let found = (channel.dbr, channel.count, channel.rights);
            ensure!(found == (dbr, 1, 3), "{kind} is not a scalar of type {dbr}, read-write: {channel:?}");
            let mut state = Self { circuit, channel, dbr, number: 0 };
            state.puts(1)?;
            Ok(state)
        })
    }

    /// The next value, other than the last; floats hold it exactly.
    fn next(&mut self) -> ([u8; 40], usize) {
        self.number = (self.number + 1) % 1_000_000;
        value(self.dbr, self.number)
    }

    /// Gets, or put-notifies and a get that must return the last of them.
    fn pipelined(&mut self, ops: u64, put: bool) -> Result<()> {
        let (mut sent, mut got) = (0, 0);
        while got < ops {
            while sent < ops && sent - got + BATCH <= WINDOW {
                let upto = ops.min(sent + BATCH);
                (sent..upto).for_each(|ioid| self.push(ioid as u32, put));
                self.circuit.flush()?;
                sent = upto;
            }
            self.reply(got as u32, put)?;
            got += 1;
        }
        if put { self.read_back() } else { Ok(()) }
    }

    /// The same, one at a time.
    fn sequential(&mut self, ops: u64, put: bool) -> Result<()> {
        for ioid in 0..ops as u32 {
            self.push(ioid, put);
            self.circuit.flush()?;
            self.reply(ioid, put)?;
        }
        if put { self.read_back() } else { Ok(()) }
    }

    /// Plain puts, and a get that must return the last of them.
    fn puts(&mut self, ops: u64) -> Result<()> {
        self.push_puts(ops)?;
        self.read_back()
    }

    fn push_puts(&mut self, ops: u64) -> Result<()> {
        for op in 1..=ops {
            let (bytes, len) = self.next();
            self.circuit.push_put(&self.channel, self.dbr, 1, &bytes[..len]);
            if op % BATCH == 0 {
                self.circuit.flush()?;
            }
        }
        self.circuit.flush()
    }

    fn push(&mut self, ioid: u32, put: bool) {
        if put {
            let (bytes, len) = self.next();
            self.circuit.push_put_notify(&self.channel, self.dbr, 1, &bytes[..len], ioid);
        } else {
            self.circuit.push_get(&self.channel, self.dbr, 1, ioid);
        }
    }

    fn reply(&mut self, ioid: u32, put: bool) -> Result<()> {
        let message = self.circuit.next()?;
        if put {
            return message.put_reply(ioid, self.dbr, 1);
        }
        let (bytes, len) = value(self.dbr, self.number);
        holds(&message.get_reply(ioid, self.dbr, 1)?, &bytes[..len])
    }

    fn read_back(&mut self) -> Result<()> {
        self.push(u32::MAX, false);
        self.circuit.flush()?;
        self.reply(u32::MAX, false)
    }
}

/// A number as a value on the wire, and its length.
fn value(dbr: u16, number: u32) -> ([u8; 40], usize) {
    let mut bytes = [0; 40];
    let len = match dbr {
        DBR_DOUBLE => fill(&mut bytes, &f64::from(number).to_be_bytes()),
        DBR_FLOAT => fill(&mut bytes, &(number as f32).to_be_bytes()),
        DBR_LONG => fill(&mut bytes, &number.to_be_bytes()),
        _ => {
            // by hand: formatting would cost more than the server's part
            let mut rest = number;
            for digit in bytes[..6].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            40
        }
    };
    (bytes, len)
}

fn fill(bytes: &mut [u8; 40], value: &[u8]) -> usize {
    bytes[..value.len()].copy_from_slice(value);
    value.len()
}

/// A string may be cut behind its NUL, so only as much is compared as there is.
fn holds(message: &Message<'_>, expected: &[u8]) -> Result<()> {
    let n = expected.len().min(message.payload.len());
    ensure!(message.payload[..n] == expected[..n], "got {:?}, put was {expected:?}", message.payload);
    Ok(())
}
