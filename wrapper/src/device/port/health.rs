//! What the watchdog sees of a device, and the restart that somebody asks for.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

use ca::proto::dbr::{Scalar, Value};
use ca::server::batch;

use super::{DevicePort, Port};
use crate::answer::Answer;
use crate::device::supervision::Health;
use crate::device::watchdog::WakeUp;
use crate::hooks::PutError;
use crate::pv::MakeAnswer;
use crate::sequence::template::Template;

/// The command that runs, as the watchdog sees it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) name: String,
    pub(super) within: std::time::Duration,
    pub(super) since: Instant,
}

/// Puts that ask for a restart.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    asked: Vec<Answer>,
    /// The device is on its way up for them.
    under_way: Vec<Answer>,
}

impl Restarts {
    /// All of them, when the device stops for good.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Answer> {
        let Self { asked, under_way } = std::mem::take(self);
        under_way.into_iter().chain(asked)
    }

    pub(super) fn take_under_way(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.under_way)
    }
}

impl DevicePort {
    /// Starts the device again, when a put asks for it; true when the answer comes later.
    pub(crate) fn restart(&self, value: &Value, answer: impl MakeAnswer) -> Result<bool, PutError> {
        if matches!(value, Value::Scalar(Scalar::Enum(0))) {
            return Ok(false);
        }
        let port = self.queue()?;
        let mut books = port.books.lock();
        if port.is_stopping() {
            return Err(PutError::Offline);
        }
        let Restarts { asked, under_way } = &mut books.restarts;
        let queued = asked.len() + under_way.len();
        if queued >= port.limit {
            return Err(PutError::QueueFull { queued });
        }
        asked.extend(Some(answer()).filter(Answer::is_awaited));
        port.restarting.store(true, SeqCst);
        drop(books);
        port.nudge();
        Ok(true)
    }
}

crate::pv_enum! {
    /// What the thread of a device does.
    pub(crate) enum ThreadState {
        /// It waits for a command.
        Waiting = "Waiting",
        /// It executes one.
        Busy = "Busy",
        /// It executes one for longer than that should take.
        Late = "Late",
        /// It is down.
        Down = "Down",
    }
}

impl Port {
    pub(crate) fn thread_state(&self) -> ThreadState {
        let late = self.template().is_some_and(Template::is_overrun);
        let books = self.books.lock();
        match () {
            () if !books.online => ThreadState::Down,
            () if late => ThreadState::Late,
            () if books.running > 0 => ThreadState::Busy,
            () => ThreadState::Waiting,
        }
    }

    /// Commands that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.books.lock().waiting()
    }

    /// Commands that were refused because too many waited.
    pub(crate) fn refused(&self) -> i32 {
        self.books.lock().refused
    }

    pub(crate) fn set_health(&self, health: Health) {
        // A port is completed once, by the builder that made it.
        let _ = self.health.set(health);
    }

    pub(crate) fn health(&self) -> Option<&Health> {
        self.health.get()
    }

    /// Somebody asked for a restart.
    pub(crate) fn is_restarting(&self) -> bool {
        self.restarting.load(SeqCst)
    }

    /// True when somebody asked for a restart, which is now under way; the next one has to be asked for again.
    pub(crate) fn take_restart(&self) -> bool {
        let mut books = self.books.lock();
        let Restarts { asked, under_way } = &mut books.restarts;
        under_way.append(asked);
        self.restarting.swap(false, SeqCst)
    }

    /// The device has not come up: those who asked for its restart are told why.
    pub(crate) fn restart_failed(&self, reason: &str) {
        batch(|| {
            let answers = self.books.lock().restarts.take_under_way();
            answers.into_iter().for_each(|answer| answer.send(Err(PutError::Failed(reason.to_owned()))));
        });
    }

    /// Notes whom to wake when the device becomes busy.
    pub(crate) fn wake_up(&self, watchdog: &Arc<WakeUp>) {
        // An IOC has one watchdog.
        let _ = self.watchdog.set(watchdog.clone());
    }

    /// Nothing runs and nothing waits.
    pub(crate) fn is_idle(&self) -> bool {
        let books = self.books.lock();
        books.pending == 0 && books.running == 0
    }

    /// The device's thread shows that it lives.
    pub(super) fn alive(&self) {
        *self.seen.lock() = Instant::now();
    }

    /// Publishes ages, and names a command that takes longer than it should.
    pub(crate) fn look_after(&self) {
        let now = Instant::now();
        let (busy, queue) = {
            let books = self.books.lock();
            (books.running > 0, books.since.front().map_or(now, |since| *since))
        };
        let seen = if busy { now.saturating_duration_since(*self.seen.lock()) } else { Default::default() };
        if let Some(health) = self.health() {
            health.ages(seen, now.saturating_duration_since(queue));
        }
        let overdue = self
            .overdue
            .lock()
            .take_if(|running| now.saturating_duration_since(running.since) > running.within);
        if let Some(Running { name, within, .. }) = overdue.filter(|_| busy) {
            let word = format!("command {name:?} takes longer than the {within:?} it should");
            tracing::warn!("{}: {word}", self.name);
            if let Some(template) = self.template() {
                template.overrun(word);
            }
        }
    }
}
