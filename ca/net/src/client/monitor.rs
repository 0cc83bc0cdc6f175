//! Subscriptions: one on the wire for all who want the same, a bounded queue for each of them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};
use std::time::Instant;

use ca_proto::client::Data;
use ca_proto::{EventMask, SubscriptionId};
use parking_lot::{Condvar, Mutex};

use super::channel::ChannelCore;

/// Updates that wait for one listener; then the newest is replaced.
const WAITING: usize = 64;

/// What a monitor tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MonitorEvent {
    /// A value, or the status why there is none.
    Update(Data),
    /// The channel is lost; it resumes by itself, and then an update follows.
    Disconnected,
}

/// A subscription of a channel.
#[derive(Debug)]
pub(super) struct MonitorCore {
    pub(super) id: SubscriptionId,
    pub(super) data_type: u16,
    pub(super) count: u32,
    pub(super) mask: EventMask,
    state: Mutex<Listeners>,
}

#[derive(Debug, Default)]
struct Listeners {
    last: Option<Data>,
    all: Vec<Arc<Listener>>,
}

impl MonitorCore {
    pub(super) fn new(id: SubscriptionId, data_type: u16, count: u32, mask: EventMask) -> Arc<Self> {
        Arc::new(Self { id, data_type, count, mask, state: Mutex::default() })
    }

    /// Gives an update to all who listen.
    pub(super) fn push(&self, data: &Data) {
        let mut state = self.state.lock();
        state.last = Some(data.clone());
        state.all.iter().for_each(|listener| listener.push(MonitorEvent::Update(data.clone())));
    }

    /// Tells all who listen that the channel is lost.
    pub(super) fn disconnected(&self) {
        let mut state = self.state.lock();
        state.last = None;
        state.all.iter().for_each(|listener| listener.push(MonitorEvent::Disconnected));
    }

    /// Who comes late gets the last value first.
    fn join(&self, listener: Arc<Listener>) {
        let mut state = self.state.lock();
        if let Some(last) = &state.last {
            listener.push(MonitorEvent::Update(last.clone()));
        }
        state.all.push(listener);
    }

    fn leave(&self, listener: &Arc<Listener>) {
        self.state.lock().all.retain(|other| !Arc::ptr_eq(other, listener));
    }

    /// True when nobody listens any more.
    pub(super) fn is_unused(&self) -> bool {
        self.state.lock().all.is_empty()
    }
}

type Callback = Box<dyn FnMut(MonitorEvent) + Send>;

/// One who listens.
pub(super) struct Listener {
    queue: Mutex<Queue>,
    ready: Condvar,
    /// Where a listener with a callback is queued when it has something.
    calls: Option<std::sync::mpsc::Sender<Arc<Listener>>>,
    callback: Mutex<Option<Callback>>,
    scheduled: AtomicBool,
    /// Its user has dropped it.
    dropped: AtomicBool,
    this: Weak<Listener>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("queue", &self.queue).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<MonitorEvent>,
    squashed: u64,
    waker: Option<Waker>,
}

impl Listener {
    fn new(calls: Option<std::sync::mpsc::Sender<Arc<Self>>>, callback: Option<Callback>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            queue: Mutex::default(),
            ready: Condvar::new(),
            calls,
            callback: Mutex::new(callback),
            scheduled: AtomicBool::new(false),
            dropped: AtomicBool::new(false),
            this: this.clone(),
        })
    }

    fn push(&self, event: MonitorEvent) {
        let waker = {
            let mut queue = self.queue.lock();
            // Two losses in a row are one.
            let lost = event == MonitorEvent::Disconnected && queue.events.back() == Some(&event);
            if !lost {
                if queue.events.len() >= WAITING {
                    queue.squashed += 1;
                    queue.events.pop_back();
                }
                queue.events.push_back(event);
            }
            queue.waker.take()
        };
        self.ready.notify_one();
        if let Some(waker) = waker {
            waker.wake();
        }
        if let (Some(calls), Some(this), false) =
            (&self.calls, self.this.upgrade(), self.scheduled.swap(true, SeqCst))
        {
            // The thread of callbacks ends with the context only.
            let _ = calls.send(this);
        }
    }

    fn pop(&self) -> Option<MonitorEvent> {
        self.queue.lock().events.pop_front()
    }

    /// Calls back about all that waits.
    fn call(&self) {
        self.scheduled.store(false, SeqCst);
        let mut callback = self.callback.lock();
        let Some(hook) = callback.as_mut() else { return };
        while let Some(event) = self.pop().filter(|_| !self.dropped.load(SeqCst)) {
            let called = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hook(event)));
            if called.is_err() {
                tracing::error!("a monitor's callback panicked");
            }
        }
    }
}

/// Starts the thread of a context that calls callbacks, one after the other.
pub(super) fn start_calls() -> std::io::Result<std::sync::mpsc::Sender<Arc<Listener>>> {
    let (calls, queue) = std::sync::mpsc::channel::<Arc<Listener>>();
    std::thread::Builder::new()
        .name("ca-callbacks".to_owned())
        .spawn(move || queue.iter().for_each(|listener| listener.call()))?;
    Ok(calls)
}

/// A subscription as its user holds it; dropping it cancels it.
#[derive(Debug)]
pub struct Monitor {
    channel: Arc<ChannelCore>,
    core: Arc<MonitorCore>,
    listener: Arc<Listener>,
}

impl Monitor {
    pub(super) fn new(channel: Arc<ChannelCore>, core: Arc<MonitorCore>, callback: Option<Callback>) -> Self {
        let calls = callback.as_ref().map(|_| channel.shared.calls.clone());
        let listener = Listener::new(calls, callback);
        core.join(listener.clone());
        Self { channel, core, listener }
    }

    /// What comes next; waits for it.
    pub async fn next(&mut self) -> MonitorEvent {
        poll_fn(|context| {
            let mut queue = self.listener.queue.lock();
            match queue.events.pop_front() {
                Some(event) => Poll::Ready(event),
                None => {
                    queue.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// What comes next; blocks until `deadline` at most.
    pub fn wait(&mut self, deadline: Instant) -> Option<MonitorEvent> {
        let mut queue = self.listener.queue.lock();
        while queue.events.is_empty() {
            if self.listener.ready.wait_until(&mut queue, deadline).timed_out() {
                break;
            }
        }
        queue.events.pop_front()
    }

    /// What has come already.
    pub fn try_next(&mut self) -> Option<MonitorEvent> {
        self.listener.pop()
    }

    /// Updates that took another's place because they were not taken in time.
    pub fn squashed(&self) -> u64 {
        self.listener.queue.lock().squashed
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // Its callback may be running, and may be where it is dropped.
        self.listener.dropped.store(true, SeqCst);
        self.core.leave(&self.listener);
        self.channel.cancel_if_unused(&self.core);
    }
}
