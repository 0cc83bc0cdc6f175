//! Every field of every record type, by a client.

use std::collections::BTreeMap;

use ca_proto::wire::{Command, put_text};
use wrapper::{Config, GroupBuilder, Ioc};

use crate::raw::{Message, Raw};

/// The fields of EPICS 7's records as caproto generates them: record, field, type, access, default, longest text,
/// choices.
const ROWS: &str = include_str!("../data/record_fields.tsv");
/// Requests sent before the first answer is read.
const BATCH: usize = 100;

struct Row {
    record: &'static str,
    field: &'static str,
    native: u16,
    rights: u32,
    default: &'static str,
    longest: &'static str,
    choices: Vec<&'static str>,
}

fn rows() -> Vec<Row> {
    let row = |line: &'static str| {
        let [record, field, kind, access, default, longest, choices] =
            line.split('\t').collect::<Vec<_>>().try_into().expect("seven columns");
        let kinds = ["STRING", "SHORT", "FLOAT", "ENUM", "CHAR", "LONG", "DOUBLE"];
        let native = kinds.iter().position(|known| *known == kind).expect("a type") as u16;
        let rights = if access == "rw" { 3 } else { 1 };
        let default = default.trim_start_matches("b'").trim_end_matches('\'');
        let choices = if choices.is_empty() { Vec::new() } else { choices.split('|').collect() };
        Row { record, field, native, rights, default, longest, choices }
    };
    ROWS.lines().skip(1).map(row).collect()
}

/// What base 7 says where the list says something else; a value of `*` is the PV's own.
fn corrected(row: &Row) -> (&'static str, &'static str) {
    let (field, default, longest) = (row.field, row.default, row.longest);
    let default = match (row.record, field) {
        (_, "NAME" | "RTYP") => "*",
        (_, "SEVR") => "INVALID",
        (_, "STAT") => "UDF",
        ("aai" | "aao" | "waveform" | "subArray", "NELM" | "NORD" | "MALM" | "FTVL") => "*",
        // All bits of a LONG.
        ("asyn", "UI32MASK") => "-1",
        ("motor" | "asyn", _) => default,
        (_, "SSCN") => "65535",
        ("sel", name) if name.len() == 1 => "nan",
        ("calcout", name) if (name.starts_with("IN") && name.ends_with('V')) || name == "OUTV" => "Constant",
        ("ai" | "ao", "INIT") | ("seq", "OLDN") => "1",
        _ => default,
    };
    let longest = match field {
        "CALC" | "OCAL" => "160",
        "RTYP" => "40",
        _ => longest,
    };
    (default, longest)
}

fn serve() -> Ioc {
    let mut group = GroupBuilder::new("r:");
    let mut records: Vec<_> = rows().iter().map(|row| row.record).collect();
    records.dedup();
    for record in records {
        group.pv_undefined::<f64>(record).record(record).add().expect("a known record type");
    }
    Ioc::builder().group(group).start(Config::isolated()).expect("loopback")
}

/// Sends a request for each of the rows and gives their answers, in order.
fn pipelined<T: Copy>(
    raw: &mut Raw,
    of: &[T],
    send: impl Fn(&mut Raw, T) -> u32,
    answers: impl Fn(&Message, u32) -> bool,
) -> Vec<Message> {
    let mut all = Vec::new();
    for batch in of.chunks(BATCH) {
        let ids: Vec<_> = batch.iter().map(|item| send(raw, *item)).collect();
        let last = *ids.last().expect("a batch is not empty");
        let mut seen: BTreeMap<u32, Message> = BTreeMap::new();
        for message in raw.until(|message| answers(message, last)) {
            if let Some(id) = ids.iter().find(|id| answers(&message, **id)) {
                seen.insert(*id, message);
            }
        }
        all.extend(ids.iter().map(|id| seen.remove(id).expect("every request is answered")));
    }
    all
}

/// Opens the channels of these names; native type, count, rights, server id of each.
fn open(raw: &mut Raw, names: &[String]) -> Vec<(u16, u32, u32, u32)> {
    let mut all = Vec::new();
    for batch in names.chunks(BATCH) {
        let mut cids = Vec::new();
        for name in batch {
            let cid = raw.id();
            let mut payload = Vec::new();
            put_text(name.as_bytes(), &mut payload);
            raw.send(Command::CreateChannel, 0, 0, cid, 13, &payload);
            cids.push(cid);
        }
        let mut rights = BTreeMap::new();
        for (name, cid) in batch.iter().zip(cids) {
            let answer = loop {
                let message = raw.next();
                assert!(!message.is(Command::CreateChannelFail), "{name} is unknown");
                if message.is(Command::AccessRights) {
                    rights.insert(message.header.p1, message.header.p2);
                } else if message.is(Command::CreateChannel) {
                    break message.header;
                }
            };
            assert_eq!(answer.p1, cid, "{name}: answers come in order");
            all.push((answer.data_type, answer.count, rights[&cid], answer.p2));
        }
    }
    all
}

fn get(raw: &mut Raw, requests: &[(u16, u32)]) -> Vec<Message> {
    let send = |raw: &mut Raw, (data_type, sid): (u16, u32)| {
        let ioid = raw.id();
        raw.send(Command::ReadNotify, data_type, 1, sid, ioid, &[]);
        ioid
    };
    pipelined(raw, requests, send, |m, ioid| m.is(Command::ReadNotify) && m.header.p2 == ioid)
}

/// The choices in a GR_ENUM.
fn choices(message: &Message) -> Vec<String> {
    let count = u16::from_be_bytes([message.payload[4], message.payload[5]]);
    let cell = |at: usize| {
        let cell = &message.payload[6 + 26 * at..][..26];
        let end = cell.iter().position(|byte| *byte == 0).unwrap_or(26);
        String::from_utf8_lossy(&cell[..end]).into_owned()
    };
    (0..usize::from(count)).map(cell).collect()
}

#[test]
fn every_field_of_every_record_type_has_its_type_access_and_default() {
    let ioc = serve();
    let mut raw = Raw::connect(ioc.tcp_addresses()[0]);
    let rows = rows();
    assert_eq!(rows.len(), 2610);
    let names: Vec<_> = rows.iter().map(|row| format!("r:{}.{}", row.record, row.field)).collect();
    let channels = open(&mut raw, &names);
    // Choices as their names, all other numbers in full.
    let kind = |native: u16| if [0, 3].contains(&native) { 0 } else { 6 };
    let requests: Vec<_> = channels.iter().map(|channel| (kind(channel.0), channel.3)).collect();
    let values = get(&mut raw, &requests);
    for (((row, name), (native, count, rights, _)), value) in
        rows.iter().zip(&names).zip(&channels).zip(&values)
    {
        assert_eq!((*native, *count, *rights), (row.native, 1, row.rights), "{name}: type, count, rights");
        let expected = match (corrected(row).0, row.native) {
            ("*", _) => continue,
            ("", 3) => row.choices[0],
            (index, 3) if index.parse::<usize>().is_ok_and(|index| index < row.choices.len()) => {
                row.choices[index.parse::<usize>().expect("a number")]
            }
            ("65535", 3) => "Illegal_Value",
            (default, _) => default,
        };
        match (expected.parse::<f64>(), row.native) {
            (_, 0 | 3) => assert_eq!(value.text(), expected, "{name}"),
            (number, _) => {
                let read = value.double();
                let number = number.unwrap_or(0.0);
                assert!(read == number || (read.is_nan() && number.is_nan()), "{name}: {read}, not {number}");
            }
        }
    }
}

#[test]
fn every_choice_field_has_the_choices_of_base() {
    let ioc = serve();
    let mut raw = Raw::connect(ioc.tcp_addresses()[0]);
    let rows: Vec<_> = rows().into_iter().filter(|row| row.native == 3).collect();
    assert_eq!(rows.len(), 761);
    let names: Vec<_> = rows.iter().map(|row| format!("r:{}.{}", row.record, row.field)).collect();
    let channels = open(&mut raw, &names);
    let requests: Vec<_> = channels.iter().map(|channel| (24, channel.3)).collect();
    for ((row, name), reply) in rows.iter().zip(&names).zip(get(&mut raw, &requests)) {
        // Base 7 has RAW in all records; the list in the inputs only.
        let simulation = ["ao", "bo", "mbbo", "mbboDirect"].contains(&row.record) && row.field == "SIMM";
        let expected = if simulation { vec!["NO", "YES", "RAW"] } else { row.choices.clone() };
        assert_eq!(choices(&reply), expected, "{name}");
    }
}

#[test]
fn every_text_field_has_the_length_of_base_in_its_long_form() {
    let ioc = serve();
    let mut raw = Raw::connect(ioc.tcp_addresses()[0]);
    let rows: Vec<_> = rows().into_iter().filter(|row| row.native == 0).collect();
    assert_eq!(rows.len(), 618);
    let names: Vec<_> = rows.iter().map(|row| format!("r:{}.{}$", row.record, row.field)).collect();
    for ((row, name), (native, count, rights, _)) in rows.iter().zip(&names).zip(open(&mut raw, &names)) {
        assert_eq!((native, rights), (4, row.rights), "{name}");
        match corrected(row).1.parse::<u32>() {
            Ok(longest) => assert_eq!(count, longest, "{name}"),
            // Links have 1024 bytes; the list says nothing of them.
            Err(_) => assert!([40, 1024].contains(&count), "{name}: {count}"),
        }
    }
}

#[test]
fn what_is_written_to_a_field_is_read_again_and_unknown_fields_do_not_exist() {
    let ioc = serve();
    let mut raw = Raw::connect(ioc.tcp_addresses()[0]);
    for name in ["r:ai.NOPE", "r:ai.desc", "r:ai.ZRST", "r:bi.HIHI", "r:ai.VAL.DESC", "r:nope.DESC"] {
        assert!(raw.try_channel(name).is_none(), "{name}");
    }
    let link = raw.channel("r:calc.INPA$");
    assert_eq!(raw.put_text(link, &"x".repeat(900)), 1);
    assert_eq!(raw.get_text(link), "x".repeat(900));
    let [disable, phase, calc] = ["r:calc.DISV", "r:calc.PHAS", "r:calc.A"].map(|name| raw.channel(name));
    assert_eq!([raw.put(disable, 7.0), raw.put(phase, -3.0), raw.put(calc, 0.125)], [1, 1, 1]);
    assert_eq!([disable, phase].map(|channel| raw.get(channel, 6, 1).double()), [7.0, -3.0]);
    assert_eq!(raw.get(calc, 6, 1).double(), 0.125);
    let [name, choice] = ["r:calc.NAME", "r:calc.PRIO"].map(|name| raw.channel(name));
    assert_eq!([raw.put_text(name, "x"), raw.put(choice, 3.0), raw.put(choice, 2.0)], [376, 160, 1]);
    assert_eq!(raw.get(choice, 0, 1).text(), "HIGH");
}

#[test]
fn a_pv_without_a_record_type_has_the_common_fields_and_those_of_its_value() {
    let mut g = GroupBuilder::new("p:");
    g.pv("double", 1.5).add().expect("good");
    g.pv("long", 1i32).add().expect("good");
    g.pv("choice", true).add().expect("good");
    g.pv("text", String::from("x")).add().expect("good");
    g.pv("array", vec![1.0, 2.0]).max_length(5).add().expect("good");
    let ioc = Ioc::builder().group(g).start(Config::isolated()).expect("loopback");
    let mut raw = Raw::connect(ioc.tcp_addresses()[0]);
    let common: Vec<_> = rows().into_iter().filter(|row| row.record == "ai").take(31).collect();
    assert_eq!(common.last().map(|row| row.field), Some("UDFS"), "the last common field in the list");
    for pv in ["double", "long", "choice", "text", "array"] {
        let names: Vec<_> = common.iter().map(|row| format!("p:{pv}.{}", row.field)).collect();
        for ((row, name), (native, count, rights, _)) in common.iter().zip(&names).zip(open(&mut raw, &names))
        {
            assert_eq!((native, count, rights), (row.native, 1, row.rights), "{name}");
        }
        for (field, value) in [("UDF", 0.0), ("PACT", 0.0), ("DISV", 1.0), ("UDFS", 3.0)] {
            let channel = raw.channel(&format!("p:{pv}.{field}"));
            assert_eq!(raw.get(channel, 6, 1).double(), value, "{pv}.{field}");
        }
        assert!(raw.try_channel(&format!("p:{pv}.ZRST")).is_none());
    }
    let [capacity, length] = ["p:array.NELM", "p:array.NORD"].map(|name| raw.channel(name));
    assert_eq!([capacity, length].map(|channel| raw.get(channel, 6, 1).double()), [5.0, 2.0]);
}

#[test]
fn a_record_pv_answers_by_its_name_with_and_without_val() {
    let ioc = serve();
    let mut raw = Raw::connect(ioc.tcp_addresses()[0]);
    let shapes = ["r:ai", "r:ai.", "r:ai.VAL"].map(|name| raw.channel(name)).map(|c| (c.native, c.count));
    assert_eq!(shapes, [(6, 1); 3]);
    let [record, class] = ["r:motor.RTYP", "r:motor"].map(|name| raw.channel(name));
    assert_eq!(raw.get(record, 0, 1).text(), "motor");
    assert_eq!(raw.get(class, 38, 1).text(), "motor", "DBR_CLASS_NAME");
}
