//! Get, put and put-notify of arrays of 1000 and of a million doubles.

use anyhow::{Result, ensure};

use super::{Done, Lab, RSRV, Row, Side, measure};
use crate::ca::{Channel, Circuit};
use crate::peer::Server;
use crate::wire::DBR_DOUBLE;

struct State {
    circuit: Circuit,
    channel: Channel,
    /// The array as it was put last.
    bytes: Vec<u8>,
    number: f64,
}

/// All rows of the arrays.
pub fn rows(lab: &Lab) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, count, many, window) in
        [("a1k", 1000, lab.pick(20_000, 1000), 16), ("a1m", 1_000_000, lab.pick(40, 4), 2)]
    {
        let open = |server: Server| Side::new(server, |server| State::open(server, name, count));
        let mut sides = [open(lab.ours(&["--arrays"])?)?, open(lab.softioc(RSRV, &["arrays"])?)?];
        let mut case = |what: &str, work: fn(&mut State, u32, u32) -> Result<()>, window: u32| {
            let row = Row::new(format!("{what}, {count} doubles"), "us/op", None);
            let row = measure(row, lab.pick(5, 1), &mut sides, |side| {
                work(&mut side.state, many, window).map(|()| Done::ops(u64::from(many)))
            });
            rows.push(row.demand_equal_work(&[]));
        };
        case("sequential get", State::gets, 1);
        case("pipelined get", State::gets, window);
        case("pipelined put", State::puts, 1);
        case("sequential put-notify", State::put_notifies, 1);
        case("pipelined put-notify", State::put_notifies, window);
    }
    Ok(rows)
}

impl State {
    fn open(server: &Server, name: &str, count: u32) -> Result<Self> {
        let mut circuit = server.circuit()?;
        let channel = circuit.create(&format!("BENCH:{name}"))?;
        ensure!((channel.dbr, channel.count) == (DBR_DOUBLE, count), "{name} is {channel:?}");
        let bytes = (0..count).flat_map(|i| f64::from(i).to_be_bytes()).collect();
        let mut state = Self { circuit, channel, bytes, number: 0.0 };
        // a waveform of base is empty until it is put
        state.put_notifies(1, 1)?;
        Ok(state)
    }

    /// Changes the first and the last element.
    fn change(&mut self) {
        self.number += 1.0;
        let end = self.bytes.len() - 8;
        self.bytes[..8].copy_from_slice(&self.number.to_be_bytes());
        self.bytes[end..].copy_from_slice(&self.number.to_be_bytes());
    }

    fn gets(&mut self, ops: u32, window: u32) -> Result<()> {
        let count = self.channel.count;
        let (mut sent, mut got) = (0, 0);
        while got < ops {
            while sent < ops && sent - got < window {
                self.circuit.push_get(&self.channel, DBR_DOUBLE, count, sent);
                self.circuit.flush()?;
                sent += 1;
            }
            let reply = self.circuit.next()?.get_reply(got, DBR_DOUBLE, count)?;
            let (first, last) = (reply.f64_at(0)?, reply.f64_at(8 * count as usize - 8)?);
            ensure!((first, last) == (self.number, self.number), "got {first}..{last}, put {}", self.number);
            got += 1;
        }
        Ok(())
    }

    fn puts(&mut self, ops: u32, _: u32) -> Result<()> {
        for _ in 0..ops {
            self.change();
            self.circuit.push_put(&self.channel, DBR_DOUBLE, self.channel.count, &self.bytes);
            self.circuit.flush()?;
        }
        self.compare()
    }

    fn put_notifies(&mut self, ops: u32, window: u32) -> Result<()> {
        let count = self.channel.count;
        let (mut sent, mut got) = (0, 0);
        while got < ops {
            while sent < ops && sent - got < window {
                self.change();
                self.circuit.push_put_notify(&self.channel, DBR_DOUBLE, count, &self.bytes, sent);
                self.circuit.flush()?;
                sent += 1;
            }
            self.circuit.next()?.put_reply(got, DBR_DOUBLE, count)?;
            got += 1;
        }
        self.compare()
    }

    /// A get that must return all of what was put last.
    fn compare(&mut self) -> Result<()> {
        let count = self.channel.count;
        self.circuit.push_get(&self.channel, DBR_DOUBLE, count, u32::MAX);
        self.circuit.flush()?;
        let reply = self.circuit.next()?.get_reply(u32::MAX, DBR_DOUBLE, count)?;
        ensure!(reply.payload == self.bytes, "the array is not the one that was put");
        Ok(())
    }
}
