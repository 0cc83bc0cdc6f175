//! No allocation per scalar get, put and post; memory of a PV. A binary of its own: the counter sees every thread.

#[path = "../../tests/raw/mod.rs"]
mod raw;

use std::alloc::System;
use std::io::{Read, Write};

use ca_proto::wire::Command;
use parking_lot::Mutex;
use raw::{Raw, message};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use wrapper::{Config, GroupBuilder, Ioc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PVS: usize = 10_000;
/// Most bytes of so many PVs.
const LARGEST: usize = 20 << 20;
const OPERATIONS: usize = 10_000;
/// What tokio and the growth of buffers may cost, whatever the number of operations.
const FIXED: usize = 200;

/// Allocations of the whole process while `work` runs.
fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATOR.stats();
    work();
    let used = ALLOCATOR.stats() - before;
    used.allocations + used.reallocations
}

/// Sends `request` as often as stated and reads `reply` bytes each time, without allocating itself.
fn exchange(raw: &Raw, request: &[u8], reply: usize) {
    let mut stream = raw.stream();
    let mut buffer = [0; 256];
    for _ in 0..OPERATIONS {
        stream.write_all(request).expect("the server reads");
        stream.read_exact(&mut buffer[..reply]).expect("the server answers");
    }
}

/// One test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Bytes that the process keeps of what `make` makes.
fn kept<T>(make: impl FnOnce() -> T) -> (usize, T) {
    let before = ALLOCATOR.stats();
    let made = make();
    let used = ALLOCATOR.stats() - before;
    (used.bytes_allocated.saturating_sub(used.bytes_deallocated), made)
}

fn group(prefix: &str, record: Option<&str>) -> GroupBuilder {
    let mut group = GroupBuilder::new(prefix);
    for i in 0..PVS {
        let pv = group.pv(&format!("pv{i}"), 0.0).units("mm");
        let pv = match record {
            Some(record) => pv.record(record),
            None => pv,
        };
        pv.add().expect("a good PV");
    }
    group
}

#[test]
fn ten_thousand_pvs_take_less_than_20_megabytes_with_and_without_a_record_type() {
    let _alone = ALONE.lock();
    // The tables of the record types are read once.
    drop(group("warm:", Some("ai")));
    for record in [None, Some("ai")] {
        let (bytes, _group) = kept(|| group("p:", record));
        println!("a PV with record {record:?}: {} bytes", bytes / PVS);
        assert!(bytes < LARGEST, "{bytes} bytes");
    }
}

#[test]
fn a_field_takes_memory_once_it_is_written() {
    let _alone = ALONE.lock();
    let mut group = GroupBuilder::new("p:");
    group.pv("x", 0.0).record("calc").add().expect("a good PV");
    let ioc = Ioc::builder().group(group).start(Config::isolated()).expect("loopback");
    let mut raw = Raw::connect(ioc.tcp_addresses()[0]);
    let fields: Vec<_> = ('A'..='U').map(|name| raw.channel(&format!("p:x.INP{name}$"))).collect();
    fields.iter().for_each(|field| assert_eq!(raw.get_text(*field), ""));
    let (read, ()) = kept(|| fields.iter().for_each(|field| assert_eq!(raw.get_text(*field), "")));
    let text = "x".repeat(1000);
    let (written, ()) = kept(|| fields.iter().for_each(|field| assert_eq!(raw.put_text(*field, &text), 1)));
    println!("{} fields: {read} bytes when read, {written} when written", fields.len());
    assert!(read < 1000 && written > fields.len() * 1000, "{read} and {written} bytes");
}

#[test]
fn scalar_get_put_and_post_do_not_allocate() {
    let _alone = ALONE.lock();
    let mut group = GroupBuilder::new("p:");
    let pv = group.pv("x", 0.0).control_limits(-1e9..=1e9).add().expect("a good PV");
    let ioc = Ioc::builder().group(group).start(Config::isolated()).expect("loopback");
    let mut raw = Raw::connect(ioc.tcp_addresses()[0]);
    let x = raw.channel("p:x");
    let get = message(Command::ReadNotify, 20, 1, x.sid, 1, &[]);
    let put = message(Command::WriteNotify, 6, 1, x.sid, 1, &1.0f64.to_be_bytes());
    exchange(&raw, &get, 40);
    exchange(&raw, &put, 16);
    let gets = allocations(|| exchange(&raw, &get, 40));
    let puts = allocations(|| exchange(&raw, &put, 16));
    raw.monitor(x, 20, 1, 5);
    raw.next();
    let mut stream = raw.stream();
    let mut posts = |from: usize| {
        allocations(|| {
            let mut buffer = [0; 40];
            for i in from..from + OPERATIONS {
                pv.post(i as f64 + 0.5);
                stream.read_exact(&mut buffer).expect("the update");
            }
        })
    };
    posts(0);
    let posts = posts(OPERATIONS);
    println!("{OPERATIONS} each: get {gets}, put {puts}, post {posts} allocations");
    for (what, count) in [("get", gets), ("put", puts), ("post", posts)] {
        assert!(count < FIXED, "{count} allocations in {OPERATIONS} {what}s");
    }
}
