//! What users do with channels: callbacks, watches, batches, futures that are polled and dropped.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::{Context as TaskContext, Wake, Waker};
use std::time::{Duration, Instant};

use ca::client::{Batch, Channel, Monitor, MonitorEvent};
use ca::proto::dbr::Scalar;
use ca::proto::{Eca, EventMask};
use parking_lot::Mutex;

use crate::client_rig::{context, get, number, payload, until};
use crate::fake::Fake;
use crate::rig::{DEADLINE, Rig};

/// Counts how often it wakes, and how many of it there are.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_future_that_is_polled_again_and_again_leaves_one_waker_and_takes_it_along() {
    let fake = Fake::new();
    let context = fake.context();
    let channel = context.channel("pv");
    let count = Arc::new(Count::default());
    {
        let mut pending = pin!(channel.get(6, 1, DEADLINE));
        for _ in 0..1000 {
            let waker = Waker::from(count.clone());
            assert!(pending.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_pending());
        }
        // The channel's, the timer's, ours.
        assert!(Arc::strong_count(&count) <= 3, "{}", Arc::strong_count(&count));
    }
    assert_eq!(Arc::strong_count(&count), 1);
}

#[test]
fn a_monitor_may_be_dropped_in_its_own_callback() {
    let rig = Rig::new();
    let context = context(&rig);
    let channel = context.channel("double");
    let own: Arc<Mutex<Option<Monitor>>> = Arc::default();
    let (told, calls) = mpsc::channel();
    let held = own.clone();
    let mut slot = own.lock();
    *slot = Some(channel.on_update(6, 1, EventMask::VALUE, move |_| {
        drop(held.lock().take());
        told.send(()).expect("the test listens");
    }));
    drop(slot);
    calls.recv_timeout(DEADLINE).expect("called");
    rig.wait_for(|report| report.circuits.iter().all(|circuit| circuit.subscriptions == 0));
    rig.pvs.post("double", Scalar::Double(2.0));
    assert_eq!(get(&channel), 2.0, "a callback may have been called before this is answered");
    assert!(calls.try_recv().is_err());
}

#[test]
fn a_callback_that_panics_is_called_again_and_hurts_no_other() {
    let rig = Rig::new();
    let context = context(&rig);
    let channel = context.channel("double");
    let (told, values) = mpsc::channel();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let _bad = channel.on_update(6, 1, EventMask::VALUE, move |_| {
        counted.fetch_add(1, SeqCst);
        panic!("on purpose");
    });
    let _good = channel.on_update(6, 1, EventMask::VALUE, move |event| {
        if let MonitorEvent::Update(data) = event {
            told.send(number(&data)).expect("the test listens");
        }
    });
    assert_eq!(values.recv_timeout(DEADLINE), Ok(1.5));
    rig.pvs.post("double", Scalar::Double(2.0));
    assert_eq!(values.recv_timeout(DEADLINE), Ok(2.0));
    until("it was called twice", || count.load(SeqCst) == 2);
}

#[test]
fn a_callback_may_get_and_put() {
    let rig = Rig::new();
    let context = context(&rig);
    let (channel, extra) = (context.channel("double"), context.channel("extra"));
    let (told, values) = mpsc::channel();
    let _monitor = channel.on_update(6, 1, EventMask::VALUE, move |_| {
        told.send(get(&extra)).expect("the test listens");
    });
    assert_eq!(values.recv_timeout(DEADLINE), Ok(2.5));
}

#[test]
fn a_monitor_keeps_its_channel() {
    let rig = Rig::new();
    let context = context(&rig);
    let mut monitor = context.channel("double").monitor(6, 1, EventMask::VALUE);
    assert_eq!(crate::client_rig::update(&mut monitor), 1.5);
    rig.pvs.post("double", Scalar::Double(2.0));
    assert_eq!(crate::client_rig::update(&mut monitor), 2.0);
    drop(monitor);
    rig.wait_for(|report| report.circuits.is_empty());
}

#[test]
fn how_a_channel_stands_is_told_to_callbacks_threads_and_tasks() {
    let mut rig = Rig::new();
    let context = context(&rig);
    let channel = context.channel("double");
    let (told, states) = mpsc::channel();
    let watch = channel.on_status(move |status| told.send(status.connected).expect("the test listens"));
    let mut blocking = channel.changes();
    let mut tasked = channel.changes();
    let up = |connected: bool| {
        let start = Instant::now();
        while states.recv_timeout(DEADLINE) != Ok(connected) {
            assert!(start.elapsed() < DEADLINE);
        }
    };
    up(true);
    while !blocking.wait(Instant::now() + DEADLINE).expect("a change").connected {}
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let status = runtime.block_on(async {
        loop {
            let status = tasked.changed().await;
            if status.connected && !status.rights.is_empty() {
                break status;
            }
        }
    });
    assert_eq!((status.server, status.count), (Some(rig.tcp()), 1));
    assert!(rig.stop(DEADLINE));
    up(false);
    while blocking.wait(Instant::now() + DEADLINE).expect("a change").connected {}
    drop(watch);
    assert!(states.recv_timeout(DEADLINE).is_err() || states.recv_timeout(DEADLINE).is_err());
}

#[test]
fn a_batch_is_sent_at_once_and_answered_in_order_under_one_deadline() {
    let rig = Rig::new();
    let context = context(&rig);
    let (double, extra, nobody) =
        (context.channel("double"), context.channel("extra"), context.channel("nobody"));
    let batch = || {
        let mut batch = Batch::default();
        batch.get(&nobody, 6, 1).put_notify(&double, 6, 1, payload(4.0)).get(&double, 6, 1);
        batch.put(&extra, 6, 1, payload(5.0)).get(&extra, 6, 1).get(&extra, 39, 1);
        batch.send(Duration::from_millis(700))
    };
    let start = Instant::now();
    let blocked = batch().wait();
    assert!(start.elapsed() < Duration::from_secs(2), "one deadline: {:?}", start.elapsed());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for mut results in [blocked, runtime.block_on(batch())] {
        assert_eq!(results.len(), 6);
        let refused = results.pop().expect("six").expect_err("no such type");
        assert_eq!(refused.eca(), Some(Eca::BADTYPE));
        assert!(results.remove(0).expect_err("nobody").is_timeout());
        let values: Vec<_> =
            results.into_iter().map(|r| r.expect("done").map(|data| number(&data))).collect();
        assert_eq!(values, [None, Some(4.0), None, Some(5.0)]);
    }
    assert!(Batch::default().send(DEADLINE).wait().is_empty());
}

#[test]
fn a_context_tells_what_it_does() {
    let rig = Rig::new();
    let context = context(&rig);
    let (double, _nobody) = (context.channel("double"), context.channel("nobody"));
    let _monitor = double.monitor(Channel::TIME, 0, EventMask::VALUE);
    get(&double);
    let text = context.to_string();
    assert!(text.starts_with("2 channels, 1 connected, 1 searched; 1 circuits"), "{text}");
    assert!(
        text.contains(&format!("{} priority 0: connected, 1 channels, 1 subscriptions", rig.tcp())),
        "{text}"
    );
    let all = format!("{context:?}");
    assert!(all.contains("nobody: searched, 0 monitors"), "{all}");
    assert!(all.contains(&format!("double: connected to {}: Double[1]", rig.tcp())), "{all}");
}

#[test]
fn a_name_that_cannot_be_searched_fails_at_once_and_a_timeout_may_be_endless() {
    let rig = Rig::new();
    let context = context(&rig);
    for name in [String::new(), "x".repeat(992)] {
        let error = context.channel(&name).get(6, 1, DEADLINE).wait().expect_err("no name");
        assert_eq!(error.eca(), Some(Eca::BADSTR));
    }
    context.channel("double").get(6, 1, Duration::MAX).wait().expect("a value");
}
