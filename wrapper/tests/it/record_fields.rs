//! Fields of records that are PVs of their own.

use wrapper::{Config, FixedString, GroupBuilder, GroupError, Ioc, Pv};

use crate::raw::Raw;

struct Lab {
    ioc: Ioc,
    raw: Raw,
    motor: Pv<f64>,
    readback: Pv<f64>,
}

fn lab() -> Lab {
    let mut group = GroupBuilder::new("f:");
    let motor = group.pv("m", 1.0).units("mm").precision(3).record("motor").alias("other").add();
    let motor = motor.expect("a good PV");
    let readback = group.field(&motor, "RBV", 1.0).add().expect("a good field");
    let raw = group.field(&motor, "RVAL", 0).add().expect("a good field");
    let target = motor.clone();
    let hook = move |_: &Pv<i32>, steps: i32| {
        if steps < 0 {
            return Err("no steps below 0");
        }
        target.post(f64::from(steps) / 10.0);
        Ok(())
    };
    group.on_put(&raw, hook).expect("one hook");
    group.field(&motor, "SPMG", true).add().expect("a good field");
    group.on_any_put(|pv, _| if pv.name() == "f:m" { Ok(()) } else { Err("for m alone") }).expect("one hook");
    let ioc = Ioc::builder().group(group).start(Config::isolated()).expect("an IOC");
    let raw = Raw::connect(ioc.tcp_addresses()[0]);
    Lab { ioc, raw, motor, readback }
}

#[test]
fn a_field_has_hooks_and_posts_of_its_own() {
    let Lab { ioc, mut raw, motor, readback } = lab();
    let (rval, rbv) = (raw.channel("f:m.RVAL"), raw.channel("f:m.RBV"));
    let id = raw.monitor(rbv, 6, 1, 1);
    assert_eq!(raw.until(|m| m.header.p2 == id).last().expect("the first value").double(), 1.0);
    readback.post(2.5);
    assert_eq!(raw.until(|m| m.header.p2 == id).last().expect("the post").double(), 2.5);
    assert_eq!((raw.put(rval, 25.0), motor.get()), (1, 2.5));
    assert_eq!((raw.put(rval, -1.0), motor.get()), (160, 2.5));
    assert_eq!(raw.get(rval, 6, 1).double(), 25.0, "a refused put stores nothing");
    let spmg = raw.channel("f:m.SPMG");
    assert_eq!(raw.put(spmg, 2.0), 1, "the group's hook is not for fields");
    ioc.stop();
}

#[test]
fn a_field_is_described_as_its_record_type_says() {
    let Lab { ioc, mut raw, readback, .. } = lab();
    let meta = readback.any().meta();
    assert_eq!((&*meta.units, meta.precision), ("mm", 3));
    assert_eq!(raw.channel("f:m.RBV").rights, 1, "read-only in the record type");
    assert_eq!(raw.channel("f:m.RVAL").rights, 3);
    let mode = raw.channel("f:m.SPMG");
    assert_eq!(raw.get(mode, 0, 1).text(), "Pause", "the label of the record type");
    let class = raw.channel("f:m.RBV");
    assert_eq!(raw.get(class, 38, 1).text(), "motor");
    ioc.stop();
}

#[test]
fn a_field_is_in_no_list_and_is_found_under_each_name_of_its_record() {
    let Lab { ioc, mut raw, readback, .. } = lab();
    assert_eq!(ioc.names(), ["f:m"]);
    assert_eq!(ioc.handle().view().pvs().len(), 1);
    readback.post(7.0);
    let by_alias = raw.channel("other.RBV");
    assert_eq!(raw.get(by_alias, 6, 1).double(), 7.0);
    ioc.stop();
}

#[test]
fn a_field_goes_with_its_record() {
    let Lab { ioc, mut raw, .. } = lab();
    assert!(ioc.handle().remove("f:m") && !ioc.serves("f:m") && !ioc.serves("f:m.RBV"));
    assert!(["f:m", "f:m.RBV", "other.RBV"].iter().all(|name| raw.try_channel(name).is_none()));
    let mut again = GroupBuilder::new("f:");
    again.pv("m", 3.0).add().expect("a good PV");
    ioc.handle().add(again).expect("the names are free");
    assert!(ioc.serves("f:m"));
    ioc.stop();
}

#[test]
fn a_mistake_in_a_field_names_the_pv_and_the_rule() {
    let mut group = GroupBuilder::new("f:");
    let motor = group.pv("m", 1.0).record("motor").add().expect("a good PV");
    let said = |result: Result<(), GroupError>| result.expect_err("a mistake").to_string();
    let unknown = said(group.field(&motor, "NOPE", 1.0).add().map(drop));
    assert_eq!(unknown, r#"PV "f:m.NOPE": the record type of "f:m", motor, has no field "NOPE""#);
    let typed = said(group.field(&motor, "RBV", 1).add().map(drop));
    assert_eq!(typed, r#"PV "f:m.RBV": the Rust type of this field is f64"#);
    let text = said(group.field(&motor, "EGU", "mm".to_owned()).add().map(drop));
    assert!(text.contains("FixedString"), "{text}");
    group.field(&motor, "EGU", FixedString::from("mm")).add().expect("a good field");
    let twice = said(group.field(&motor, "EGU", FixedString::from("um")).add().map(drop));
    assert!(twice.contains("the name is taken"), "{twice}");
    let other = said(GroupBuilder::new("g:").field(&motor, "VELO", 1.0).add().map(drop));
    assert!(other.contains("not a PV of the group"), "{other}");
}
