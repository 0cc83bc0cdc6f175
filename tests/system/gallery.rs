//! The examples of `wrapper` that do what caproto's example modules do, compared with them, and met by its client.

use std::collections::BTreeMap;
use std::io::{PipeWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::launch::{Server, isolated, seqioc_of};
use crate::peers::Script;

/// The scripts run for all examples at once.
const DEADLINE: Duration = Duration::from_secs(120);

/// An example, caproto's module, and flags that keep its names apart from those of the others.
struct Example {
    name: &'static str,
    module: &'static str,
    flags: &'static [&'static str],
}

const fn example(name: &'static str, module: &'static str, flags: &'static [&'static str]) -> Example {
    Example { name, module, flags }
}

const GALLERY: [Example; 30] = [
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
];

/// The folder of the examples, built as this test is.
fn examples() -> &'static Path {
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

impl Example {
    fn command(&self, flags: &[&str]) -> Command {
        command(self.name, flags)
    }

    fn start(&self, stdin: Stdio) -> Server {
        let flags = [self.flags, &["--ready", "json", "--interfaces", "127.0.0.1"]].concat();
        let mut command = self.command(&flags);
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
    let modules: Vec<_> = GALLERY.iter().map(|example| format!("caproto.{}", example.module)).collect();
    let modules: Vec<_> = modules.iter().map(String::as_str).collect();
    let Some(script) = Script::start_with("gallery_names.py", &modules, 0, DEADLINE) else { return };
    let said = script.finish();
    let mut wanted: BTreeMap<_, _> = said.lines().filter(|line| line.starts_with('{')).map(theirs).collect();
    for example in &GALLERY {
        let mut theirs =
            wanted.remove(&format!("caproto.{}", example.module)).expect("a line for each module");
        let mut ours = example.pvs();
        for pv in &mut ours {
            // A text is a CHAR array on the wire.
            pv[1] = pv[1].replace("text", "char");
        }
        for pv in theirs.iter_mut().filter(|pv| pv[0] == "custom_write:directory") {
            // One STRING on the wire; our table tells what it holds.
            [pv[1], pv[2]] = ["char".to_owned(), "255".to_owned()];
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
    let servers: Vec<_> = GALLERY
        .iter()
        .map(|example| match example.name {
            "io_interrupt" => example.start(keyboard.take().expect("there is one").into()),
            _ => example.start(Stdio::null()),
        })
        .collect();
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
