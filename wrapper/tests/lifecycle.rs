//! An IOC that starts and stops again and again in one process leaves nothing behind.

use std::fs;
use std::time::{Duration, Instant};

use wrapper::{Command, Config, DeviceError, DeviceIo, GroupBuilder, Ioc, Reply, SystemDevice};

#[path = "../../tests/raw/mod.rs"]
mod raw;

use raw::Raw;

/// Rounds before the first count: what is made once is made then.
const WARM_UP: usize = 50;
const ROUNDS: usize = 1000;
/// Growth of the resident memory that is no leak: less than 2 kB a round.
const GROWTH: usize = 2 << 20;

struct Echo;

impl SystemDevice for Echo {
    fn execute(&mut self, _command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        Ok(Reply::done())
    }
}

/// What a process holds: descriptors, threads.
fn held() -> (usize, usize) {
    let entries = |folder| fs::read_dir(folder).expect("Linux").count();
    (entries("/proc/self/fd"), entries("/proc/self/task"))
}

fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}

/// Starts an IOC, uses it over the network, stops it with the client still there.
fn round() {
    let mut group = GroupBuilder::new("r:");
    group.pv("array", vec![0.0; 1000]).add().expect("good");
    let builder = Ioc::builder().group(group).device("echo", "e:", Box::new(Echo)).expect("good");
    let ioc = builder.start(Config::isolated()).expect("loopback");
    let mut client = Raw::connect(ioc.tcp_addresses()[0]);
    let (array, command) = (client.channel("r:array"), client.channel("e:seq.CMD"));
    client.monitor(array, 6, 0, 1);
    assert_eq!(client.put_text(command, "[1, 2]"), 1);
    assert_eq!(ioc.stop(), 0);
}

#[test]
fn a_thousand_starts_and_stops_in_one_process_leak_nothing() {
    (0..WARM_UP).for_each(|_| round());
    let (before, memory, began) = (held(), resident(), Instant::now());
    (0..ROUNDS).for_each(|_| round());
    let took = began.elapsed();
    // A thread that was joined may be listed for a moment.
    let until = Instant::now() + Duration::from_secs(10);
    while held() != before && Instant::now() < until {
        std::thread::yield_now();
    }
    let grown = resident().saturating_sub(memory);
    println!("{ROUNDS} rounds in {took:.1?}; memory grew by {} kB, holds {before:?}", grown / 1024);
    assert_eq!(held(), before, "descriptors and threads");
    assert!(grown < GROWTH, "{grown} bytes more are resident");
}
