//! Long runs against a server in this process, which print what they saw:
//! `cargo test -p seqioc --test system soak -- --ignored --nocapture --test-threads 1`.

use std::net::SocketAddrV4;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use wrapper::{Config, GroupBuilder, Ioc, Pv};

use crate::launch::{SOON, wait_for};
use crate::peers::Script;
use crate::raw::{Circuit, DBR_DOUBLE};

/// PVs that the client monitors.
const MONITORS: usize = 1000;
/// How long it is stopped.
const STOPPED: Duration = Duration::from_secs(60);
/// Growth of the resident memory that a stopped or deaf client may cost, in MB.
const GROWTH: usize = 64;
/// Longest time of a get beside a stopped client that is no disturbance.
const GET: Duration = Duration::from_secs(1);

fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}

struct Served {
    ioc: Ioc,
    pvs: Vec<Pv<f64>>,
    image: Pv<Vec<f64>>,
}

fn serve() -> Served {
    let mut group = GroupBuilder::new("k:");
    let pvs = (0..MONITORS).map(|i| group.pv(&i.to_string(), 0.0).add().expect("good")).collect();
    let image = group.pv("image", vec![0.0; 500_000]).add().expect("good");
    let ioc = Ioc::builder().group(group).start(Config::isolated()).expect("loopback");
    Served { ioc, pvs, image }
}

impl Served {
    fn tcp(&self) -> SocketAddrV4 {
        self.ioc.tcp_addresses()[0]
    }

    fn post_all(&self, number: f64) {
        self.pvs.iter().for_each(|pv| pv.post(number));
    }

    /// Gets for a while, while all PVs are posted again and again; the times they took, sorted.
    fn gets(&self, during: Duration) -> Vec<Duration> {
        let mut circuit = Circuit::open(self.tcp());
        let channel = circuit.create("k:7");
        let (until, over) = (Instant::now() + during, AtomicBool::new(false));
        let mut times = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut number = 0.0;
                while !over.load(SeqCst) {
                    number += 1.0;
                    self.post_all(number);
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
            let mut times = Vec::new();
            while Instant::now() < until {
                let start = Instant::now();
                circuit.get(channel, DBR_DOUBLE, 1);
                times.push(start.elapsed());
                std::thread::sleep(Duration::from_millis(1));
            }
            over.store(true, SeqCst);
            times
        });
        times.sort_unstable();
        times
    }
}

fn figures(what: &str, times: &[Duration]) {
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!("{what}: {} gets, p50 {:?}, p99 {:?}, max {:?}", times.len(), at(0.5), at(0.99), at(1.0));
}

fn kill(signal: &str, id: u32) {
    let status = Command::new("kill").args(["-s", signal, &id.to_string()]).status().expect("kill runs");
    assert!(status.success(), "kill -s {signal} {id}");
}

#[test]
#[ignore = "takes over a minute"]
fn a_stopped_client_with_a_thousand_monitors_disturbs_nobody_and_gets_the_last_values() {
    let served = serve();
    let count = MONITORS.to_string();
    let udp = served.ioc.udp_addresses()[0].port();
    let args = [count.as_str(), "-1", "-2"];
    let deadline = STOPPED + Duration::from_secs(180);
    let Some(script) = Script::start_with("thousand.py", &args, udp, deadline) else { return };
    script.wait_line("ready");
    figures("client running", &served.gets(Duration::from_secs(5)));
    served.post_all(-1.0);
    script.wait_line("last -1");
    let before = resident();
    kill("STOP", script.id());
    let times = served.gets(STOPPED);
    let (after, report) = (resident(), served.ioc.report());
    let squashed: u64 = report.circuits.iter().map(|circuit| circuit.squashed).sum();
    figures("client stopped", &times);
    let grown = after.saturating_sub(before) / 1_000_000;
    println!(
        "stopped for {STOPPED:?}: memory {} -> {} kB, {squashed} posts squashed",
        before / 1000,
        after / 1000
    );
    served.post_all(-2.0);
    kill("CONT", script.id());
    let start = Instant::now();
    script.wait_line("last -2");
    println!("all {MONITORS} last values {:?} after CONT", start.elapsed());
    assert!(grown < GROWTH, "{grown} MB more are resident");
    assert!(*times.last().expect("some") < GET, "{:?}", times.last());
}

#[test]
#[ignore = "a figure, not a check of every change"]
fn pipelined_gets_of_an_image_by_a_deaf_client_cost_bounded_memory() {
    let served = serve();
    served.image.post(vec![1.0; 500_000]);
    let before = resident();
    let mut deaf: Vec<_> = (0..4).map(|_| Circuit::open(served.tcp())).collect();
    for (circuit, data_type) in deaf.iter_mut().zip([6, 6, 0, 20]) {
        let channel = circuit.create("k:image");
        (0..4096).for_each(|_| _ = circuit.push_get(channel, data_type, 0));
        circuit.flush();
    }
    wait_for("all circuits stall", SOON, || {
        let stalled = |report: &wrapper::Report| report.circuits.iter().filter(|c| c.stalls > 0).count();
        (stalled(&served.ioc.report()) == 4).then_some(())
    });
    let grown = resident().saturating_sub(before) / 1000;
    println!("4 x 4096 gets of 4 MB, nothing read: memory {} kB, {grown} kB more", resident() / 1000);
    let mut other = Circuit::open(served.tcp());
    let channel = other.create("k:1");
    let start = Instant::now();
    other.get(channel, DBR_DOUBLE, 1);
    println!("a get beside them: {:?}", start.elapsed());
    assert!(grown < 1000 * GROWTH, "{grown} kB more are resident");
}
