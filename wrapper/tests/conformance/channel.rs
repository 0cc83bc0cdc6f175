//! CREATE_CHAN and CLEAR_CHANNEL: names, ids, native types.

use std::collections::HashSet;

use ca_proto::wire::Command;
use wrapper::{AccessRights, GroupBuilder};

use crate::raw::{Raw, message};
use crate::support::{
    BIG, Bench, NO_CHANNEL, VALUE, ask, assert_closed, assert_error, assert_quiet, assert_update, get,
    header, padded_text, peek,
};

fn create(raw: &mut Raw, name: &str, cid: u32) {
    raw.send(Command::CreateChannel, 0, 0, cid, 13, &padded_text(name));
}

#[test]
fn server_08_access_rights_come_right_before_the_channel() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    create(&mut raw, "c:double", 0xCAFE);
    assert_eq!(raw.next().header, header(Command::AccessRights, 0, 0, 0, 0xCAFE, 3));
    let created = raw.next();
    assert_eq!(created.header, header(Command::CreateChannel, 0, 6, 1, 0xCAFE, created.header.p2));
    assert_quiet(&mut raw);
}

#[test]
fn server_09_an_unknown_name_fails_and_the_circuit_stays() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    create(&mut raw, "c:nothing", 0xCAFE);
    assert_eq!(raw.next().header, header(Command::CreateChannelFail, 0, 0, 0, 0xCAFE, 0));
    raw.channel("c:double");
}

#[test]
fn server_10_two_channels_of_one_name_are_independent() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (one, two) = (raw.channel("c:double"), raw.channel("c:double"));
    assert_ne!(one.sid, two.sid);
    assert_eq!(raw.put(one, 2.0), 1);
    assert_eq!(raw.get(two, 6, 1).double(), 2.0);
    raw.send(Command::ClearChannel, 0, 0, one.sid, one.cid, &[]);
    assert!(raw.next().is(Command::ClearChannel));
    assert_eq!(raw.put(two, 3.0), 1);
    assert_eq!(raw.get(two, 6, 1).double(), 3.0);
}

#[test]
fn server_11_a_foreign_sid_is_error_142_and_close_and_its_owner_is_unaffected() {
    let bench = Bench::start();
    let (mut owner, mut thief) = (bench.connect(), bench.connect());
    let owned = owner.channel("c:double");
    let requests = [
        message(Command::ReadNotify, 6, 1, owned.sid, 9, &[]),
        message(Command::Write, 6, 1, owned.sid, 9, &7.0f64.to_be_bytes()),
        message(Command::WriteNotify, 6, 1, owned.sid, 9, &7.0f64.to_be_bytes()),
        message(Command::ClearChannel, 0, 0, owned.sid, owned.cid, &[]),
        message(Command::EventAdd, 6, 1, owned.sid, 9, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]),
        message(Command::EventCancel, 6, 1, owned.sid, 9, &[]),
    ];
    for request in requests {
        thief.send_bytes(&request);
        assert_error(&thief.next(), NO_CHANNEL, 142, &request);
        assert_closed(&mut thief);
        thief = bench.connect();
    }
    assert_eq!(owner.get(owned, 6, 1).double(), 1.5);
    assert_eq!(owner.put(owned, 2.0), 1);
}

#[test]
fn server_12_sids_are_not_reused_while_in_use() {
    let bench = Bench::start();
    let mut circuits = [bench.connect(), bench.connect()];
    let mut used = HashSet::new();
    for i in 0..200 {
        let raw = &mut circuits[i % 2];
        let (kept, cleared) = (raw.channel("c:double"), raw.channel("c:long"));
        assert!(used.insert(kept.sid) && !used.contains(&cleared.sid));
        raw.send(Command::ClearChannel, 0, 0, cleared.sid, cleared.cid, &[]);
        assert!(raw.next().is(Command::ClearChannel));
    }
}

#[test]
fn server_13_the_native_type_and_the_capacity_in_an_extended_header_where_needed() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let expected = [
        ("string", 0, 1),
        ("short", 1, 1),
        ("float", 2, 1),
        ("enum", 3, 1),
        ("text", 4, 100),
        ("bytes", 4, 8),
        ("long", 5, 1),
        ("double", 6, 1),
        ("strings", 0, 5),
        ("array", 6, 200_000),
    ];
    for (name, native, count) in expected {
        let channel = raw.channel(&format!("c:{name}"));
        assert_eq!((channel.native, channel.count), (native, count), "{name}");
    }
    create(&mut raw, "c:big", 1);
    let bytes = peek(&raw, 40);
    assert_eq!(bytes[16..24], [0, 18, 0xFF, 0xFF, 0, 6, 0, 0], "no size and no count in the short part");
    assert_eq!(bytes[32..36], [0; 4], "the size");
    assert_eq!(bytes[36..40], (BIG as u32).to_be_bytes(), "the count");
    raw.next();
    assert_eq!(raw.next().header.count, BIG as u32);
    assert_quiet(&mut raw);
}

#[test]
fn server_14_a_dot_and_the_field_val_are_the_pv_and_unknown_fields_fail() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let all = ["c:double", "c:double.", "c:double.VAL"].map(|name| raw.channel(name));
    assert_eq!(raw.put(all[1], 2.5), 1);
    let seen = all.map(|c| (c.native, c.count, c.rights, get(&mut raw, c, 34, 1, 1, 88)));
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    assert!(raw.try_channel("c:double.NOPE").is_none());
    assert!(raw.try_channel("c:double.val").is_none());
}

#[test]
fn server_71_a_change_of_rights_is_told_with_one_368_for_each_subscription() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let double = raw.channel("c:double");
    let ids = [raw.monitor(double, 6, 1, VALUE), raw.monitor(double, 20, 1, VALUE)];
    (0..2).for_each(|_| _ = raw.next());
    bench.double.allow(AccessRights::WRITE);
    assert_eq!(raw.next().header, header(Command::AccessRights, 0, 0, 0, double.cid, 2));
    assert_eq!(raw.next().header, header(Command::EventAdd, 8, 6, 1, 368, ids[0]));
    assert_eq!(raw.next().header, header(Command::EventAdd, 24, 20, 1, 368, ids[1]));
    bench.double.post(2.0);
    assert_quiet(&mut raw);
    let ioid = ask(&mut raw, double, 6, 1);
    assert_eq!(raw.next().header, header(Command::ReadNotify, 8, 6, 1, 368, ioid));
    bench.double.allow(AccessRights::all());
    assert_eq!(raw.next().header, header(Command::AccessRights, 0, 0, 0, double.cid, 3));
    assert_update(&mut raw, ids[0], 2.0);
    assert_eq!(raw.next().header, header(Command::EventAdd, 24, 20, 1, 1, ids[1]));
    assert_quiet(&mut raw);
}

#[test]
fn server_72_a_pv_that_is_removed_ends_its_channels_and_may_come_back() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (double, long) = (raw.channel("c:double"), raw.channel("c:long"));
    let id = raw.monitor(double, 6, 1, VALUE);
    assert_update(&mut raw, id, 1.5);
    assert!(bench.ioc.remove("c:double") && !bench.ioc.remove("c:double"));
    assert_eq!(raw.next().header, header(Command::ServerDisconnect, 0, 0, 0, double.cid, 0));
    bench.double.post(9.0);
    assert_quiet(&mut raw);
    assert!(raw.try_channel("c:double").is_none());
    assert_eq!(raw.get(long, 5, 1).long(), 5);
    let mut group = GroupBuilder::new("c:");
    group.pv("double", 7.5).add().expect("good");
    bench.ioc.add(group).expect("the name is free");
    let double = raw.channel("c:double");
    assert_eq!(raw.get(double, 6, 1).double(), 7.5);
}

#[test]
fn server_15_modifiers_are_handled_or_fail() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    for name in ["c:text$", "c:text.$", "c:text.VAL$"] {
        let text = raw.channel(name);
        assert_eq!((text.native, text.count), (4, 100), "{name}");
        assert_eq!(raw.get_text(text), "some text");
    }
    for name in ["c:double$", "c:array[", "c:array[x:y]", "c:double{", "c:double{nonsense}", "c:double$$"] {
        assert!(raw.try_channel(name).is_none(), "{name}");
    }
    let slice = raw.channel("c:array.[1:2]");
    assert_eq!((slice.native, slice.count, slice.rights), (6, 2, 1), "what is shown in part takes no puts");
    assert_eq!(raw.get(slice, 6, 0).payload, [2.0f64, 3.0].map(f64::to_be_bytes).concat());
    let filtered = raw.channel("c:double{\"dbnd\":{\"abs\":1}}");
    assert_eq!((filtered.native, filtered.count, filtered.rights), (6, 1, 3));
    let time = raw.channel("c:double.{ts:{str:'iso'}}");
    assert_eq!((time.native, time.count), (0, 1));
    for name in
        ["c:array.[", "c:array.[2:4]x", "c:double.{dbnd:{m:'x',d:1}}", "c:double.{nonsense:1}", "c:double.{"]
    {
        assert!(raw.try_channel(name).is_none(), "{name}");
    }
}

#[test]
fn server_48_a_cleared_channel_is_echoed_and_then_silent() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let (one, two) = (raw.channel("c:double"), raw.channel("c:double"));
    let (on_one, on_two) = (raw.monitor(one, 6, 1, VALUE), raw.monitor(two, 6, 1, VALUE));
    assert_update(&mut raw, on_one, 1.5);
    assert_update(&mut raw, on_two, 1.5);
    raw.send(Command::ClearChannel, 3, 4, one.sid, one.cid, &[]);
    assert_eq!(raw.next().header, header(Command::ClearChannel, 0, 3, 4, one.sid, one.cid));
    bench.double.post(2.0);
    assert_update(&mut raw, on_two, 2.0);
    assert_quiet(&mut raw);
    // Its id is ignored, but nobody is left waiting.
    raw.send(Command::Write, 6, 1, one.sid, one.cid, &9.0f64.to_be_bytes());
    raw.send(Command::EventCancel, 6, 1, one.sid, on_one, &[]);
    assert_quiet(&mut raw);
    let ioid = ask(&mut raw, one, 6, 1);
    assert_eq!(raw.next().header, header(Command::ReadNotify, 0, 6, 0, 152, ioid));
    let ioid = raw.start_put(one, 9.0);
    assert_eq!(raw.next().header, header(Command::WriteNotify, 0, 6, 1, 160, ioid));
    assert_eq!(bench.double.get(), 2.0);
}

#[test]
fn server_70_one_circuit_takes_20000_channels_to_one_pv() {
    let bench = Bench::start();
    let mut raw = bench.connect();
    let mut sids = HashSet::new();
    for batch in 0..20u32 {
        let cids = batch * 1000..(batch + 1) * 1000;
        let name = padded_text("c:double");
        let create = |cid| message(Command::CreateChannel, 0, 0, cid, 13, &name);
        raw.send_bytes(&cids.clone().flat_map(create).collect::<Vec<_>>());
        for cid in cids {
            assert_eq!(raw.next().header, header(Command::AccessRights, 0, 0, 0, cid, 3));
            let created = raw.next().header;
            assert_eq!(created, header(Command::CreateChannel, 0, 6, 1, cid, created.p2));
            assert!(sids.insert(created.p2));
        }
    }
    assert_eq!(sids.len(), 20_000);
}
