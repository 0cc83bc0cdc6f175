//! Real clients: each family is one script, many checks in one process.

use std::time::Duration;

use crate::kinds::Kinds;
use crate::launch::{Server, free_port};
use crate::peers::Script;

const SCRIPT: Duration = Duration::from_secs(90);
/// Checks that all three libraries make.
const COMMON: &[&str] = &[
    "put_text_to_state",
    "wrong_puts",
    "long_names",
    "fields",
    "field_writes",
    "severity_monitor",
    "masks",
    "filters",
    "bad_filter",
    "events_off",
    "burst",
    "removed",
    "served_again",
];
/// The native types, each with a PV of its own.
const NATIVES: [&str; 7] = ["string", "short", "float", "enum", "char", "long", "double"];
/// The PVs that are arrays.
const ARRAYS: [&str; 6] = ["chars", "shorts", "longs", "floats", "doubles", "strings"];

fn meets(name: &str) {
    let server = Server::start();
    if let Some(script) = Script::start(name, server.udp, SCRIPT) {
        script.finish();
    }
}

#[test]
fn pyepics_which_is_libca_finds_all_as_it_should_be() {
    meets("pyepics_client.py");
}

#[test]
fn aioca_sees_every_status() {
    meets("aioca_client.py");
}

#[test]
fn caproto_reads_writes_and_subscribes() {
    meets("caproto_client.py");
}

#[test]
fn clients_come_back_after_the_server_was_killed() {
    let port = free_port();
    let server = Server::with(&[], port);
    // aioca brings a libca of its own, so a process of its own.
    let scripts = ["reconnect.py", "reconnect_aioca.py"].map(|name| Script::start(name, server.udp, SCRIPT));
    let scripts: Vec<_> = scripts.into_iter().flatten().collect();
    if scripts.is_empty() {
        return;
    }
    scripts.iter().for_each(|script| script.wait_line("connected"));
    let (status, ..) = server.stop("KILL");
    assert!(!status.success());
    scripts.iter().for_each(|script| script.wait_line("disconnected"));
    let _again = Server::with(&[], port);
    scripts.into_iter().for_each(|script| drop(script.finish()));
}

/// The names of the checks of one script, in order: those of all, one for each of these DBR types and PV, and these.
fn names(types: impl Iterator<Item = u16>, more: &[String]) -> Vec<String> {
    let mut names: Vec<_> = COMMON.iter().map(|name| (*name).to_owned()).collect();
    names.extend(types.flat_map(|ty| NATIVES.map(|native| format!("type_{ty:02}_of_{native}"))));
    names.extend(
        [0, 1, 16_384].iter().flat_map(|length| ARRAYS.map(|array| format!("length_{length}_of_{array}"))),
    );
    names.push("length_10000000_of_doubles".to_owned());
    names.extend(NATIVES.map(|native| format!("put_to_{native}")));
    names.extend((0..7).map(|ty| format!("put_as_{ty}")));
    names.extend(["0", "39", "40", "9999", "utf8"].map(|size| format!("text_of_{size}")));
    names.extend_from_slice(more);
    names.sort();
    names
}

/// All DBR types that can be read.
fn all_types() -> impl Iterator<Item = u16> {
    (0..35).chain([37, 38])
}

/// Runs a script against an IOC with a PV of each kind: each of its checks must have run, and found all well.
fn finds(script: &str, expected: &[String]) {
    let kinds = Kinds::start();
    let Some(script) = Script::start(script, kinds.udp, SCRIPT) else { return };
    let text = script.finish();
    let mut found: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("ok ")).map(str::to_owned).collect();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn every_kind_of_pv_as_pyepics_sees_it() {
    let numbers = NATIVES.iter().filter(|native| **native != "string");
    let more: Vec<_> = numbers.map(|native| format!("control_variables_of_{native}")).collect();
    finds("kinds_pyepics.py", &names(all_types(), &more));
}

#[test]
fn every_kind_of_pv_as_aioca_sees_it() {
    let types = all_types().filter(|ty| *ty > 34 || (matches!(ty / 7, 0 | 2 | 4) && *ty != 28));
    finds("kinds_aioca.py", &names(types, &["plain_empty".to_owned()]));
}

#[test]
fn every_kind_of_pv_as_caproto_sees_it() {
    let mut more: Vec<_> = NATIVES.iter().map(|native| format!("sync_read_{native}")).collect();
    more.extend(["sync_write", "sync_subscribe"].map(str::to_owned));
    finds("kinds_caproto.py", &names(all_types().filter(|ty| *ty != 28), &more));
}
