//! A bounded queue for one who listens, and the thread that calls callbacks.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// Events that wait for one listener; then the newest is replaced.
const WAITING: usize = 64;

/// Tasks to wake when no lock is held any more: a waker may drop what it wakes.
pub(super) type Wakers = Vec<Waker>;

/// What is told to listeners.
pub(super) trait Told: Clone + PartialEq + Send + 'static {
    /// True when it says nothing new after `last`.
    fn repeats(&self, last: &Self) -> bool;
}

/// What the thread of callbacks is given.
pub(super) trait Call: Send + Sync {
    /// Calls back about all that waits.
    fn call(&self);
}

/// The way to the thread of callbacks.
pub(super) type Calls = Sender<Arc<dyn Call>>;
/// What a user wants to be called with.
pub(super) type Callback<E> = Box<dyn FnMut(E) + Send>;

/// One who listens.
pub(super) struct Listener<E> {
    queue: Mutex<Queue<E>>,
    ready: Condvar,
    /// Where a listener with a callback is queued when it has something.
    calls: Option<Calls>,
    callback: Mutex<Option<Callback<E>>>,
    scheduled: AtomicBool,
    /// Its user has dropped it.
    dropped: AtomicBool,
    this: Weak<Listener<E>>,
}

impl<E> std::fmt::Debug for Listener<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Queue<E> {
    events: VecDeque<E>,
    squashed: u64,
    waker: Option<Waker>,
}

impl<E: Told> Listener<E> {
    /// A listener, with a callback or without.
    pub(super) fn new(calls: &Calls, callback: Option<Callback<E>>) -> Arc<Self> {
        let queue = Queue { events: VecDeque::new(), squashed: 0, waker: None };
        Arc::new_cyclic(|this| Self {
            queue: Mutex::new(queue),
            ready: Condvar::new(),
            calls: callback.as_ref().map(|_| calls.clone()),
            callback: Mutex::new(callback),
            scheduled: AtomicBool::new(false),
            dropped: AtomicBool::new(false),
            this: this.clone(),
        })
    }

    /// Leaves an event; who waits for it as a task is added to `wakers`.
    pub(super) fn push(&self, event: E, wakers: &mut Wakers) {
        {
            let mut queue = self.queue.lock();
            if !queue.events.back().is_some_and(|last| event.repeats(last)) {
                if queue.events.len() >= WAITING {
                    queue.squashed += 1;
                    queue.events.pop_back();
                }
                queue.events.push_back(event);
            }
            wakers.extend(queue.waker.take());
        }
        self.ready.notify_one();
        if let (Some(calls), Some(this), false) =
            (&self.calls, self.this.upgrade(), self.scheduled.swap(true, SeqCst))
        {
            // The thread of callbacks ends with the last who could be called.
            let _ = calls.send(this);
        }
    }

    /// What comes next; waits for it.
    pub(super) async fn next(&self) -> E {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// What comes next, or wakes who polls when it is there.
    pub(super) fn poll_next(&self, context: &mut Context<'_>) -> Poll<E> {
        let mut queue = self.queue.lock();
        match queue.events.pop_front() {
            Some(event) => Poll::Ready(event),
            None => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// What comes next; blocks until `deadline` at most.
    pub(super) fn wait(&self, deadline: Instant) -> Option<E> {
        let mut queue = self.queue.lock();
        while queue.events.is_empty() {
            if self.ready.wait_until(&mut queue, deadline).timed_out() {
                break;
            }
        }
        queue.events.pop_front()
    }

    /// What has come already.
    pub(super) fn pop(&self) -> Option<E> {
        self.queue.lock().events.pop_front()
    }

    /// Events that took another's place.
    pub(super) fn squashed(&self) -> u64 {
        self.queue.lock().squashed
    }

    /// Its user listens no more; its callback may be running, and may be where this is called.
    pub(super) fn leave(&self) {
        self.dropped.store(true, SeqCst);
    }
}

impl<E: Told> Call for Listener<E> {
    fn call(&self) {
        self.scheduled.store(false, SeqCst);
        let mut callback = self.callback.lock();
        let Some(hook) = callback.as_mut() else { return };
        while let Some(event) = self.pop().filter(|_| !self.dropped.load(SeqCst)) {
            let called = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hook(event)));
            if called.is_err() {
                tracing::error!("a callback panicked");
            }
        }
    }
}

/// Starts the thread of a context that calls callbacks, one after the other.
pub(super) fn start_calls() -> std::io::Result<Calls> {
    let (calls, queue) = std::sync::mpsc::channel::<Arc<dyn Call>>();
    std::thread::Builder::new()
        .name("ca-callbacks".to_owned())
        .spawn(move || queue.iter().for_each(|listener| listener.call()))?;
    Ok(calls)
}
