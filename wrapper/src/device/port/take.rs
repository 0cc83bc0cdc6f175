//! The device takes a command, or waits for one.

use std::time::Instant;

use ca::server::batch;

use super::abort::NOT_STARTED;
use super::health::Running;
use super::{Port, TICK, Waiting};
use crate::device::command::{Command, DeviceError};

impl Port {
    /// The device takes the next command; `None` when it was aborted before it started.
    fn take(&self, mut command: Command, from_queue: bool) -> Option<Command> {
        if command.is_quiet() {
            return Some(command);
        }
        let aborted = batch(|| {
            let mut books = self.books.lock();
            if from_queue {
                books.queued -= 1;
                books.since.pop_front();
            }
            // What outlives an ABORT is not aborted by it: see `discard_all`.
            if command.is_watched() && books.running == 0 && self.is_aborting() {
                self.end_abort();
                books.answer_aborts();
            }
            books.running += 1;
            if let Some(template) = self.template().filter(|_| !std::mem::replace(&mut books.begun, true)) {
                template.begin(None);
            }
            self.show_queue(&books);
            self.is_aborting()
        });
        if aborted {
            command.finish(Err(DeviceError::new(NOT_STARTED)));
            return None;
        }
        if let Some(completion) = command.completion_mut() {
            let now = completion.start();
            *self.clock.lock() = Some((now, now));
            let name = command.name().to_owned();
            *self.overdue.lock() = command.stated_time().map(|within| Running { name, within, since: now });
            *self.seen.lock() = now;
        }
        Some(command)
    }

    /// The next command of the line, if one waits.
    pub(crate) fn try_next(&self) -> Option<Command> {
        if let Some(command) = self.next_urgent() {
            return Some(command);
        }
        let place = self.queue.1.try_recv().ok()?;
        let counted = !matches!(place, Waiting::Watched(_));
        if !counted {
            // The end of an aborted command may still wait in the put queue: what outlives an ABORT is not aborted by it.
            self.outlet().settle();
        }
        self.take(unwrap(place)?, counted)
    }

    /// The next urgent command, if one waits.
    pub(crate) fn next_urgent(&self) -> Option<Command> {
        let command = self.urgent.1.try_recv().ok()?;
        self.take(command, false)
    }

    /// Waits until there is a command, a nudge, or the time is over; true when ABORT was put.
    pub(crate) fn wait(&self, until: Option<Instant>) -> bool {
        let mut select = crossbeam_channel::Select::new();
        select.recv(&self.queue.1);
        select.recv(&self.urgent.1);
        select.recv(&self.closed);
        let nudge = select.recv(&self.nudge.1);
        let ready = match until {
            Some(until) => select.ready_deadline(until).ok(),
            None => Some(select.ready()),
        };
        ready == Some(nudge) && self.nudge.1.try_recv().is_ok() && self.is_aborting()
    }

    /// Shows how long the running command has taken, ten times a second at most.
    pub(crate) fn show_elapsed(&self) {
        self.alive();
        let elapsed = match &mut *self.clock.lock() {
            Some((started, shown)) if shown.elapsed() >= TICK => {
                *shown = Instant::now();
                started.elapsed().as_secs_f64()
            }
            _ => return,
        };
        if let Some(template) = self.template() {
            template.elapsed(elapsed);
        }
    }
}

/// The command of a place; `None` when it was superseded and taken already.
pub(super) fn unwrap(place: Waiting) -> Option<Command> {
    match place {
        Waiting::Command(command) => Some(*command),
        Waiting::Slot(slot) | Waiting::Watched(slot) => slot.lock().take(),
    }
}
