//! Real clients: each family is one script, many checks in one process.

use std::time::Duration;

use crate::launch::{Server, free_port};
use crate::peers::Script;

const SCRIPT: Duration = Duration::from_secs(90);

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
    let Some(script) = Script::start("reconnect.py", server.udp, SCRIPT) else { return };
    script.wait_line("connected");
    let (status, ..) = server.stop("KILL");
    assert!(!status.success());
    script.wait_line("disconnected");
    let _again = Server::with(&[], port);
    script.finish();
}
