//! A command has ended, or will never run: its outcome is shown, then it is answered.

use ca::server::batch;

use super::take::unwrap;
use super::{Books, Port, Waiting};
use crate::device::command::{Command, Completion, DeviceError, Pending, Reply};
use crate::hooks::PutError;
use crate::log_limit::LogLimit;
use crate::sequence::template::Outcome;

/// Failed commands in the log.
static FAILURES: LogLimit = LogLimit::new(10);

/// How a command ended, beside its result.
pub(super) struct Ending {
    pub(super) aborted: bool,
    pub(super) number: i32,
    pub(super) elapsed: f64,
}

impl Port {
    /// A command has ended: shows the outcome, then answers.
    pub(crate) fn finish(&self, pending: Pending, result: Result<Reply, DeviceError>) {
        let elapsed = pending.started.elapsed().as_secs_f64();
        let result = result.and_then(Reply::fitting);
        batch(|| {
            let mut books = self.books.lock();
            books.pending -= 1;
            books.running = books.running.saturating_sub(1);
            if books.running == 0 {
                *self.clock.lock() = None;
                *self.overdue.lock() = None;
            }
            let aborted = self.is_aborting();
            let outcome = result.as_ref().map(|_| ()).map_err(|error| PutError::Failed(error.to_string()));
            if let Err(error) = &result {
                FAILURES.log(|left_out| {
                    tracing::warn!("{}: command {} failed: {error}{left_out}", self.name, pending.number);
                });
                pending.raise(&error.to_string());
            }
            // The commands behind an aborted one, or that gave way to one that is not counted, are done with it.
            let last = aborted || books.pending == 0;
            let number = if last { newer(books.discarded, pending.number) } else { pending.number };
            self.finished(&mut books, &result, Ending { aborted, number, elapsed });
            if books.running == 0 && aborted {
                self.end_abort();
            }
            pending.answer.send(outcome);
            if !self.is_aborting() {
                books.answer_aborts();
            }
        });
    }

    pub(super) fn finished(&self, books: &mut Books, result: &Result<Reply, DeviceError>, ending: Ending) {
        let idle = books.running == 0;
        books.begun = !idle;
        if let Some(template) = self.template() {
            let Ending { aborted, number, elapsed } = ending;
            template.finish(&Outcome { result, aborted, number, elapsed, idle });
        }
    }

    /// Takes a command that will not run off the books; its answer, a failure, is still to be sent.
    pub(super) fn discard(&self, books: &mut Books, mut command: Command) -> Option<Pending> {
        books.pending -= 1;
        let pending = command.take_completion().and_then(Completion::into_pending)?;
        books.discarded = newer(books.discarded, pending.number);
        Some(pending)
    }

    /// Takes all waiting commands off the books; sending their answers is the caller's last step.
    pub(super) fn discard_all(&self, books: &mut Books) -> Vec<Pending> {
        let mut dropped = Vec::new();
        let mut watched = Vec::new();
        for place in self.queue.1.try_iter() {
            if let Waiting::Watched(slot) = place {
                watched.push(slot);
                continue;
            }
            books.queued -= 1;
            books.since.pop_front();
            dropped.extend(unwrap(place).and_then(|command| self.discard(books, command)));
        }
        for command in self.urgent.1.try_iter() {
            dropped.extend(self.discard(books, command));
        }
        // What a remote PV has told stays told: its server does not say it again.
        watched.into_iter().for_each(|slot| _ = self.queue.0.send(Waiting::Watched(slot)));
        self.show_queue(books);
        dropped
    }
}

/// The later of two running numbers, which wrap.
fn newer(a: i32, b: i32) -> i32 {
    if b.wrapping_sub(a) > 0 { b } else { a }
}
