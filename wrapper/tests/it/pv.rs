//! Plain PVs: types, limits, one push per post.

use ca_proto::wire::Command;
use wrapper::{AccessRights, Alarm, Bytes, Config, FixedString, GroupBuilder, Ioc, Post, Pv};

use crate::raw::{Raw, eventually};

struct Served {
    ioc: Ioc,
    number: Pv<f64>,
}

fn serve() -> Served {
    let mut g = GroupBuilder::new("p:");
    let number = g.pv("double", 1.5).units("mm").precision(2).control_limits(-3.0..=7.0);
    let number = number.alarm_limits(-1.0..=6.0).warning_limits(-0.5..=5.5).add().expect("good");
    g.pv("short", 1i16).add().expect("good");
    g.pv("long", 2i32).add().expect("good");
    g.pv("float", 2.5f32).add().expect("good");
    g.pv("u32", 3_000_000_000u32).add().expect("good");
    g.pv("i64", -5i64).add().expect("good");
    g.pv("bool", false).add().expect("good");
    g.pv("text", String::from("Grüße")).max_length(100).add().expect("good");
    g.pv("string", FixedString::cut("short")).add().expect("good");
    g.pv("bytes", vec![1u8, 255]).max_length(8).add().expect("good");
    g.pv("array", vec![1.0, 2.0, 3.0]).max_length(20_000).add().expect("good");
    g.pv("even", 0i32).check(|v: &i32| if v % 2 == 0 { Ok(()) } else { Err("odd") }).add().expect("good");
    Served { ioc: Ioc::builder().group(g).start(Config::isolated()).expect("loopback"), number }
}

impl Served {
    fn connect(&self) -> Raw {
        Raw::connect(self.ioc.tcp_addresses()[0])
    }
}

#[test]
fn every_rust_type_has_its_native_type_and_capacity() {
    let served = serve();
    let mut raw = served.connect();
    let mut types = |names: &[&str]| -> Vec<_> {
        names.iter().map(|name| raw.channel(&format!("p:{name}"))).map(|c| (c.native, c.count)).collect()
    };
    assert_eq!(types(&["double", "short", "long", "float"]), [(6, 1), (1, 1), (5, 1), (2, 1)]);
    assert_eq!(types(&["u32", "i64", "bool", "string"]), [(6, 1), (6, 1), (3, 1), (0, 1)]);
    assert_eq!(types(&["text", "bytes", "array"]), [(4, 100), (4, 8), (6, 20_000)]);
}

#[test]
fn text_is_read_as_string_and_bytes_as_numbers() {
    let served = serve();
    let mut raw = served.connect();
    let (text, bytes) = (raw.channel("p:text"), raw.channel("p:bytes"));
    assert_eq!(raw.get(text, 0, 1).text(), "Grüße");
    assert_eq!(raw.get(bytes, 0, 2).payload[40..43], *b"255");
    assert_eq!(raw.get(bytes, 5, 0).header.count, 2);
}

#[test]
fn a_put_outside_the_control_limits_is_refused_with_an_alarm_that_the_next_good_put_clears() {
    let served = serve();
    let mut raw = served.connect();
    let number = raw.channel("p:double");
    assert_eq!((raw.put(number, 7.5), served.number.get(), served.number.alarm()), (160, 1.5, Alarm::WRITE));
    assert_eq!((raw.put(number, f64::NAN), served.number.get()), (160, 1.5));
    assert_eq!((raw.put(number, 2.0), served.number.get(), served.number.alarm()), (1, 2.0, Alarm::NONE));
    served.number.post(100.0);
    assert_eq!(served.number.get(), 100.0, "a post is stored, with its alarm");
    assert_eq!(served.number.alarm().to_owned().status.name(), "HIHI");
    let even = raw.channel("p:even");
    assert_eq!((raw.put(even, 3.0), raw.put(even, 4.0)), (160, 1));
}

#[test]
fn a_post_to_200_subscriptions_of_a_circuit_is_one_push() {
    let served = serve();
    let mut raw = served.connect();
    let number = raw.channel("p:double");
    (0..200).for_each(|_| _ = raw.monitor(number, 6, 1, 1));
    (0..200).for_each(|_| assert_eq!(raw.next().double(), 1.5));
    let pushes = || served.ioc.report().circuits[0].pushes;
    let before = pushes();
    served.number.post(2.0);
    (0..200).for_each(|_| assert_eq!(raw.next().double(), 2.0));
    eventually("the counter", || (pushes() > before).then_some(()));
    assert_eq!(pushes() - before, 1);
}

#[test]
fn an_equal_scalar_is_silent_and_an_alarm_edge_is_not() {
    let served = serve();
    let mut raw = served.connect();
    let number = raw.channel("p:double");
    let value = raw.monitor(number, 6, 1, 1);
    let alarm = raw.monitor(number, 13, 1, 4);
    (0..2).for_each(|_| _ = raw.next());
    served.number.post(1.5);
    served.number.post_with(1.5, Post::new().alarm(Alarm::COMM));
    served.number.post(3.0);
    let seen: Vec<_> = (0..3).map(|_| raw.next().header.p2).collect();
    assert_eq!(seen, [alarm, value, alarm], "COMM without a new value; then the value, and COMM cleared");
}

#[test]
fn a_large_array_is_shared_whole_and_its_length_is_the_current_one() {
    let served = serve();
    let mut raw = served.connect();
    let array = raw.channel("p:array");
    let payload: Vec<u8> = (0..20_000).flat_map(|i| f64::from(i).to_be_bytes()).collect();
    let ioid = raw.id();
    raw.send(Command::WriteNotify, 6, 20_000, array.sid, ioid, &payload);
    assert_eq!(raw.completion(ioid).0, 1);
    let all = raw.get(array, 6, 0);
    assert_eq!((all.header.count, all.payload == payload), (20_000, true));
    assert_eq!(raw.get(array, 20, 3).payload[16..], payload[..24]);
}

#[test]
fn bytes_are_shared_and_not_copied() {
    let mut g = GroupBuilder::new("p:");
    let image = g.pv("image", Bytes::new()).max_length(4).add().expect("good");
    let frame = Bytes::from(vec![1, 2, 3]);
    image.post(frame.clone());
    assert_eq!((image.get(), image.get().as_ptr()), (frame.clone(), frame.as_ptr()));
    assert_eq!(image.any().typed::<Vec<u8>>().map(|pv| pv.get()), Some(vec![1, 2, 3]));
    assert!(image.any().typed::<String>().is_none());
}

#[test]
fn an_alarm_stays_unacknowledged_until_somebody_acknowledges_it() {
    let served = serve();
    let mut raw = served.connect();
    let number = raw.channel("p:double");
    let watch = raw.monitor(number, 37, 1, 4);
    let state = |raw: &mut Raw| {
        let update = raw.next();
        assert_eq!(update.header.p2, watch);
        let word = |at: usize| u16::from_be_bytes([update.payload[at], update.payload[at + 1]]);
        (word(2), word(6), update.payload[8..12].to_vec())
    };
    assert_eq!(state(&mut raw), (0, 0, b"1.50".to_vec()));
    served.number.post(6.5);
    assert_eq!(state(&mut raw), (2, 2, b"6.50".to_vec()), "MAJOR");
    served.number.post(1.0);
    assert_eq!(state(&mut raw), (0, 2, b"1.00".to_vec()), "gone, but not acknowledged");
    raw.send(Command::Write, 36, 1, number.sid, 0, &2u16.to_be_bytes());
    assert_eq!(state(&mut raw), (0, 0, b"1.00".to_vec()));
    let text = raw.channel("p:text");
    assert_eq!(raw.get(text, 38, 1).text(), "waveform");
}

#[test]
fn the_right_to_put_can_be_taken_and_given_back_and_clients_are_told() {
    let served = serve();
    let mut raw = served.connect();
    let number = raw.channel("p:double");
    assert_eq!((number.rights, raw.put(number, 2.0)), (3, 1));
    for (locked, rights, status) in [(true, 1, 376), (false, 3, 1)] {
        served.number.allow(if locked { AccessRights::READ } else { AccessRights::all() });
        let told = raw.next();
        assert!(told.is(Command::AccessRights), "{told:?}");
        assert_eq!((told.header.p1, told.header.p2), (number.cid, rights));
        assert_eq!(raw.put(number, 3.0), status);
    }
}

#[test]
fn puts_of_one_channel_are_answered_in_order_the_refused_ones_too() {
    let served = serve();
    let mut raw = served.connect();
    let number = raw.channel("p:double");
    let puts: Vec<_> = [9.0, 5.0, -9.0, 6.0].map(|value| raw.start_put(number, value)).into();
    let answers: Vec<_> = (0..4).map(|_| raw.next().header).map(|h| (h.p2, h.p1)).collect();
    let expected: Vec<_> = puts.into_iter().zip([160, 1, 160, 1]).collect();
    assert_eq!(answers, expected);
}

#[test]
fn the_author_is_told_of_the_first_and_the_last_client_that_watches() {
    let (calls, told) = std::sync::mpsc::channel();
    let mut g = GroupBuilder::new("p:");
    let watched = g.pv("watched", 1.0).on_watched(move |on| calls.send(on).expect("the test listens"));
    let watched = watched.add().expect("good");
    g.pv("panics", 1.0).on_watched(|_| panic!("a mistake of the author")).add().expect("good");
    let ioc = Ioc::builder().group(g).start(Config::isolated()).expect("loopback");
    let next = || told.recv_timeout(std::time::Duration::from_secs(10));
    let connect = || Raw::connect(ioc.tcp_addresses()[0]);
    let (mut one, mut two) = (connect(), connect());
    let channel = one.channel("p:watched");
    one.monitor(channel, 6, 1, 1);
    one.monitor(channel, 20, 1, 1);
    assert_eq!(next(), Ok(true));
    let units = two.channel("p:watched.EGU");
    two.monitor(units, 0, 1, 1);
    let second = two.channel("p:watched");
    two.monitor(second, 6, 1, 1);
    two.until(|update| update.header.data_type == 6);
    assert_eq!(watched.watched(), 2, "circuits that watch the value");
    drop(one);
    eventually("one client left", || (watched.watched() == 1).then_some(()));
    drop(two);
    assert_eq!(next(), Ok(false), "nothing was told between the first and the last");
    let mut raw = connect();
    let panics = raw.channel("p:panics");
    raw.monitor(panics, 6, 1, 1);
    assert_eq!(raw.next().double(), 1.0);
}

#[test]
fn a_pv_answers_to_its_aliases_and_a_text_can_be_served_as_one_string() {
    let mut group = GroupBuilder::with_macros("a:", [("room", "101")]).expect("a group");
    let text = "x".repeat(60);
    group.pv("text", text.clone()).alias("lab:{room}").alias("other").as_string().add().expect("a good PV");
    let twice = group.pv("n", 1).alias("no name").add().expect_err("a blank").to_string();
    assert_eq!(twice, r#"PV "a:n": alias "no name": a name must not have ' '"#);
    let ioc = Ioc::builder().group(group).start(Config::isolated()).expect("an IOC");
    let mut raw = Raw::connect(ioc.tcp_addresses()[0]);
    for name in ["a:text", "lab:101", "other"] {
        let channel = raw.channel(name);
        assert_eq!((channel.native, channel.count), (0, 1), "{name} is a STRING");
        assert_eq!(raw.get(channel, 0, 1).text(), "x".repeat(39));
    }
    let name = raw.channel("other.NAME");
    assert_eq!(raw.get_text(name), "a:text");
    let long = raw.channel("lab:101.$");
    assert_eq!((long.native, raw.get_text(long)), (4, text));
    let channel = raw.channel("a:text");
    raw.send(Command::Write, 0, 1, channel.sid, channel.cid, b"short\0\0\0");
    assert_eq!((raw.get_text(channel), raw.get_text(long)), ("short".to_owned(), "short".to_owned()));
    let mut group = GroupBuilder::new("lab:");
    group.pv("101", 1).add().expect("a good PV");
    assert!(ioc.add(group).is_err(), "the name is an alias");
    assert_eq!(ioc.names(), ["a:text"]);
    assert!(ioc.remove("a:text") && raw.try_channel("other").is_none());
    ioc.stop();
}
