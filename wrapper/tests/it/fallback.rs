//! PVs that are made when a client opens them.

use ca_proto::wire::{Command, put_text};
use wrapper::client::{ClientConfig, Context};
use wrapper::{Config, GroupBuilder, GroupError, Ioc};

use crate::raw::Raw;

/// What names stand for.
fn make(name: &str, group: &mut GroupBuilder) -> Result<(), GroupError> {
    match name.split_once(':') {
        Some(("n", _)) => {
            let own = name.strip_suffix("_RBV").unwrap_or(name);
            group.pv(own, 1.5).units("mm").add().map(drop)
        }
        Some(("record", _)) => group.pv(name, 1.0).record("ai").units("K").add().map(drop),
        Some(("two", _)) => {
            group.pv("two:a", 1).add()?;
            group.pv("two:b", 1).add().map(drop)
        }
        Some(("hook", _)) => {
            let pv = group.pv(name, 1).add()?;
            group.on_put(&pv, |_, _| ())
        }
        Some(("panic", _)) => panic!("told to panic"),
        Some(("wrong", _)) => group.pv(name, 1).units("mm").control_limits(2.0..=1.0).add().map(drop),
        _ => Ok(()),
    }
}

fn start(most: usize) -> (Ioc, Raw) {
    let mut declared = GroupBuilder::new("n:");
    declared.pv("declared", 7.0).add().expect("a good PV");
    let ioc =
        Ioc::builder().group(declared).fallback(most, make).start(Config::isolated()).expect("loopback");
    let raw = Raw::connect(ioc.tcp_addresses()[0]);
    (ioc, raw)
}

#[test]
fn a_name_that_is_asked_for_becomes_a_pv_once() {
    let (ioc, _) = start(10);
    let client = || Context::new(ClientConfig::isolated(ioc.udp_addresses()[0].port())).expect("a socket");
    let (first, second) = (client(), client());
    first.pv("n:x").put_notify(3.0).wait().expect("it is made");
    assert_eq!(second.pv("n:x").get_as::<f64>().wait().expect("it is there"), 3.0);
    assert_eq!(second.pv("n:declared").get_as::<f64>().wait().expect("it is declared"), 7.0);
    assert_eq!(ioc.names(), ["n:declared", "n:x"]);
}

#[test]
fn a_field_and_another_name_are_of_the_pv_that_they_stand_for() {
    let (ioc, mut raw) = start(10);
    let units = raw.channel("n:x.EGU");
    assert_eq!(raw.get(units, 0, 1).text(), "mm");
    let kelvin = raw.channel("record:y.EGU");
    assert_eq!(raw.get(kelvin, 0, 1).text(), "K");
    let readback = raw.channel("n:x_RBV");
    assert_eq!(raw.get(readback, 6, 1).double(), 1.5);
    raw.channel("n:x.VAL");
    raw.channel("n:x.no_field");
    assert_eq!(ioc.names(), ["n:declared", "n:x", "record:y", "n:x.no_field"]);
}

#[test]
fn no_more_are_made_than_are_allowed_until_one_is_removed() {
    let (ioc, mut raw) = start(2);
    raw.channel("n:a");
    raw.channel("n:b");
    assert!(!raw.try_channel("n:c").is_some());
    assert!(
        raw.try_channel("n:a").is_some() && raw.try_channel("n:b_RBV").is_some(),
        "those that are there are found"
    );
    assert!(ioc.remove("n:a"));
    assert!(raw.try_channel("n:c").is_some() && !raw.try_channel("n:a").is_some());
    assert_eq!(ioc.names(), ["n:declared", "n:b", "n:c"]);
}

#[test]
fn a_name_that_nothing_can_be_made_for_is_not_found() {
    let (ioc, mut raw) = start(10);
    for name in ["other", "two:x", "hook:x", "panic:x", "wrong:x", "panic:x.VAL"] {
        assert!(!raw.try_channel(name).is_some(), "{name}");
    }
    assert_eq!(ioc.names(), ["n:declared"]);
    assert!(raw.try_channel("n:x").is_some(), "it lives on");
}

/// Whether a search over the circuit finds a name.
fn finds(raw: &mut Raw, name: &str) -> bool {
    const ANSWER_ALWAYS: u16 = 10;
    let cid = raw.id();
    let mut payload = Vec::new();
    put_text(name.as_bytes(), &mut payload);
    raw.send(Command::Search, ANSWER_ALWAYS, 13, cid, cid, &payload);
    let answer = raw.until(|m| m.is(Command::Search) || m.is(Command::NotFound)).pop();
    answer.is_some_and(|answer| answer.is(Command::Search))
}

#[test]
fn a_search_makes_nothing() {
    let (ioc, mut raw) = start(1);
    for name in ["n:a", "n:b", "n:c"] {
        assert!(finds(&mut raw, name), "{name}");
    }
    assert!(!finds(&mut raw, "other") && !finds(&mut raw, "two:x"));
    assert_eq!(ioc.names(), ["n:declared"]);
    raw.channel("n:a");
    assert!(!finds(&mut raw, "n:b") && finds(&mut raw, "n:a") && finds(&mut raw, "n:a_RBV"));
}
