//! Commands on the wire: their order, their completions, and what else is served meanwhile.

use std::time::{Duration, Instant};

use crate::launch::{SOON, Server, wait_for};
use crate::raw::{
    Channel, Circuit, DBR_CHAR, DBR_DOUBLE, DBR_ENUM, DBR_LONG, DBR_STRING, ERROR, EVENT_ADD, NORMAL,
    PUTFAIL, READ_NOTIFY, WRITE_NOTIFY,
};

const SEQ: &str = "TEST:SERVER.seq.";
/// Commands that wait for a device.
const QUEUE: usize = 16;

fn seq(circuit: &mut Circuit, name: &str) -> Channel {
    circuit.create(&format!("{SEQ}{name}"))
}

/// Waits until a PV that reads as LONG has a value.
fn wait_long(circuit: &mut Circuit, channel: Channel, wanted: i32) {
    wait_for(&format!("the value {wanted}"), SOON, || {
        (circuit.get(channel, DBR_LONG, 1).long() == wanted).then_some(())
    });
}

#[test]
fn a_busy_device_delays_nothing_else_on_its_circuit() {
    const GETS: usize = 1000;
    let server = Server::start();
    let mut circuit = server.circuit();
    let (request, delay) = (circuit.create("wt:request"), circuit.create("wt:delay"));
    circuit.put_double(delay, 2.0);
    let started = Instant::now();
    let first = circuit.push_put_notify(request, DBR_DOUBLE, 1, &1.0_f64.to_be_bytes());
    let mut took = Vec::new();
    for _ in 0..GETS {
        let start = Instant::now();
        // Any other message, such as the completion, would fail the get.
        assert_eq!(circuit.get(delay, DBR_DOUBLE, 1).double(0), 2.0);
        took.push(start.elapsed());
    }
    took.sort();
    println!("{GETS} gets beside a busy device: p50 {:?}, p99 {:?}", took[GETS / 2], took[GETS * 99 / 100]);
    assert!(took[GETS / 2] < Duration::from_millis(5), "{took:?}");
    let second = circuit.push_put_notify(request, DBR_DOUBLE, 1, &2.0_f64.to_be_bytes());
    circuit.flush();
    // A get behind the second put is answered at once, and sees what it stored.
    assert_eq!(circuit.get(request, DBR_DOUBLE, 1).double(0), 2.0);
    assert_eq!(circuit.completion(), (first, NORMAL));
    assert!(started.elapsed() >= Duration::from_secs(2));
    assert_eq!(circuit.completion(), (second, NORMAL));
    assert!(started.elapsed() >= Duration::from_secs(4));
    // Nothing but the get's answer comes: each was answered once.
    circuit.get(delay, DBR_DOUBLE, 1);
}

#[test]
fn more_commands_than_the_queue_takes_are_refused_and_counted() {
    const SURPLUS: usize = 5;
    let server = Server::start();
    let (mut circuit, mut other) = (server.circuit(), server.circuit());
    let cmd = seq(&mut circuit, "CMD");
    let [queued, refused, abort, state, progress] =
        ["QUEUED", "REFUSED", "ABORT", "STATE", "PROGRESS"].map(|name| seq(&mut other, name));
    let moving = circuit.push_command(cmd, "move(100)");
    circuit.flush();
    wait_for("the move", SOON, || (other.get(progress, DBR_DOUBLE, 1).double(0) > 0.0).then_some(()));
    let waiting: Vec<_> =
        (0..QUEUE + SURPLUS).map(|i| circuit.push_command(cmd, &format!("[{i}]"))).collect();
    circuit.flush();
    for ioid in &waiting[QUEUE..] {
        assert_eq!(circuit.completion(), (*ioid, PUTFAIL));
    }
    assert_eq!(other.get(queued, DBR_LONG, 1).long(), QUEUE as i32);
    assert_eq!(other.get(refused, DBR_LONG, 1).long(), SURPLUS as i32);
    let text = circuit.get(cmd, DBR_CHAR, 0).text();
    assert_eq!(text, format!("[{}]", QUEUE - 1), "a refused command is not stored");
    let aborting = other.push_put_notify(abort, DBR_ENUM, 1, &1_u16.to_be_bytes());
    other.flush();
    assert_eq!(other.completion(), (aborting, NORMAL));
    let mut failed: Vec<_> = (0..=QUEUE).map(|_| circuit.completion()).collect();
    failed.sort();
    let wanted: Vec<_> = [moving].iter().chain(&waiting[..QUEUE]).map(|ioid| (*ioid, PUTFAIL)).collect();
    assert_eq!(failed, wanted);
    assert_eq!(other.get(queued, DBR_LONG, 1).long(), 0);
    assert_eq!(other.get(abort, DBR_STRING, 1).text(), "Idle");
    assert_eq!(other.get(state, DBR_STRING, 1).text(), "Aborted");
    assert_eq!(circuit.command(cmd, "[1]"), NORMAL);
}

#[test]
fn commands_of_two_clients_run_in_the_order_in_which_they_came() {
    let server = Server::start();
    let (mut first, mut second) = (server.circuit(), server.circuit());
    let (slow, quick) = (seq(&mut first, "CMD"), seq(&mut second, "CMD"));
    let [count, done, values] = ["COUNT", "DONE", "values"].map(|name| seq(&mut second, name));
    let val = second.create("TEST:SERVER.VAL");
    let slow = first.push_command(slow, "move(0.5)");
    first.flush();
    wait_long(&mut second, count, 1);
    let quick = second.push_command(quick, "[7, 8]");
    second.flush();
    assert_eq!(second.completion(), (quick, NORMAL));
    assert_eq!(second.get(val, DBR_DOUBLE, 1).double(0), 0.5, "it ran before the move ended");
    assert_eq!(first.completion(), (slow, NORMAL));
    assert_eq!(second.get(values, DBR_DOUBLE, 0).doubles(), [7.0, 8.0]);
    assert_eq!(second.get(done, DBR_LONG, 1).long(), 2);
}

#[test]
fn many_commands_of_two_clients_are_each_answered_once_and_in_order() {
    const EACH: u32 = 500;
    let server = Server::start();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut circuit = server.circuit();
                let cmd = seq(&mut circuit, "CMD");
                // Two clients with eight on the way each never overfill the queue.
                for _ in 0..EACH / 8 {
                    let sent: Vec<_> = (0..8).map(|i| circuit.push_command(cmd, &format!("[{i}]"))).collect();
                    circuit.flush();
                    for ioid in sent {
                        assert_eq!(circuit.completion(), (ioid, NORMAL));
                    }
                }
            });
        }
    });
    let mut circuit = server.circuit();
    let [count, done, busy] = ["COUNT", "DONE", "BUSY"].map(|name| seq(&mut circuit, name));
    let total = (2 * (EACH / 8) * 8) as i32;
    assert_eq!(circuit.get(count, DBR_LONG, 1).long(), total);
    assert_eq!(circuit.get(done, DBR_LONG, 1).long(), total);
    assert_eq!(circuit.get(busy, DBR_STRING, 1).text(), "Idle");
}

/// The last updates of DONE and `values`, and completions, as they come.
struct Watched {
    circuit: Circuit,
    done_id: u32,
    values_id: u32,
    done: i32,
    values: Vec<f64>,
    updates: usize,
}

impl Watched {
    fn open(server: &Server) -> (Self, Channel) {
        let mut circuit = server.circuit();
        let [cmd, done, values] = ["CMD", "DONE", "values"].map(|name| seq(&mut circuit, name));
        let done_id = circuit.push_monitor(done, DBR_LONG, 1);
        let values_id = circuit.push_monitor(values, DBR_DOUBLE, 0);
        circuit.flush();
        let mut watched = Self { circuit, done_id, values_id, done: 0, values: Vec::new(), updates: 0 };
        while watched.updates < 2 {
            assert_eq!(watched.step(), None);
        }
        (watched, cmd)
    }

    fn step(&mut self) -> Option<u32> {
        let message = self.circuit.next();
        assert_eq!(message.p1, NORMAL, "{message:?}");
        match message.command {
            EVENT_ADD if message.p2 == self.done_id => {
                assert!(message.long() >= self.done, "DONE went back to {}", message.long());
                self.done = message.long();
            }
            EVENT_ADD if message.p2 == self.values_id => self.values = message.doubles(),
            WRITE_NOTIFY => return Some(message.p2),
            _ => panic!("unexpected {message:?}"),
        }
        self.updates += 1;
        None
    }

    fn next_completion(&mut self) -> u32 {
        loop {
            if let Some(ioid) = self.step() {
                return ioid;
            }
        }
    }
}

#[test]
fn every_post_of_a_command_comes_before_its_completion() {
    const COMMANDS: i32 = 2000;
    let server = Server::start();
    let (mut watched, cmd) = Watched::open(&server);
    for number in 1..=COMMANDS {
        let ioid = watched.circuit.push_command(cmd, &format!("[{number}]"));
        watched.circuit.flush();
        assert_eq!(watched.next_completion(), ioid);
        assert_eq!((watched.done, &watched.values[..]), (number, &[f64::from(number)][..]));
    }
    let mut number = COMMANDS;
    for _ in 0..COMMANDS / 8 {
        let sent: Vec<_> =
            (1..=8).map(|i| watched.circuit.push_command(cmd, &format!("[{}]", number + i))).collect();
        watched.circuit.flush();
        for ioid in sent {
            number += 1;
            assert_eq!(watched.next_completion(), ioid);
            assert!(
                watched.done >= number,
                "completion of {number} before its DONE, which is {}",
                watched.done
            );
        }
    }
}

#[test]
fn a_get_behind_a_put_never_sees_the_end_of_the_command_before() {
    let server = Server::start();
    let mut circuit = server.circuit();
    let [cmd, ack, values, busy] = ["CMD", "ACK", "values", "BUSY"].map(|name| seq(&mut circuit, name));
    assert_eq!(circuit.command(cmd, "[1, 2]"), NORMAL);
    assert_eq!(circuit.get(ack, DBR_STRING, 1).text(), "1");
    let start = Instant::now();
    let text = b"move(1)";
    circuit.push_put(cmd, DBR_CHAR, text.len() as u16, text);
    circuit.push_get(ack, DBR_STRING, 1);
    circuit.push_get(values, DBR_DOUBLE, 0);
    circuit.push_get(busy, DBR_STRING, 1);
    circuit.push_get(cmd, DBR_CHAR, 0);
    circuit.flush();
    let replies: Vec<_> = (0..4).map(|_| circuit.next()).collect();
    assert!(start.elapsed() < Duration::from_millis(900), "a plain put returns at once");
    assert!(replies.iter().all(|reply| (reply.command, reply.p1) == (READ_NOTIFY, NORMAL)), "{replies:?}");
    assert_eq!(replies[0].text(), "0");
    assert_eq!(replies[1].count, 0);
    assert_eq!(replies[2].text(), "Busy");
    assert_eq!(replies[3].text(), "move(1)");
    wait_for("the end of the move", SOON, || (circuit.get(ack, DBR_STRING, 1).text() == "1").then_some(()));
    assert_eq!(circuit.get(values, DBR_DOUBLE, 0).doubles(), [1.0]);
}

#[test]
fn a_plain_put_that_is_refused_is_an_error_message() {
    let server = Server::start();
    let mut circuit = server.circuit();
    let [cmd, ack, done] = ["CMD", "ACK", "DONE"].map(|name| seq(&mut circuit, name));
    assert_eq!((cmd.rights, ack.rights), (3, 1));
    circuit.push_put(cmd, DBR_CHAR, 9, b"import os");
    circuit.flush();
    let error = circuit.next();
    assert_eq!((error.command, error.p1, error.p2), (ERROR, cmd.cid, PUTFAIL), "{error:?}");
    let reason = String::from_utf8_lossy(&error.payload[16..]).into_owned();
    assert!(reason.contains("at character 8"), "{reason}");
    assert!(circuit.get(ack, DBR_STRING, 1).text().starts_with("0: "));
    assert_eq!(circuit.get(cmd, DBR_CHAR, 0).text(), "This is command string");
    assert_eq!(circuit.get(done, DBR_LONG, 1).long(), 0, "nothing ran");
}

#[test]
fn a_get_queue_of_a_panicking_device_is_answered_in_full() {
    let server = Server::start();
    let (mut circuit, mut other) = (server.circuit(), server.circuit());
    let cmd = seq(&mut circuit, "CMD");
    let state = seq(&mut other, "STATE");
    let mut wanted: Vec<_> =
        ["move(0.2)", "panic", "[1]", "[2]"].map(|text| circuit.push_command(cmd, text)).to_vec();
    circuit.flush();
    let first = wanted.remove(0);
    assert_eq!(circuit.completion(), (first, NORMAL));
    let mut answers: Vec<_> = wanted.iter().map(|_| circuit.completion()).collect();
    answers.sort();
    assert_eq!(answers, wanted.iter().map(|ioid| (*ioid, PUTFAIL)).collect::<Vec<_>>());
    wait_for("the device is back", SOON, || (other.get(state, DBR_STRING, 1).text() == "Idle").then_some(()));
    assert_eq!(circuit.command(cmd, "[3]"), NORMAL);
}

#[test]
fn a_command_shows_its_states_in_the_promised_order() {
    const SHOWN: [&str; 8] = ["BUSY", "COUNT", "ACK", "values", "message", "ERROR", "STATE", "DONE"];
    let server = Server::start();
    let mut circuit = server.circuit();
    let cmd = seq(&mut circuit, "CMD");
    // Once before, so that each PV has something to change from.
    assert_eq!(circuit.command(cmd, "fail"), PUTFAIL);
    assert_eq!(circuit.command(cmd, "[1]"), NORMAL);
    let ids = SHOWN.map(|name| {
        let channel = seq(&mut circuit, name);
        let id = circuit.push_monitor(channel, DBR_STRING, 0);
        circuit.flush();
        let first = circuit.next();
        assert_eq!((first.command, first.p2), (EVENT_ADD, id), "{name}");
        id
    });
    let ioid = circuit.push_command(cmd, "move(0.1)");
    circuit.flush();
    let mut seen = Vec::new();
    loop {
        let message = circuit.next();
        if message.command == WRITE_NOTIFY {
            assert_eq!((message.p2, message.p1), (ioid, NORMAL));
            break;
        }
        let at = ids.iter().position(|id| *id == message.p2).unwrap_or_else(|| panic!("{message:?}"));
        seen.push((SHOWN[at], message.text()));
    }
    let names: Vec<_> = seen.iter().map(|(name, _)| *name).collect();
    let (begin, end) = names.split_at(5);
    assert_eq!(begin[0], "BUSY", "{seen:?}");
    assert!(["STATE", "ACK", "values", "COUNT"].iter().all(|name| begin.contains(name)), "{seen:?}");
    assert_eq!(end, ["values", "message", "ERROR", "STATE", "DONE", "ACK", "BUSY"], "{seen:?}");
    assert_eq!((&*seen[names.len() - 2].1, &*seen[names.len() - 1].1), ("1", "Idle"));
}

#[test]
fn the_posts_of_a_refused_command_come_before_its_completion_too() {
    let server = Server::start();
    let mut circuit = server.circuit();
    let [cmd, ack, error] = ["CMD", "ACK", "ERROR"].map(|name| seq(&mut circuit, name));
    assert_eq!(circuit.command(cmd, "[1]"), NORMAL);
    let ids = [ack, error].map(|channel| {
        let id = circuit.push_monitor(channel, DBR_STRING, 0);
        circuit.flush();
        assert_eq!(circuit.next().p2, id);
        id
    });
    let ioid = circuit.push_command(cmd, "import os");
    circuit.flush();
    let came: Vec<_> = (0..3).map(|_| circuit.next()).map(|m| (m.command, m.p2)).collect();
    assert_eq!(came, [(EVENT_ADD, ids[1]), (EVENT_ADD, ids[0]), (WRITE_NOTIFY, ioid)]);
}
