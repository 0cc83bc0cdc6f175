//! No allocation per scalar get, put and post. A binary of its own: the counter sees every thread.

#[path = "../../tests/raw/mod.rs"]
mod raw;

use std::alloc::System;
use std::io::{Read, Write};

use ca_proto::wire::Command;
use raw::{Raw, message};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use wrapper::{Config, GroupBuilder, Ioc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

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

#[test]
fn scalar_get_put_and_post_do_not_allocate() {
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
