//! The five documents that this system goes back to, line by line: what each shows is done here with real processes
//! and with its own clients, caproto's and pyepics.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use wrapper::Alarm;
use wrapper::client::{ClientConfig, Context, Reading};

use crate::gallery;
use crate::launch::{SOON, Server, free_port, seqioc, wait_for};
use crate::peers::Script;
use crate::sequence::Lab;

const SCRIPT: Duration = Duration::from_secs(120);
const READY: [&str; 4] = ["--ready", "json", "--interfaces", "127.0.0.1"];

/// Waits until the log has these, one behind the other.
fn says(server: &Server, wanted: &[&str]) {
    wait_for(&format!("{wanted:?} in the log"), SOON, || in_order(&server.log(), wanted).then_some(()));
}

fn in_order(log: &str, wanted: &[&str]) -> bool {
    let mut rest = log;
    wanted.iter().all(|words| {
        let found = rest.find(words);
        rest = &rest[found.map_or(rest.len(), |at| at + words.len())..];
        found.is_some()
    })
}

/// Every check of the script ran, and found all well.
fn finds_all_well(script: Option<Script>, checks: usize) {
    let Some(script) = script else { return };
    let text = script.finish();
    assert_eq!(text.lines().filter(|line| line.starts_with("ok ")).count(), checks, "{text}");
}

fn example(name: &str, flags: &[&str], stdin: Stdio) -> Server {
    let mut command = gallery::command(name, &[flags, &READY].concat());
    command.stdin(stdin);
    let mut server = Server::spawn(command);
    server.ready();
    server
}

/// Seed 000: "Example Simple Device".
#[test]
fn the_simple_device_answers_a_request_with_the_time() {
    let server = Server::with(&["clock"], 0);
    let listening = format!("Listening on 127.0.0.1:{}", server.tcp);
    says(&server, &["server starting up...", &listening, "Server startup complete"]);
    finds_all_well(Script::start("seed_device.py", server.udp, SCRIPT), 3);
}

/// Seed 001: "Threading Client", whose IOC is the random walk of the gallery.
#[test]
fn the_tutorial_of_the_threading_client_runs() {
    let server = example("random_walk", &["--list-pvs"], Stdio::null());
    says(&server, &["PVs available:", "random_walk:dt", "random_walk:x"]);
    finds_all_well(Script::start("seed_client.py", server.udp, SCRIPT), 4);
}

fn devices(names: &[&str]) -> String {
    names.iter().map(|name| format!("[device.{name}]\n")).collect()
}

/// Runs a script that is told where the IOCs are.
fn meets(lab: &Lab, script: &str, checks: usize) {
    let ports: Vec<_> = lab.ports.iter().map(u16::to_string).collect();
    let ports: Vec<_> = ports.iter().map(String::as_str).collect();
    finds_all_well(Script::start_with(script, &ports, lab.ports[0], SCRIPT), checks);
}

/// Seed 002: "Example Charting IOC": "two codes need to be running in two different shells", and the chart in a third.
#[test]
fn motor_middle_man_and_chart_work_together_in_processes_of_their_own() {
    let apart = ["motor", "beamline", "chart"].map(|name| devices(&[name]));
    let lab = Lab::start("charting-apart", &apart);
    meets(&lab, "seed_charting.py", 6);
    meets(&lab, "seed_gui.py", 3);
}

/// The same in one process.
#[test]
fn motor_middle_man_and_chart_work_together_in_one_process() {
    let lab = Lab::start("charting-one", &[devices(&["motor", "beamline", "chart"])]);
    meets(&lab, "seed_charting.py", 6);
    meets(&lab, "seed_gui.py", 3);
}

/// Seed 003: "Input-Output Controllers": names that its IOCs list, by example and flags.
const LISTED: [(&str, &[&str], &[&str]); 6] = [
    ("simple", &[], &["simple:A", "simple:B", "simple:C"]),
    (
        "simple",
        &["--prefix", "my_custom_prefix:"],
        &["my_custom_prefix:A", "my_custom_prefix:B", "my_custom_prefix:C"],
    ),
    ("custom_write", &[], &["custom_write:A", "custom_write:B"]),
    ("io_interrupt", &[], &["io:keypress"]),
    (
        "macros",
        &["--beamline", "XF31ID", "--suffix", "detector"],
        &["macros:XF31ID:detector.VAL", "macros:XF31ID:detector.RBV"],
    ),
    ("records", &[], &["mock:A", "mock:B"]),
];

#[test]
fn example_iocs_list_their_pvs_and_stop_by_ctrl_c() {
    for (name, flags, pvs) in LISTED {
        let server = example(name, &[flags, &["--list-pvs"]].concat(), Stdio::null());
        says(
            &server,
            &[&["server starting up", "Listening on", "Server startup complete", "PVs available:"], pvs]
                .concat(),
        );
        let (status, _, log) = server.stop("INT");
        assert!(
            status.success() && in_order(&log, &["PVs available:", "Server exiting...."]),
            "{status}\n{log}"
        );
    }
}

/// The same seed: values of `simple` and `macros`. What else it shows of them is in `gallery.rs`.
#[test]
fn the_sessions_with_example_iocs_run() {
    let simple = example("simple", &[], Stdio::null());
    let macros = example("macros", &["--beamline", "XF31ID", "--suffix", "detector"], Stdio::null());
    let ports = [simple.udp, macros.udp].map(|port| port.to_string());
    let ports = [ports[0].as_str(), ports[1].as_str()];
    finds_all_well(Script::start_with("seed_iocs.py", &ports, simple.udp, SCRIPT), 2);
}

/// The same seed: "the client will receive the updates", here those of caproto-monitor, which prints bytes as numbers.
#[test]
fn keys_that_are_typed_are_lines_of_the_monitor_on_the_command_line() {
    let (keyboard, mut keys) = std::io::pipe().expect("a pipe");
    let server = example("io_interrupt", &[], keyboard.into());
    let args = ["--format", "{pv_name} {response.data}", "io:keypress"];
    let Some(monitor) = Script::start_with("seed_monitor.py", &args, server.udp, SCRIPT) else { return };
    monitor.wait_line("io:keypress []");
    for key in *b"dasd" {
        keys.write_all(&[key]).expect("somebody reads");
        monitor.wait_line(&format!("io:keypress [{key}]"));
    }
}

/// Seed 004: "Overview": the template, in another process than the sequencer that it follows.
#[test]
fn the_template_executes_commands_and_follows_the_sequencer() {
    let followed = "[device.sequencer]\narguments = { followers = [\"TEST:SERVER.\"] }\n".to_owned();
    let lab = Lab::start("template", &[devices(&["example"]), followed]);
    let client = lab.client();
    client.pv("MOCK:steps").put_notify(10).wait().expect("it is taken");
    meets(&lab, "seed_template.py", 4);
}

/// The same seed: its sequencer is a caproto IOC.
#[test]
fn a_sequencer_of_caproto_is_followed() {
    let port = free_port();
    let Some(_sequencer) = Script::start("seed_sequencer.py", port, SCRIPT) else { return };
    let mut command = seqioc(&[&["run", "example"][..], &READY].concat());
    command.env("EPICS_CA_ADDR_LIST", format!("127.0.0.1:{port}"));
    let mut server = Server::spawn(command);
    server.ready();
    let ours = Context::new(ClientConfig::isolated(server.udp)).expect("a socket").within(SOON);
    let theirs = Context::new(ClientConfig::isolated(port)).expect("a socket").within(3 * SOON);
    let number = |name: &str| ours.pv(name).get_as::<f64>().wait().expect("a number");
    wait_for("the sequencer", SOON, || {
        let index: Reading<i32> = ours.pv("TEST:SERVER.INDEX").get_as().wait().expect("a number");
        (index.alarm == Alarm::NONE).then_some(())
    });
    ours.pv("TEST:SERVER.seq.CMD").put_notify("linear(10, 20, 1)").wait().expect("it is taken");
    theirs.pv("MOCK:start").put_notify(1).wait().expect("a whole run");
    wait_for("the last index", SOON, || (number("TEST:SERVER.INDEX") == 9.0).then_some(()));
    let (val, missed, done) =
        (number("TEST:SERVER.VAL"), number("TEST:SERVER.MISSED"), number("TEST:SERVER.seq.DONE"));
    assert_eq!(val, 19.0);
    // The trajectory, and each index that came; one that gave way to a newer one has a number too if it had come.
    assert!((11.0 - missed..=11.0).contains(&done), "{done} done, {missed} missed");
    let ack: String = ours.pv("TEST:SERVER.seq.ACK").get_as().wait().expect("a text");
    assert_eq!(ack, "1");
}
