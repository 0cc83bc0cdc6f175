//! The chart as real clients see it, its page in the documentation, and its memory while viewers come and go. The long run:
//! `cargo test -p seqioc --test system chart::ten_minutes -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use crate::launch::{SOON, Server, free_port, run_to_end, seqioc, wait_for};
use crate::peers::{Peers, Script};
use crate::raw::{DBR_CHAR, DBR_DOUBLE, EVENT_ADD};

const SCRIPT: Duration = Duration::from_secs(90);
const PAGE: &str = include_str!("../../docs/chart.md");
/// Bytes of an image.
const IMAGE: usize = 640 * 240 * 3;
/// Growth of the resident memory that is no leak, in bytes: less than a frame for each viewer of the short run.
const GROWTH: usize = 16 << 20;

/// A server whose chart finds the server's own PVs.
fn serve(devices: &[&str]) -> Server {
    let all = [&["run"], devices, &["--ready", "json", "--interfaces", "127.0.0.1"]].concat();
    let (port, repeater) = (free_port().to_string(), free_port().to_string());
    let mut command = seqioc(&all);
    command.env("EPICS_CAS_SERVER_PORT", &port).env("EPICS_CA_SERVER_PORT", &port);
    command.env("EPICS_CA_ADDR_LIST", "127.0.0.1").env("EPICS_CA_AUTO_ADDR_LIST", "NO");
    command.env("EPICS_CA_REPEATER_PORT", repeater);
    let mut server = Server::spawn(command);
    server.ready();
    server
}

fn meets(peers: Peers, name: &str) {
    let server = serve(&["chart", "example"]);
    if let Some(script) = Script::start_in(peers, name, &[], server.udp, SCRIPT) {
        script.finish();
    }
}

#[test]
fn pyepics_reads_and_monitors_images() {
    meets(Peers::Clients, "chart_pyepics.py");
}

#[test]
fn caproto_reads_images_of_each_size() {
    meets(Peers::Clients, "chart_caproto.py");
}

#[test]
fn ophyds_image_plugin_has_the_image_in_its_shape() {
    meets(Peers::Ophyd, "chart_ophyd.py");
}

#[test]
fn the_page_of_the_chart_has_all_its_pvs_and_commands() {
    let table = run_to_end(&["run", "chart", "--list-pvs=markdown"]);
    let table = String::from_utf8(table.stdout).expect("UTF-8");
    assert!(PAGE.contains(&table), "docs/chart.md lacks what --list-pvs=markdown prints:\n{table}");
    let listed = run_to_end(&["list", "chart", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    let commands = listed[0]["commands"].as_array().expect("a list");
    let word = |command: &serde_json::Value, key: &str| command[key].as_str().expect("a text").to_owned();
    let rows: String =
        commands.iter().map(|c| format!("| `{}` | {} |\n", word(c, "call"), word(c, "doc"))).collect();
    assert!(!commands.is_empty() && PAGE.contains(&rows), "docs/chart.md lacks the commands:\n{rows}");
}

fn resident(server: &Server) -> usize {
    let statm = std::fs::read_to_string(format!("/proc/{}/statm", server.id())).expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}

/// A viewer comes, sees some frames of the image and of the PNG file, and goes.
fn view(server: &Server) {
    let mut circuit = server.circuit();
    for channel in ["chart:image", "chart:png"].map(|name| circuit.create(name)) {
        circuit.push_monitor(channel, DBR_CHAR, 0);
    }
    circuit.flush();
    let mut frames = 0;
    while frames < 4 {
        let message = circuit.next();
        frames += usize::from(message.command == EVENT_ADD && message.payload.len() == IMAGE);
    }
}

/// Lets viewers come and go until `over`; how often, and the memory before and after.
fn viewers(server: &Server, over: impl Fn(usize) -> bool) -> (usize, usize, usize) {
    let mut circuit = server.circuit();
    let rate = circuit.create("chart:RATE");
    circuit.put_double(rate, 200.0);
    assert_eq!(circuit.get(rate, DBR_DOUBLE, 1).double(0), 200.0);
    (0..20).for_each(|_| view(server));
    let before = resident(server);
    let mut count = 0;
    while !over(count) {
        view(server);
        count += 1;
    }
    // The last viewer's buffers go when the server has seen that it left.
    let after = wait_for("the memory of viewers that left", SOON, || {
        let now = resident(server);
        (now < before + GROWTH).then_some(now)
    });
    (count, before, after)
}

#[test]
#[cfg(target_os = "linux")]
fn memory_stays_flat_while_viewers_come_and_go() {
    let server = Server::with(&["chart"], 0);
    let (count, before, after) = viewers(&server, |count| count >= 100);
    println!("{count} viewers: resident {} -> {} kB", before / 1000, after / 1000);
}

#[test]
#[ignore = "takes ten minutes"]
fn ten_minutes_of_viewers_leave_the_memory_as_it_was() {
    let server = Server::with(&["chart"], 0);
    let until = Instant::now() + Duration::from_secs(600);
    let (count, before, after) = viewers(&server, |_| Instant::now() >= until);
    println!("{count} viewers in 10 minutes: resident {} -> {} kB", before / 1000, after / 1000);
}
