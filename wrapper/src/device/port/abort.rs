//! ABORT: ends the running command and empties the queue.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use ca::proto::dbr::{Scalar, Value};
use ca::server::batch;

use super::finish::Ending;
use super::{Books, DevicePort, Port};
use crate::answer::Answer;
use crate::device::command::DeviceError;
use crate::hooks::PutError;
use crate::pv::{MakeAnswer, PvCore};

/// Why a command that waited fails.
pub(super) const NOT_STARTED: &str = "aborted before it started";

impl DevicePort {
    pub(crate) fn abort(
        &self,
        pv: &Arc<PvCore>,
        value: Value,
        answer: impl MakeAnswer,
    ) -> Result<bool, PutError> {
        self.queue()?.abort(pv, value, answer)
    }
}

impl Books {
    /// Answers every ABORT that waits for the end of what it aborted.
    pub(super) fn answer_aborts(&mut self) {
        self.aborts.drain(..).for_each(|answer| answer.send(Ok(())));
    }
}

impl Port {
    /// Raises the abort flag and empties the queue; true when the answer comes later, behind those of the
    /// aborted commands.
    pub(super) fn abort(
        &self,
        pv: &Arc<PvCore>,
        value: Value,
        answer: impl MakeAnswer,
    ) -> Result<bool, PutError> {
        let wanted = !matches!(value, Value::Scalar(Scalar::Enum(0)));
        batch(|| {
            let mut books = self.books.lock();
            if !books.online {
                return Err(PutError::Offline);
            }
            if books.aborts.len() >= self.limit {
                return Err(PutError::QueueFull { queued: books.aborts.len() });
            }
            pv.keep(value);
            if !wanted {
                return Ok(false);
            }
            let failed = self.discard_all(&mut books);
            if !failed.is_empty() {
                tracing::warn!("{}: aborted, {} waiting commands dropped", self.name, failed.len());
            }
            books.aborts.extend(Some(answer()).filter(Answer::is_awaited));
            if books.pending > 0 {
                self.aborting.store(true, SeqCst);
                self.nudge();
            } else {
                if !failed.is_empty() {
                    let result = Err(DeviceError::new(NOT_STARTED));
                    let number = books.discarded;
                    self.finished(&mut books, &result, Ending { aborted: true, number, elapsed: 0.0 });
                }
                self.end_abort();
            }
            for pending in failed {
                // The PV has the value that was put, and nobody has acted on it.
                pending.raise(NOT_STARTED);
                pending.answer.send(Err(PutError::Failed(NOT_STARTED.to_owned())));
            }
            if books.pending == 0 {
                books.answer_aborts();
            }
            Ok(true)
        })
    }

    pub(super) fn end_abort(&self) {
        self.aborting.store(false, SeqCst);
        if let Some(template) = self.template() {
            template.abort_ended();
        }
    }
}
