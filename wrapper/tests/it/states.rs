//! States of a group and the filter `sync`.

use wrapper::{Config, GroupBuilder, Ioc};

use crate::raw::Raw;

#[test]
fn a_monitor_tied_to_a_state_sees_what_was_posted_while_it_was_on() {
    let mut group = GroupBuilder::new("s:");
    let value = group.pv("value", 0).add().expect("a good PV");
    let end = group.pv("end", 0).add().expect("a good PV");
    let state = group.state("open").expect("a state");
    group.group("sub:", |sub| sub.state("open").map(|same| assert!(!same.is_on()))).expect("the same state");
    let ioc = Ioc::builder().group(group).start(Config::isolated()).expect("an IOC");
    let mut raw = Raw::connect(ioc.tcp_addresses()[0]);
    assert!(raw.try_channel(r#"s:value.{"sync":{"while":"shut"}}"#).is_none(), "no such state");
    let during = raw.channel(r#"s:value.{"sync":{"m":"while","s":"open"}}"#);
    let before = raw.channel(r#"s:value.{"sync":{"before":"open"}}"#);
    let last = raw.channel("s:end");
    let (during, before, last) =
        (raw.monitor(during, 5, 1, 1), raw.monitor(before, 5, 1, 1), raw.monitor(last, 5, 1, 1));
    raw.until(|m| m.header.p2 == last);
    for number in 1..=9 {
        // On and off in one go: what counts is the state at the post, not when the update is sent.
        state.set((4..=6).contains(&number));
        value.post(number);
        state.set(false);
    }
    end.post(1);
    let seen = raw.until(|m| m.header.p2 == last && m.long() == 1);
    let of = |id| seen.iter().filter(|m| m.header.p2 == id).map(|m| m.long()).collect::<Vec<_>>();
    assert_eq!((of(during), of(before)), (vec![4, 5, 6], vec![3]));
    ioc.stop();
}

#[test]
fn a_group_has_32_states_at_most() {
    let mut group = GroupBuilder::new("s:");
    for number in 0..32 {
        group.state(&number.to_string()).expect("a state");
    }
    assert!(group.state("31").is_ok(), "it is there");
    let full = group.state("32").expect_err("full").to_string();
    assert_eq!(full, r#"PV "32": a group has at most 32 states"#);
}
