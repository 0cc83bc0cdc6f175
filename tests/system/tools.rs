//! `seqioc get`, `put`, `monitor` and `info` against a server of ours.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::launch::{Lines, SOON, Server, free_port, isolated, wait_exit};

/// A tool that searches this server.
fn tool(server: &Server, args: &[&str]) -> Command {
    let mut command = isolated(env!("CARGO_BIN_EXE_seqioc"));
    command
        .args(args)
        .env("EPICS_CA_ADDR_LIST", "127.0.0.1")
        .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
        .env("EPICS_CA_SERVER_PORT", server.udp.to_string());
    command
}

fn run(server: &Server, args: &[&str]) -> (i32, String) {
    let Output { status, stdout, .. } = tool(server, args).output().expect("it starts");
    (status.code().expect("an exit status"), String::from_utf8(stdout).expect("UTF-8"))
}

#[test]
fn values_are_read_and_written_as_base_prints_them() {
    let server = Server::start();
    assert_eq!(run(&server, &["get", "wt:delay"]), (0, "wt:delay                       0.2\n".to_owned()));
    let (status, printed) =
        run(&server, &["put", "-c", "-w", "20", "-S", "TEST:SERVER.seq.CMD", "[1, 2.5, 3]"]);
    assert_eq!((status, printed.lines().last()), (0, Some("New : TEST:SERVER.seq.CMD [1, 2.5, 3]")));
    let (_, values) = run(&server, &["get", "-c", "TEST:SERVER.seq.values"]);
    assert_eq!(values, "TEST:SERVER.seq.values 3 1 2.5 3\n");
    let (_, many) = run(&server, &["get", "-t", "TEST:SERVER.seq.ACK", "wt:delay.EGU", "wt:delay.RTYP"]);
    assert_eq!(many, "1\ns\nao\n");
}

#[test]
fn what_fails_has_an_exit_status() {
    let server = Server::start();
    let (status, printed) = run(&server, &["get", "-w", "0.2", "nobody:has:it"]);
    assert_eq!((status, printed.as_str()), (1, ""));
    let (status, printed) = run(&server, &["put", "wt:delay", "soon"]);
    assert_eq!(status, 1, "refused by the server: {printed}");
    let refused = tool(&server, &["put", "-c", "wt:delay", "-1"]).output().expect("it starts");
    assert_eq!(refused.status.code(), Some(1), "outside its limits");
    let error = String::from_utf8(refused.stderr).expect("UTF-8");
    assert!(error.starts_with("ERROR occured writing data: "), "no colour where no terminal is: {error:?}");
}

#[test]
fn a_monitor_shows_what_changes_and_info_where_it_is() {
    let server = Server::start();
    let mut monitor = tool(&server, &["monitor", "wt:delay"]);
    let mut monitor = monitor.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(monitor.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().expect("a line").expect("UTF-8");
    assert!(next().contains(" 0.2"));
    run(&server, &["put", "wt:delay", "0.4"]);
    assert!(next().contains(" 0.4"));
    monitor.kill().expect("it runs");
    monitor.wait().expect("it ends");
    let (status, info) = run(&server, &["info", "wt:delay"]);
    assert_eq!(status, 0);
    assert!(
        info.contains("State:            connected") && info.contains(&format!(":{}\n", server.tcp)),
        "{info}"
    );
}

/// A port whose queue of connections is full: who connects gets no answer at all. Kept as long as the sockets.
fn black_hole() -> (Socket, Vec<Socket>, SocketAddr) {
    let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let listener = socket();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    listener.listen(0).expect("it listens");
    let address = listener.local_addr().expect("bound").as_socket().expect("IPv4");
    let mut waiting = Vec::new();
    // The queue takes one or two, whatever it is told.
    while waiting.len() < 16 {
        let one = socket();
        let connected = one.connect_timeout(&address.into(), Duration::from_millis(200));
        waiting.push(one);
        if connected.is_err() {
            return (listener, waiting, address);
        }
    }
    panic!("{address} takes all connections");
}

#[test]
fn a_get_ends_within_a_second_of_its_answer_whatever_its_name_servers_do() {
    let server = Server::start();
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let (_listener, _waiting, hole) = black_hole();
    let dead = [
        ("silent", silent.local_addr().expect("bound").to_string()),
        ("refused", format!("127.0.0.1:{}", free_port())),
        ("unroutable", "255.255.255.255:5064".to_owned()),
        ("black hole", hole.to_string()),
    ];
    let all = dead.iter().map(|(_, address)| &**address).collect::<Vec<_>>().join(" ");
    for (what, list) in dead.iter().map(|(what, list)| (*what, &**list)).chain([("all", &all[..])]) {
        let mut get = tool(&server, &["get", "-t", "wt:delay"]);
        let mut get =
            get.env("EPICS_CA_NAME_SERVERS", list).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = Lines::of(get.stdout.take().expect("a pipe"));
        assert_eq!(lines.next(Instant::now() + SOON).as_deref(), Some("0.2"), "{what}");
        let status = wait_exit(&mut get, Duration::from_secs(1));
        if status.is_none() {
            get.kill().expect("it runs");
            get.wait().expect("it ends");
        }
        assert_eq!(status.and_then(|status| status.code()), Some(0), "{what}: not within a second");
    }
}
