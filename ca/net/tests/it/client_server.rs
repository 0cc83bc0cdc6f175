//! Circuits of a context: how many, how they end, and what becomes of what was on them.

use std::time::{Duration, Instant};

use ca::ClientConfig;
use ca::client::{Channel, Context, MonitorEvent};
use ca::proto::EventMask;

use crate::client_rig::{context, get, number, payload, put, until, update};
use crate::fake::Fake;
use crate::peer::{message, version};
use crate::rig::{DEADLINE, Rig};

#[test]
fn client_08_there_is_one_circuit_for_each_server_and_priority() {
    let rig = Rig::new();
    let context = context(&rig);
    let all: Vec<_> = [("double", 0), ("extra", 0), ("double", 0), ("double", 9)]
        .map(|(n, p)| context.channel_with(n, p))
        .into();
    all.iter().for_each(|channel| _ = get(channel));
    assert_eq!(rig.report().circuits.len(), 2);
    let counts: Vec<_> = context.report().circuits.iter().map(|c| (c.priority, c.channels)).collect();
    assert_eq!(counts, [(0, 3), (9, 1)]);
    drop(all);
    rig.wait_for(|report| report.circuits.is_empty());
}

#[test]
fn client_20_subscriptions_come_back_with_their_ids() {
    let fake = Fake::found();
    let context = fake.context();
    let channel = context.channel("pv");
    let mut monitor = channel.monitor(Channel::PLAIN, 0, EventMask::VALUE);
    let mut circuit = fake.accept();
    circuit.open();
    let first = circuit.expect(1);
    circuit.send(&message(1, 6, 1, [1, first.p2], &1.0f64.to_be_bytes()));
    assert_eq!(update(&mut monitor), 1.0);
    drop(circuit);
    let mut circuit = fake.accept();
    circuit.open();
    let again = circuit.expect(1);
    assert_eq!((again.p2, again.data_type, again.count), (first.p2, first.data_type, first.count));
    circuit.send(&message(1, 6, 1, [1, first.p2], &2.0f64.to_be_bytes()));
    assert_eq!(monitor.wait(Instant::now() + DEADLINE), Some(MonitorEvent::Disconnected));
    assert_eq!(update(&mut monitor), 2.0);
}

#[test]
fn client_28_a_lost_connection_fails_what_is_under_way_and_the_name_is_searched() {
    let fake = Fake::found();
    let context = fake.context();
    let channel = context.channel("pv");
    let mut circuit = fake.accept();
    circuit.open();
    channel.connected(DEADLINE).wait().expect("connected");
    let pending = [channel.get(6, 1, DEADLINE), channel.put_notify(6, 1, payload(1.0), DEADLINE)];
    circuit.expect(19);
    drop(circuit);
    for request in pending {
        assert!(request.wait().expect_err("lost").is_disconnected());
    }
    let mut circuit = fake.accept();
    circuit.open();
    channel.connected(DEADLINE).wait().expect("it is back");
}

#[test]
fn client_36_a_server_that_closes_without_a_word_leaves_nothing_hanging() {
    let fake = Fake::found();
    let context = fake.context();
    let channel = context.channel("pv");
    let mut circuit = fake.accept();
    circuit.open();
    channel.connected(DEADLINE).wait().expect("connected");
    let pending: Vec<_> = (0..100).map(|_| channel.get(6, 1, DEADLINE)).collect();
    // Half an answer, then the end.
    let ioid = circuit.expect(15).p2;
    circuit.send(&message(15, 6, 1, [1, ioid], &[0; 8])[..20]);
    drop(circuit);
    let start = Instant::now();
    assert!(pending.into_iter().all(|request| request.wait().is_err_and(|e| e.is_disconnected())));
    assert!(start.elapsed() < DEADLINE / 2);
}

#[test]
fn client_32_what_is_put_and_not_waited_for_reaches_the_server_before_the_end() {
    let rig = Rig::new();
    for round in 1..=50 {
        let context = context(&rig);
        let channel = context.channel("double");
        channel.connected(DEADLINE).wait().expect("connected");
        drop(channel.put(6, 1, payload(round.into()), DEADLINE));
        if round % 2 == 0 {
            drop(channel);
        }
        let start = Instant::now();
        drop(context);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        assert_eq!(rig.pvs.value("double"), ca::proto::dbr::Scalar::Double(round.into()).into());
    }
    let fake = Fake::found();
    let context = fake.context();
    let channel = context.channel("pv");
    let mut circuit = fake.accept();
    circuit.open();
    channel.connected(DEADLINE).wait().expect("connected");
    drop(channel.put(6, 1, payload(1.0), DEADLINE));
    drop(channel);
    let rest: Vec<_> = std::iter::from_fn(|| circuit.read()).map(|(header, _)| header.command).collect();
    assert_eq!(rest[rest.len() - 2..], [4, 12], "data, clear, half-close");
}

#[test]
fn dead_servers_never_delay_the_end_of_a_context() {
    let (silent, directory) = (Fake::found(), Fake::new());
    // An address that drops what comes: reserved for documentation.
    let nowhere = "192.0.2.1:5064".parse().expect("an address");
    let config = ClientConfig { name_servers: vec![directory.address(), nowhere], ..silent.config() };
    let context = Context::new(config).expect("a socket");
    let channel = context.channel("pv");
    let (mut deaf, _asked) = (silent.accept(), directory.accept());
    deaf.open();
    channel.connected(DEADLINE).wait().expect("connected");
    let image = bytes::Bytes::from(vec![0; 39]);
    (0..1000).for_each(|_| drop(channel.put(0, 1, image.clone(), DEADLINE)));
    let waiting = context.channel("nobody").get(6, 1, DEADLINE);
    let start = Instant::now();
    drop(context);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(waiting.wait().expect_err("the context is closed").is_disconnected());
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_context_may_be_dropped_in_async_code_and_in_its_own_callback() {
    let rig = Rig::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let context = context(&rig);
        context.channel("double").get(6, 1, DEADLINE).await.expect("a value");
        let start = Instant::now();
        drop(context);
        assert!(start.elapsed() < Duration::from_secs(1));
    });
    let context = context(&rig);
    let channel = context.channel("double");
    let (done, dropped) = std::sync::mpsc::channel();
    let mut own = Some(context);
    let _monitor = channel.on_update(6, 1, EventMask::VALUE, move |_| {
        if own.take().is_some() {
            done.send(()).expect("the test listens");
        }
    });
    dropped.recv_timeout(DEADLINE).expect("dropped");
}

/// A context that gives a server up after 0.3 s and the answer's 5 s.
fn impatient(fake: &Fake) -> Context {
    let config = ClientConfig { connection_timeout: Duration::from_millis(300), ..fake.config() };
    Context::new(config).expect("a socket")
}

#[test]
fn a_silent_server_is_given_up_without_closing_and_heals_with_fresh_values() {
    let fake = Fake::found();
    let context = impatient(&fake);
    let channel = context.channel("pv");
    let mut monitor = channel.monitor(Channel::PLAIN, 0, EventMask::VALUE);
    let mut circuit = fake.accept();
    circuit.open();
    let subscription = circuit.expect(1).p2;
    circuit.send(&message(1, 6, 1, [1, subscription], &1.0f64.to_be_bytes()));
    assert_eq!(update(&mut monitor), 1.0);
    let lost = channel.get(6, 1, DEADLINE);
    circuit.expect(23);
    let start = Instant::now();
    assert_eq!(monitor.wait(start + DEADLINE), Some(MonitorEvent::Disconnected));
    assert!((4..7).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert!(lost.wait().expect_err("given up").is_disconnected());
    assert!(!channel.status().connected && channel.status().rights.is_empty());
    assert!(context.to_string().contains("unresponsive"), "{context}");
    let mut other = channel.monitor(Channel::PLAIN, 0, EventMask::ALARM);
    circuit.expect(23);
    circuit.send(&message(23, 0, 0, [0; 2], &[]));
    let (refresh, added) = (circuit.expect(15), circuit.expect(1));
    circuit.send(&message(15, 6, 1, [1, refresh.p2], &2.0f64.to_be_bytes()));
    circuit.send(&message(1, 6, 1, [1, added.p2], &3.0f64.to_be_bytes()));
    assert_eq!((update(&mut monitor), update(&mut other)), (2.0, 3.0));
    assert!(channel.status().connected && !channel.status().rights.is_empty());
    let waits = channel.get(6, 1, DEADLINE);
    let ioid = circuit.expect(15).p2;
    circuit.send(&message(15, 6, 1, [1, ioid], &4.0f64.to_be_bytes()));
    assert_eq!(number(&waits.wait().expect("answered").expect("data")), 4.0);
}

#[test]
fn a_server_that_takes_nothing_stops_the_requests_and_is_given_up() {
    let fake = Fake::found();
    let context = impatient(&fake);
    let channel = context.channel("pv");
    let mut circuit = fake.accept();
    circuit.send(&[version(), message(22, 0, 0, [1, 3], &[])].concat());
    let cid = circuit.expect(18).p1;
    circuit.send(&[message(22, 0, 0, [cid, 3], &[]), message(18, 4, 1 << 20, [cid, 5], &[])].concat());
    channel.connected(DEADLINE).wait().expect("connected");
    let megabyte = bytes::Bytes::from(vec![7; 1 << 20]);
    let puts: Vec<_> = (0..64).map(|_| channel.put_notify(4, 1 << 20, megabyte.clone(), DEADLINE)).collect();
    let unsent = context.report().circuits[0].unsent;
    assert!(unsent <= 5 << 20, "{unsent} bytes are kept");
    // It talks, but it does not listen: bytes alone are no sign that it takes what is sent.
    let start = Instant::now();
    while channel.status().connected {
        circuit.send(&message(22, 0, 0, [cid, 3], &[]));
        std::thread::sleep(Duration::from_millis(50));
        assert!(start.elapsed() < DEADLINE);
    }
    let failed = puts.into_iter().filter(|_| true).take(3).map(|put| put.wait());
    assert!(failed.into_iter().all(|result| result.expect_err("given up").is_disconnected()));
}

#[test]
fn rights_that_come_late_are_waited_for() {
    let fake = Fake::found();
    let context = fake.context();
    let channel = context.channel("pv");
    let pending = channel.get(6, 1, DEADLINE);
    let mut circuit = fake.accept();
    let cid = circuit.expect(18).p1;
    circuit.send(&message(18, 6, 1, [cid, 5], &[]));
    channel.connected(DEADLINE).wait().expect("connected");
    let other = channel.get(6, 1, DEADLINE);
    std::thread::scope(|scope| {
        let answers = scope.spawn(|| [pending.wait(), other.wait()]);
        circuit.send(&message(22, 0, 0, [cid, 1], &[]));
        for _ in 0..2 {
            let ioid = circuit.expect(15).p2;
            circuit.send(&message(15, 6, 1, [1, ioid], &[0; 8]));
        }
        let all = answers.join().expect("no panic");
        assert!(all.iter().all(Result::is_ok), "{all:?}");
    });
    assert!(put(&channel, 1.0).expect_err("read only").is_access_denied());
}

#[test]
fn a_channel_that_is_given_up_while_it_is_created_is_cleared_at_the_server() {
    let fake = Fake::found();
    let context = fake.context();
    let (kept, given_up) = (context.channel("kept"), context.channel("given up"));
    let mut circuit = fake.accept();
    let cids = [circuit.expect(18).p1, circuit.expect(18).p1];
    drop(given_up);
    until("it is forgotten", || context.report().channels.len() == 1);
    cids.iter().for_each(|cid| circuit.created(*cid));
    kept.connected(DEADLINE).wait().expect("connected");
    let cleared = circuit.expect(12);
    assert!(cids.contains(&cleared.p2) && cleared.p1 == cleared.p2 + 1000);
}

#[test]
fn an_error_about_a_put_with_completion_ends_it_as_caproto_says_it() {
    let fake = Fake::found();
    let context = fake.context();
    let channel = context.channel("pv");
    let mut circuit = fake.accept();
    let cid = circuit.open().p1;
    channel.connected(DEADLINE).wait().expect("connected");
    let pending = channel.put_notify(6, 1, payload(1.0), DEADLINE);
    let asked = circuit.expect(19);
    let request = message(19, 6, 1, [asked.p1, asked.p2], &[]);
    circuit.send(&message(11, 0, 0, [cid, 160], &[&request[..], b"limits\0"].concat()));
    let error = pending.wait().expect_err("refused");
    assert!(error.eca() == Some(ca::proto::Eca::PUTFAIL) && error.to_string().contains("limits"), "{error}");
}
