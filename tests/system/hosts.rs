//! Several servers on one host.

use std::io::copy;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::launch::{SOON, Server, free_port, isolated, wait_for};
use crate::peers::Script;

/// Servers that start at once.
const MANY: usize = 20;
const FOUND: Duration = Duration::from_secs(60);

#[test]
fn two_servers_on_one_port_are_both_found_through_127_0_0_1_by_libca_and_caproto() {
    let port = free_port();
    let _servers = [Server::with(&["clock"], port), Server::with(&["example"], port)];
    let names = ["wt:delay", "TEST:SERVER.example_pv", "wt:response", "TEST:SERVER.VAL"];
    if let Some(script) = Script::start_with("found.py", &names, port, FOUND) {
        script.finish();
    }
}

#[test]
fn a_second_owner_of_a_name_is_named_at_the_start() {
    let port = free_port();
    let first = Server::with(&["clock"], port);
    let second = Server::with(&["clock", "example"], port);
    let warning = format!("127.0.0.1:{} serves wt:", first.tcp);
    wait_for("the warning", SOON, || second.log().contains(&warning).then_some(()));
    let log = second.log();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("too; a client takes")).collect();
    assert!(warnings.len() == 1 && !warnings[0].contains("TEST:SERVER"), "{log}");
}

#[test]
fn twenty_servers_started_at_once_all_serve() {
    let port = free_port();
    let prefixes: Vec<_> = (0..MANY).map(|number| format!("S{number}:")).collect();
    // Each waits for its ready line in a thread of its own: they start at the same time.
    let servers: Vec<_> = std::thread::scope(|scope| {
        let start = |prefix| scope.spawn(move || Server::with(&["clock", "--prefix", prefix], port));
        let starting: Vec<_> = prefixes.iter().map(|prefix| start(prefix.as_str())).collect();
        starting.into_iter().map(|server| server.join().expect("it starts")).collect()
    });
    assert!(servers.iter().all(|server| server.udp == port));
    let mut ports: Vec<_> = servers.iter().map(|server| server.tcp).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), MANY, "each has a TCP port of its own");
    for (server, prefix) in servers.iter().zip(&prefixes) {
        assert!(server.circuit().try_create(&format!("{prefix}delay")).is_some());
    }
    let names: Vec<_> = prefixes.iter().map(|prefix| format!("{prefix}delay")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    if let Some(script) = Script::start_with("found.py", &names, port, FOUND) {
        script.finish();
    }
}

/// Passes on what comes to this address, as a tunnel does.
fn relay(from: TcpListener, to: SocketAddr) {
    for client in from.incoming().map_while(Result::ok) {
        let server = TcpStream::connect(to).expect("the IOC listens");
        for (mut reads, mut writes) in
            [(client.try_clone().expect("a handle"), server.try_clone().expect("a handle")), (server, client)]
        {
            std::thread::spawn(move || {
                // A tunnel whose one end is gone has an end.
                let _ = copy(&mut reads, &mut writes);
                let _ = writes.shutdown(Shutdown::Write);
            });
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_client_reaches_an_ioc_through_a_tunnel_of_tcp() {
    let server = Server::with(&["clock"], 0);
    // The other end of the tunnel has the same port, on another address of loopback.
    let end = TcpListener::bind(("127.0.0.2", server.tcp)).expect("the address is free");
    std::thread::spawn(move || relay(end, ([127, 0, 0, 1], server.tcp).into()));
    let got = isolated(env!("CARGO_BIN_EXE_seqioc"))
        .args(["get", "-t", "wt:delay"])
        .env("EPICS_CA_NAME_SERVERS", format!("127.0.0.2:{}", server.tcp))
        .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
        .env("EPICS_CA_REPEATER_PORT", free_port().to_string())
        .output();
    let got = got.expect("it starts");
    assert_eq!(String::from_utf8_lossy(&got.stdout), "0.2\n", "{}", String::from_utf8_lossy(&got.stderr));
}
