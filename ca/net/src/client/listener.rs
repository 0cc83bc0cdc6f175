//! A bounded queue for one who listens, and the thread that calls callbacks.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::Sender;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// Events that wait for one listener; then the newest is replaced.
const WAITING: usize = 64;

/// Tasks to wake and listeners to call back when no lock is held any more, all at once, when this is dropped.
///
/// Not before: a waker may drop what it wakes.
#[derive(Default)]
pub(super) struct Wakers {
    tasks: Vec<Waker>,
    listeners: Vec<Arc<dyn Call>>,
    calls: Option<Calls>,
}

impl Extend<Waker> for Wakers {
    fn extend<I: IntoIterator<Item = Waker>>(&mut self, tasks: I) {
        self.tasks.extend(tasks);
    }
}

impl Drop for Wakers {
    fn drop(&mut self) {
        if let Some(calls) = self.calls.take() {
            // The thread of callbacks ends with the last who could be called.
            let _ = calls.send(std::mem::take(&mut self.listeners));
        }
        self.tasks.drain(..).for_each(Waker::wake);
    }
}

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
pub(super) type Calls = Sender<Vec<Arc<dyn Call>>>;
/// What a user wants to be called with.
pub(super) type Callback<E> = Box<dyn FnMut(E) + Send>;

/// One who listens.
pub(super) struct Listener<E> {
    queue: Mutex<Queue<E>>,
    ready: Condvar,
    /// Where a listener with a callback is queued when it has something.
    calls: Option<Calls>,
    callback: Mutex<Option<Callback<E>>>,
    /// Its user has dropped it.
    dropped: AtomicBool,
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
    /// The thread of callbacks knows that something waits.
    scheduled: bool,
}

impl<E: Told> Listener<E> {
    /// A listener, with a callback or without.
    pub(super) fn new(calls: &Calls, callback: Option<Callback<E>>) -> Arc<Self> {
        let queue = Queue { events: VecDeque::new(), squashed: 0, waker: None, scheduled: false };
        Arc::new(Self {
            queue: Mutex::new(queue),
            ready: Condvar::new(),
            calls: callback.as_ref().map(|_| calls.clone()),
            callback: Mutex::new(callback),
            dropped: AtomicBool::new(false),
        })
    }

    /// Leaves an event; who waits for it as a task is added to `wakers`.
    pub(super) fn push(self: &Arc<Self>, event: E, wakers: &mut Wakers) {
        let known = {
            let mut queue = self.queue.lock();
            queue.push(event);
            wakers.tasks.extend(queue.waker.take());
            std::mem::replace(&mut queue.scheduled, true)
        };
        match &self.calls {
            None => _ = self.ready.notify_one(),
            Some(_) if known => {}
            Some(calls) => {
                wakers.calls.get_or_insert_with(|| calls.clone());
                wakers.listeners.push(self.clone());
            }
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

impl<E: Told> Queue<E> {
    fn push(&mut self, event: E) {
        if self.events.back().is_some_and(|last| event.repeats(last)) {
            return;
        }
        if self.events.len() >= WAITING {
            self.squashed += 1;
            self.events.pop_back();
        }
        self.events.push_back(event);
    }
}

impl<E: Told> Call for Listener<E> {
    fn call(&self) {
        let mut callback = self.callback.lock();
        let Some(hook) = callback.as_mut() else { return };
        loop {
            let (event, last) = {
                let mut queue = self.queue.lock();
                let event = queue.events.pop_front();
                // What comes behind the last one is told to the thread anew.
                queue.scheduled = !queue.events.is_empty();
                (event, queue.events.is_empty())
            };
            let Some(event) = event.filter(|_| !self.dropped.load(SeqCst)) else { return };
            let called = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hook(event)));
            if called.is_err() {
                tracing::error!("a callback panicked");
            }
            if last {
                return;
            }
        }
    }
}

/// Starts the thread of a context that calls callbacks, one after the other.
pub(super) fn start_calls() -> std::io::Result<Calls> {
    let (calls, queue) = std::sync::mpsc::channel::<Vec<Arc<dyn Call>>>();
    std::thread::Builder::new()
        .name("ca-callbacks".to_owned())
        .spawn(move || queue.iter().flatten().for_each(|listener| listener.call()))?;
    Ok(calls)
}
