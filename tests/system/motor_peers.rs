//! The demo motor, moved by those who move real ones.

use std::time::Duration;

use crate::launch::Server;
use crate::peers::Script;

const SCRIPT: Duration = Duration::from_secs(120);

/// Each check of the script must have run, and found all well.
fn moves(script: &str, checks: usize) {
    let server = Server::with(&["motor"], 0);
    let Some(script) = Script::start_motor(script, server.udp, SCRIPT) else { return };
    let text = script.finish();
    assert!(text.lines().any(|line| line.starts_with("versions ")), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("ok ")).count(), checks, "{text}");
}

#[test]
fn pyepics_motor_moves_it() {
    moves("motor_pyepics.py", 9);
}

#[test]
fn ophyd_epics_motor_moves_it_and_bluesky_scans_it() {
    moves("motor_ophyd.py", 13);
}

#[test]
fn ophyd_async_motor_moves_it_and_bluesky_scans_it() {
    moves("motor_async.py", 8);
}
