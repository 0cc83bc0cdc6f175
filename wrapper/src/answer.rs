//! The one answer to a put, whoever asked: a client on a circuit, or code of this process.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ca::proto::Eca;
use parking_lot::{Condvar, Mutex};

use crate::hooks::PutError;
use crate::pv::AuditEntry;

type Outcome = Result<(), PutError>;

/// Answers a put once; dropped without a word it says that the put failed.
#[derive(Debug)]
pub(crate) enum Answer {
    Client(ca::server::Answer),
    Code(Option<Arc<Slot>>),
    /// Told in the audit as well.
    Audited(Option<Box<(AuditEntry, Answer)>>),
}

impl Answer {
    /// The answer to what nobody waits for.
    pub(crate) fn nowhere() -> Self {
        Self::Code(None)
    }

    /// True when somebody waits for it.
    pub(crate) fn is_awaited(&self) -> bool {
        match self {
            Self::Client(answer) => answer.is_awaited(),
            Self::Code(slot) => slot.is_some(),
            Self::Audited(_) => true,
        }
    }

    pub(crate) fn send(mut self, outcome: Outcome) {
        match &mut self {
            Self::Code(slot) => {
                if let Some(slot) = slot.take() {
                    slot.fill(outcome);
                }
            }
            Self::Client(answer) => {
                let answer = std::mem::replace(answer, ca::server::Answer::nowhere());
                answer.send(outcome.map_or_else(|error| error.eca(), |()| Eca::NORMAL));
            }
            Self::Audited(inner) => {
                if let Some(inner) = inner.take() {
                    let (entry, answer) = *inner;
                    entry.close(&outcome);
                    answer.send(outcome);
                }
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let unanswered = || Err(PutError::Failed("nobody answered the put".to_owned()));
        match self {
            Self::Code(Some(slot)) => slot.fill(unanswered()),
            Self::Audited(inner) => inner.take().into_iter().for_each(|inner| inner.0.close(&unanswered())),
            Self::Client(_) | Self::Code(None) => {}
        }
    }
}

#[derive(Debug, Default)]
struct State {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

/// Where the answer to a put of this process is left.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    state: Mutex<State>,
    ready: Condvar,
}

impl Slot {
    fn fill(&self, outcome: Outcome) {
        let waker = {
            let mut state = self.state.lock();
            state.outcome.get_or_insert(outcome);
            state.waker.take()
        };
        self.ready.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A put on its way: a future, or something to wait for. Dropping it gives up the answer, not the put.
#[derive(Debug)]
#[must_use = "a put that fails says so here only"]
pub struct Putting(Arc<Slot>);

impl Putting {
    /// The put and its answer.
    pub(crate) fn new() -> (Self, Answer) {
        let slot = Arc::new(Slot::default());
        (Self(slot.clone()), Answer::Code(Some(slot)))
    }

    /// A put that has its answer.
    pub(crate) fn done(outcome: Outcome) -> Self {
        let (putting, answer) = Self::new();
        answer.send(outcome);
        putting
    }

    /// Blocks until the put is done: stored, and executed where it is a command.
    ///
    /// # Errors
    /// When it was refused, or its hook or device failed. On the thread of the group's own hooks a put that
    /// needs this thread is refused instead of waiting for itself.
    pub fn wait(self) -> Result<(), PutError> {
        self.wait_for(Duration::MAX).unwrap_or(Ok(()))
    }

    /// As [`Putting::wait`], at most so long; `None` when the put is still on its way.
    pub fn wait_for(&self, timeout: Duration) -> Option<Result<(), PutError>> {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.0.state.lock();
        loop {
            if let Some(outcome) = &state.outcome {
                return Some(outcome.clone());
            }
            if crate::hooks::is_hook_thread() {
                return Some(Err(PutError::Refused("a hook must not wait for its own thread".to_owned())));
            }
            match deadline {
                Some(deadline) if self.0.ready.wait_until(&mut state, deadline).timed_out() => {
                    return state.outcome.clone();
                }
                Some(_) => {}
                None => self.0.ready.wait(&mut state),
            }
        }
    }
}

impl Future for Putting {
    type Output = Result<(), PutError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.state.lock();
        match &state.outcome {
            Some(outcome) => Poll::Ready(outcome.clone()),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
