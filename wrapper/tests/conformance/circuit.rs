//! The circuit itself: VERSION, names, ECHO, segments, how it ends.

use std::net::Shutdown;
use std::sync::atomic::Ordering::SeqCst;

use ca_proto::wire::{Command, Header};

use crate::raw::{Raw, eventually, message};
use crate::support::{
    BIG, Bench, NO_CHANNEL, VALUE, ask, assert_closed, assert_error, assert_quiet, header, padded_text,
};

const GREETING: Header = Header { command: 0, size: 0, data_type: 0, count: 13, p1: 0, p2: 0 };

/// A circuit that was greeted and has not answered.
fn greeted(bench: &Bench) -> Raw {
    let mut raw = bench.silent();
    assert_eq!(raw.next().header, GREETING);
    raw
}

#[test]
fn server_01_version_comes_before_any_client_byte() {
    let bench = Bench::start();
    let mut raw = bench.silent();
    assert_eq!(raw.next().header, GREETING);
}

#[test]
fn server_02_the_clients_version_is_not_answered() {
    let bench = Bench::start();
    let mut raw = greeted(&bench);
    raw.send(Command::Version, 0, 13, 0, 0, &[]);
    assert_quiet(&mut raw);
}

#[test]
fn server_03_a_second_version_with_another_priority_is_accepted_and_its_minor_counts() {
    let bench = Bench::start();
    let mut raw = greeted(&bench);
    raw.send(Command::Version, 0, 8, 0, 0, &[]);
    raw.send(Command::Version, 99, 13, 0, 0, &[]);
    assert_quiet(&mut raw);
    // Minor 13 knows the extended header, though its contents would fit the short one.
    let mut extended = vec![0, 23, 0xFF, 0xFF, 0, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    extended.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 9]);
    raw.send_bytes(&extended);
    assert_eq!(raw.next().header, header(Command::Echo, 0, 7, 9, 1, 2));
    // Minor 8 does not: the size is a literal one, and no multiple of 8.
    raw.send(Command::Version, 1, 8, 0, 0, &[]);
    raw.send_bytes(&extended);
    let error = raw.next();
    let size = error.payload.len() as u32;
    assert_eq!(error.header, header(Command::Error, size, 0, 0, NO_CHANNEL, 142));
    assert_eq!(error.payload[..16], extended[..16]);
    assert_closed(&mut raw);
}

#[test]
fn server_04_priority_100_and_minor_3_close_the_circuit() {
    let bench = Bench::start();
    for (priority, minor) in [(100, 13), (0, 3)] {
        let mut raw = greeted(&bench);
        raw.send(Command::Version, priority, minor, 0, 0, &[]);
        assert_closed(&mut raw);
    }
}

#[test]
fn server_05_a_channel_before_version_is_error_278_and_version_heals() {
    let bench = Bench::start();
    let mut raw = greeted(&bench);
    let request = message(Command::CreateChannel, 0, 0, 7, 13, &padded_text("c:double"));
    raw.send_bytes(&request);
    assert_error(&raw.next(), NO_CHANNEL, 278, &request);
    raw.send(Command::Version, 0, 13, 0, 0, &[]);
    let double = raw.channel("c:double");
    assert_eq!(raw.get(double, 6, 1).double(), 1.5);
}

#[test]
fn server_06_the_names_in_either_order_produce_no_bytes() {
    let bench = Bench::start();
    let names = [(Command::ClientName, "me"), (Command::HostName, "here")];
    for order in [[0, 1], [1, 0]] {
        let mut raw = greeted(&bench);
        raw.send(Command::Version, 0, 13, 0, 0, &[]);
        for (command, name) in order.map(|i| names[i]) {
            raw.send(command, 0, 0, 0, 0, &padded_text(name));
        }
        assert_quiet(&mut raw);
        raw.channel("c:double");
    }
}

#[test]
fn server_07_a_host_name_after_a_channel_is_error_142_and_the_circuit_stays() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let request = message(Command::HostName, 0, 0, 0, 0, &padded_text("late"));
    raw.send_bytes(&request);
    assert_error(&raw.next(), NO_CHANNEL, 142, &request);
    assert_eq!(raw.get(double, 6, 1).double(), 1.5);
}

#[test]
fn server_52_echo_comes_back_verbatim_also_under_load_and_while_a_put_waits() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (go, double) = (raw.channel("g:go"), raw.channel("c:double"));
    let put = raw.start_put(go, 1.0);
    let updates = raw.monitor(double, 6, 1, VALUE);
    (0..1000).for_each(|i| bench.double.post(f64::from(i)));
    raw.send(Command::Echo, 5, 77, 0x0102_0304, 0xFEDC_BA98, b"sixteen payloads");
    let seen = raw.until(|m| m.is(Command::Echo));
    let echo = seen.last().expect("the echo");
    assert_eq!(echo.header, header(Command::Echo, 16, 5, 77, 0x0102_0304, 0xFEDC_BA98));
    assert_eq!(echo.payload, b"sixteen payloads");
    let others = &seen[..seen.len() - 1];
    assert!(others.iter().all(|m| m.is(Command::EventAdd) && m.header.p2 == updates), "the put still waits");
    bench.release.store(true, SeqCst);
    assert_eq!(raw.completion(put).0, 1);
}

#[test]
fn server_53_read_sync_comes_back() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    raw.send(Command::ReadSync, 1, 2, 3, 4, &[]);
    assert_eq!(raw.next().header, header(Command::ReadSync, 0, 1, 2, 3, 4));
}

#[test]
fn server_54_what_was_sent_before_a_half_close_is_done_and_answered() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let mut bytes = message(Command::Write, 6, 1, double.sid, double.cid, &8.25f64.to_be_bytes());
    bytes.extend(message(Command::ClearChannel, 0, 0, double.sid, double.cid, &[]));
    raw.send_bytes(&bytes);
    raw.stream().shutdown(Shutdown::Write).expect("half-close");
    assert_eq!(raw.next().header, header(Command::ClearChannel, 0, 0, 0, double.sid, double.cid));
    assert_closed(&mut raw);
    assert_eq!(bench.double.get(), 8.25);
}

#[test]
fn server_55_a_reset_in_a_large_reply_harms_no_other_circuit() {
    let bench = Bench::start();
    bench.big.post(vec![1.0; BIG]);
    let (mut other, mut raw) = (bench.connect(), bench.connect());
    let (double, big) = (other.channel("c:double"), raw.channel("c:big"));
    (0..4).for_each(|_| _ = ask(&mut raw, big, 6, 0));
    assert_eq!(raw.stream().peek(&mut [0]).expect("the reply has begun"), 1);
    // A socket that is closed with data unread sends a reset.
    drop(raw);
    eventually("one circuit is left", || (bench.ioc.report().circuits.len() == 1).then_some(()));
    assert_eq!(other.get(double, 6, 1).double(), 1.5);
    assert_eq!(other.put(double, 2.0), 1);
}

#[test]
fn server_56_segments_do_not_matter() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let mut bytes = message(Command::WriteNotify, 6, 1, double.sid, 70, &3.5f64.to_be_bytes());
    bytes.extend(message(Command::ReadNotify, 34, 1, double.sid, 71, &[]));
    raw.send_bytes(&bytes);
    let whole = [raw.next(), raw.next()];
    bytes.iter().for_each(|byte| raw.send_bytes(std::slice::from_ref(byte)));
    assert_eq!([raw.next(), raw.next()], whole);
    assert_eq!(whole[0].header, header(Command::WriteNotify, 0, 6, 1, 1, 70));
    assert_eq!(whole[1].header, header(Command::ReadNotify, 88, 34, 1, 1, 71));
    assert_eq!(whole[1].payload[80..], 3.5f64.to_be_bytes());
}

#[test]
fn server_73_obsolete_commands_are_error_142_and_close() {
    let bench = Bench::start();
    for command in [5, 7, 16, 25] {
        let mut raw = bench.connect();
        let mut request = Vec::new();
        Header { command, size: 0, data_type: 1, count: 2, p1: 3, p2: 4 }.encode(&mut request);
        raw.send_bytes(&request);
        assert_error(&raw.next(), NO_CHANNEL, 142, &request);
        assert_closed(&mut raw);
    }
}

#[test]
fn server_74_an_error_text_is_terminated_and_the_message_a_multiple_of_8() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (double, choice) = (raw.channel("c:double"), raw.channel("c:choice"));
    // The texts name what was put, so their lengths cover every remainder.
    for length in 1..=16 {
        for channel in [double, choice] {
            let text = padded_text(&"z".repeat(length));
            let request = message(Command::Write, 0, 1, channel.sid, channel.cid, &text);
            raw.send_bytes(&request);
            assert_error(&raw.next(), channel.cid, 160, &request);
        }
    }
}

/// TCP_NODELAY cannot be seen from outside.
#[cfg(target_os = "linux")]
#[test]
fn server_75_keepalive_runs_on_accepted_sockets() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    assert_quiet(&mut raw);
    let ours = raw.stream().local_addr().expect("connected").port();
    let (local, remote) = (format!(":{:04X}", bench.tcp_port()), format!(":{ours:04X}"));
    eventually("the keepalive timer", || {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
        table.lines().find_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let found = fields[1].ends_with(&local) && fields[2].ends_with(&remote);
            (found && fields[5].starts_with("02:")).then_some(())
        })
    });
}
