//! Exchanges between libca and rsrv, recorded; see `testdata`.

use std::fs;
use std::path::Path;

use ca_proto::Limits;
use ca_proto::dbr::{ArrayData, LimitPair, Meta, Reply, Scalar, Stamp};
use ca_proto::server::AccessRights;
use ca_proto::server::beacon::Beacons;
use ca_proto::server::search::handle_datagram;
use ca_proto::wire::{Header, describe};

use crate::support::{PORT, Pv, meta};
use crate::talk::{Message, Talk, messages};

/// One recorded message or datagram.
struct Line {
    from_client: bool,
    bytes: Vec<u8>,
}

/// `0a1b 00*20 ff`: hex digits, and one byte many times.
fn bytes_of(text: &str) -> Vec<u8> {
    let byte = |digits: &str| u8::from_str_radix(digits, 16).expect("hex digits");
    text.split(' ')
        .flat_map(|word| match word.split_once('*') {
            Some((digits, times)) => vec![byte(digits); times.parse().expect("a number")],
            None => (0..word.len()).step_by(2).map(|at| byte(&word[at..at + 2])).collect(),
        })
        .collect()
}

fn recorded(name: &str) -> Vec<Line> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name).with_extension("hex");
    let text = fs::read_to_string(&path).expect("a recorded exchange");
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (mark, bytes) = line.split_once(' ').expect("a mark and bytes");
            assert!(mark == ">" || mark == "<", "{line}");
            Line { from_client: mark == ">", bytes: bytes_of(bytes) }
        })
        .collect()
}

/// The records that the IOC had.
fn records() -> Vec<Pv> {
    let labels = ["idle", "running", "error"].map(Box::from).to_vec();
    let full = LimitPair::new(-100.0, 100.0);
    let counts = Meta { units: "counts".into(), display: full, control: full, ..Meta::new() };
    let ro = Meta { alarm: LimitPair::NAN, ..Meta::new() };
    vec![
        Pv::scalar("g:double", Scalar::Double(1.5)).meta(meta()),
        Pv::scalar("g:ro", Scalar::Double(2.5)).meta(ro).rights(AccessRights::READ),
        Pv::scalar("g:enum", Scalar::Enum(1)).meta(Meta { labels, ..Meta::new() }),
        Pv::scalar("g:string", Scalar::String("hello".into())),
        Pv::scalar("g:long", Scalar::Long(7)).meta(counts),
        Pv::array("g:wave", ArrayData::Double(vec![1.0, 2.0, 3.0]), 10),
        Pv::array("g:chars", ArrayData::Char(Default::default()), 100),
        Pv::array("g:big", ArrayData::Char(Default::default()), 70_000),
    ]
}

/// The texts of errors are ours; the rest must be equal.
fn without_text(mut message: Message) -> Message {
    if message.command == 11 {
        message.payload.truncate(16);
    }
    message
}

/// Plays the client's part of an exchange and compares our answers with those of rsrv.
fn replay(name: &str) {
    let lines = recorded(name);
    let mut talk = Talk::silent(records(), Limits::default(), 0);
    talk.run();
    let mut expected = Vec::new();
    for line in &lines {
        match line.from_client {
            true => talk.send(&line.bytes),
            false => expected.extend_from_slice(&line.bytes),
        }
    }
    assert_eq!(talk.closed, None, "{name}");
    let (ours, theirs) = (talk.take(), messages(&expected));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(without_text(ours.clone()), without_text(theirs.clone()), "{name}");
    }
    assert_eq!(ours.len(), theirs.len(), "{name}");
}

macro_rules! replays {
    ($($name:ident),+ $(,)?) => {
        /// All exchanges over TCP.
        const EXCHANGES: &[&str] = &[$(stringify!($name)),+];

        mod as_rsrv_does {
            $(#[test]
            fn $name() {
                super::replay(stringify!($name));
            })+
        }
    };
}

replays!(
    big_array,
    create_channel_fail,
    echo,
    get_array,
    get_ctrl_double,
    get_ctrl_enum,
    get_ctrl_long,
    get_double,
    get_enum_as_text,
    get_string,
    get_string_as_double,
    monitor_array,
    monitor_double,
    name_server,
    put_array,
    put_double,
    put_no_number,
    put_notify_double,
    put_notify_label,
    put_notify_no_number,
    put_text,
    put_text_to_double,
    read_only,
    two_channels,
);

#[test]
fn every_recorded_header_decodes_and_encodes_to_the_same_bytes() {
    for name in EXCHANGES.iter().chain(&["search", "beacons"]) {
        for line in recorded(name) {
            let mut rest = &line.bytes[..];
            while !rest.is_empty() {
                let (header, length) = Header::decode(rest, true).expect("aligned").expect("complete");
                let mut again = Vec::new();
                header.encode(&mut again);
                assert_eq!(again, rest[..length], "{name}");
                rest = &rest[length + header.size as usize..];
            }
        }
    }
}

/// The values that rsrv sent in an exchange, as answers or updates.
fn replies(name: &str) -> Vec<Reply> {
    let lines = recorded(name);
    let sent = lines.iter().filter(|line| !line.from_client).flat_map(|line| messages(&line.bytes));
    // the answer to an EVENT_CANCEL is an update without payload
    let values = sent.filter(|message| {
        (message.command == 15 && message.p1 == 1) || (message.command == 1 && !message.payload.is_empty())
    });
    values
        .map(|message| {
            Reply::decode(message.data_type, message.count, &message.payload.into()).expect("a value")
        })
        .collect()
}

#[test]
fn the_values_of_rsrv_are_decoded() {
    let stamp = Some(Stamp { seconds: 0x4500_0000, nanos: 123_456_789 });
    let total: usize = EXCHANGES.iter().map(|name| replies(name).len()).sum();
    assert!(total > 20, "only {total} values");
    let double = replies("get_ctrl_double").remove(0);
    assert_eq!((double.as_f64(), double.meta.clone()), (Some(1.5), Some(meta())));
    let [state, labels] = &replies("get_ctrl_enum")[..] else { panic!("two answers") };
    assert_eq!((state.as_f64(), state.stamp, state.meta.as_ref()), (Some(1.0), stamp, None));
    assert_eq!((labels.text().as_deref(), labels.label(2)), (Some("running"), Some("error")));
    let [first, second, ..] = &replies("monitor_array")[..] else { panic!("two updates") };
    assert_eq!(first.elements, ArrayData::Double(vec![1.0, 2.0, 3.0]));
    assert_eq!((second.elements.clone(), second.stamp), (ArrayData::Double(vec![5.0, 6.0]), stamp));
    let long = replies("get_ctrl_long").remove(0);
    assert_eq!((long.as_f64(), long.units_bytes()), (Some(7.0), &b"counts"[..]));
    assert_eq!(replies("get_enum_as_text")[0].text().as_deref(), Some("running"));
}

#[test]
fn every_recorded_message_is_described_in_a_line() {
    let mut all = Vec::new();
    for name in EXCHANGES.iter().chain(&["search", "beacons"]) {
        for line in recorded(name) {
            let lines: Vec<_> = describe(&line.bytes, line.from_client).collect();
            assert_eq!(lines.len(), messages(&line.bytes).len(), "{name}: {lines:?}");
            all.extend(lines);
        }
    }
    for wanted in [
        "VERSION minor 13 priority 0",
        r#"CREATE_CHAN "g:double" cid 1 minor 13"#,
        "CREATE_CHAN cid 1 sid 0 DBR_ENUM x 1",
        "ACCESS_RIGHTS cid 1 read write",
        "READ_NOTIFY ioid 1 DBR_CTRL_DOUBLE x 1 = 1.5",
        "EVENT_ADD subscription 1 DBR_TIME_DOUBLE x 3 = 1 2 3",
        r#"ERROR of WRITE p1 0 p2 1: channel write request failed (160), "g:double""#,
    ] {
        assert!(all.iter().any(|line| line == wanted), "no {wanted}");
    }
}

#[test]
fn every_recorded_exchange_is_replayed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("testdata")
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .filter(|name| name != "search" && name != "beacons")
        .collect();
    names.sort();
    assert_eq!(names, EXCHANGES);
}

#[test]
fn datagrams_are_answered_as_rsrv_does() {
    let mut replies = Vec::new();
    for line in recorded("search") {
        let exists = |name: &str| records().iter().any(|pv| pv.name == name);
        if line.from_client {
            handle_datagram(&line.bytes, PORT, exists, |reply| replies.push(reply.to_vec()));
        } else {
            assert_eq!(replies.remove(0), line.bytes);
        }
    }
    assert!(replies.is_empty());
}

#[test]
fn beacons_are_those_of_rsrv() {
    let mut beacons = Beacons::new(std::time::Duration::from_secs(15));
    for line in recorded("beacons") {
        assert_eq!(beacons.next(PORT).0[..], line.bytes);
    }
}
