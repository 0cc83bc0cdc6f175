//! The examples of `wrapper` that do what caproto's example modules do, compared with them, and met by its client.

use std::collections::BTreeMap;
use std::io::{PipeWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use wrapper::client::{ClientConfig, Context, Reading};
use wrapper::{Alarm, AlarmSeverity, AlarmStatus};

use crate::launch::{Lines, SOON, Server, free_port, isolated, seqioc_of, wait_exit, wait_for};
use crate::peers::Script;

/// The scripts run for all examples at once.
const DEADLINE: Duration = Duration::from_secs(120);

/// An example, caproto's module, and flags that keep its names apart from those of the others.
struct Example {
    name: &'static str,
    module: &'static str,
    flags: &'static [&'static str],
    /// What both are told.
    required: &'static [&'static str],
}

const fn example(name: &'static str, module: &'static str, flags: &'static [&'static str]) -> Example {
    Example { name, module, flags, required: &[] }
}

impl Example {
    const fn told(mut self, required: &'static [&'static str]) -> Self {
        self.required = required;
        self
    }

    /// The words of caproto's command line.
    fn theirs(&self) -> String {
        [&[format!("caproto.{}", self.module).as_str()], self.required].concat().join(" ")
    }
}

const GALLERY: [Example; 35] = [
    example("simple", "ioc_examples.simple", &[]),
    example("simple_with_type_hints", "ioc_examples.simple_with_type_hints", &["--prefix", "hints:"]),
    example("reading_counter", "ioc_examples.pathological.reading_counter", &[]),
    example("scalars_and_arrays", "ioc_examples.scalars_and_arrays", &[]),
    example("enums", "ioc_examples.enums", &[]),
    example("custom_write", "ioc_examples.custom_write", &[]),
    example("skip_write", "ioc_examples.skip_write", &[]),
    example("setpoint_rbv_pair", "ioc_examples.setpoint_rbv_pair", &[]),
    example("random_walk", "ioc_examples.random_walk", &[]),
    example(
        "startup_and_shutdown_hooks",
        "ioc_examples.startup_and_shutdown_hooks",
        &["--prefix", "startup:"],
    ),
    example("subgroups", "ioc_examples.subgroups", &[]),
    example("macros", "ioc_examples.macros", &["--beamline", "XF31ID", "--suffix", "detector"]),
    example("io_interrupt", "ioc_examples.io_interrupt", &[]),
    example("worker_thread", "ioc_examples.worker_thread", &[]),
    example("worker_thread_pc", "ioc_examples.worker_thread_pc", &["--prefix", "pc:"]),
    example("type_varieties", "ioc_examples.advanced.type_varieties", &[]),
    example("raw_timestamp", "ioc_examples.advanced.raw_timestamp", &[]),
    example("no_pvproperty", "ioc_examples.no_pvproperty", &[]),
    example("inline_style", "tests.ioc_inline_style", &[]),
    example("all_in_one", "tests.ioc_all_in_one", &[]),
    example("big_image_noisy_neighbor", "ioc_examples.big_image_noisy_neighbor", &[]),
    example("scan_rate", "ioc_examples.scan_rate", &[]),
    example("states", "ioc_examples.states", &[]),
    example("records", "ioc_examples.records", &[]),
    example("records_subclass", "ioc_examples.records_subclass", &["--prefix", "my:"]),
    example("fake_motor_record", "ioc_examples.fake_motor_record", &[]),
    example("mini_beamline", "ioc_examples.mini_beamline", &[]),
    example("decay", "ioc_examples.decay", &[]),
    example("thermo_sim", "ioc_examples.thermo_sim", &[]),
    example("chirp", "ioc_examples.chirp", &[]),
    example("mirror", "ioc_examples.mirror", &[]).told(&["--target", "simple:B"]),
    example("client_monitor_async", "ioc_examples.client_monitor_async", &["--prefix", "async:"]),
    example("thread_client_monitor", "ioc_examples.advanced.thread_client_monitor", &["--prefix", "thread:"]),
    example("rpc_function", "ioc_examples.rpc_function", &[]),
    example("formula_ioc", "ioc_examples.formula_ioc", &[]).told(&["--formula", "r=2*x+1"]),
];

/// Those that answer to every name, and are met one by one.
const SPOOFING: [Example; 2] = [
    example("defaultdict_server", "ioc_examples.pathological.defaultdict_server", &[]),
    example("spoof_beamline", "ioc_examples.pathological.spoof_beamline", &[]),
];

/// The folder of the examples, built as this test is.
pub(crate) fn examples() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--offline", "--workspace", "--examples", "--manifest-path"]);
        cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target folder");
        cargo.arg("--target-dir").arg(target);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo runs").success(), "the examples do not build");
        let binary = Path::new(env!("CARGO_BIN_EXE_seqioc"));
        binary.parent().expect("a binary is in a folder").join("examples")
    })
}

/// An example of `wrapper` with these flags.
pub(crate) fn command(name: &str, flags: &[&str]) -> Command {
    seqioc_of(examples().join(name).to_str().expect("a path of UTF-8"), flags)
}

/// The same, which finds this server's PVs.
pub(crate) fn client_of(server: u16, name: &str, flags: &[&str]) -> Command {
    let mut command = command(name, flags);
    command
        .env("EPICS_CA_ADDR_LIST", format!("127.0.0.1:{server}"))
        .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
        .env("EPICS_CA_REPEATER_PORT", "0");
    command
}

impl Example {
    fn command(&self, flags: &[&str]) -> Command {
        command(self.name, &[self.required, flags].concat())
    }

    /// Starts it; its client, should it be one, finds the PVs of the server on this port.
    fn start(&self, stdin: Stdio, server: u16) -> Server {
        let flags = [self.required, self.flags, &["--ready", "json", "--interfaces", "127.0.0.1"]].concat();
        let mut command = client_of(server, self.name, &flags);
        command.stdin(stdin);
        let mut server = Server::spawn(command);
        server.ready();
        server
    }

    /// Name, type, count and record type of its PVs, from its table.
    fn pvs(&self) -> Vec<[String; 4]> {
        let output = self.command(&["--list-pvs=markdown"]).output().expect("the example starts");
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
        let table = String::from_utf8(output.stdout).expect("UTF-8");
        let rows = table.lines().skip(2).map(|row| {
            let columns: Vec<_> = row.split('|').map(|column| column.trim().to_owned()).collect();
            [1, 2, 3, 6].map(|at| columns[at].clone())
        });
        rows.collect()
    }
}

/// What caproto's module serves, written as our table is.
fn theirs(line: &str) -> (String, Vec<[String; 4]>) {
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let pvs = line["pvs"].as_array().expect("a list").iter().map(|pv| {
        let ty = text(&pv[1]).to_lowercase();
        [text(&pv[0]), ty, pv[2].to_string(), text(&pv[3])]
    });
    (text(&line["module"]), pvs.collect())
}

#[test]
fn examples_serve_the_names_types_counts_and_records_of_the_originals() {
    let all = || GALLERY.iter().chain(&SPOOFING);
    let modules: Vec<_> = all().map(Example::theirs).collect();
    let modules: Vec<_> = modules.iter().map(String::as_str).collect();
    let Some(script) = Script::start_with("gallery_names.py", &modules, 0, DEADLINE) else { return };
    let said = script.finish();
    let mut wanted: BTreeMap<_, _> = said.lines().filter(|line| line.starts_with('{')).map(theirs).collect();
    for example in all() {
        let mut theirs = wanted.remove(&example.theirs()).expect("a line for each module");
        let mut ours = example.pvs();
        for pv in &mut ours {
            // A text is a CHAR array on the wire.
            pv[1] = pv[1].replace("text", "char");
        }
        for pv in
            theirs.iter_mut().filter(|pv| ["custom_write:directory", "Formula:formula"].contains(&&*pv[0]))
        {
            // One STRING on the wire; our table tells what it holds.
            [pv[1], pv[2]] = ["char".to_owned(), "255".to_owned()];
        }
        for pv in theirs.iter_mut().filter(|pv| pv[0] == "rpc:get_random:Status") {
            // One CHAR, in which no text has room.
            "string".clone_into(&mut pv[1]);
        }
        for pv in theirs.iter_mut().filter(|pv| pv[3] == "my_motor") {
            // The fields are those of a motor; RTYP is met by the client.
            "motor".clone_into(&mut pv[3]);
        }
        assert_eq!(ours, theirs, "{}", example.name);
    }
}

#[test]
fn the_client_of_the_originals_sees_what_they_show() {
    let directory = folder();
    let (keyboard, mut keys) = std::io::pipe().expect("a pipe");
    let mut keyboard = Some(keyboard);
    let simple = GALLERY[0].start(Stdio::null(), 0);
    let port = simple.udp;
    let others = GALLERY[1..].iter().map(|example| match example.name {
        "io_interrupt" => example.start(keyboard.take().expect("there is one").into(), port),
        _ => example.start(Stdio::null(), port),
    });
    let servers: Vec<_> = [simple].into_iter().chain(others).collect();
    let ports: Vec<_> = servers.iter().map(|server| server.udp.to_string()).collect();
    let args: Vec<_> =
        std::iter::once(directory.to_str().expect("UTF-8")).chain(ports.iter().map(String::as_str)).collect();
    if let Some(script) = Script::start_with("gallery.py", &args, 0, DEADLINE) {
        script.wait_line("type");
        type_keys(&mut keys);
        let said = script.finish();
        assert_eq!(said.matches("ok      test_").count(), GALLERY.len(), "{said}");
    }
    std::fs::remove_dir_all(directory).expect("the folder is ours");
}

fn type_keys(keys: &mut PipeWriter) {
    keys.write_all(b"das").expect("somebody reads");
}

/// A new folder.
fn folder() -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("gallery-{}", std::process::id()));
    std::fs::create_dir_all(&path).expect("a folder");
    path
}

#[test]
fn the_client_of_the_originals_finds_every_name_where_every_name_is_a_pv() {
    for example in &SPOOFING {
        let server = example.start(Stdio::null(), 0);
        let Some(script) = Script::start_with("gallery_spoof.py", &[example.name], server.udp, DEADLINE)
        else {
            return;
        };
        let said = script.finish();
        assert_eq!(said.matches("ok      test_").count(), 1, "{said}");
    }
}

const MIRRORS: [&str; 2] = ["client_monitor_async", "thread_client_monitor"];

#[test]
fn a_mirror_shows_that_what_it_mirrors_is_lost_and_follows_when_it_is_back() {
    let port = free_port();
    let simple = |port: u16| {
        let mut command = command("simple", &["--ready", "json", "--interfaces", "127.0.0.1"]);
        command.env("EPICS_CAS_SERVER_PORT", port.to_string());
        let mut server = Server::spawn(command);
        server.ready();
        server
    };
    let mut original = simple(port);
    let mirrors = MIRRORS.map(|name| {
        let mut server =
            Server::spawn(client_of(port, name, &["--ready", "json", "--interfaces", "127.0.0.1"]));
        server.ready();
        server
    });
    for alive in [true, false, true] {
        if !alive {
            original.signal("KILL");
        } else if original.has_ended() {
            original = simple(port);
        }
        for mirror in &mirrors {
            let client = Context::new(ClientConfig::isolated(mirror.udp)).expect("a socket").within(SOON);
            let wanted =
                if alive { Alarm::NONE } else { Alarm::new(AlarmStatus::Link, AlarmSeverity::Major) };
            wait_for("the mirror", 3 * SOON, || {
                let reading: Reading<f64> =
                    client.pv("mirror:mirrored").get_as().wait().expect("it is served");
                (reading.value == 1.0 && reading.alarm == wanted).then_some(())
            });
        }
    }
}

#[test]
fn a_formula_follows_pvs_of_others_and_shows_that_one_is_lost() {
    let simple = GALLERY[0].start(Stdio::null(), 0);
    let flags = ["--formula", "sum = a + 10 * b", "--follow", "a=simple:A, b=simple:B"];
    let mut formula = Server::spawn(client_of(
        simple.udp,
        "formula_ioc",
        &[&flags[..], &["--ready", "json", "--interfaces", "127.0.0.1"]].concat(),
    ));
    formula.ready();
    let client = Context::new(ClientConfig::isolated(formula.udp)).expect("a socket").within(SOON);
    let shows = |value: f64, alarm: Alarm| {
        wait_for("the sum", SOON, || {
            let reading: Reading<f64> = client.pv("Formula:sum").get_as().wait().expect("it is served");
            (reading.value == value && reading.alarm == alarm).then_some(())
        });
    };
    shows(21.0, Alarm::NONE);
    simple.signal("KILL");
    shows(21.0, Alarm::new(AlarmStatus::Link, AlarmSeverity::Major));
    let refused = |flags: &[&str]| {
        let output = command("formula_ioc", flags).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    assert!(refused(&["--formula", "x + 1"]).contains("a formula is NAME = EXPRESSION"));
    assert!(refused(&["--formula", "r = x +"]).contains("invalid value 'r = x +'"));
    assert!(refused(&["--formula", "r = x", "--follow", "x"]).contains("\"x\" is not VARIABLE=PV"));
}

/// What a session with the demo devices prints.
fn session(server: &Server, name: &str) -> Vec<String> {
    let mut child = client_of(server.udp, name, &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut out = Lines::of(child.stdout.take().expect("a pipe"));
    let mut err = Lines::of(child.stderr.take().expect("a pipe"));
    let status = wait_exit(&mut child, DEADLINE);
    if status.is_none() {
        child.kill().expect("it can be killed");
    }
    out.join();
    err.join();
    assert!(status.is_some_and(|status| status.success()), "{name}: {}{}", out.text(), err.text());
    out.text().lines().map(str::to_owned).collect()
}

#[test]
fn a_client_asks_the_clock_for_the_time() {
    let server = Server::with(&["clock"], 0);
    let lines = session(&server, "clock_client");
    assert_eq!(lines[..2], ["the device takes 0.2 s", "request: done"]);
    let time = lines[2].strip_prefix("response: ").and_then(|line| line.strip_suffix(" s")).expect("a time");
    assert!(time.parse::<f64>().is_ok_and(|time| time > 1.5e9), "{lines:?}");
    let later = lines[3].strip_prefix("the next one is ").and_then(|line| line.strip_suffix(" s later"));
    assert!(later.and_then(|later| later.parse::<f64>().ok()).is_some_and(|later| later >= 0.2), "{lines:?}");
}

#[test]
fn a_client_drives_the_motor_through_the_middle_man() {
    let server = Server::with(&["motor", "beamline"], 0);
    let wanted = [
        "Retract: VAL 5 RBV 5.000",
        "places seen on the way: several",
        "Insert: VAL 0 RBV 0.000",
        "jog: back at 0.000, jog is 0",
        "VAL 100: refused",
        "choices: Insert",
    ];
    assert_eq!(session(&server, "motor_client"), wanted);
}

#[test]
fn a_client_gives_a_trajectory_and_lets_a_sequencer_step_through_it() {
    let server = Server::with(&["example", "sequencer"], 0);
    let wanted = [
        r#"CMD: "This is command string""#,
        r#"[0]: ACK 1, values [0.0], message "1 points stored""#,
        r#"linear: ACK 1, values [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], message "10 points stored""#,
        "fail: refused, no air",
        "sequence: INDEX 9, MISSED 0, VAL 9",
    ];
    assert_eq!(session(&server, "sequence_client"), wanted);
}

#[test]
fn the_hooks_of_startup_and_shutdown_print_in_their_order() {
    let example = GALLERY.iter().find(|example| example.name == "startup_and_shutdown_hooks");
    let flags = ["--interfaces", "127.0.0.1"];
    let server = Server::spawn(example.expect("it is there").command(&flags));
    let line = |start: &str| while !server.line().starts_with(start) {};
    line("1. ");
    line("2. ");
    line("(it ended");
    server.signal("TERM");
    line("3. the shutdown hook runs, thing is 2");
}

#[test]
fn a_prefix_and_macros_of_the_command_line_are_in_the_names() {
    let prefixed = GALLERY[0].command(&["--prefix", "my_custom_prefix:", "--list-pvs=markdown"]).output();
    let table = String::from_utf8(prefixed.expect("it starts").stdout).expect("UTF-8");
    assert!(
        ["A", "B", "C"].iter().all(|name| table.contains(&format!("| my_custom_prefix:{name} |"))),
        "{table}"
    );
    let chirp = GALLERY.iter().find(|example| example.name == "chirp").expect("it is there");
    let refused = chirp.command(&["--ramprate", "1.5", "--list-pvs=markdown"]).output().expect("it starts");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("1.5 is not between 0 and 1"), "{said}");
    let help = isolated(examples().join("macros")).arg("--help").output().expect("it starts");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    assert!(help.contains("--beamline <VALUE>") && help.contains("[default: thing]"), "{help}");
}
