//! The end of the process: in under a second, whatever runs and whoever is connected.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::launch::{SOON, Server, seqioc, seqioc_of, wait_exit, wait_for};
use crate::raw::{Circuit, DBR_CHAR, DBR_DOUBLE, DBR_LONG};

const LIMIT: Duration = Duration::from_secs(1);

fn stops_well(server: Server, signal: &str, what: &str) -> String {
    let (status, time, log) = server.stop(signal);
    println!("{what}, {signal}: {time:?}");
    assert_eq!(status.code(), Some(0), "{what}, {signal}: {status}; log:\n{log}");
    assert!(time < LIMIT, "{what}, {signal}: {time:?}; log:\n{log}");
    assert!(log.contains("Server exiting"), "{log}");
    log
}

/// Starts a command, with a second one behind it, and waits until the device has the first.
fn busy_with(server: &Server, command: &str) -> Circuit {
    let (mut circuit, mut other) = (server.circuit(), server.circuit());
    let cmd = circuit.create("TEST:SERVER.seq.CMD");
    let queued = other.create("TEST:SERVER.seq.QUEUED");
    circuit.push_command(cmd, command);
    circuit.push_command(cmd, "[1]");
    // The queue takes 16, the first command among them until the device takes it.
    wait_for("the device takes its command", SOON, || {
        circuit.push_put(cmd, DBR_CHAR, 3, b"[2]");
        circuit.flush();
        (other.get(queued, DBR_LONG, 1).long() == 16).then_some(())
    });
    circuit
}

#[test]
fn an_idle_ioc_stops_at_once() {
    for signal in ["TERM", "INT"] {
        let server = Server::start();
        stops_well(server, signal, "idle");
    }
}

/// The socket of a service manager at a path, and by an abstract name.
#[test]
#[cfg(target_os = "linux")]
fn a_service_manager_is_told_when_it_serves_and_when_it_ends() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let name = format!("seqioc-notify-{}", std::process::id());
    let path = std::env::temp_dir().join(&name);
    let by_path = (path.display().to_string(), SocketAddr::from_pathname(&path));
    let abstract_one = (format!("@{name}"), SocketAddr::from_abstract_name(&name));
    for (variable, address) in [by_path, abstract_one] {
        let manager = UnixDatagram::bind_addr(&address.expect("a name")).expect("a socket");
        manager.set_read_timeout(Some(SOON)).expect("a time");
        let mut buffer = [0; 200];
        let mut told = || {
            let length = manager.recv(&mut buffer).expect("it is told in time");
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        let mut command = seqioc(&["run", "clock", "--ready", "json", "--interfaces", "127.0.0.1"]);
        command.env("NOTIFY_SOCKET", &variable);
        let mut server = Server::spawn(command);
        server.ready();
        let port = server.tcp;
        let ready = told();
        assert!(
            ready.starts_with("READY=1\nSTATUS=") && ready.contains(&format!("TCP port {port}")),
            "{ready}"
        );
        stops_well(server, "TERM", "a service");
        assert_eq!(told(), "STOPPING=1");
    }
    std::fs::remove_file(path).expect("it is ours");
}

#[test]
fn a_running_command_and_a_waiting_client_do_not_hold_it() {
    for signal in ["TERM", "INT"] {
        let server = Server::start();
        let mut circuit = busy_with(&server, "move(100)");
        let log = stops_well(server, signal, "move(100) runs");
        assert!(!log.contains("left behind"), "{log}");
        assert_eq!(circuit.rest_completions(), 2, "both commands were answered before the end");
    }
}

#[test]
fn a_command_that_never_returns_does_not_hold_it() {
    for signal in ["TERM", "INT"] {
        let server = Server::start();
        let _circuit = busy_with(&server, "hang()");
        let _deaf = client_that_does_not_read(&server);
        let log = stops_well(server, signal, "hang() runs");
        assert!(log.contains("left behind"), "{log}");
    }
}

/// Asks for 160 MB and takes nothing.
fn client_that_does_not_read(server: &Server) -> Circuit {
    let mut circuit = server.circuit();
    let values = circuit.create("TEST:SERVER.seq.values");
    for _ in 0..2000 {
        circuit.push_get(values, DBR_DOUBLE, 10000);
    }
    circuit.flush();
    circuit
}

#[test]
fn clients_that_are_idle_or_do_not_read_do_not_hold_it() {
    let server = Server::start();
    let _idle: Vec<_> = (0..50).map(|_| server.circuit()).collect();
    let _deaf = client_that_does_not_read(&server);
    stops_well(server, "TERM", "50 idle clients, one does not read");
}

#[test]
fn a_second_interrupt_ends_it_at_once() {
    let server = Server::start();
    let _circuit = busy_with(&server, "hang()");
    server.signal("INT");
    wait_for("the stop", SOON, || server.log().contains("Server exiting").then_some(()));
    let (status, ..) = server.stop("INT");
    assert_eq!(status.code(), Some(130));
}

#[test]
fn a_signal_right_behind_the_ready_line_is_not_lost() {
    for _ in 0..30 {
        // The shell that becomes the IOC waits for the one that reads its ready line: nothing signals faster.
        let become_ioc = r#"read _; exec "$0" run --ready json --interfaces 127.0.0.1"#;
        let mut ioc = seqioc_of("sh", &["-c", become_ioc, env!("CARGO_BIN_EXE_seqioc")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh runs");
        let killer = Command::new("sh")
            .args(["-c", &format!("echo go; read _; kill -s TERM {}", ioc.id())])
            .stdin(ioc.stdout.take().expect("a pipe was asked for"))
            .stdout(ioc.stdin.take().expect("a pipe was asked for"))
            .status()
            .expect("sh runs");
        let status = wait_exit(&mut ioc, SOON);
        if status.is_none() {
            ioc.kill().expect("it can be killed");
            ioc.wait().expect("it can be waited for");
        }
        assert!(killer.success(), "{killer}");
        assert_eq!(status.expect("it ends").code(), Some(0), "the signal came before its handler");
    }
}
