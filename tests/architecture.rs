//! The shape of the workspace: who may use whom, how long a file may be, what protocol code may not name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Direct normal dependencies of each crate, in the order of the alphabet.
const DEPENDENCIES: &[(&str, &[&str])] = &[
    ("ca-proto", &["bitflags", "bytes", "thiserror"]),
    (
        "ca",
        &[
            "bytes",
            "ca-proto",
            "if-addrs",
            "parking_lot",
            "quinn-udp",
            "socket2",
            "thiserror",
            "tokio",
            "tokio-util",
            "tracing",
        ],
    ),
    (
        "wrapper",
        &[
            "bytes",
            "ca",
            "clap",
            "crossbeam-channel",
            "futures-core",
            "jiff",
            "json5",
            "parking_lot",
            "schemars",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "toml",
            "tracing",
            "tracing-subscriber",
            "wrapper-macros",
        ],
    ),
    ("beamline", &["serde", "wrapper"]),
    ("chart", &["ab_glyph", "plotters", "png", "serde", "wrapper"]),
    ("clock", &["serde", "wrapper"]),
    (
        "panel",
        &[
            "axum",
            "clap",
            "getrandom",
            "hyper",
            "hyper-util",
            "parking_lot",
            "png",
            "serde",
            "serde_json",
            "tokio",
            "tokio-util",
            "tower",
            "tracing",
            "wrapper",
        ],
    ),
    ("wrapper-macros", &["proc-macro2", "quote", "syn"]),
    ("example", &["wrapper"]),
    ("mock_motor", &["wrapper"]),
    ("screens", &["quick-xml", "serde", "serde_json", "thiserror"]),
    ("sequencer", &["serde", "wrapper"]),
    (
        "seqioc",
        &[
            "anyhow",
            "beamline",
            "ca",
            "ca-proto",
            "chart",
            "clap",
            "clap_complete",
            "clap_mangen",
            "clock",
            "dns-lookup",
            "example",
            "jiff",
            "mock_motor",
            "panel",
            "screens",
            "sequencer",
            "serde_json",
            "wrapper",
        ],
    ),
];

/// What a file of `ca/proto/src` may not name: the world outside.
const WORLD: &[&str] = &[
    "std::net::Tcp",
    "std::net::Udp",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "Instant::now",
    "SystemTime::now",
    "std::env",
    "std::thread",
    "std::fs",
    "tokio",
];

const LONGEST_FILE: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn metadata() -> serde_json::Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn array(value: &serde_json::Value) -> &[serde_json::Value] {
    value.as_array().expect("a list")
}

/// Every `.rs` file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources_of(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    sources(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "no sources in {folder}");
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).expect("UTF-8"))).collect()
}

#[test]
fn each_crate_depends_on_what_the_list_says() {
    let metadata = metadata();
    let found: BTreeMap<_, _> = array(&metadata["packages"])
        .iter()
        .map(|package| {
            let mut names: Vec<_> = array(&package["dependencies"])
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| dependency["name"].as_str().expect("a name"))
                .collect();
            names.sort_unstable();
            names.dedup();
            (package["name"].as_str().expect("a name"), names)
        })
        .collect();
    let wanted: BTreeMap<_, _> = DEPENDENCIES.iter().map(|(name, list)| (*name, list.to_vec())).collect();
    assert_eq!(found, wanted);
}

#[test]
fn no_file_is_too_long() {
    for folder in ["ca", "wrapper", "devices", "panel", "screens", "bin", "tests"] {
        for (path, text) in sources_of(folder) {
            let lines = text.lines().count();
            assert!(lines <= LONGEST_FILE, "{}: {lines} lines, at most {LONGEST_FILE}", path.display());
        }
    }
}

#[test]
fn protocol_code_names_nothing_of_the_world() {
    for (path, text) in sources_of("ca/proto/src") {
        // Tests may take any moment.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            for word in WORLD {
                assert!(!line.contains(word), "{}:{}: names {word}", path.display(), number + 1);
            }
        }
    }
}
