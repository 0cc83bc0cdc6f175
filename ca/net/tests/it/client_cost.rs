//! What a context costs: ten thousand channels, and none that do anything.

use std::time::{Duration, Instant};

use ca::ClientConfig;
use ca::client::{Batch, Channel, Context};

use crate::client_rig::{get, number};
use crate::rig::{DEADLINE, Rig};

/// Channels of one context.
const MANY: usize = 10_000;
/// How long an idle context is watched.
const IDLE: Duration = Duration::from_secs(2);

/// Processor time of the client's own threads, in ns, and how often they were woken.
fn spent() -> (u64, u64) {
    let mut sum = (0, 0);
    for task in std::fs::read_dir("/proc/self/task").expect("Linux").flatten() {
        let read = |what| std::fs::read_to_string(task.path().join(what)).unwrap_or_default();
        if !read("comm").starts_with("ca-c") {
            continue;
        }
        let stat = read("schedstat");
        let mut numbers = stat.split_whitespace().map(|number| number.parse().unwrap_or(0));
        sum.0 += numbers.next().unwrap_or(0u64);
        sum.1 += numbers.nth(1).unwrap_or(0u64);
    }
    sum
}

#[test]
fn ten_thousand_channels_connect_and_are_got_quickly() {
    let rig = Rig::new();
    let context = Context::new(ClientConfig::isolated(rig.udp().port())).expect("a socket");
    let start = Instant::now();
    let channels = context.channels(std::iter::repeat_n("double", MANY));
    let made = start.elapsed();
    let connecting: Vec<_> = channels.iter().map(|channel| channel.connected(4 * DEADLINE)).collect();
    connecting.into_iter().for_each(|pending| _ = pending.wait().expect("connected"));
    let connected = start.elapsed();
    let datagrams = context.report().datagrams;
    let mut batch = Batch::default();
    channels.iter().for_each(|channel| _ = batch.get(channel, Channel::PLAIN, 0));
    let begun = Instant::now();
    let results = batch.send(4 * DEADLINE).wait();
    let got = begun.elapsed();
    assert!(results.into_iter().all(|result| number(&result.expect("a value").expect("data")) == 1.5));
    let begun = Instant::now();
    drop(channels);
    let dropped = begun.elapsed();
    rig.wait_for(|report| report.circuits.is_empty());
    println!(
        "{MANY} channels: made in {made:?}, connected in {connected:?} with {datagrams} datagrams, got in {got:?}, \
         dropped in {dropped:?}"
    );
    assert!(connected < DEADLINE && got < DEADLINE && dropped < DEADLINE);
}

#[test]
#[ignore = "measures the threads of the whole process: run it alone"]
fn an_idle_context_uses_no_processor() {
    let rig = Rig::new();
    let context = Context::new(ClientConfig::isolated(rig.udp().port())).expect("a socket");
    let channel = context.channel("double");
    get(&channel);
    std::thread::sleep(Duration::from_millis(200));
    let before = spent();
    std::thread::sleep(IDLE);
    let after = spent();
    let (time, wakes) = (after.0 - before.0, after.1 - before.1);
    println!("idle for {IDLE:?}: {} us, {wakes} wake-ups", time / 1000);
    assert!(time < 20_000_000 && wakes < 40, "{time} ns, {wakes} wake-ups");
}
