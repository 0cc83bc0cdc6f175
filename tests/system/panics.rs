//! A device that panics every 20th command under the load of four clients: each command is answered once, and nothing
//! else is disturbed. Ten minutes of it:
//! `cargo test --release -p seqioc --test system panics -- --ignored --nocapture`.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wrapper::{
    ArgType, Command, CommandSpec, Config, DeviceError, DeviceIo, GroupBuilder, GroupError, Ioc, Pv, Reply,
    RestartPolicy, SystemDevice,
};

use crate::launch::{SOON, wait_for};
use crate::raw::{Circuit, DBR_CHAR, DBR_DOUBLE, DBR_LONG, EVENT_ADD, NORMAL, PUTFAIL};

const CLIENTS: usize = 4;
/// Commands of each client on their way; together they fit into the queue.
const ON_THE_WAY: usize = 4;
/// It panics with each command whose turn this is.
const TURN: u64 = 20;
/// Panics that a run has at least.
const PANICS: u64 = 20;
/// Time between two posts of those that are not to be disturbed.
const PACE: Duration = Duration::from_millis(20);
/// A number with its alarm.
const DBR_STS_DOUBLE: u16 = 13;

/// Client and number of a command.
type Id = (usize, u64);

/// What the device did, taken out by the clients as they hear of it.
#[derive(Debug, Default)]
struct Ledger {
    done: HashSet<Id>,
    panicked: HashSet<Id>,
    last: [u64; CLIENTS],
    executed: u64,
    panics: u64,
}

type Shared = Arc<Mutex<Ledger>>;

struct Panicky {
    specs: Vec<CommandSpec>,
    ledger: Shared,
}

impl SystemDevice for Panicky {
    fn commands(&self) -> &[CommandSpec] {
        &self.specs
    }

    fn execute(&mut self, command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        let (client, number) = (command.number("client")? as usize, command.number("number")? as u64);
        let panics = {
            let mut ledger = self.ledger.lock().expect("whole");
            // A failure here fails the command, and with it the client that counts.
            if number <= ledger.last[client] {
                return Err(DeviceError::new(format!("{number} of client {client} came again")));
            }
            ledger.last[client] = number;
            ledger.executed += 1;
            let panics = ledger.executed.is_multiple_of(TURN);
            ledger.panics += u64::from(panics);
            let kept = if panics { &mut ledger.panicked } else { &mut ledger.done };
            kept.insert((client, number));
            panics
        };
        if panics {
            // As `panic!`, without a line on standard error for each.
            std::panic::resume_unwind(Box::new("it is its turn"));
        }
        Ok(Reply::done())
    }
}

/// A device beside it, which counts.
struct Steady {
    specs: Vec<CommandSpec>,
    count: Option<Pv<f64>>,
}

impl SystemDevice for Steady {
    fn commands(&self) -> &[CommandSpec] {
        &self.specs
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        self.count = Some(counter(group, "count")?);
        Ok(())
    }

    fn execute(&mut self, _command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        Ok(Reply::done())
    }

    fn idle(&mut self, _io: &DeviceIo) -> Option<Duration> {
        let count = self.count.as_ref()?;
        count.post(count.get() + 1.0);
        Some(PACE)
    }
}

/// No post of it is lost: a client that is late for a minute still gets each.
fn counter(group: &mut GroupBuilder, name: &str) -> Result<Pv<f64>, GroupError> {
    group.pv(name, 0.0).read_only().feed_depth(4096).add()
}

struct Lab {
    ioc: Ioc,
    ledger: Shared,
    plain: Pv<f64>,
    until: Instant,
    over: AtomicBool,
}

/// What a client heard.
#[derive(Debug, Default)]
struct Heard {
    sent: u64,
    done: u64,
    failed: u64,
}

impl Lab {
    fn start(during: Duration) -> Self {
        let ledger = Shared::default();
        let work = CommandSpec::new("work", "counts").arg("client", ArgType::Integer, "").arg(
            "number",
            ArgType::Integer,
            "",
        );
        let panicky = Panicky { specs: vec![work], ledger: ledger.clone() };
        let steady = Steady { specs: vec![CommandSpec::new("ping", "answers")], count: None };
        let mut group = GroupBuilder::new("plain:");
        let plain = counter(&mut group, "count").expect("good");
        let policy = RestartPolicy::default().back_off(Duration::ZERO);
        let builder =
            Ioc::builder().device_with("panicky", "p:", Box::new(panicky), policy).expect("good PVs");
        let builder = builder.device("steady", "steady:", Box::new(steady)).expect("good PVs").group(group);
        let ioc = builder.start(Config::isolated()).expect("loopback");
        Self { ioc, ledger, plain, until: Instant::now() + during, over: AtomicBool::new(false) }
    }

    fn tcp(&self) -> SocketAddrV4 {
        self.ioc.tcp_addresses()[0]
    }

    fn panics(&self) -> u64 {
        self.ledger.lock().expect("whole").panics
    }

    fn goes_on(&self) -> bool {
        !self.over.load(SeqCst) && (Instant::now() < self.until || self.panics() < PANICS)
    }

    /// One client's commands, each answered once by what the device did with it.
    fn load(&self, client: usize) -> Heard {
        let _ends = Ends(&self.over);
        let mut circuit = Circuit::open(self.tcp());
        let cmd = circuit.create("p:seq.CMD");
        let (mut heard, mut waiting) = (Heard::default(), HashMap::new());
        while self.goes_on() {
            for _ in 0..ON_THE_WAY {
                heard.sent += 1;
                let ioid = circuit.push_command(cmd, &format!("work({client}, {})", heard.sent));
                waiting.insert(ioid, heard.sent);
            }
            circuit.flush();
            while !waiting.is_empty() {
                let (ioid, eca) = circuit.completion();
                let number = waiting.remove(&ioid).expect("answered once");
                self.account((client, number), eca, &mut heard);
            }
        }
        // Any other message, such as a second answer, would fail the get.
        circuit.get(cmd, DBR_CHAR, 0);
        heard
    }

    fn account(&self, id: Id, eca: u32, heard: &mut Heard) {
        let mut ledger = self.ledger.lock().expect("whole");
        match eca {
            NORMAL => {
                assert!(ledger.done.remove(&id), "{id:?} is answered as done, the device did not do it");
                heard.done += 1;
            }
            PUTFAIL => {
                assert!(!ledger.done.contains(&id), "{id:?} is answered as failed, the device did it");
                ledger.panicked.remove(&id);
                heard.failed += 1;
            }
            other => panic!("{id:?}: status {other}"),
        }
    }

    fn post(&self) {
        while !self.over.load(SeqCst) {
            self.plain.post(self.plain.get() + 1.0);
            std::thread::sleep(PACE);
        }
    }

    /// Follows one of the counters: each number comes, without alarm; how many, and the longest time between two.
    fn follow(&self, name: &str) -> (u64, Duration) {
        let _ends = Ends(&self.over);
        let mut circuit = Circuit::open(self.tcp());
        let channel = circuit.create(name);
        circuit.push_monitor(channel, DBR_STS_DOUBLE, 1);
        circuit.flush();
        let (mut last, mut count, mut since, mut longest) = (None, 0, Instant::now(), Duration::ZERO);
        while self.goes_on() {
            let update = circuit.next();
            assert_eq!(
                (update.command, &update.payload[..4]),
                (EVENT_ADD, &[0; 4][..]),
                "{name}: {update:?}"
            );
            let number = update.double(1);
            assert!(last.is_none_or(|last: f64| last + 1.0 == number), "{name}: {number} after {last:?}");
            (last, count) = (Some(number), count + 1);
            longest = longest.max(since.elapsed());
            since = Instant::now();
        }
        (count, longest)
    }

    /// Gets and commands beside the load; the times of the gets, sorted.
    fn ask(&self) -> Vec<Duration> {
        let _ends = Ends(&self.over);
        let mut circuit = Circuit::open(self.tcp());
        let (plain, cmd) = (circuit.create("plain:count"), circuit.create("steady:seq.CMD"));
        let mut times = Vec::new();
        while self.goes_on() {
            let start = Instant::now();
            circuit.get(plain, DBR_DOUBLE, 1);
            times.push(start.elapsed());
            assert_eq!(circuit.command(cmd, "ping()"), NORMAL);
            std::thread::sleep(Duration::from_millis(1));
        }
        times.sort_unstable();
        times
    }
}

/// Ends the run of all threads when one of them fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, SeqCst);
        }
    }
}

/// All threads at once; what the clients heard, what came of the counters, and the times of the gets.
fn run(lab: &Lab) -> (Heard, Vec<(u64, Duration)>, Vec<Duration>) {
    std::thread::scope(|scope| {
        let _ends = Ends(&lab.over);
        scope.spawn(|| lab.post());
        let clients: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || lab.load(client))).collect();
        let names = ["steady:count", "plain:count"];
        let counters: Vec<_> = names.map(|name| scope.spawn(move || lab.follow(name))).into_iter().collect();
        let asking = scope.spawn(|| lab.ask());
        let heard = clients.into_iter().map(|client| client.join().expect("all is answered"));
        let heard = heard.fold(Heard::default(), |all, one| Heard {
            sent: all.sent + one.sent,
            done: all.done + one.done,
            failed: all.failed + one.failed,
        });
        let counters = counters.into_iter().map(|counter| counter.join().expect("undisturbed")).collect();
        let times = asking.join().expect("undisturbed");
        lab.over.store(true, SeqCst);
        (heard, counters, times)
    })
}

/// The clients' count of what was done, failed and sent is the device's, and that of its PVs.
fn agree(lab: &Lab, heard: &Heard) {
    let ledger = lab.ledger.lock().expect("whole");
    assert!(ledger.done.is_empty() && ledger.panicked.is_empty(), "not answered: {ledger:?}");
    assert_eq!(heard.done, ledger.executed - ledger.panics);
    assert_eq!(heard.sent, heard.done + heard.failed);
    let mut circuit = Circuit::open(lab.tcp());
    let [count, done] = ["COUNT", "DONE"].map(|name| circuit.create(&format!("p:seq.{name}")));
    let accepted = circuit.get(count, DBR_LONG, 1).long() as u64;
    assert_eq!(circuit.get(done, DBR_LONG, 1).long() as u64, accepted);
    let waited = accepted - ledger.executed;
    let refused = heard.failed.checked_sub(ledger.panics + waited).expect("each failure has its reason");
    println!(
        "{CLIENTS} clients sent {} commands: {} done, {} panicked, {waited} waited behind a panic, {refused} came while it was down",
        heard.sent, heard.done, ledger.panics
    );
}

fn every_command_is_answered_once(during: Duration) {
    let lab = Lab::start(during);
    let (heard, counters, times) = run(&lab);
    wait_for("the last restart", SOON, || {
        let mut circuit = Circuit::open(lab.tcp());
        let alive = circuit.create("p:health.ALIVE");
        (circuit.get(alive, DBR_LONG, 1).long() == 1).then_some(())
    });
    agree(&lab, &heard);
    assert!(lab.panics() >= PANICS && heard.done > 0);
    for (name, (count, longest)) in ["a device's counter", "a plain counter"].iter().zip(counters) {
        println!("{name} beside it: {count} updates, none lost or in alarm, at most {longest:?} between two");
        assert!(count > 1, "{name}");
    }
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!("{} gets beside it: p50 {:?}, p99 {:?}, max {:?}", times.len(), at(0.5), at(0.99), at(1.0));
    assert_eq!(lab.ioc.stop(), 0, "no device is stuck");
}

#[test]
fn every_command_of_a_panicking_device_is_answered_once_and_nothing_else_is_disturbed() {
    every_command_is_answered_once(Duration::from_secs(2));
}

#[test]
#[ignore = "takes ten minutes"]
fn ten_minutes_of_panics_answer_every_command_once() {
    every_command_is_answered_once(Duration::from_secs(600));
}
