//! The client against our own server: requests, subscriptions, and servers that come and go.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ca::Config;
use ca::client::{Channel, MonitorEvent};
use ca::proto::dbr::Scalar;
use ca::proto::{Eca, EventMask};

use crate::client_rig::{context, get, number, put, update};
use crate::rig::{DEADLINE, Rig};

#[test]
fn a_value_is_got_put_and_monitored() {
    let rig = Rig::new();
    let context = context(&rig);
    let channel = context.channel("double");
    assert_eq!(get(&channel), 1.5);
    let mut monitor = channel.monitor(Channel::PLAIN, 0, EventMask::VALUE);
    assert_eq!(update(&mut monitor), 1.5);
    put(&channel, 2.5).expect("done");
    assert_eq!(update(&mut monitor), 2.5);
    rig.pvs.post("double", Scalar::Double(3.5));
    assert_eq!(update(&mut monitor), 3.5);
    assert_eq!(get(&channel), 3.5);
    let status = channel.status();
    assert!(status.connected && status.server == Some(rig.tcp()));
}

#[test]
fn requests_made_before_the_connection_leave_when_it_is_there() {
    let rig = Rig::new();
    let context = context(&rig);
    let channels = context.channels(["double", "extra"]);
    let pending: Vec<_> = channels.iter().map(|c| c.get(Channel::PLAIN, 0, DEADLINE)).collect();
    let values: Vec<_> =
        pending.into_iter().map(|p| number(&p.wait().expect("a value").expect("data"))).collect();
    assert_eq!(values, [1.5, 2.5]);
}

#[test]
fn the_same_request_is_a_future_and_may_be_blocked_for_inside_async_code() {
    let rig = Rig::new();
    let context = context(&rig);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without a timer");
    let channel = context.channel("double");
    let (awaited, blocked) = runtime.block_on(async {
        let awaited = channel.get(Channel::PLAIN, 0, DEADLINE).await.expect("a value").expect("data");
        (number(&awaited), get(&channel))
    });
    assert_eq!((awaited, blocked), (1.5, 1.5));
    let late = runtime.block_on(context.channel("nobody:has:it").get(6, 1, Duration::from_millis(50)));
    assert!(late.expect_err("nobody answers").is_timeout());
}

#[test]
fn a_name_that_nobody_has_times_out_and_delays_no_other() {
    let rig = Rig::new();
    let context = context(&rig);
    let dead: Vec<_> = (0..1000).map(|i| context.channel(&format!("dead:{i}"))).collect();
    let start = Instant::now();
    assert_eq!(get(&context.channel("double")), 1.5);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let error = dead[0].get(6, 1, Duration::from_millis(20)).wait().expect_err("nobody answers");
    assert!(error.is_timeout() && error.to_string().starts_with("dead:0: "), "{error}");
}

#[test]
fn callbacks_share_a_subscription_and_who_comes_late_gets_the_last_value() {
    let rig = Rig::new();
    let context = context(&rig);
    let channel = context.channel("double");
    let (told, values) = std::sync::mpsc::channel();
    let on_update = || {
        let told = told.clone();
        channel.on_update(Channel::PLAIN, 0, EventMask::VALUE, move |event| {
            if let MonitorEvent::Update(data) = event {
                told.send(number(&data)).expect("the test listens");
            }
        })
    };
    let _first = on_update();
    assert_eq!(values.recv_timeout(DEADLINE), Ok(1.5));
    let _second = on_update();
    assert_eq!(values.recv_timeout(DEADLINE), Ok(1.5), "the late one gets the last value");
    rig.pvs.post("double", Scalar::Double(4.0));
    assert_eq!([values.recv_timeout(DEADLINE), values.recv_timeout(DEADLINE)], [Ok(4.0), Ok(4.0)]);
    assert_eq!(rig.report().circuits[0].subscriptions, 1);
}

#[test]
fn the_last_handle_of_a_channel_closes_it_and_the_last_channel_its_circuit() {
    let rig = Rig::new();
    let context = context(&rig);
    let channel = context.channel("double");
    let clone = channel.clone();
    get(&channel);
    drop(channel);
    assert_eq!(get(&clone), 1.5);
    drop(clone);
    rig.wait_for(|report| report.circuits.is_empty());
    assert_eq!(get(&context.channel("double")), 1.5);
}

#[test]
fn a_refused_put_is_a_failure_and_a_request_that_is_dropped_is_forgotten() {
    let rig = Rig::new();
    let context = context(&rig);
    let channel = context.channel("double");
    let text = Bytes::from_static(b"no number\0\0\0\0\0\0\0");
    let error = channel.put_notify(0, 1, text, DEADLINE).wait().expect_err("refused");
    assert_eq!(error.eca(), Some(Eca::PUTFAIL));
    let slow = context.channel("slow");
    let payload = Bytes::copy_from_slice(&1.0f64.to_be_bytes());
    slow.connected(DEADLINE).wait().expect("connected");
    drop(slow.put_notify(6, 1, payload.clone(), DEADLINE));
    let error = slow.put_notify(6, 1, payload, Duration::from_millis(50)).wait().expect_err("not answered");
    assert!(error.is_timeout());
    assert_eq!(get(&channel), 1.5);
}

#[test]
fn a_server_that_comes_back_on_another_port_has_its_subscriptions_again() {
    let rig = Rig::new();
    let (udp, first) = (rig.udp().port(), rig.tcp());
    let context = context(&rig);
    let channel = context.channel("double");
    let mut monitor = channel.monitor(Channel::PLAIN, 0, EventMask::VALUE);
    assert_eq!(update(&mut monitor), 1.5);
    drop(rig);
    assert_eq!(monitor.wait(Instant::now() + DEADLINE), Some(MonitorEvent::Disconnected));
    let lost = channel.get(Channel::PLAIN, 0, Duration::from_millis(20)).wait().expect_err("no server");
    assert!(lost.is_timeout() || lost.is_disconnected(), "{lost}");
    // The TCP port is taken: the server takes another one.
    let _squatter = std::net::TcpListener::bind(first);
    let rig = Rig::with(Config { server_port: udp, ..Config::isolated() });
    rig.pvs.post("double", Scalar::Double(9.0));
    while update(&mut monitor) != 9.0 {}
    assert_eq!(get(&channel), 9.0);
}
