//! The table of malformed and hostile input of the protocol reference, row by row: `malformed_07_...` is row 7.

use ca_proto::wire::Command;
use wrapper::Config;

use crate::raw::{Raw, message};
use crate::search::{DO_REPLY, DONT_REPLY, Searcher, search, version};
use crate::support::{
    Bench, NO_CHANNEL, VALUE, ask, assert_closed, assert_error, assert_quiet, assert_update, header,
    padded_text,
};

/// The header of the long form; its payload is the caller's.
fn extended(command: u16, data_type: u16, count: u32, [p1, p2]: [u32; 2], size: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for half in [command, 0xFFFF, data_type, 0] {
        bytes.extend_from_slice(&half.to_be_bytes());
    }
    for word in [p1, p2, size, count] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// Asserts an ERROR about a request with a long header.
#[track_caller]
fn assert_error_about_long(raw: &mut Raw, cid: u32, status: u32, request: &[u8]) {
    let error = raw.next();
    assert_eq!((error.header.command, error.header.p1, error.header.p2), (11, cid, status));
    assert_eq!(error.payload[..24], request[..24]);
}

/// EVENT_ADD payload with this mask.
fn mask(bits: u16) -> [u8; 16] {
    let mut payload = [0; 16];
    payload[12..14].copy_from_slice(&bits.to_be_bytes());
    payload
}

#[test]
fn malformed_01_part_of_a_header_is_waited_for() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let echo = message(Command::Echo, 0, 0, 7, 0, &[]);
    raw.send_bytes(&echo[..15]);
    let mut other = bench.connect();
    let double = other.channel("c:double");
    assert_eq!(other.get(double, 6, 1).double(), 1.5);
    raw.send_bytes(&echo[15..]);
    assert_eq!(raw.next().header, header(Command::Echo, 0, 0, 0, 7, 0));
}

#[test]
fn malformed_02_part_of_a_header_in_a_datagram_is_ignored() {
    let bench = Bench::start();
    let searcher = Searcher::new(&bench);
    for length in 0..16 {
        searcher.send(&version(1)[..length]);
    }
    searcher.assert_silent_before(&bench, 2);
}

#[test]
fn malformed_03_a_size_that_is_no_multiple_of_8_is_142_and_close() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let mut request = message(Command::Echo, 0, 0, 7, 0, &[]);
    request[3] = 12;
    raw.send_bytes(&request);
    assert_error(&raw.next(), NO_CHANNEL, 142, &request);
    assert_closed(&mut raw);
}

#[test]
fn malformed_04_a_message_that_runs_past_its_datagram_is_dropped() {
    let bench = Bench::start();
    let searcher = Searcher::new(&bench);
    let whole = [version(1), search(DO_REPLY, "c:double", 3, 3)].concat();
    searcher.send(&whole[..whole.len() - 1]);
    searcher.assert_silent_before(&bench, 2);
}

#[test]
fn malformed_05_before_version_a_size_of_65535_is_a_literal_one() {
    let bench = Bench::start();
    let mut raw = bench.silent();
    raw.next();
    let request = extended(18, 0, 0, [1, 13], 8);
    raw.send_bytes(&request);
    assert_error(&raw.next(), NO_CHANNEL, 142, &request);
    assert_closed(&mut raw);
}

#[test]
fn malformed_06_a_payload_of_2_gb_that_never_comes_is_refused_at_its_header() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let request = extended(4, 6, 0x1000_0000, [double.sid, double.cid], 0x8000_0000);
    raw.send_bytes(&request);
    assert_error_about_long(&mut raw, double.cid, 72, &request);
    // What comes of it is skipped: this is no ECHO.
    raw.send(Command::Echo, 0, 0, 1, 0, &[]);
    let mut other = bench.connect();
    let double = other.channel("c:double");
    assert_eq!((other.get(double, 6, 1).double(), other.put(double, 2.0)), (1.5, 1));
    raw.stream().set_nonblocking(true).expect("a socket");
    assert!(raw.stream().peek(&mut [0]).is_err(), "nothing more was said");
}

#[test]
fn malformed_07_a_size_near_4_gb_overflows_nothing() {
    let bench = Bench::start();
    for size in [0xFFFF_FFF0, 0xFFFF_FFF8] {
        let mut raw = bench.connect();
        let request = extended(18, 0, 0, [1, 13], size);
        raw.send_bytes(&request);
        assert_error_about_long(&mut raw, NO_CHANNEL, 72, &request);
    }
    let mut raw = bench.connect();
    raw.channel("c:double");
}

#[test]
fn malformed_08_a_put_of_more_elements_than_it_carries_is_refused() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let array = raw.channel("c:array");
    let request = message(Command::Write, 6, 3, array.sid, array.cid, &[0; 16]);
    raw.send_bytes(&request);
    assert_error(&raw.next(), array.cid, 160, &request);
    let request = message(Command::Write, 6, 1, array.sid, array.cid, &[]);
    raw.send_bytes(&request);
    assert_error(&raw.next(), array.cid, 160, &request);
    assert_eq!(bench.array.get(), [1.0, 2.0, 3.0]);
    let ioid = raw.id();
    raw.send(Command::WriteNotify, 6, 0xFFFF_FFF0, array.sid, ioid, &[0; 16]);
    assert_eq!(raw.next().header, header(Command::WriteNotify, 0, 6, 0xFFFF_FFF0, 160, ioid));
}

#[test]
fn malformed_10_a_get_of_more_than_the_server_sends_is_72() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    for count in [0x2000_0001, u32::MAX] {
        let request = extended(15, 6, count, [double.sid, 9], 0);
        raw.send_bytes(&request);
        assert_error_about_long(&mut raw, double.cid, 72, &request);
    }
    assert_eq!(raw.get(double, 6, 1).double(), 1.5);
}

#[test]
fn malformed_11_a_subscription_without_its_mask_reads_no_other_message() {
    let bench = Bench::start();
    for size in [0, 8] {
        let mut raw = bench.connect();
        let double = raw.channel("c:double");
        let request = message(Command::EventAdd, 6, 1, double.sid, 9, &vec![0xFF; size]);
        // A good one behind it would lend its mask.
        let behind = message(Command::EventAdd, 6, 1, double.sid, 10, &mask(VALUE));
        raw.send_bytes(&[request.clone(), behind].concat());
        assert_error(&raw.next(), double.cid, 48, &request);
        assert_closed(&mut raw);
    }
}

#[test]
fn malformed_12_a_channel_that_was_never_issued_is_142_and_close() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let request = message(Command::Write, 6, 1, double.sid + 1, double.cid, &[0; 8]);
    raw.send_bytes(&request);
    assert_error(&raw.next(), NO_CHANNEL, 142, &request);
    assert_closed(&mut raw);
}

#[test]
fn malformed_14_a_data_type_that_does_not_exist_closes_a_get_and_a_subscription() {
    let bench = Bench::start();
    for (command, payload) in [(Command::ReadNotify, &[][..]), (Command::EventAdd, &mask(VALUE))] {
        let mut raw = bench.connect();
        let double = raw.channel("c:double");
        raw.send(command, 39, 1, double.sid, 9, payload);
        assert_closed(&mut raw);
    }
}

#[test]
fn malformed_15_a_data_type_that_does_not_exist_is_114_before_the_close_of_a_put() {
    let bench = Bench::start();
    for command in [Command::Write, Command::Read] {
        let mut raw = bench.connect();
        let double = raw.channel("c:double");
        let request = message(command, 39, 1, double.sid, double.cid, &[0; 8]);
        raw.send_bytes(&request);
        assert_error(&raw.next(), double.cid, 114, &request);
        assert_closed(&mut raw);
    }
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    raw.send(Command::WriteNotify, 39, 1, double.sid, 9, &[0; 8]);
    assert_eq!(raw.next().header, header(Command::WriteNotify, 0, 39, 1, 114, 9));
    assert_closed(&mut raw);
}

#[test]
fn malformed_16_a_command_that_no_client_sends_is_142_and_close_quoted_up_to_27() {
    let bench = Bench::start();
    for command in (5..=27).filter(|c| [5, 7, 11, 13, 14, 16, 17, 22, 24, 25, 26, 27].contains(c)) {
        let mut raw = bench.connect();
        let mut request = message(Command::Echo, 0, 0, 7, 0, &[]);
        request[..2].copy_from_slice(&u16::to_be_bytes(command));
        raw.send_bytes(&request);
        assert_error(&raw.next(), NO_CHANNEL, 142, &request);
        assert_closed(&mut raw);
    }
    for command in [28, 100, 0xFFFF] {
        let mut raw = bench.connect();
        let mut request = message(Command::Echo, 0, 0, 7, 0, &[]);
        request[..2].copy_from_slice(&u16::to_be_bytes(command));
        raw.send_bytes(&request);
        assert_closed(&mut raw);
    }
}

#[test]
fn malformed_17_an_unknown_command_ends_its_datagram_without_an_answer() {
    let bench = Bench::start();
    let searcher = Searcher::new(&bench);
    let mut unknown = message(Command::Echo, 0, 0, 7, 0, &[]);
    unknown[1] = 99;
    searcher.send(&[version(1), unknown, search(DO_REPLY, "c:double", 3, 3)].concat());
    searcher.assert_silent_before(&bench, 2);
}

#[test]
fn malformed_18_a_name_without_its_nul_ends_in_front_of_its_last_byte() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    // 8 bytes, no NUL: the name is `g:seq.B`, which nobody has.
    raw.send(Command::CreateChannel, 0, 0, 5, 13, b"c:double");
    assert_eq!(raw.next().header, header(Command::CreateChannelFail, 0, 0, 0, 5, 0));
    raw.send(Command::CreateChannel, 0, 0, 6, 13, b"c:longxx\0\0\0\0\0\0\0\0");
    assert_eq!(raw.next().header, header(Command::CreateChannelFail, 0, 0, 0, 6, 0));
    raw.send(Command::CreateChannel, 0, 0, 7, 13, b"g:seq.DONE.....x");
    assert_eq!(raw.next().header, header(Command::CreateChannelFail, 0, 0, 0, 7, 0));
    assert_quiet(&mut raw);
}

#[test]
fn malformed_19_bytes_behind_the_nul_of_a_name_are_ignored() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    raw.send(Command::CreateChannel, 0, 0, 5, 13, b"c:double\0rubbish");
    assert_eq!(raw.next().header, header(Command::AccessRights, 0, 0, 0, 5, 3));
    assert!(raw.next().is(Command::CreateChannel));
}

#[test]
fn malformed_20_an_empty_name_is_nobodys() {
    let bench = Bench::start();
    let searcher = Searcher::new(&bench);
    searcher.send(&[version(1), search(DO_REPLY, "", 3, 3)].concat());
    searcher.assert_silent_before(&bench, 2);
    let mut raw = bench.connect();
    for payload in [&[][..], &[0; 8]] {
        raw.send(Command::CreateChannel, 0, 0, 5, 13, payload);
        assert_eq!(raw.next().header, header(Command::CreateChannelFail, 0, 0, 0, 5, 0));
    }
    raw.send(Command::Search, DONT_REPLY, 13, 5, 5, &[0; 8]);
    assert_quiet(&mut raw);
}

#[test]
fn malformed_21_a_name_of_kilobytes_is_nobodys() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    for length in [1023, 1024, 1025, 16_000] {
        raw.send(Command::CreateChannel, 0, 0, 5, 13, &padded_text(&"x".repeat(length)));
        assert_eq!(raw.next().header, header(Command::CreateChannelFail, 0, 0, 0, 5, 0));
    }
    let request = message(Command::CreateChannel, 0, 0, 5, 13, &padded_text(&"x".repeat(20_000)));
    raw.send_bytes(&request);
    assert_error(&raw.next(), NO_CHANNEL, 72, &request);
    assert_quiet(&mut raw);
}

#[test]
fn malformed_22_a_user_or_host_name_that_is_empty_too_long_or_without_end_closes() {
    let bench = Bench::start();
    for command in [Command::ClientName, Command::HostName] {
        for payload in [vec![], vec![0; 8], vec![b'x'; 8], padded_text(&"x".repeat(512))] {
            let mut raw = bench.connect();
            let request = message(command, 0, 0, 0, 0, &payload);
            raw.send_bytes(&request);
            assert_error(&raw.next(), NO_CHANNEL, 142, &request);
            assert_closed(&mut raw);
        }
        let mut raw = bench.connect();
        raw.send(command, 0, 0, 0, 0, &padded_text(&"x".repeat(511)));
        assert_quiet(&mut raw);
    }
}

#[test]
fn malformed_23_a_name_after_the_first_channel_is_142_and_the_circuit_stays() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    raw.channel("c:double");
    for command in [Command::ClientName, Command::HostName] {
        let request = message(command, 0, 0, 0, 0, &padded_text("late"));
        raw.send_bytes(&request);
        assert_error(&raw.next(), NO_CHANNEL, 142, &request);
    }
    assert_quiet(&mut raw);
}

#[test]
fn malformed_24_a_version_below_4_or_a_priority_above_99_closes_without_a_word() {
    let bench = Bench::start();
    for (priority, minor) in [(0, 3), (0, 0), (100, 13), (0xFFFF, 13)] {
        let mut raw = bench.silent();
        raw.next();
        raw.send(Command::Version, priority, minor, 0, 0, &[]);
        assert_closed(&mut raw);
    }
}

#[test]
fn malformed_25_without_version_each_message_is_278_and_version_heals() {
    let bench = Bench::start();
    let mut raw = bench.silent();
    raw.next();
    for _ in 0..3 {
        let request = message(Command::CreateChannel, 0, 0, 5, 13, &padded_text("c:double"));
        raw.send_bytes(&request);
        assert_error(&raw.next(), NO_CHANNEL, 278, &request);
    }
    raw.send(Command::Version, 0, 13, 0, 0, &[]);
    raw.channel("c:double");
}

#[test]
fn malformed_26_a_channel_for_a_minor_below_4_closes_without_a_word() {
    let bench = Bench::start();
    for minor in [0, 3] {
        let mut raw = bench.connect();
        raw.send(Command::CreateChannel, 0, 0, 5, minor, &padded_text("c:double"));
        assert_closed(&mut raw);
    }
}

#[test]
fn malformed_27_a_string_without_its_nul_is_cut_to_39_bytes() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let string = raw.channel("c:string");
    let ioid = raw.id();
    raw.send(Command::WriteNotify, 0, 1, string.sid, ioid, &[b'y'; 40]);
    assert_eq!(raw.completion(ioid).0, 1);
    assert_eq!(raw.get(string, 0, 1).payload, [&[b'y'; 39][..], &[0]].concat());
}

#[test]
fn malformed_29_a_second_cancel_is_242_and_close() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let id = raw.monitor(double, 6, 1, VALUE);
    assert_update(&mut raw, id, 1.5);
    let cancel = message(Command::EventCancel, 6, 1, double.sid, id, &[]);
    raw.send_bytes(&[cancel.clone(), cancel.clone()].concat());
    assert_eq!(raw.next().header, header(Command::EventAdd, 0, 6, 1, double.sid, id));
    assert_error(&raw.next(), double.cid, 242, &cancel);
    assert_closed(&mut raw);
}

/// Base closes here. A clear may cross a disconnect on its way, so an id that the circuit itself had is ignored.
#[test]
fn malformed_30_a_second_clear_is_ignored() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let clear = message(Command::ClearChannel, 0, 0, double.sid, double.cid, &[]);
    raw.send_bytes(&[clear.clone(), clear].concat());
    assert!(raw.next().is(Command::ClearChannel));
    assert_quiet(&mut raw);
}

#[test]
fn malformed_31_a_flood_of_channels_and_subscriptions_ends_at_the_limit_with_48() {
    let mut config = Config::isolated();
    config.limits.channels = 3;
    config.limits.subscriptions = 3;
    let bench = Bench::with(config);
    let mut raw = bench.connect();
    let channels = [(); 3].map(|()| raw.channel("c:double"));
    let request = message(Command::CreateChannel, 0, 0, 77, 13, &padded_text("c:double"));
    raw.send_bytes(&request);
    assert_error(&raw.next(), 77, 48, &request);
    assert_eq!(raw.next().header, header(Command::CreateChannelFail, 0, 0, 0, 77, 0));
    for _ in 0..3 {
        let id = raw.monitor(channels[0], 6, 1, VALUE);
        assert_update(&mut raw, id, 1.5);
    }
    let request = message(Command::EventAdd, 6, 1, channels[0].sid, 99, &mask(VALUE));
    raw.send_bytes(&request);
    assert_error(&raw.next(), channels[0].cid, 48, &request);
    let mut other = bench.connect();
    let double = other.channel("c:double");
    let ioid = ask(&mut other, double, 6, 1);
    assert_eq!(other.next().header.p2, ioid, "other circuits have limits of their own");
}

#[test]
fn malformed_32_who_speaks_another_protocol_is_closed_and_harms_nobody() {
    let bench = Bench::start();
    for words in
        [&b"GET / HTTP/1.1\r\nHost: example\r\n\r\n"[..], b"SSH-2.0-OpenSSH_9.6\r\n", b"\x16\x03\x01\x02\x00"]
    {
        let mut raw = bench.silent();
        raw.next();
        raw.send_bytes(&words.repeat(4));
        while let Some(message) = raw.try_next() {
            assert!(message.is(Command::Error), "{message:?}");
        }
    }
    let mut raw = bench.connect();
    raw.channel("c:double");
}
