//! The demo motor on the wire: what its clients see, and in which order.

use std::time::{Duration, Instant};

use crate::launch::{SOON, Server, run_to_end, wait_for};
use crate::raw::{
    Channel, Circuit, DBR_CHAR, DBR_DOUBLE, DBR_ENUM, DBR_STRING, EVENT_ADD, NORMAL, PUTFAIL, READ_NOTIFY,
    WRITE_NOTIFY,
};

const RECORD: &str = "BEAMLINE:motor";

/// A circuit to a motor.
struct Bench {
    circuit: Circuit,
}

impl Bench {
    fn start() -> (Server, Self) {
        let server = Server::with(&["motor"], 0);
        let bench = Self::to(&server);
        (server, bench)
    }

    fn to(server: &Server) -> Self {
        Self { circuit: server.circuit() }
    }

    /// As fast as it goes.
    fn quick() -> (Server, Self) {
        let (server, mut bench) = Self::start();
        bench.put("VELO", 10.0);
        bench.put("ACCL", 0.1);
        (server, bench)
    }

    fn field(&mut self, name: &str) -> Channel {
        self.circuit.create(&format!("{RECORD}.{name}"))
    }

    #[track_caller]
    fn put(&mut self, name: &str, value: f64) {
        assert_eq!(self.status(name, value), NORMAL, "{name} {value}");
    }

    /// How a put ends.
    #[track_caller]
    fn status(&mut self, name: &str, value: f64) -> u32 {
        let channel = self.field(name);
        let ioid = self.push(channel, value);
        self.circuit.flush();
        let (done, status) = self.circuit.completion();
        assert_eq!(done, ioid);
        status
    }

    fn push(&mut self, channel: Channel, value: f64) -> u32 {
        self.circuit.push_put_notify(channel, DBR_DOUBLE, 1, &value.to_be_bytes())
    }

    fn get(&mut self, name: &str) -> f64 {
        let channel = self.field(name);
        self.circuit.get(channel, DBR_DOUBLE, 1).double(0)
    }

    fn wait(&mut self, what: &str, name: &str, good: impl Fn(f64) -> bool) {
        wait_for(what, SOON, || good(self.get(name)).then_some(()));
    }

    fn seq(&mut self, name: &str) -> String {
        let channel = self.circuit.create(&format!("{RECORD}.seq.{name}"));
        let native = if name == "ACK" { DBR_STRING } else { DBR_CHAR };
        self.circuit.get(channel, native, 0).text()
    }

    #[track_caller]
    fn command(&mut self, text: &str) -> u32 {
        let cmd = self.circuit.create(&format!("{RECORD}.seq.CMD"));
        self.circuit.command(cmd, text)
    }
}

/// The updates of one subscription up to this completion, with its status.
fn updates(circuit: &mut Circuit, subscription: u32, ioid: u32) -> (Vec<f64>, u32) {
    let mut seen = Vec::new();
    loop {
        let message = circuit.next();
        if message.command == EVENT_ADD && message.p2 == subscription {
            seen.push(message.double(0));
        } else if message.command == WRITE_NOTIFY && message.p2 == ioid {
            return (seen, message.p1);
        }
    }
}

#[test]
fn a_put_completes_when_the_motion_has_ended_behind_all_it_shows() {
    let (_server, mut bench) = Bench::start();
    let (val, rbv, dmov) = (bench.field("VAL"), bench.field("RBV"), bench.field("DMOV"));
    let seen = bench.circuit.push_monitor(rbv, DBR_DOUBLE, 1);
    let start = Instant::now();
    let ioid = bench.push(val, 1.0);
    bench.circuit.flush();
    let (positions, status) = updates(&mut bench.circuit, seen, ioid);
    assert_eq!((status, positions.last()), (NORMAL, Some(&1.0)));
    assert!(start.elapsed() >= Duration::from_millis(1200), "1 mm at 1 mm/s with 0.2 s of ramp");
    assert!((8..=20).contains(&positions.len()), "ten times a second, for 1.2 s: {positions:?}");
    assert!(positions.is_sorted(), "{positions:?}");
    let seen = bench.circuit.push_monitor(dmov, DBR_DOUBLE, 1);
    for target in [1.0, 1.2] {
        let ioid = bench.push(val, target);
        bench.circuit.flush();
        let (mut states, _) = updates(&mut bench.circuit, seen, ioid);
        // The first update of a subscription is what it was.
        states.drain(..states.len() - 2);
        assert_eq!(states, [0.0, 1.0], "to {target}");
    }
}

#[test]
fn a_target_outside_fails_and_nothing_moves() {
    let (server, mut bench) = Bench::quick();
    let val = bench.field("VAL");
    let seen = bench.circuit.push_monitor(val, DBR_DOUBLE, 1);
    let ioid = bench.push(val, 8.0);
    bench.circuit.flush();
    let (values, status) = updates(&mut bench.circuit, seen, ioid);
    assert_eq!(status, PUTFAIL);
    assert!(values.iter().all(|value| *value == 0.0), "8 was never shown: {values:?}");
    let mut other = Bench::to(&server);
    assert_eq!(
        (other.get("LVIO"), other.get("DMOV"), other.get("RBV"), other.get("VAL")),
        (1.0, 1.0, 0.0, 0.0)
    );
    assert_eq!(other.status("VAL", f64::NAN), PUTFAIL);
    assert_eq!(other.status("DVAL", -4.0), PUTFAIL);
    assert_eq!((other.get("LVIO"), other.get("DVAL")), (1.0, 0.0));
    other.put("VAL", 1.0);
    assert_eq!((other.get("LVIO"), other.get("RBV")), (0.0, 1.0));
}

#[test]
fn what_is_put_in_one_go_counts_in_its_order() {
    let (_server, mut bench) = Bench::start();
    let (val, set, hlm) = (bench.field("VAL"), bench.field("SET"), bench.field("HLM"));
    let ioids = [(set, 1.0), (val, 100.0), (set, 0.0)].map(|(channel, value)| bench.push(channel, value));
    bench.circuit.flush();
    let mut done: Vec<_> = (0..3).map(|_| bench.circuit.completion()).collect();
    done.sort_unstable();
    assert_eq!(done, ioids.map(|ioid| (ioid, NORMAL)));
    assert_eq!(
        (bench.get("RBV"), bench.get("OFF"), bench.get("HLM"), bench.get("DHLM")),
        (100.0, 100.0, 107.0, 7.0)
    );
    let ioids = [(hlm, 100.5), (val, 101.0)].map(|(channel, value)| bench.push(channel, value));
    bench.circuit.flush();
    let mut done = [bench.circuit.completion(), bench.circuit.completion()];
    done.sort_unstable();
    assert_eq!(done, [(ioids[0], NORMAL), (ioids[1], PUTFAIL)], "the new limit holds for the next put");
    assert_eq!(bench.get("RBV"), 100.0);
}

#[test]
fn a_new_limit_is_in_the_metadata_as_soon_as_it_is_shown() {
    const CTRL_DOUBLE: u16 = 34;
    let (_server, mut bench) = Bench::start();
    let (val, hlm) = (bench.field("VAL"), bench.field("HLM"));
    for round in 0..100 {
        let limit = if round % 2 == 0 { 5.0 } else { 7.0 };
        bench.push(hlm, limit);
        let asked = bench.circuit.push_get(val, CTRL_DOUBLE, 1);
        bench.circuit.flush();
        let both = [bench.circuit.next(), bench.circuit.next()];
        let read = both.iter().find(|message| message.command == READ_NOTIFY && message.p2 == asked);
        let read = read.expect("the answer to the get");
        // Behind status, precision and units: the control limits are the seventh and eighth of the limits.
        assert_eq!((read.double(8), read.double(9)), (limit, -3.0), "round {round}");
    }
}

#[test]
fn stop_ends_what_was_put_before_it() {
    let (_server, mut bench) = Bench::start();
    let (val, stop) = (bench.field("VAL"), bench.field("STOP"));
    for _ in 0..20 {
        let ioids = [bench.push(val, 5.0), bench.push(stop, 1.0)];
        bench.circuit.flush();
        let mut done = [bench.circuit.completion(), bench.circuit.completion()];
        done.sort_unstable();
        assert_eq!(done, ioids.map(|ioid| (ioid, NORMAL)));
        assert!(bench.get("RBV") < 1.0, "it did not go on");
        assert_eq!((bench.get("VAL"), bench.get("DMOV")), (bench.get("RBV"), 1.0));
    }
}

#[test]
fn a_newer_target_supersedes_an_older_one() {
    let (server, mut bench) = Bench::start();
    let val = bench.field("VAL");
    let first = bench.push(val, 5.0);
    bench.circuit.flush();
    let mut other = Bench::to(&server);
    other.wait("it moves", "MOVN", |movn| movn == 1.0);
    let second = bench.push(val, 0.3);
    bench.circuit.flush();
    assert_eq!(bench.circuit.completion(), (first, PUTFAIL));
    assert_eq!(bench.circuit.completion(), (second, NORMAL));
    assert_eq!(bench.get("RBV"), 0.3);
}

#[test]
fn the_template_moves_the_same_motor() {
    let (_server, mut bench) = Bench::quick();
    assert_eq!(bench.command("move(2)"), NORMAL);
    assert_eq!((bench.seq("ACK"), bench.get("RBV"), bench.get("VAL")), ("1".to_owned(), 2.0, 2.0));
    assert_eq!(bench.seq("message"), "arrived at 2.000");
    assert_eq!(bench.command("move(9)"), PUTFAIL);
    assert_eq!((bench.seq("ACK"), bench.get("LVIO")), ("0: 9 is outside -3..=7".to_owned(), 1.0));
    assert_eq!(bench.command("set('TWV', 0.5)"), NORMAL);
    assert_eq!(bench.command("set('TWF', 1)"), NORMAL);
    assert_eq!((bench.get("RBV"), bench.get("TWF")), (2.5, 0.0));
    assert_eq!(bench.command("set('TWIST', 1)"), PUTFAIL);
    assert!(bench.seq("ERROR").contains("no field \"TWIST\""));
    assert_eq!(bench.command("home('up')"), PUTFAIL);
    assert!(bench.seq("ERROR").contains("must be \"forward\" or \"reverse\""));
    bench.put("HVEL", 10.0);
    assert_eq!(bench.command("home('reverse')"), NORMAL);
    assert_eq!((bench.get("RBV"), bench.get("ATHM")), (0.0, 1.0));
}

#[test]
fn a_jog_and_a_move_by_text_end_with_stop() {
    let (server, mut bench) = Bench::start();
    let cmd = bench.circuit.create(&format!("{RECORD}.seq.CMD"));
    let mut other = Bench::to(&server);
    for (text, status) in [("jog()", NORMAL), ("move(-2)", PUTFAIL)] {
        let ioid = bench.circuit.push_command(cmd, text);
        bench.circuit.flush();
        other.wait("it moves", "MOVN", |movn| movn == 1.0);
        assert_eq!(other.command("stop()"), NORMAL);
        assert_eq!(bench.circuit.completion(), (ioid, status), "{text}");
        assert_eq!((other.get("DMOV"), other.get("JOGF")), (1.0, 0.0));
        assert_eq!(other.get("VAL"), other.get("RBV"));
    }
}

#[test]
fn abort_ends_a_motion_at_once() {
    let (server, mut bench) = Bench::start();
    let val = bench.field("VAL");
    let ioid = bench.push(val, 7.0);
    bench.circuit.flush();
    let mut other = Bench::to(&server);
    other.wait("it moves", "RBV", |rbv| rbv > 0.2);
    let abort = other.circuit.create(&format!("{RECORD}.seq.ABORT"));
    let start = Instant::now();
    let aborted = other.circuit.push_put_notify(abort, DBR_ENUM, 1, &1_u16.to_be_bytes());
    other.circuit.flush();
    assert_eq!(other.circuit.completion(), (aborted, NORMAL));
    assert!(start.elapsed() < Duration::from_secs(2), "0.2 s to slow down: {:?}", start.elapsed());
    assert_eq!(bench.circuit.completion(), (ioid, PUTFAIL));
    assert_eq!((other.get("DMOV"), other.get("VAL")), (1.0, other.get("RBV")));
    assert_eq!(other.seq("ERROR"), "aborted");
}

#[test]
fn a_held_motion_can_be_aborted_too() {
    let (server, mut bench) = Bench::start();
    bench.put("SPMG", 1.0);
    let val = bench.field("VAL");
    let ioid = bench.push(val, 7.0);
    bench.circuit.flush();
    let mut other = Bench::to(&server);
    other.wait("it is held", "DMOV", |dmov| dmov == 0.0);
    let abort = other.circuit.create(&format!("{RECORD}.seq.ABORT"));
    let aborted = other.circuit.push_put_notify(abort, DBR_ENUM, 1, &1_u16.to_be_bytes());
    other.circuit.flush();
    assert_eq!(other.circuit.completion(), (aborted, NORMAL));
    assert_eq!(bench.circuit.completion(), (ioid, PUTFAIL));
    assert_eq!((other.get("VAL"), other.get("DMOV")), (0.0, 1.0));
}

#[test]
fn faults_fail_the_motion_and_say_why() {
    let (_server, mut bench) = Bench::quick();
    for (fault, reason) in [
        ("stall()", "stalled at 0"),
        ("limit('high')", "stopped by a limit switch at 0"),
        ("following_error(0.7)", "the following error was too large"),
    ] {
        assert_eq!(bench.command(fault), NORMAL);
        assert_eq!(bench.status("VAL", 2.0), PUTFAIL, "{fault}");
        assert!(bench.seq("ERROR").contains(reason), "{fault}: {}", bench.seq("ERROR"));
        assert_eq!(bench.get("VAL"), bench.get("RBV"));
        assert_eq!(bench.command("repair()"), NORMAL);
        bench.put("VAL", 0.0);
    }
    assert_eq!(bench.command("lose_steps(250)"), NORMAL);
    bench.put("VAL", 2.0);
    assert_eq!((bench.get("RBV"), bench.get("RCNT")), (2.0, 1.0), "a retry has made it good");
    assert_eq!(bench.command("lose_steps(-1)"), PUTFAIL);
}

#[test]
fn the_record_is_the_prefix_without_its_dot() {
    let (_server, mut bench) = Bench::quick();
    let record = bench.circuit.create(RECORD);
    let ioid = bench.push(record, 1.5);
    bench.circuit.flush();
    assert_eq!(bench.circuit.completion(), (ioid, NORMAL));
    assert_eq!(bench.get("RBV"), 1.5);
    for (name, text) in
        [("NAME", RECORD), ("RTYP", "motor"), ("EGU", "mm"), ("SPMG", "Go"), ("DTYP", "Soft Channel")]
    {
        let channel = bench.field(name);
        assert_eq!(bench.circuit.get(channel, DBR_STRING, 1).text(), text, "{name}");
    }
    assert_eq!((bench.get("running"), bench.get("SREV"), bench.get("HIHI")), (1.0, 200.0, 6.0));
    bench.circuit.create("BEAMLINE:motor:seq:CMD");
    let rbv = bench.field("RBV");
    assert_eq!((rbv.rights, bench.field("VAL").rights), (1, 3), "read, read and write");
}

/// Names of fields that are in no list, and whether clients may put them.
const FIELDS: &str = include_str!("../golden/motor_fields.txt");

#[test]
fn fields_that_do_nothing_are_those_of_the_record() {
    let (_server, mut bench) = Bench::start();
    for line in FIELDS.lines() {
        let (name, access) = line.split_once(' ').expect("name and access");
        let channel = bench.circuit.create(name);
        assert_eq!(channel.rights, if access == "rw" { 3 } else { 1 }, "{line}");
        let value = bench.circuit.get(channel, DBR_STRING, 1);
        assert_eq!((value.command, value.p1), (READ_NOTIFY, NORMAL), "{line}");
    }
    bench.put("VELO", 3.0);
    assert_eq!(
        (bench.get("VAL.VELO"), bench.get("VAL.SREV")),
        (3.0, 200.0),
        "one motor, whichever way it is named"
    );
    bench.put("LOCK", 1.0);
    assert_eq!((bench.get("LOCK"), bench.get("ERES"), bench.get("SREV")), (1.0, 0.001, 200.0));
}

#[test]
fn a_record_with_disp_refuses_targets() {
    let (_server, mut bench) = Bench::quick();
    bench.put("DISP", 1.0);
    assert_eq!(bench.status("VAL", 1.0), PUTFAIL);
    bench.put("DISP", 0.0);
    bench.put("VAL", 1.0);
    assert_eq!(bench.get("RBV"), 1.0);
}

#[test]
fn a_motor_that_moves_is_no_reason_to_stay() {
    let (server, mut bench) = Bench::start();
    let val = bench.field("VAL");
    bench.push(val, 7.0);
    bench.circuit.flush();
    let mut other = Bench::to(&server);
    other.wait("it moves", "MOVN", |movn| movn == 1.0);
    let (status, took, _) = server.stop("TERM");
    assert!(status.success() && took < Duration::from_secs(1), "{status}, {took:?}");
}

#[test]
fn the_guide_lists_the_pvs_that_there_are() {
    let output = run_to_end(&["run", "motor", "--list-pvs=markdown"]);
    let table = String::from_utf8(output.stdout).expect("UTF-8");
    let guide = include_str!("../../docs/motor.md");
    let listed = guide.find("| PV |").map(|at| &guide[at..]).expect("a table");
    assert!(listed == table, "docs/motor.md is not what `run motor --list-pvs=markdown` prints");
}
