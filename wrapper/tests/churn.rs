//! PVs that come and go under the monitors of many clients: no leak, and no client keeps a stale channel.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Instant;

use ca_proto::wire::Command;
use wrapper::{Config, GroupBuilder, Ioc};

#[path = "../../tests/raw/mod.rs"]
mod raw;

use raw::{Raw, eventually};

const CLIENTS: usize = 20;
const ROUNDS: usize = 10_000;
/// Each so many rounds all clients are waited for.
const TOGETHER: usize = 100;
/// Growth of the resident memory that is no leak: less than 0.4 kB a round.
const GROWTH: usize = 4 << 20;

fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").expect("Linux").count()
}

/// Monitors the PV whenever it is there, until told to end with the PV gone.
fn follow(mut client: Raw, live: &AtomicUsize, end: &AtomicBool) {
    while !end.load(SeqCst) {
        let Some(channel) = client.try_channel("c:v") else { continue };
        let id = client.monitor(channel, 5, 1, 1);
        let gone = |m: &raw::Message| m.is(Command::ServerDisconnect) && m.header.p1 == channel.cid;
        let seen = client.until(|m| gone(m) || (m.is(Command::EventAdd) && m.header.p2 == id));
        if seen.last().is_some_and(gone) {
            continue;
        }
        live.fetch_add(1, SeqCst);
        client.until(gone);
        live.fetch_sub(1, SeqCst);
    }
}

/// Serves a PV for a moment; every tenth has hooks, which bring a thread of their own.
fn round(ioc: &Ioc, number: usize, live: &AtomicUsize) {
    let mut group = GroupBuilder::new("c:");
    let pv = group.pv("v", 0).add().expect("a good PV");
    if number.is_multiple_of(10) {
        let own = pv.clone();
        group.on_put(&pv, move |_, _| _ = own.get()).expect("a hook");
    }
    ioc.add(group).expect("a free name");
    pv.post(1);
    if number.is_multiple_of(TOGETHER) {
        eventually("all clients monitor", || (live.load(SeqCst) == CLIENTS).then_some(()));
        pv.post(2);
    }
    assert!(ioc.remove("c:v"));
    if number.is_multiple_of(TOGETHER) {
        eventually("all clients are told", || (live.load(SeqCst) == 0).then_some(()));
    }
}

#[test]
fn pvs_that_come_and_go_ten_thousand_times_leave_nothing_behind() {
    let ioc = Ioc::builder().start(Config::isolated()).expect("loopback");
    let (live, end) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (client, live, end) = (Raw::connect(ioc.tcp_addresses()[0]), live.clone(), end.clone());
            std::thread::spawn(move || follow(client, &live, &end))
        })
        .collect();
    (0..=ROUNDS / 10).for_each(|number| round(&ioc, number, &live));
    eventually("hook threads end", || (threads() <= CLIENTS + 8).then_some(()));
    let (before, memory, began) = (threads(), resident(), Instant::now());
    (1..=ROUNDS).for_each(|number| round(&ioc, number, &live));
    let took = began.elapsed();
    eventually("hook threads end", || (threads() <= before).then_some(()));
    let grown = resident().saturating_sub(memory);
    println!("{ROUNDS} rounds in {took:.1?}; memory grew by {} kB", grown / 1024);
    end.store(true, SeqCst);
    clients.into_iter().for_each(|client| client.join().expect("a client ends well"));
    assert!(grown < GROWTH, "{grown} bytes more are resident");
    assert!(ioc.names().is_empty());
    ioc.stop();
}
