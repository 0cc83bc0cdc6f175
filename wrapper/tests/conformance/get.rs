//! READ_NOTIFY: sizes, counts, conversions, what is zero.

use ca_proto::wire::Command;
use wrapper::GroupBuilder;

use crate::raw::{Channel, Raw};
use crate::support::{Bench, LABELS, ask, assert_closed, assert_quiet, get, header, padded_text};

/// Bytes of one element with its metadata, by type.
const SIZES: [u32; 35] = [
    40, 2, 4, 2, 1, 4, 8, 44, 6, 8, 6, 6, 8, 16, 52, 16, 16, 16, 16, 16, 24, 44, 26, 44, 424, 20, 40, 72, 44,
    30, 52, 424, 22, 48, 88,
];

/// A get that must fail with 152 and zeros.
#[track_caller]
fn assert_get_fails(raw: &mut Raw, channel: Channel, data_type: u16, count: u32, size: u32) {
    let ioid = ask(raw, channel, data_type, count);
    let reply = raw.next();
    assert_eq!(reply.header, header(Command::ReadNotify, size, data_type, count, 152, ioid));
    assert!(reply.payload.iter().all(|&b| b == 0), "{:?}", reply.payload);
}

fn text(cell: &[u8]) -> &str {
    let end = cell.iter().position(|&b| b == 0).expect("a NUL");
    assert!(cell[end..].iter().all(|&b| b == 0), "{cell:?}");
    std::str::from_utf8(&cell[..end]).expect("ASCII")
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks::<8>().0.iter().map(|b| f64::from_be_bytes(*b)).collect()
}

fn longs(bytes: &[u8]) -> Vec<i32> {
    bytes.as_chunks::<4>().0.iter().map(|b| i32::from_be_bytes(*b)).collect()
}

#[test]
fn server_16_one_native_element_is_padded_to_8_bytes() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let expected: [(&str, &[u8]); 6] = [
        ("short", &[0, 3, 0, 0, 0, 0, 0, 0]),
        ("float", &[0x40, 0x20, 0, 0, 0, 0, 0, 0]),
        ("enum", &[0, 1, 0, 0, 0, 0, 0, 0]),
        ("bytes", &[200, 0, 0, 0, 0, 0, 0, 0]),
        ("long", &[0, 0, 0, 5, 0, 0, 0, 0]),
        ("double", &[0x3F, 0xF8, 0, 0, 0, 0, 0, 0]),
    ];
    for (name, bytes) in expected {
        let channel = raw.channel(&format!("c:{name}"));
        assert_eq!(get(&mut raw, channel, channel.native, 1, 1, 8), bytes, "{name}");
    }
}

#[test]
fn server_17_types_0_to_34_of_a_double_have_their_sizes() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    for (ty, size) in (0..).zip(SIZES) {
        get(&mut raw, double, ty, 1, 1, size.next_multiple_of(8));
    }
    assert_eq!(get(&mut raw, double, 20, 1, 1, 24)[16..], 1.5f64.to_be_bytes());
    assert_eq!(get(&mut raw, double, 34, 1, 1, 88)[80..], 1.5f64.to_be_bytes());
    assert_eq!(get(&mut raw, double, 29, 1, 1, 32)[28..30], [0, 1]);
    assert_eq!(get(&mut raw, double, 33, 1, 1, 48)[44..48], [0, 0, 0, 1]);
    assert_eq!(get(&mut raw, double, 32, 1, 1, 24)[21], 1);
    assert_eq!(text(&get(&mut raw, double, 14, 1, 1, 56)[12..52]), "1.50");
    // STSACK_STRING: status, severity, ACKT, ACKS, the value; CLASS_NAME: the record type.
    let acknowledged = get(&mut raw, double, 37, 1, 1, 48);
    assert_eq!((&acknowledged[..8], text(&acknowledged[8..])), (&[0, 0, 0, 0, 0, 1, 0, 0][..], "1.50"));
    assert_eq!(text(&get(&mut raw, double, 38, 1, 1, 40)), "ao");
}

#[test]
fn server_18_types_35_and_36_have_no_value_to_get() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    assert_get_fails(&mut raw, double, 35, 1, 8);
    assert_get_fails(&mut raw, double, 36, 1, 8);
    assert_quiet(&mut raw);
}

#[test]
fn server_19_type_39_closes_after_an_answer_to_a_put() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    ask(&mut raw, double, 39, 1);
    assert_closed(&mut raw);
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    raw.send(Command::WriteNotify, 39, 1, double.sid, 77, &[0; 8]);
    assert_eq!(raw.next().header, header(Command::WriteNotify, 0, 39, 1, 114, 77));
    assert_closed(&mut raw);
}

#[test]
fn server_20_count_0_is_the_current_length() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (double, array, empty) = (raw.channel("c:double"), raw.channel("c:array"), raw.channel("c:empty"));
    assert_eq!(doubles(&get(&mut raw, double, 6, 0, 1, 8)), [1.5]);
    assert_eq!(doubles(&get(&mut raw, array, 6, 0, 3, 24)), [1.0, 2.0, 3.0]);
    bench.array.post(vec![9.0; 5]);
    assert_eq!(doubles(&get(&mut raw, array, 6, 0, 5, 40)), [9.0; 5]);
    assert!(get(&mut raw, empty, 6, 0, 0, 0).is_empty());
    assert_eq!(get(&mut raw, empty, 20, 0, 0, 16)[..4], [0; 4]);
}

#[test]
fn server_21_elements_beyond_the_length_are_zeros() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (array, empty) = (raw.channel("c:array"), raw.channel("c:empty"));
    assert_eq!(doubles(&get(&mut raw, array, 6, 5, 5, 40)), [1.0, 2.0, 3.0, 0.0, 0.0]);
    assert_eq!(doubles(&get(&mut raw, array, 6, 2, 2, 16)), [1.0, 2.0]);
    assert_eq!(doubles(&get(&mut raw, empty, 6, 3, 3, 24)), [0.0; 3]);
    assert_eq!(doubles(&get(&mut raw, empty, 6, 12, 12, 96)), [0.0; 12], "more than it can hold");
}

#[test]
fn server_22_a_string_is_40_bytes_and_two_are_80() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (string, strings) = (raw.channel("c:string"), raw.channel("c:strings"));
    assert_eq!(text(&get(&mut raw, string, 0, 1, 1, 40)), "hello");
    let two = get(&mut raw, strings, 0, 2, 2, 80);
    assert_eq!([text(&two[..40]), text(&two[40..])], ["first", "second"]);
}

#[test]
fn server_23_pad_bytes_and_bytes_behind_a_nul_are_zero() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (double, string) = (raw.channel("c:double"), raw.channel("c:string"));
    // All bits of the value are set wherever its type is narrower than its place.
    bench.double.post(-1.0);
    let pads = [
        (1, 2..8),
        (4, 1..8),
        (11, 4..5),
        (11, 6..8),
        (13, 4..8),
        (15, 12..14),
        (18, 12..15),
        (20, 12..16),
        (22, 26..32),
        (23, 6..8),
        (23, 44..48),
        (25, 18..19),
        (25, 20..24),
        (27, 6..8),
        (32, 20..21),
        (32, 22..24),
    ];
    for (ty, range) in pads {
        let payload = get(&mut raw, double, ty, 1, 1, SIZES[usize::from(ty)].next_multiple_of(8));
        assert!(payload[range.clone()].iter().all(|&b| b == 0), "type {ty} at {range:?}: {payload:?}");
    }
    let mut cell = [b'x'; 40];
    cell[2] = 0;
    raw.send(Command::Write, 0, 1, string.sid, string.cid, &cell);
    assert_eq!(text(&get(&mut raw, string, 0, 1, 1, 40)), "xx");
    let status = get(&mut raw, string, 7, 1, 1, 48);
    assert_eq!((text(&status[4..44]), &status[44..]), ("xx", &[0; 4][..]));
}

#[test]
fn server_24_units_are_7_bytes_and_an_enum_with_labels_424() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (double, choice) = (raw.channel("c:double"), raw.channel("c:enum"));
    for (ty, at, size) in [(22, 4, 32), (23, 8, 48), (27, 8, 72), (34, 8, 88)] {
        assert_eq!(get(&mut raw, double, ty, 1, 1, size)[at..at + 8], *b"microme\0", "type {ty}");
    }
    for ty in [24, 31] {
        assert_eq!(get(&mut raw, choice, ty, 1, 1, 424)[422..], [0, 1]);
    }
}

#[test]
fn server_25_an_enum_has_at_most_16_labels() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let choice = raw.channel("c:choice");
    let payload = get(&mut raw, choice, 24, 1, 1, 424);
    assert_eq!(payload[4..6], [0, 16]);
    for (i, label) in LABELS.iter().enumerate() {
        assert_eq!(text(&payload[6 + 26 * i..32 + 26 * i]), *label);
    }
    assert!(GroupBuilder::new("x:").pv("y", false).labels(&["z"; 17]).add().is_err());
}

#[test]
fn server_26_alarm_limits_that_are_not_declared_are_nan_or_0() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (plain, limited) = (raw.channel("c:double"), raw.channel("c:limited"));
    let none = doubles(&get(&mut raw, plain, 34, 1, 1, 88)[16..80]);
    assert!(none[2..6].iter().all(|v| v.is_nan()), "{none:?}");
    assert_eq!([none[0], none[1], none[6], none[7]], [0.0; 4]);
    assert_eq!(longs(&get(&mut raw, plain, 33, 1, 1, 48)[12..44]), [0; 8]);
    let some = doubles(&get(&mut raw, limited, 34, 1, 1, 88)[16..80]);
    assert!(some[3].is_nan() && some[4].is_nan(), "no warning limits: {some:?}");
    assert_eq!(
        [some[0], some[1], some[2], some[5], some[6], some[7]],
        [20.0, -20.0, 10.0, -10.0, 30.0, -30.0]
    );
    let some = longs(&get(&mut raw, limited, 33, 1, 1, 48)[12..44]);
    assert_eq!(some, [20, -20, 10, 0, 0, -10, 30, -30]);
}

#[test]
fn server_27_a_double_as_text_is_that_of_base() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let channels = [0, 2, 3, 9].map(|p| raw.channel(&format!("c:p{p}")));
    let nan = f64::NAN;
    let expected = [
        (2.5, ["3", "2.50", "2.500", " 2.500000000e+00"]),
        (0.005, ["0", "0.01", "0.005", " 5.000000000e-03"]),
        (99.995, ["100", "100.00", "99.995", " 9.999500000e+01"]),
        (-0.001, ["-0", "-0.00", "-0.001", "-1.000000000e-03"]),
        (1e7, ["10000000", "10000000.00", "10000000.000", " 1.000000000e+07"]),
        (1e20, ["  1e+20", " 1.00e+20", " 1.000e+20", " 1.000000000e+20"]),
        (nan, ["nan", "nan", "nan", "             nan"]),
        (f64::INFINITY, ["    inf", "      inf", "       inf", "             inf"]),
        (-f64::INFINITY, ["   -inf", "     -inf", "      -inf", "            -inf"]),
    ];
    for (value, texts) in expected {
        for ((pv, channel), expected) in bench.decimals.iter().zip(channels).zip(texts) {
            pv.post(value);
            assert_eq!(text(&get(&mut raw, channel, 0, 1, 1, 40)), expected, "{value} in {}", pv.name());
        }
    }
}

#[test]
fn server_28_a_text_that_is_no_number_fails_and_the_circuit_stays() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let string = raw.channel("c:string");
    assert_get_fails(&mut raw, string, 6, 1, 8);
    assert_get_fails(&mut raw, string, 20, 1, 24);
    raw.send(Command::Write, 0, 1, string.sid, string.cid, &padded_text("12.5 mm"));
    assert_eq!(doubles(&get(&mut raw, string, 6, 1, 1, 8)), [12.5]);
}

#[test]
fn server_29_an_enum_as_string_is_its_label_and_gr_enum_lists_all() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let choice = raw.channel("c:enum");
    assert_eq!(text(&get(&mut raw, choice, 0, 1, 1, 40)), "On");
    let all = get(&mut raw, choice, 24, 1, 1, 424);
    assert_eq!(all[4..6], [0, 2]);
    assert_eq!([text(&all[6..32]), text(&all[32..58])], ["Off", "On"]);
    assert!(all[58..422].iter().all(|&b| b == 0));
    assert_eq!(all[422..], [0, 1]);
}

#[test]
fn server_58_a_large_array_with_few_elements_is_read_at_its_length() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let big = raw.channel("c:big");
    assert_eq!(doubles(&get(&mut raw, big, 6, 0, 3, 24)), [1.0, 2.0, 3.0]);
    assert_quiet(&mut raw);
}
