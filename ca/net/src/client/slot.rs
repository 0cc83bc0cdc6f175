//! The place where one answer is left: by a task, for a thread or a task that waits for it.

use std::task::{Poll, Waker};
use std::time::Instant;

use ca_proto::client::Data;
use parking_lot::{Condvar, Mutex};

use crate::Error;

/// What a request brings.
pub(super) type Answer = Result<Option<Data>, Error>;

#[derive(Debug, Default)]
struct State {
    answer: Option<Answer>,
    waker: Option<Waker>,
}

/// One answer.
#[derive(Debug, Default)]
pub(super) struct Slot {
    state: Mutex<State>,
    ready: Condvar,
}

impl Slot {
    /// Leaves the answer; a second one is ignored.
    pub(super) fn fill(&self, answer: Answer) {
        let waker = {
            let mut state = self.state.lock();
            if state.answer.is_none() {
                state.answer = Some(answer);
            }
            state.waker.take()
        };
        self.ready.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn poll(&self, waker: &Waker) -> Poll<Answer> {
        let mut state = self.state.lock();
        match state.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                state.waker = Some(waker.clone());
                Poll::Pending
            }
        }
    }

    /// Blocks until there is an answer; `None` when the time is over.
    pub(super) fn wait(&self, deadline: Instant) -> Option<Answer> {
        let mut state = self.state.lock();
        while state.answer.is_none() {
            if self.ready.wait_until(&mut state, deadline).timed_out() && state.answer.is_none() {
                return None;
            }
        }
        state.answer.take()
    }
}
