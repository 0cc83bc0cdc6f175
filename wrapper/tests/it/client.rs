//! The typed client against an IOC in this process.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, UNIX_EPOCH};

use futures_core::Stream;
use wrapper::client::{ClientConfig, Context, EventMask, FromData, IntoPut, NativeType, Reading, Reply};
use wrapper::{Alarm, Config, FixedString, GroupBuilder, Ioc, LimitPair, Meta, Pv, PvType};

const DEADLINE: Duration = Duration::from_secs(10);

struct Served {
    client: Context,
    ioc: Ioc,
    double: Pv<f64>,
}

fn serve() -> Served {
    let mut g = GroupBuilder::new("p:");
    let double = g.pv("double", 1.5).units("mm").add().expect("good");
    g.pv("short", 1i16).add().expect("good");
    g.pv("long", 2i32).add().expect("good");
    g.pv("float", 2.5f32).add().expect("good");
    g.pv("u32", 3_000_000_000u32).add().expect("good");
    g.pv("i64", -5i64).add().expect("good");
    g.pv("bool", false).add().expect("good");
    g.pv("text", String::from("Grüße")).max_length(10).add().expect("good");
    g.pv("string", FixedString::cut("short")).add().expect("good");
    g.pv("bytes", vec![1u8, 255]).max_length(8).add().expect("good");
    g.pv("array", vec![1.0, 2.0, 3.0]).max_length(100_000).add().expect("good");
    g.pv("strings", vec![FixedString::cut("a"), FixedString::cut("b")]).max_length(4).add().expect("good");
    g.pv_undefined::<f64>("undefined").add().expect("good");
    let ioc = Ioc::builder().group(g).start(Config::isolated()).expect("loopback");
    let config = ClientConfig::isolated(ioc.udp_addresses()[0].port());
    let client = Context::new(config).expect("a socket").within(DEADLINE);
    Served { client, ioc, double }
}

impl Served {
    fn get<T: FromData>(&self, name: &str) -> T {
        self.client.pv(&format!("p:{name}")).get_as().wait().expect("a value")
    }

    fn put<T: PvType + Clone + PartialEq + std::fmt::Debug>(&self, name: &str, value: T) {
        self.client.pv(&format!("p:{name}")).put_notify(value.clone()).wait().expect("taken");
        assert_eq!(self.get::<T>(name), value, "{name}");
    }
}

#[test]
fn every_rust_type_comes_and_goes() {
    let served = serve();
    served.put("double", -0.25);
    served.put("short", -7i16);
    served.put("long", i32::MIN);
    served.put("float", 0.125f32);
    served.put("u32", 4_000_000_000u32);
    served.put("i64", -(1i64 << 53));
    served.put("bool", true);
    served.put("text", String::from("µm"));
    served.put("string", FixedString::cut("longer"));
    served.put("bytes", vec![0u8, 1, 128]);
    served.put("array", (0..50_000).map(f64::from).collect::<Vec<_>>());
    served.put("strings", vec![FixedString::cut("x"), FixedString::cut(""), FixedString::cut("z")]);
}

#[test]
fn the_server_converts_to_what_is_wanted_and_to_what_it_has() {
    let served = serve();
    assert_eq!(
        (served.get::<f64>("long"), served.get::<i32>("double"), served.get::<f64>("array")),
        (2.0, 1, 1.0)
    );
    assert_eq!(served.get::<Vec<f64>>("bytes"), [1.0, 255.0]);
    let texts = ["double", "bool", "string", "text"].map(|name| served.get::<String>(name));
    assert_eq!(texts, ["1.500000", "Off", "short", "Grüße"]);
    served.client.pv("p:double").put_notify("2.75").wait().expect("a number");
    served.client.pv("p:bool").put_notify("On").wait().expect("a label");
    assert_eq!((served.get::<f64>("double"), served.get::<bool>("bool")), (2.75, true));
    served.client.pv("p:long").put_notify(7.9).wait().expect("a number");
    assert_eq!(served.get::<i32>("long"), 7);
}

#[test]
fn a_text_fills_its_pv_and_one_that_does_not_fit_is_refused_with_both_numbers() {
    let served = serve();
    served.put("text", "0123456789".to_owned());
    let refused = |name: &str, text: &str| {
        let error = served.client.pv(name).put_notify(text).wait().expect_err("too long");
        error.to_string()
    };
    let longer = refused("p:text", "0123456789a");
    assert_eq!(longer, "p:text: 11 elements asked for, the channel has 10");
    let forty = refused("p:string", &"x".repeat(40));
    assert_eq!(forty, "p:string: a string of 40 bytes or more; 39 is the most");
    assert!(refused("p:double", "two").contains("p:double"), "no number");
    served.put("text", String::new());
    assert_eq!(
        (served.get::<String>("text"), served.get::<String>("string")),
        (String::new(), "short".into())
    );
}

#[test]
fn a_reading_has_alarm_and_time_and_a_pv_never_processed_has_none() {
    let served = serve();
    let taken = UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
    served.double.post_with(9.0, wrapper::Post::new().at(taken));
    let reading: Reading<f64> = served.get("double");
    assert_eq!(reading, Reading { value: 9.0, alarm: Alarm::NONE, time: Some(taken) });
    let text: Reading<String> = served.get("double");
    assert_eq!((text.value.as_str(), text.time), ("9.000000", Some(taken)));
    let undefined: Reading<f64> = served.get("undefined");
    assert_eq!(undefined.alarm, Alarm::UDF);
}

#[test]
fn what_does_not_fit_is_an_error_with_name_value_and_rule() {
    let served = serve();
    let bool = served.client.pv("p:long").get_as::<bool>().wait().expect_err("2 is neither");
    assert_eq!(bool.to_string(), "p:long: 2 is no index of the labels Off, On");
    assert!(bool.is_unfit() && !bool.is_timeout() && bool.eca().is_none());
    let results = served.client.get_all::<bool>(&served.client.pvs(["p:bool", "p:long"])).wait();
    assert!(!results[0].as_ref().expect("a bool"));
    assert!(results[1].as_ref().expect_err("2 is neither").to_string().starts_with("p:long: "));
}

#[test]
fn a_reply_and_metadata_come_in_the_type_of_the_pv() {
    let served = serve();
    let reply: Reply = served.get("long");
    assert_eq!((reply.native(), reply.as_f64()), (NativeType::Long, Some(2.0)));
    assert_eq!(&*served.get::<Meta>("double").units, "mm");
    assert_eq!(served.get::<Meta>("bool").labels, ["Off", "On"].map(Box::from));
    let none: Meta = served.get("string");
    assert!(none.units.is_empty() && none.labels.is_empty() && none.control == LimitPair::ZERO);
}

#[test]
fn metadata_is_monitored_for_its_own_changes_only() {
    let served = serve();
    let mut monitor = served.client.pv("p:double").monitor::<Meta>();
    let mut units = || monitor.wait(DEADLINE).map(|meta| meta.expect("metadata").units);
    assert_eq!(units().as_deref(), Some("mm"));
    served.double.post(3.0);
    served.double.describe(|meta| meta.units = "um".into()).expect("good");
    assert_eq!(units().as_deref(), Some("um"), "the post tells no metadata");
}

#[test]
fn a_monitor_is_an_iterator_a_stream_and_a_callback() {
    let served = serve();
    let pv = served.client.pv("p:double");
    let (mut blocking, mut stream) = (pv.monitor::<f64>(), pv.monitor::<f64>());
    let (sender, called) = channel();
    let callback = pv.on_update::<f64>(move |update| _ = sender.send(update.expect("a value")));
    let wait = || called.recv_timeout(DEADLINE).expect("a call");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut polled = || runtime.block_on(poll_fn(|context| Pin::new(&mut stream).poll_next(context)));
    for value in [1.5, 4.0, 5.0] {
        if value > 2.0 {
            served.double.post(value);
        }
        let next = blocking.updates(DEADLINE).next().expect("in time").expect("a value");
        let streamed = polled().expect("no end").expect("a value");
        assert_eq!((next, streamed, wait()), (value, value, value));
    }
    assert!(blocking.try_next().is_none() && blocking.wait(Duration::ZERO).is_none());
    drop(callback);
    served.double.post(6.0);
    assert_eq!(blocking.wait(DEADLINE).expect("in time").expect("a value"), 6.0);
    assert_eq!(called.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected), "the callback is gone");
}

#[test]
fn a_monitor_hears_of_a_lost_server_and_resumes_when_its_pv_is_back() {
    let served = serve();
    let mut g = GroupBuilder::new("q:");
    g.pv("v", 1).add().expect("good");
    served.ioc.add(g).expect("a new name");
    let mut monitor = served.client.pv("q:v").monitor_for::<i32>(EventMask::VALUE);
    assert_eq!(monitor.wait(DEADLINE).expect("in time").expect("a value"), 1);
    assert!(served.ioc.remove("q:v"));
    let lost = monitor.wait(DEADLINE).expect("in time").expect_err("it is gone");
    assert!(lost.is_disconnected());
    assert_eq!(lost.to_string(), "q:v: the channel is disconnected");
    let mut g = GroupBuilder::new("q:");
    g.pv("v", 2).add().expect("good");
    served.ioc.add(g).expect("a free name");
    assert_eq!(monitor.wait(DEADLINE).expect("in time").expect("a value"), 2);
}

#[test]
fn a_channel_and_a_monitor_keep_their_client() {
    let Served { client, ioc: _ioc, double } = serve();
    let pv = client.pv("p:double");
    drop(client);
    assert_eq!(pv.get_as::<f64>().wait().expect("a value"), 1.5);
    let mut monitor = pv.monitor::<f64>();
    drop(pv);
    assert_eq!(monitor.wait(DEADLINE).expect("in time").expect("a value"), 1.5);
    double.post(8.0);
    assert_eq!(monitor.wait(DEADLINE).expect("in time").expect("a value"), 8.0);
}

#[test]
fn requests_may_be_waited_for_inside_async_code_and_awaited_on_any_runtime() {
    let served = serve();
    let pv = served.client.pv("p:double");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        assert_eq!(pv.get_as::<f64>().wait().expect("a value"), 1.5);
        pv.put_notify(2.5).await.expect("taken");
        let both = served.client.get_all::<f64>([&pv, &pv]).await;
        assert!(both.into_iter().all(|value| value.is_ok_and(|value| value == 2.5)));
    });
}

#[test]
fn a_put_shows_what_goes_out() {
    let put = vec![1i16, -2].into_put();
    assert_eq!((put.data_type, put.count, &put.payload[..]), (1, 2, &[0, 1, 255, 254][..]));
    assert_eq!(true.into_put().payload[..], [0, 1]);
}
