//! Chains of filters: what opens, what is refused, and in which order they act.

use ca::proto::Alarm;
use ca::proto::dbr::{ArrayData, Scalar, Value};
use proptest::prelude::*;

use super::*;

const NOW: Stamp = Stamp { seconds: 1_000, nanos: 5 };

fn at(seconds: u32, value: Value) -> Update {
    Update { value, alarm: Alarm::NONE, stamp: Stamp { seconds, nanos: 0 }, tag: 0 }
}

fn scalar(seconds: u32, value: f64) -> Update {
    at(seconds, Scalar::Double(value).into())
}

fn doubles(values: &[f64]) -> Value {
    Value::array(ArrayData::Double(values.to_vec()))
}

fn open(text: &str, native: NativeType, capacity: u32) -> Filters {
    Filters::open(text, native, capacity, &States::default())
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    match Filters::open(text, NativeType::Double, 10, &States::default()) {
        Ok(filters) => panic!("{text}: {filters:?}"),
        Err(error) => error.to_string(),
    }
}

/// The values of the updates that pass, one update a second.
fn passing(text: &str, values: &[Value]) -> Vec<Value> {
    let mut filter = open(text, NativeType::Double, 10).monitor().expect("a chain");
    let updates = (1..).zip(values).map(|(second, value)| at(second, value.clone()));
    updates.filter_map(|update| filter.pass(update, EventMask::VALUE, NOW)).map(|(u, _)| u.value).collect()
}

/// Observed with base 7.0.10: type and count announced, and whether we let a put through.
#[test]
fn a_channel_announces_what_base_announces() {
    use NativeType::{Char, Double, Enum, String};
    for (text, native, capacity, wanted, writable) in [
        ("", Double, 1, (Double, 1), true),
        ("{}", Double, 10, (Double, 10), true),
        ("{ts:{}}", Double, 10, (Double, 10), true),
        ("{ts:{epoch:'unix'}}", Enum, 1, (Enum, 1), true),
        ("{ts:{num:'dbl'}}", Enum, 1, (Double, 1), false),
        ("{ts:{num:'sec'}}", Double, 10, (Double, 1), false),
        ("{ts:{num:'nsec'}}", String, 1, (Double, 1), false),
        ("{ts:{num:'ts'}}", Double, 1, (Double, 2), false),
        ("{ts:{str:'iso'}}", Double, 10, (String, 1), false),
        ("{ts:{num:'dbl',str:'epics'}}", Double, 10, (String, 1), false),
        ("[1:3]", Char, 40, (Char, 3), false),
        ("{arr:{s:2,i:3}}", Double, 10, (Double, 3), false),
        ("{arr:{}}", Double, 10, (Double, 10), false),
        ("[20]", Double, 10, (Double, 0), false),
        ("[5:9]", Double, 1, (Double, 1), true),
        ("[3]", Enum, 1, (Enum, 1), true),
        ("[2:4]{arr:{s:1}}", Double, 10, (Double, 2), false),
        ("[2]{arr:{s:1}}", Double, 10, (Double, 1), false),
        ("{ts:{num:'ts'},arr:{s:1}}", Double, 10, (Double, 1), false),
        ("{arr:{s:1},ts:{num:'ts'}}", Double, 10, (Double, 2), false),
        ("{dbnd:{abs:1},dec:{n:2}}", Double, 10, (Double, 10), true),
    ] {
        let filters = open(text, native, capacity);
        assert_eq!((filters.native(), filters.capacity()), wanted, "{text}");
        assert_eq!(filters.writable(), writable, "{text}");
    }
}

/// Observed with base 7.0.10: each of these opens there.
#[test]
fn json5_is_read_as_base_reads_it() {
    let wanted = format!("{:?}", open("[2:4]", NativeType::Double, 10).chain);
    for text in [
        "{\"arr\":{\"s\":2,\"e\":4}}",
        "{arr:{s:2,e:4,},}",
        "{'arr':{'s':0x2,\"e\":4.0}}",
        "{arr:{s:+2,e:+4}}",
        "{arr:{s:2/*c*/,e:4}}//x",
        "{ \"arr\" : { \"s\" : 2 , \"e\" : 4 } } ",
        "{arr:{s:\"2\",e:'0x4'}}",
        "{arr:{i:1,s:2,e:4}}",
        "{arr:{i:1,e:4,s:2}}\n",
    ] {
        assert_eq!(format!("{:?}", open(text, NativeType::Double, 10).chain), wanted, "{text}");
    }
    for text in
        ["{dbnd:{}}", "{dbnd:{d:1}}", "{dbnd:{m:'rel',d:10}}", "{dbnd:{abs:'1'}}", "{dbnd:{abs:Infinity}}"]
    {
        assert_eq!(open(text, NativeType::Double, 1).chain.len(), 1, "{text}");
    }
}

#[test]
fn a_refusal_says_what_and_the_rule() {
    for (text, wanted) in [
        ("{sync:{while:'x'}}", "the group of this PV has no state \"x\""),
        ("{sync:{m:'while'}}", "sync needs its setting \"s\""),
        ("{sync:{s:'x'}}", "sync needs its setting \"m\""),
        (
            "{sync:{m:'while', first:'x'}}",
            "sync says its mode twice: either m and s, or one of before, first, last, after, while, unless",
        ),
        ("{utag:{M:1,V:0}}", "filter \"utag\" is not served: updates have no user tag"),
        ("{nope:{}}", "no filter is called \"nope\": only arr, dbnd, dec, sync and ts"),
        ("{a:{}}", "no filter is called \"a\": only arr, dbnd, dec, sync and ts"),
        ("{'':{}}", "no filter is called \"\": only arr, dbnd, dec, sync and ts"),
        ("{arr:{x:1}}", "arr has no setting \"x\": only [\"s\", \"i\", \"e\"]"),
        ("{dbnd:{a:1}}", "dbnd has no setting \"a\": only [\"d\", \"m\", \"abs\", \"rel\"]"),
        ("{arr:{s:1,s:2}}", "setting \"s\" of arr is written twice: one key stands once in an object"),
        ("{arr:{},arr:{}}", "filter \"arr\" is written twice: one key stands once in an object"),
        ("{arr:{s:2.5}}", "setting \"s\" of arr is 2.5: it must be a whole number of 32 bits"),
        ("{arr:{s:2147483648}}", "setting \"s\" of arr is 2147483648: it must be a whole number of 32 bits"),
        ("{arr:{s:Infinity}}", "setting \"s\" of arr is inf: it must be a whole number of 32 bits"),
        ("{arr:{e:'x'}}", "setting \"e\" of arr is \"x\": it must be a whole number of 32 bits"),
        ("{dbnd:{abs:NaN}}", "setting \"abs\" of dbnd is NaN: it must be a number"),
        ("{dbnd:{abs:'x'}}", "setting \"abs\" of dbnd is \"x\": it must be a number"),
        ("{dbnd:{m:'re',d:1}}", "setting \"m\" of dbnd is \"re\": it must be one of [\"abs\", \"rel\"]"),
        ("{dbnd:{abs:1,rel:2}}", "the settings of dbnd exclude each other: abs, or rel, or d with m"),
        ("{dbnd:{abs:1,m:'rel'}}", "the settings of dbnd exclude each other: abs, or rel, or d with m"),
        ("{dec:{}}", "dec needs its setting \"n\""),
        ("{dec:{n:0}}", "setting \"n\" of dec is 0: it must be 1 or more"),
        (
            "{ts:{num:2}}",
            "setting \"num\" of ts is 2: it must be one of [\"dbl\", \"sec\", \"nsec\", \"ts\"]",
        ),
        ("{ts:{str:'x'}}", "setting \"str\" of ts is \"x\": it must be one of [\"epics\", \"iso\"]"),
        ("[", "\"[\" is no slice: [i], [s:e] or [s:i:e], with whole numbers of 32 bits"),
        ("[]", "\"[]\" is no slice: [i], [s:e] or [s:i:e], with whole numbers of 32 bits"),
    ] {
        assert_eq!(refusal(text), wanted);
    }
    for text in ["[2:4]x", "[2:4]$", "[2:4][0:1]", "$", "x", "]", "}", " {}"] {
        assert!(refusal(text).contains("is left over"), "{text}");
    }
}

#[test]
fn what_is_no_object_of_objects_is_refused() {
    for text in [
        "{",
        "{x",
        "{arr:{}",
        "{arr:{}}x",
        "{arr:{}}{}",
        "{arr:2}",
        "{arr:null}",
        "{arr:[1,2]}",
        "{arr:{s:null}}",
        "{arr:{s:true}}",
        "{arr:{s:{}}}",
        "{arr:{s:[1]}}",
        "{arr:{s:010}}",
        "{arr:{s 1}}",
        "{arr:{,}}",
    ] {
        assert!(refusal(text).starts_with("filters are a json5 object of objects: "), "{}", refusal(text));
    }
}

#[test]
fn hostile_text_is_cheap_and_refused() {
    let deep = format!("{{arr:{}", "{s:".repeat(330));
    assert!(refusal(&deep).contains("invalid type: map"), "{}", refusal(&deep));
    assert!(refusal(&format!("{{arr:{}", "[".repeat(1000))).contains("invalid type: sequence"));
    let padded = |length: usize| format!("{{arr:{{}}{}}}", " ".repeat(length - 8));
    assert!(Filters::open(&padded(1024), NativeType::Double, 10, &States::default()).is_ok());
    assert_eq!(refusal(&padded(1025)), "filters of 1025 bytes: at most 1024 are read");
}

#[test]
fn a_get_sees_slice_and_time_but_neither_deadband_nor_decimation() {
    let read = |text: &str, update| open(text, NativeType::Double, 10).read(update, NOW);
    let whole = || at(7, doubles(&[0.0, 1.0, 2.0, 3.0]));
    assert_eq!(read("[1:2]", whole()).value, doubles(&[1.0, 2.0]));
    assert_eq!(read("{arr:{s:1},dbnd:{abs:9},dec:{n:9}}", whole()).value, doubles(&[1.0, 2.0, 3.0]));
    assert_eq!(read("{ts:{num:'sec'}}", whole()).value, Scalar::Double(7.0).into());
    assert_eq!(read("{ts:{num:'ts'},arr:{e:0}}", whole()).value, doubles(&[7.0]));
    let fetched = read("{ts:{},arr:{s:3}}", whole());
    assert_eq!((fetched.value, fetched.stamp), (doubles(&[3.0]), NOW));
    // Any number of gets: nothing is counted.
    for _ in 0..3 {
        assert_eq!(read("{dec:{n:2}}", scalar(1, 4.0)).value, Scalar::Double(4.0).into());
    }
}

#[test]
fn filters_act_in_the_order_written() {
    let ramp: Vec<Value> = (0..12).map(|v| Scalar::Double(f64::from(v)).into()).collect();
    let pick = |at: &[usize]| at.iter().map(|at| ramp[*at].clone()).collect::<Vec<_>>();
    // Observed with base 7.0.10.
    assert_eq!(passing("{dbnd:{abs:1.5},dec:{n:2}}", &ramp), pick(&[0, 4, 8]));
    assert_eq!(passing("{dec:{n:2},dbnd:{abs:1.5}}", &ramp), pick(&[0, 2, 4, 6, 8, 10]));
    // Of our own: base lets the deadband act on the value whatever the order, and passes each array.
    let still = vec![ramp[0].clone(); 5];
    let times = |at: &[f64]| at.iter().map(|at| Scalar::Double(*at).into()).collect::<Vec<Value>>();
    assert_eq!(passing("{ts:{num:'sec'},dbnd:{abs:1.5}}", &still), times(&[1.0, 3.0, 5.0]));
    assert_eq!(passing("{dbnd:{abs:1.5},ts:{num:'sec'}}", &still), times(&[1.0]));
    let frames = [doubles(&[1.0, 5.0]), doubles(&[1.0, 9.0]), doubles(&[3.0, 9.0])];
    assert_eq!(passing("[0]{dbnd:{abs:1}}", &frames), [doubles(&[1.0]), doubles(&[3.0])]);
}

#[test]
fn each_subscription_has_a_state_of_its_own() {
    let filters = open("{dbnd:{abs:1},dec:{n:2}}", NativeType::Double, 1);
    let (mut one, mut other) = (filters.monitor().expect("a chain"), filters.monitor().expect("a chain"));
    let passes =
        |filter: &mut MonitorFilter, value| filter.pass(scalar(1, value), EventMask::VALUE, NOW).is_some();
    assert!(passes(&mut one, 5.0));
    assert!(!passes(&mut one, 7.0));
    assert!(passes(&mut other, 7.0));
    assert!(passes(&mut one, 9.0));
}

#[test]
fn the_kinds_of_change_that_passed_are_told() {
    use EventMask as M;
    let mut filter = open("{dbnd:{abs:1}}", NativeType::Double, 1).monitor().expect("a chain");
    let mut pass = |value, mask| filter.pass(scalar(1, value), mask, NOW).map(|(_, mask)| mask);
    assert_eq!(pass(f64::NAN, M::VALUE | M::ALARM), Some(M::VALUE | M::ALARM));
    assert_eq!(pass(f64::NAN, M::VALUE | M::ALARM), Some(M::ALARM));
    assert_eq!(pass(f64::NAN, M::VALUE | M::LOG), None);
    assert_eq!(pass(1.0, M::VALUE), Some(M::VALUE));
}

#[test]
fn nothing_written_is_nothing_to_do() {
    for text in ["", "{}", "{/* none */}"] {
        let filters = open(text, NativeType::Double, 1);
        assert!(filters.is_empty() && filters.monitor().is_none(), "{text}");
    }
    // Dropped: a slice of a scalar.
    assert!(open("[3]", NativeType::Double, 1).monitor().is_none());
}

#[test]
fn filters_go_with_a_subscription_to_any_thread() {
    fn send<T: Send + std::fmt::Debug>() {}
    fn share<T: Send + Sync>() {}
    send::<MonitorFilter>();
    share::<Filters>();
}

proptest! {
    #[test]
    fn no_text_makes_opening_panic(text in any::<String>(), count in any::<u32>()) {
        let cut = split(&text);
        prop_assert_eq!(format!("{}{}{}", cut.base, if cut.long_string { "$" } else { "" }, cut.filters), text.clone());
        let _ = Filters::open(&text, NativeType::Double, count, &States::default());
        let _ = Filters::open(cut.filters, NativeType::Double, count, &States::default());
    }

    #[test]
    fn no_text_like_filters_makes_opening_or_acting_panic(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ":", ",", "arr", "dbnd", "ts", "dec", "s", "i", "e", "abs", "rel", "num", "'",
                "\"", "\\", "\\u", "d83d", "\\x", "-", "+", "0x", "1", "7", "1e999", ".", "Infinity", "NaN", "/*",
                "*/", "//", "\n", "µ", "\u{a0}", "null", "true", "dbl",
            ]),
            0..24,
        ),
        lead in prop::sample::select(vec!["", "[", "{", "{arr:{", "{dbnd:{abs:", "{ts:{num:'", "{dec:{n:"]),
        length in 0usize..6,
    ) {
        let text = format!("{lead}{}", parts.concat());
        if let Ok(filters) = Filters::open(&text, NativeType::Double, 6, &States::default()) {
            let update = at(3, doubles(&vec![1.0; length]));
            let read = filters.read(update.clone(), NOW);
            prop_assert!(read.value.len() <= filters.capacity() as usize);
            if let Some(mut monitor) = filters.monitor() {
                let (first, mask) = monitor.pass(update, EventMask::VALUE, NOW).expect("the first passes");
                prop_assert_eq!(mask, EventMask::VALUE);
                prop_assert!(first.value.len() <= filters.capacity() as usize);
            }
        }
    }
}
