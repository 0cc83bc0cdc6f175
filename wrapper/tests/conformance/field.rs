//! Fields of every PV: `X.DESC`, `X.HIHI` and the others.

use ca_proto::wire::Command;

use crate::raw::{Channel, Raw};
use crate::support::{Bench, VALUE, assert_quiet, assert_update, header};

/// Native type, count and rights of a field.
fn shape(raw: &mut Raw, name: &str) -> (u16, u32, u32) {
    let Channel { native, count, rights, .. } = raw.channel(name);
    (native, count, rights)
}

fn text(raw: &mut Raw, name: &str) -> String {
    let channel = raw.channel(name);
    raw.get(channel, 0, 1).text()
}

fn number(raw: &mut Raw, name: &str) -> f64 {
    let channel = raw.channel(name);
    raw.get(channel, 6, 1).double()
}

/// Puts a text into a field; the status.
fn put(raw: &mut Raw, name: &str, text: &str) -> u32 {
    let channel = raw.channel(name);
    let ioid = raw.id();
    let mut cell = text.as_bytes().to_vec();
    cell.resize(40, 0);
    raw.send(Command::WriteNotify, 0, 1, channel.sid, ioid, &cell);
    raw.completion(ioid).0
}

#[test]
fn every_pv_has_the_common_fields_with_the_types_of_base() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    for pv in ["c:double", "c:long", "c:enum", "c:text", "c:array", "c:string", "g:go", "g:seq.CMD"] {
        for (field, rights) in [("NAME", 1), ("DESC", 3), ("RTYP", 1), ("EGU", 3)] {
            assert_eq!(shape(&mut raw, &format!("{pv}.{field}")), (0, 1, rights), "{pv}.{field}");
        }
        for (field, rights) in [("STAT", 1), ("SEVR", 1), ("HHSV", 3), ("HSV", 3), ("LSV", 3), ("LLSV", 3)] {
            assert_eq!(shape(&mut raw, &format!("{pv}.{field}")), (3, 1, rights), "{pv}.{field}");
        }
        assert_eq!(shape(&mut raw, &format!("{pv}.PREC")), (1, 1, 3));
        let limit = if pv == "c:long" { 5 } else { 6 };
        for field in ["HOPR", "LOPR", "DRVH", "DRVL", "HIHI", "HIGH", "LOW", "LOLO", "MDEL", "ADEL"] {
            assert_eq!(shape(&mut raw, &format!("{pv}.{field}")), (limit, 1, 3), "{pv}.{field}");
        }
        assert_eq!(text(&mut raw, &format!("{pv}.NAME")), pv);
        assert!(raw.try_channel(&format!("{pv}.HIHI$")).is_none(), "a number has no long form");
    }
    let types = ["c:double", "c:long", "c:enum", "c:text", "c:array", "c:string"]
        .map(|pv| text(&mut raw, &format!("{pv}.RTYP")));
    assert_eq!(types, ["ao", "longout", "mbbo", "waveform", "waveform", "stringout"]);
}

#[test]
fn fields_tell_what_was_declared() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let limits = ["HOPR", "LOPR", "DRVH", "DRVL", "HIHI", "HIGH", "LOW", "LOLO"]
        .map(|field| number(&mut raw, &format!("c:limited.{field}")));
    assert_eq!(limits, [20.0, -20.0, 30.0, -30.0, 10.0, 0.0, 0.0, -10.0]);
    let severities = ["HHSV", "HSV", "LSV", "LLSV", "SEVR", "STAT"]
        .map(|field| text(&mut raw, &format!("c:limited.{field}")));
    assert_eq!(severities, ["MAJOR", "NO_ALARM", "NO_ALARM", "MAJOR", "NO_ALARM", "NO_ALARM"]);
    assert_eq!(text(&mut raw, "c:double.EGU"), "micrometer", "all of it, while DBR types show 7 bytes");
    assert_eq!(number(&mut raw, "c:double.PREC"), 2.0);
    assert_eq!([number(&mut raw, "c:double.MDEL"), number(&mut raw, "c:double.ADEL")], [0.0, 0.0]);
}

#[test]
fn a_long_string_has_its_nul_and_its_capacity() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    for (name, capacity, value) in [
        ("c:string$", 40, "hello"),
        ("c:string.VAL$", 40, "hello"),
        ("c:string.$", 40, "hello"),
        ("c:double.NAME$", 61, "c:double"),
        ("c:double.EGU$", 16, "micrometer"),
        ("c:double.DESC$", 41, ""),
    ] {
        let channel = raw.channel(name);
        assert_eq!((channel.native, channel.count), (4, capacity), "{name}");
        assert_eq!(raw.get(channel, 4, 0).header.count as usize, value.len() + 1);
        assert_eq!(raw.get_text(channel), value, "{name}");
        assert_eq!(raw.get(channel, 0, 1).text(), value, "as STRING: the text, not its first number");
    }
    let string = raw.channel("c:string$");
    assert_eq!(raw.put_text(string, "a longer text"), 1);
    assert_eq!(text(&mut raw, "c:string"), "a longer text");
    let id = raw.monitor(string, 4, 0, VALUE);
    assert_eq!(raw.next().text(), "a longer text");
    raw.put_text(string, "short");
    let update = raw.next();
    assert_eq!((update.header.count, update.header.p2, update.text()), (6, id, "short".to_owned()));
}

#[test]
fn a_written_limit_is_in_force_once_its_severity_is_set() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let severity = raw.channel("c:double.SEVR");
    let id = raw.monitor(severity, 0, 1, VALUE);
    assert_eq!(raw.next().text(), "NO_ALARM");
    assert_eq!(put(&mut raw, "c:double.HIGH", "1.25"), 1);
    assert_eq!(number(&mut raw, "c:double.HIGH"), 1.25);
    assert_eq!(bench.double.alarm().severity.name(), "NO_ALARM", "HSV is NO_ALARM");
    let channel = raw.channel("c:double.HSV");
    let ioid = raw.start_put(channel, 3.0);
    let (status, seen) = raw.completion(ioid);
    let update = seen.into_iter().find(|m| m.is(Command::EventAdd)).unwrap_or_else(|| raw.next());
    assert_eq!((status, update.header.p2, update.text()), (1, id, "INVALID".to_owned()));
    assert_eq!(bench.double.alarm().status.name(), "HIGH");
    assert_eq!(put(&mut raw, "c:double.HSV", "MINOR"), 1);
    assert_eq!(bench.double.alarm().severity.name(), "MINOR");
    assert_eq!(put(&mut raw, "c:double.HSV", "TERRIBLE"), 160);
    assert_eq!(text(&mut raw, "c:double.STAT"), "HIGH");
}

#[test]
fn a_client_narrows_control_limits_and_never_widens_them() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    assert_eq!(put(&mut raw, "c:limited.DRVH", "31"), 160);
    assert_eq!(put(&mut raw, "c:limited.DRVH", "-30"), 160, "DRVL is -30");
    assert_eq!(put(&mut raw, "c:limited.DRVH", "5"), 1);
    let limited = raw.channel("c:limited");
    assert_eq!((raw.put(limited, 6.0), raw.put(limited, 4.0)), (160, 1));
    assert_eq!(put(&mut raw, "c:double.DRVH", "1e9"), 1, "where none are declared any goes");
}

#[test]
fn deadbands_select_what_value_and_log_subscribers_hear() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    assert_eq!([put(&mut raw, "c:double.MDEL", "1"), put(&mut raw, "c:double.ADEL", "3")], [1, 1]);
    let (value, log) = (raw.monitor(double, 6, 1, 1), raw.monitor(double, 6, 1, 2));
    assert_update(&mut raw, value, 1.5);
    assert_update(&mut raw, log, 1.5);
    for post in [2.5, 2.6, 3.0, 4.0, 5.0] {
        bench.double.post(post);
    }
    for (id, expected) in [(value, 2.6), (value, 4.0), (log, 5.0)] {
        assert_update(&mut raw, id, expected);
    }
    assert_quiet(&mut raw);
    assert_eq!(put(&mut raw, "c:double.MDEL", "-1"), 1);
    bench.double.post(5.0);
    assert_update(&mut raw, value, 5.0);
    assert_quiet(&mut raw);
}

#[test]
fn a_written_field_is_an_update_of_its_own_subscribers() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (description, long) = (raw.channel("c:double.DESC"), raw.channel("c:double.DESC$"));
    let ids = [raw.monitor(description, 0, 1, VALUE), raw.monitor(long, 4, 0, VALUE)];
    (0..2).for_each(|_| assert_eq!(raw.next().text(), ""));
    let whole = "a description of exactly forty bytes, ok";
    assert_eq!(raw.put_text(long, whole), 1);
    let mut seen = [raw.next(), raw.next()];
    seen.sort_by_key(|update| update.header.p2);
    assert_eq!(seen.each_ref().map(|update| update.header.p2), ids);
    assert_eq!(seen[0].text(), whole[..39]);
    assert_eq!((seen[1].header.count, seen[1].text()), (41, whole.to_owned()));
    assert_eq!(raw.put_text(long, whole), 1);
    assert_quiet(&mut raw);
    let control = raw.channel("c:limited.HIHI");
    let payload = raw.get(control, 34, 1).payload;
    assert_eq!(payload[8..11], *b"mm\0");
    assert_eq!(raw.get(control, 34, 1).header, header(Command::ReadNotify, 88, 34, 1, 1, raw.id() - 1));
}
