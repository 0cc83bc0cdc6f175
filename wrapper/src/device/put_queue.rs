//! The put queue: what a device posts, and its answers, applied in order by whoever puts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ca::proto::Alarm;
use ca::proto::dbr::Value;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use parking_lot::Mutex;

use super::command::{DeviceError, Pending, Reply};
use crate::pv::{AlarmBook, Post, PvCore};

/// Updates that wait while another thread applies, at most.
pub(crate) const BOUND: usize = 256;

/// Something that a device publishes.
enum Update {
    Value {
        pv: Arc<PvCore>,
        value: Value,
        post: Post,
    },
    Alarm {
        group: Arc<AlarmBook>,
        alarm: Alarm,
        message: Option<Box<str>>,
    },
    Finish(Box<(Pending, Result<Reply, DeviceError>)>),
    /// What has to come behind the posts made before it.
    Then(Box<dyn FnOnce() + Send>),
}

/// The queue. Nobody waits for another thread: who finds it being drained leaves the update there.
pub(crate) struct PutQueue {
    sender: Sender<Update>,
    receiver: Receiver<Update>,
    draining: Mutex<()>,
    full: AtomicU64,
}

impl PutQueue {
    pub(crate) fn new() -> Arc<Self> {
        let (sender, receiver) = bounded(BOUND);
        Arc::new(Self { sender, receiver, draining: Mutex::new(()), full: AtomicU64::new(0) })
    }

    pub(crate) fn put_value(&self, pv: Arc<PvCore>, value: Value, post: Post) {
        self.put(Update::Value { pv, value, post });
    }

    /// Posts to an alarm group.
    pub(crate) fn put_alarm(&self, group: Arc<AlarmBook>, alarm: Alarm, message: Option<Box<str>>) {
        self.put(Update::Alarm { group, alarm, message });
    }

    /// Runs `work` behind all that was put so far.
    pub(crate) fn then(&self, work: impl FnOnce() + Send + 'static) {
        self.put(Update::Then(Box::new(work)));
    }

    pub(crate) fn finish(&self, pending: Pending, result: Result<Reply, DeviceError>) {
        self.put(Update::Finish(Box::new((pending, result))));
    }

    /// How often it was full, so that a poster had to wait for the one that drained.
    pub(crate) fn full(&self) -> u64 {
        self.full.load(Relaxed)
    }

    /// Updates that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.receiver.len()
    }

    fn put(&self, update: Update) {
        let mut left = Some(update);
        while let Some(update) = left.take() {
            if let Err(TrySendError::Full(update)) = self.sender.try_send(update) {
                self.full.fetch_add(1, Relaxed);
                let _draining = self.draining.lock();
                self.apply_all();
                left = Some(update);
            }
        }
        self.drain();
    }

    /// Waits until all that was put so far is applied.
    pub(crate) fn settle(&self) {
        {
            let _draining = self.draining.lock();
            ca::server::batch(|| self.apply_all());
        }
        self.drain();
    }

    fn drain(&self) {
        // Whoever leaves the lock looks once more: an update may have come between the last look and the
        // release, and its poster relied on the lock's holder.
        while !self.receiver.is_empty() {
            let Some(_draining) = self.draining.try_lock() else { return };
            ca::server::batch(|| self.apply_all());
        }
    }

    fn apply_all(&self) {
        for update in self.receiver.try_iter() {
            match update {
                Update::Value { pv, value, post } => pv.apply(value, post),
                Update::Alarm { group, alarm, message } => group.post(alarm, message),
                Update::Finish(done) => {
                    let (pending, result) = *done;
                    pending.port.clone().finish(pending, result);
                }
                Update::Then(work) => work(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI32;
    use std::sync::atomic::Ordering::SeqCst;

    use super::*;
    use crate::group::GroupBuilder;

    const ROUNDS: i32 = 50_000;

    #[test]
    fn posts_of_many_threads_all_arrive_and_each_threads_in_order() {
        let mut group = GroupBuilder::with_outlet("t:", PutQueue::new());
        let pvs: Vec<_> = (0..4).map(|i| group.pv(&format!("p{i}"), 0).add().expect("a good PV")).collect();
        std::thread::scope(|scope| {
            for pv in &pvs {
                scope.spawn(move || (1..=2000).for_each(|v| pv.post(v)));
            }
        });
        assert!(pvs.iter().all(|pv| pv.get() == 2000));
    }

    /// Both threads have to come to it within some ten nanoseconds, so they wait actively.
    fn until(number: &AtomicI32, reached: i32) {
        let mut turns = 0;
        while number.load(SeqCst) < reached {
            turns += 1;
            if turns < 1000 { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }

    #[test]
    fn what_comes_while_it_settles_is_applied() {
        let queue = PutQueue::new();
        let mut group = GroupBuilder::with_outlet("t:", queue.clone());
        let pv = group.pv("v", 0).add().expect("a good PV");
        let (begun, settled) = (AtomicI32::new(0), AtomicI32::new(0));
        let mut left = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1..=ROUNDS {
                    until(&begun, round);
                    queue.settle();
                    settled.store(round, SeqCst);
                }
            });
            for round in 1..=ROUNDS {
                begun.store(round, SeqCst);
                (0..round % 100).for_each(|_| std::hint::spin_loop());
                pv.post(round);
                until(&settled, round);
                left += i32::from(pv.get() != round);
            }
        });
        assert_eq!(left, 0, "of {ROUNDS} posts");
    }

    #[test]
    fn a_full_queue_is_counted_and_loses_nothing() {
        let queue = PutQueue::new();
        let mut group = GroupBuilder::with_outlet("t:", queue.clone());
        let pv = group.pv("v", 0).add().expect("a good PV");
        let held = queue.draining.lock();
        std::thread::scope(|scope| {
            let poster = scope.spawn(|| (1..=BOUND as i32 + 10).for_each(|v| pv.post(v)));
            while queue.full() == 0 {
                std::thread::yield_now();
            }
            assert_eq!(pv.get(), 0);
            drop(held);
            poster.join().expect("the poster ends");
        });
        assert_eq!(pv.get(), BOUND as i32 + 10);
    }
}
