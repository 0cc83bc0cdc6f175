//! Nanoseconds and allocations per operation of codec, conversion, feed queue, post and port; a line of JSON each.
//!
//! A program of its own, because its allocator counts. The port is measured from outside: a put over loopback that completes
//! through a device thread, beside one that completes without.

use std::alloc::System;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ca_proto::dbr::{
    ArrayData, FixedString, Meta, NativeType, Scalar, Stamp, Value, WireArray, convert, encode, format,
};
use ca_proto::server::{FeedQueue, Update};
use ca_proto::wire::Header;
use ca_proto::{Alarm, EventMask};
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use wrapper::{
    Command, Config, DeviceError, DeviceIo, GroupBuilder, GroupError, Ioc, Pv, Reply, SystemDevice,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 7;

/// How long a round is to last.
struct Bench {
    round: Duration,
}

impl Bench {
    /// Prints what one call of `work` costs.
    fn run(&self, name: &str, mut work: impl FnMut()) {
        let (start, mut calls) = (Instant::now(), 0u32);
        while calls < 20 || start.elapsed() < self.round / 4 {
            work();
            calls += 1;
        }
        let per_round = (f64::from(calls) * 4.0) as u32;
        let before = ALLOCATOR.stats();
        let mut ns = [0.0; ROUNDS];
        for slot in &mut ns {
            let start = Instant::now();
            (0..per_round).for_each(|_| work());
            *slot = start.elapsed().as_secs_f64() * 1e9 / f64::from(per_round);
        }
        let used = ALLOCATOR.stats() - before;
        let count = (used.allocations + used.reallocations) as f64;
        let allocations = count / f64::from(per_round) / ROUNDS as f64;
        println!("{}", json!({"name": name, "ns": ns, "allocations": allocations}));
    }
}

fn main() -> Result<()> {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let bench = Bench { round: Duration::from_millis(if quick { 5 } else { 50 }) };
    codec(&bench);
    conversion(&bench);
    feed_queue(&bench);
    served(&bench)
}

fn codec(bench: &Bench) {
    let header = Header { command: 15, size: 8, data_type: 6, count: 1, p1: 1, p2: 2 };
    let mut out = Vec::with_capacity(64);
    bench.run("codec: header, encode", || {
        out.clear();
        black_box(&header).encode(&mut out);
    });
    bench.run("codec: header, decode", || {
        let _ = black_box(Header::decode(black_box(&out), true));
    });
    let meta = Meta::new();
    let time = NativeType::Double.with(ca_proto::dbr::DbrClass::Time);
    let control = NativeType::Double.with(ca_proto::dbr::DbrClass::Ctrl);
    let mut out = Vec::with_capacity(256);
    for (name, ty) in [("TIME_DOUBLE", time), ("CTRL_DOUBLE", control)] {
        bench.run(&format!("codec: {name}, encode"), || {
            out.clear();
            encode::header(ty, Alarm::NONE, Stamp::default(), &meta, &mut out);
            let _ = encode::scalar(black_box(&Scalar::Double(1.5)), ty.native, &meta, &mut out);
        });
    }
    let bytes = 1.5f64.to_be_bytes();
    bench.run("codec: put of a double, decode", || {
        let array = WireArray::from_put(NativeType::Double.plain(), 1, black_box(&bytes));
        let _ = black_box(array.and_then(|a| a.to_scalar(NativeType::Double, &[], 0)));
    });
    let data = ArrayData::Double(vec![1.5; 1000]);
    let mut out = Vec::with_capacity(8000);
    bench.run("codec: 1000 doubles, encode", || {
        out.clear();
        let _ = encode::elements(black_box(&data), NativeType::Double, 1000, &meta, &mut out);
    });
    bench.run("codec: 1000 doubles as LONG, encode", || {
        out.clear();
        let _ = encode::elements(black_box(&data), NativeType::Long, 1000, &meta, &mut out);
    });
}

fn conversion(bench: &Bench) {
    let meta = Meta::new();
    bench.run("conversion: double to long", || {
        let _ = black_box(convert::scalar(black_box(&Scalar::Double(-2.9)), NativeType::Long, &meta));
    });
    bench.run("conversion: double to string, 6 decimals", || {
        black_box(format::double(black_box(2.345_678_9), 6));
    });
    bench.run("conversion: long to string", || {
        black_box(format::integer(black_box(-1_234_567)));
    });
    bench.run("conversion: string to double", || {
        let _ = black_box(convert::parse_double(black_box(b"2.345679")));
    });
    let text = Scalar::String(FixedString::cut("1234"));
    bench.run("conversion: string to long", || {
        let _ = black_box(convert::scalar(black_box(&text), NativeType::Long, &meta));
    });
}

fn feed_queue(bench: &Bench) {
    let update =
        Update { value: Value::Scalar(Scalar::Double(1.5)), alarm: Alarm::NONE, stamp: Stamp::default(), tag: 0 };
    let mut queue = FeedQueue::default();
    bench.run("feed queue: push and pop", || {
        queue.push(black_box(&update), EventMask::VALUE, 64, 1 << 20);
        black_box(queue.pop());
    });
    (0..64).for_each(|_| {
        queue.push(&update, EventMask::VALUE, 64, 1 << 20);
    });
    bench.run("feed queue: push when full", || {
        black_box(queue.push(black_box(&update), EventMask::VALUE, 64, 1 << 20));
    });
}

/// Answers each command at once.
struct Echo;

impl SystemDevice for Echo {
    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        group.pv("request", 0.0f64).command(&port, |_| Command::new("go")).add().map(|_| ())
    }

    fn execute(&mut self, _: Command, _: &DeviceIo) -> Result<Reply, DeviceError> {
        Ok(Reply::done())
    }
}

/// What needs a running IOC.
fn served(bench: &Bench) -> Result<()> {
    let mut group = GroupBuilder::new("m:");
    let pv: Pv<f64> = group.pv("x", 0.0).add()?;
    let array: Pv<Vec<f64>> = group.pv("a", vec![0.0; 1000]).add()?;
    let ioc = Ioc::builder().device("echo", "m:", Box::new(Echo))?.group(group).start(Config::isolated())?;
    let mut value = 0.0;
    bench.run("post: double, nobody listens", || {
        value += 1.0;
        pv.post(value);
    });
    bench.run("post: 1000 doubles, nobody listens", || array.post(vec![value; 1000]));
    let mut stream = TcpStream::connect(ioc.tcp_addresses().first().context("no address")?)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let plain = created(&mut stream, "m:x", 1)?;
    let device = created(&mut stream, "m:request", 2)?;
    for (name, command, sid, size, reply) in [
        ("loopback: get", 15, plain, 0, 24),
        ("loopback: put-notify of a plain PV", 19, plain, 8, 16),
        ("loopback: put-notify through port and device thread", 19, device, 8, 16),
    ] {
        let mut request = Vec::new();
        Header { command, size, data_type: 6, count: 1, p1: sid, p2: 7 }.encode(&mut request);
        request.resize(16 + size as usize, 0);
        let mut buffer = [0; 24];
        let mut failed = None;
        bench.run(name, || {
            let done = stream.write_all(&request).and_then(|()| stream.read_exact(&mut buffer[..reply]));
            // status 1 is ECA_NORMAL
            let good = buffer[..2] == command.to_be_bytes() && buffer[8..12] == 1u32.to_be_bytes();
            if failed.is_none() && (done.is_err() || !good) {
                failed = Some(format!("{name}: {done:?}, {buffer:?}"));
            }
        });
        anyhow::ensure!(failed.is_none(), "{failed:?}");
    }
    ioc.stop();
    Ok(())
}

/// Creates a channel; returns its sid.
fn created(stream: &mut TcpStream, name: &str, cid: u32) -> Result<u32> {
    let mut request = Vec::new();
    if cid == 1 {
        Header { count: 13, ..Header::default() }.encode(&mut request);
    }
    let size = (name.len() + 1).next_multiple_of(8) as u32;
    Header { command: 18, size, p1: cid, p2: 13, ..Header::default() }.encode(&mut request);
    request.extend_from_slice(name.as_bytes());
    request.resize(request.len() + size as usize - name.len(), 0);
    stream.write_all(&request)?;
    let mut reply = [0; 16];
    loop {
        stream.read_exact(&mut reply)?;
        let (head, _) = Header::decode(&reply, true)?.context("no header")?;
        anyhow::ensure!(head.size == 0 && head.command != 26, "{name} was not created: {head:?}");
        if head.command == 18 {
            return Ok(head.p2);
        }
    }
}
