//! Where and with what a run was made.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::Lab;

/// Prints the versions of the peers as JSON.
const VERSIONS: &str = "import json, sys; from importlib.metadata import version as v; \
    print(json.dumps({'softioc': v('softioc'), 'epics base (epicscorelibs)': v('epicscorelibs'), \
    'caproto': v('caproto'), 'python': sys.version.split()[0]}))";

/// Machine, versions and date.
pub fn describe(lab: &Lab) -> Value {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let git = |args: &[&str]| output(Command::new("git").arg("-C").arg(here).args(args));
    let changed = if git(&["status", "--porcelain"]).is_empty() { "" } else { ", with changes" };
    let peers = output(Command::new(&lab.python.python).args(["-c", VERSIONS]));
    json!({
        "date": output(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"])),
        "cpu": cpu(),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
        "huge pages": huge_pages(),
        "commit": git(&["rev-parse", "--short=12", "HEAD"]) + changed,
        "rustc": output(Command::new("rustc").arg("--version")),
        "peers": serde_json::from_str::<Value>(&peers).unwrap_or(Value::Null),
        "load before": load(),
        "quick": lab.quick,
    })
}

fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name"));
    model.map_or("unknown", |m| m.trim_start_matches([' ', '\t', ':'])).to_owned()
}

/// Whether stacks and heaps come in huge pages, which counts in memory; the choice is in brackets.
fn huge_pages() -> String {
    let text = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    text.split(['[', ']']).nth(1).unwrap_or("unknown").to_owned()
}

/// The load of the last minute: above 0.5 the figures are those of a busy machine.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// What a program prints; empty when there is none.
fn output(command: &mut Command) -> String {
    let said = command.output().ok().filter(|o| o.status.success());
    said.map_or(String::new(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}
