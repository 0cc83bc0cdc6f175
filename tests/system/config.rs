//! The config file: an IOC without code, several devices of one kind, and what is refused.

use std::path::PathBuf;

use crate::launch::{Server, free_port, run_to_end};
use crate::raw::{DBR_CHAR, DBR_DOUBLE, DBR_LONG, DBR_STRING, NORMAL};

/// A file with this text, removed with it.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let path = folder.join(format!("{name}-{}.toml", std::process::id()));
        std::fs::write(&path, text).expect("a file");
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const LAB: &str = r#"
[device.fast]
kind = "clock"
prefix = "fast:"
arguments = { delay = 0.01 }

[device.clock]

[[pv]]
name = "lab:temperature"
value = 21.5
control_limits = [0, 100]

[[group]]
prefix = "lab:{room}:"
macros = { room = "101" }
[[group.pv]]
name = "door"
labels = ["Closed", "Open"]
value = "Open"
[[group.pv]]
name = "spectrum"
type = "long"
max_length = 100
"#;

#[test]
fn a_config_file_is_an_ioc_without_code() {
    let file = File::new("lab", LAB);
    let server = Server::with(&["--config", file.path()], free_port());
    let mut circuit = server.circuit();
    let temperature = circuit.create("lab:temperature");
    assert_eq!(circuit.get(temperature, DBR_DOUBLE, 1).double(0), 21.5);
    let door = circuit.create("lab:101:door");
    assert_eq!(circuit.get(door, DBR_STRING, 1).text(), "Open");
    let spectrum = circuit.create("lab:101:spectrum");
    assert_eq!(circuit.get(spectrum, DBR_LONG, 0).count, 0, "nothing was put");
    let delays = ["fast:delay", "wt:delay"].map(|name| {
        let channel = circuit.create(name);
        circuit.get(channel, DBR_DOUBLE, 1).double(0)
    });
    assert_eq!(delays, [0.01, 0.2]);
    let request = circuit.create("fast:request");
    let put = circuit.push_put_notify(request, DBR_DOUBLE, 1, &1.0_f64.to_be_bytes());
    circuit.flush();
    assert_eq!(circuit.completion(), (put, NORMAL));
    let command = circuit.create("fast:seq.CMD");
    assert_eq!(circuit.get(command, DBR_CHAR, 0).text(), "This is command string");
}

/// What is said of a file that is refused.
fn refused(name: &str, text: &str, more: &[&str]) -> String {
    let file = File::new(name, text);
    let output = run_to_end(&[&["run", "--config", file.path()], more].concat());
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{said}");
    said.replace(file.path(), "FILE")
}

#[test]
fn a_mistake_is_refused_with_file_line_and_reason() {
    let said = refused("key", "[[pv]]\nname = 'a'\nvalue = 1\nunit = 'mm'\n", &[]);
    assert!(said.starts_with("seqioc: FILE:4: unknown field `unit`, expected one of"), "{said}");
    let said = refused("twice", "[[pv]]\nname = 'a'\nvalue = 1\n[[pv]]\nname = 'a'\nvalue = 1\n", &[]);
    assert_eq!(said, "seqioc: FILE:4: PV \"a\": the name is taken\n");
    let said = refused("kind", "[device.x]\nprefix = 'x:'\n", &[]);
    assert!(said.starts_with("seqioc: FILE:1: device \"x\": there is no kind \"x\", only "), "{said}");
    let said = refused("argument", "[device.clock]\narguments = { delay = 'x' }\n", &[]);
    assert!(said.starts_with("seqioc: FILE:1: device \"clock\": arguments: invalid type"), "{said}");
    let said = refused("large", "[device.chart]\narguments = { max_width = 9000 }\n", &[]);
    assert!(said.contains("device \"chart\": arguments: 9000 x 1080 is outside 160 x 120..="), "{said}");
    let said = refused("none", "[device.example]\narguments = { x = 1 }\n", &[]);
    assert!(said.contains("arguments: unknown field `x`, expected `sequencer` or `key`"), "{said}");
    let said = refused("name", "[device.clock]\n", &["other"]);
    assert_eq!(said, "seqioc: the config file has no device \"other\"\n");
    let output = run_to_end(&["run", "--config", "/nowhere/at/all.toml"]);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(said.starts_with("seqioc: /nowhere/at/all.toml: "), "{said}");
}

#[test]
fn the_schema_is_json_and_names_the_tables() {
    let output = run_to_end(&["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let tables: Vec<_> = schema["properties"].as_object().expect("an object").keys().collect();
    assert_eq!(tables, ["autosave", "device", "group", "pv", "status"]);
    assert_eq!(schema["additionalProperties"], false);
}
