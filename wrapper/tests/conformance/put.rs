//! WRITE and WRITE_NOTIFY.

use std::sync::atomic::Ordering::SeqCst;

use ca_proto::wire::Command;

use crate::raw::{Channel, Raw, message};
use crate::support::{BIG, Bench, assert_error, assert_quiet, get, header, padded_text, peek};

/// Puts one STRING with completion; returns the status of the answer.
#[track_caller]
fn put_string(raw: &mut Raw, channel: Channel, payload: &[u8]) -> u32 {
    let ioid = raw.id();
    raw.send(Command::WriteNotify, 0, 1, channel.sid, ioid, payload);
    let done = raw.next();
    assert_eq!(done.header, header(Command::WriteNotify, 0, 0, 1, done.header.p1, ioid));
    done.header.p1
}

#[test]
fn server_30_an_enum_takes_a_label_or_an_index_as_text() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let choice = raw.channel("c:enum");
    for (text, index) in [("Off", 0), ("On", 1), ("0", 0), ("1", 1)] {
        assert_eq!(put_string(&mut raw, choice, &padded_text(text)), 1, "{text}");
        assert_eq!(get(&mut raw, choice, 3, 1, 1, 8), [0, index, 0, 0, 0, 0, 0, 0], "{text}");
    }
    for text in ["on", "Maybe", "2"] {
        assert_eq!(put_string(&mut raw, choice, &padded_text(text)), 160, "{text}");
        assert_eq!(get(&mut raw, choice, 3, 1, 1, 8)[..2], [0, 1], "{text}");
    }
}

#[test]
fn server_31_texts_become_numbers_as_in_base() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (double, long) = (raw.channel("c:double"), raw.channel("c:long"));
    let cases = [("12.5", 12.5, 12), (" 7 ", 7.0, 7), ("", 0.0, 0), ("1e3", 1000.0, 1), ("-4 mm", -4.0, -4)];
    for (text, number, whole) in cases {
        raw.send(Command::Write, 0, 1, double.sid, double.cid, &padded_text(text));
        raw.send(Command::Write, 0, 1, long.sid, long.cid, &padded_text(text));
        assert_quiet(&mut raw);
        assert_eq!((bench.double.get(), bench.long.get()), (number, whole), "{text:?}");
    }
    assert_eq!(put_string(&mut raw, double, &padded_text("zz")), 160);
    assert_eq!(put_string(&mut raw, long, &padded_text("zz")), 160);
    assert_eq!(put_string(&mut raw, long, &padded_text("9999999999")), 160);
    assert_eq!((bench.double.get(), bench.long.get()), (-4.0, -4));
}

#[test]
fn server_32_one_string_is_taken_cut_and_whole() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let string = raw.channel("c:string");
    raw.send(Command::Write, 0, 1, string.sid, string.cid, b"short\0\0\0");
    assert_eq!(get(&mut raw, string, 0, 1, 1, 40)[..6], *b"short\0");
    let mut cell = [0; 40];
    cell[..13].copy_from_slice(b"a longer text");
    raw.send(Command::Write, 0, 1, string.sid, string.cid, &cell);
    assert_eq!(get(&mut raw, string, 0, 1, 1, 40), cell);
    assert_eq!(put_string(&mut raw, string, b"short\0\0\0"), 1);
    assert_eq!(put_string(&mut raw, string, &cell), 1);
    // Without a NUL, 39 bytes are kept.
    assert_eq!(put_string(&mut raw, string, &[b'x'; 40]), 1);
    let kept = get(&mut raw, string, 0, 1, 1, 40);
    assert_eq!((&kept[..39], kept[39]), (&[b'x'; 39][..], 0));
}

#[test]
fn server_33_a_get_sees_the_put_in_front_of_it() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    for i in 0..100u32 {
        let value = f64::from(i).to_be_bytes();
        let mut bytes = message(Command::Write, 6, 1, double.sid, double.cid, &value);
        bytes.extend(message(Command::ReadNotify, 6, 1, double.sid, i, &[]));
        raw.send_bytes(&bytes);
        let reply = raw.next();
        assert_eq!(reply.header, header(Command::ReadNotify, 8, 6, 1, 1, i));
        assert_eq!(reply.payload, value);
    }
}

#[test]
fn server_34_failed_write_sends_error_with_the_request_header() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let request = message(Command::Write, 0, 1, double.sid, 0xDEAD_BEEF, b"zz\0\0\0\0\0\0");
    raw.send_bytes(&request);
    assert_error(&raw.next(), double.cid, 160, &request);
    assert_quiet(&mut raw);
    assert_eq!(bench.double.get(), 1.5);
    let limited = raw.channel("c:limited");
    let request = message(Command::Write, 6, 1, limited.sid, 5, &31.0f64.to_be_bytes());
    raw.send_bytes(&request);
    assert_error(&raw.next(), limited.cid, 160, &request);
    assert_eq!(bench.limited.get(), 1.0);
}

#[test]
fn server_35_a_put_with_completion_is_answered_with_its_type_and_count() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (double, array) = (raw.channel("c:double"), raw.channel("c:array"));
    raw.send(Command::WriteNotify, 5, 1, double.sid, 901, &[0, 0, 0, 9, 0, 0, 0, 0]);
    assert_eq!(raw.next().header, header(Command::WriteNotify, 0, 5, 1, 1, 901));
    assert_eq!(bench.double.get(), 9.0);
    raw.send(Command::WriteNotify, 1, 3, array.sid, 902, &[0, 4, 0, 5, 0, 6, 0, 0]);
    assert_eq!(raw.next().header, header(Command::WriteNotify, 0, 1, 3, 1, 902));
    assert_eq!(bench.array.get(), [4.0, 5.0, 6.0]);
    assert_quiet(&mut raw);
}

#[test]
fn server_36_a_failed_put_with_completion_is_one_answer_and_no_error() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    raw.send(Command::WriteNotify, 0, 1, double.sid, 903, b"zz\0\0\0\0\0\0");
    assert_eq!(raw.next().header, header(Command::WriteNotify, 0, 0, 1, 160, 903));
    // As base: the plain types only.
    raw.send(Command::WriteNotify, 13, 1, double.sid, 904, &[0; 16]);
    assert_eq!(raw.next().header, header(Command::WriteNotify, 0, 13, 1, 160, 904));
    assert_quiet(&mut raw);
    assert_eq!(bench.double.get(), 1.5);
}

#[test]
fn server_37_of_10000_pipelined_puts_all_are_answered_in_order() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let put = |i: u32| message(Command::WriteNotify, 6, 1, double.sid, i, &f64::from(i).to_be_bytes());
    let mut bytes: Vec<u8> = (1..=10_000).flat_map(put).collect();
    bytes.extend(message(Command::ReadNotify, 6, 1, double.sid, 0, &[]));
    raw.send_bytes(&bytes);
    for i in 1..=10_000 {
        assert_eq!(raw.next().header, header(Command::WriteNotify, 0, 6, 1, 1, i));
    }
    let last = raw.next();
    assert_eq!((last.header, last.double()), (header(Command::ReadNotify, 8, 6, 1, 1, 0), 10_000.0));
}

#[test]
fn server_38_a_put_completes_with_the_device_and_delays_no_other_channel() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (go, double) = (raw.channel("g:go"), raw.channel("c:double"));
    let waiting = raw.start_put(go, 3.0);
    assert_quiet(&mut raw);
    let quick = raw.start_put(double, 2.0);
    assert_eq!(raw.next().header, header(Command::WriteNotify, 0, 6, 1, 1, quick));
    assert_eq!(get(&mut raw, go, 6, 1, 1, 8), 3.0f64.to_be_bytes());
    assert_quiet(&mut raw);
    bench.release.store(true, SeqCst);
    assert_eq!(raw.next().header, header(Command::WriteNotify, 0, 6, 1, 1, waiting));
}

#[test]
fn server_39_a_read_only_pv_has_right_1_and_refuses_puts_with_376() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    raw.send(Command::CreateChannel, 0, 0, 40, 13, &padded_text("c:fixed"));
    assert_eq!(raw.next().header, header(Command::AccessRights, 0, 0, 0, 40, 1));
    let created = raw.next().header;
    let request = message(Command::Write, 6, 1, created.p2, 41, &1.0f64.to_be_bytes());
    raw.send_bytes(&request);
    assert_error(&raw.next(), 40, 376, &request);
    raw.send(Command::WriteNotify, 6, 1, created.p2, 42, &1.0f64.to_be_bytes());
    assert_eq!(raw.next().header, header(Command::WriteNotify, 0, 6, 1, 376, 42));
    raw.send(Command::ReadNotify, 6, 1, created.p2, 43, &[]);
    assert_eq!(raw.next().double(), 4.5);
}

#[test]
fn server_57_an_array_of_10_mb_goes_both_ways_in_extended_headers() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let big = raw.channel("c:big");
    let payload: Vec<u8> = (0..BIG as u32).flat_map(|i| f64::from(i).to_be_bytes()).collect();
    let request = message(Command::WriteNotify, 6, BIG as u32, big.sid, 50, &payload);
    assert_eq!(request[..8], [0, 19, 0xFF, 0xFF, 0, 6, 0, 0], "extended");
    raw.send_bytes(&request);
    assert_eq!(raw.next().header, header(Command::WriteNotify, 0, 6, BIG as u32, 1, 50));
    raw.send(Command::ReadNotify, 6, BIG as u32, big.sid, 51, &[]);
    let start = peek(&raw, 24);
    assert_eq!(start[..8], [0, 15, 0xFF, 0xFF, 0, 6, 0, 0], "count 0 in the short part");
    assert_eq!(start[16..20], (payload.len() as u32).to_be_bytes());
    assert_eq!(start[20..24], (BIG as u32).to_be_bytes());
    let reply = raw.next();
    assert_eq!(reply.header, header(Command::ReadNotify, payload.len() as u32, 6, BIG as u32, 1, 51));
    assert!(reply.payload == payload);
}
