//! An update of a remote PV becomes a command, in a place of its own in the queue.

use std::sync::Arc;
use std::time::Instant;

use ca::server::batch;

use super::finish::Ending;
use super::{Books, Port, Slot, Waiting};
use crate::answer::Answer;
use crate::device::command::{Command, Completion, DeviceError, Pending};

impl Port {
    /// Names of the remote PVs that the device watches, in the order in which it began.
    pub(crate) fn watches(&self) -> Vec<String> {
        self.watches.lock().clone()
    }

    /// A remote PV is watched from now on.
    pub(crate) fn note_watch(&self, name: &str) {
        self.watches.lock().push(name.to_owned());
    }

    /// One that was noted is not watched any more.
    pub(crate) fn end_watch(&self, name: &str) {
        let mut watches = self.watches.lock();
        if let Some(at) = watches.iter().position(|watch| watch == name) {
            watches.remove(at);
        }
    }

    /// Queues a command of a remote PV; a waiting one of the same PV gives way. Never refused: there is one place for each.
    pub(crate) fn submit_watched(self: &Arc<Self>, command: Command, slot: &Slot) {
        batch(|| {
            let mut books = self.books.lock();
            if self.is_stopping() {
                return;
            }
            let mut command = command.watched();
            if !command.is_quiet() {
                self.show_watched(&mut books, &mut command);
            }
            let older = slot.lock().replace(command);
            match older {
                // Its place in the queue is the newer one's.
                Some(older) => {
                    self.give_way(&mut books, older);
                    self.nothing_waits(&mut books, "superseded by a newer update of its PV");
                }
                None => _ = self.queue.0.send(Waiting::Watched(slot.clone())),
            }
        });
    }

    /// Shows a command as one that a client gave; nobody waits for its answer.
    fn show_watched(self: &Arc<Self>, books: &mut Books, command: &mut Command) {
        let number = self.show_accepted(books);
        books.pending += 1;
        let (answer, started) = (Answer::nowhere(), Instant::now());
        let port = self.clone();
        command.submit(number, Completion::new(Pending { port, source: None, number, answer, started }));
    }

    fn give_way(&self, books: &mut Books, older: Command) {
        if !older.is_quiet() {
            self.discard(books, older);
        }
    }

    /// Shows the end of a command that gave way, when none is left whose end would show it.
    fn nothing_waits(&self, books: &mut Books, reason: &str) {
        if books.pending == 0 && books.online && books.begun {
            let result = Err(DeviceError::new(reason));
            let number = books.discarded;
            self.finished(books, &result, Ending { aborted: false, number, elapsed: 0.0 });
        }
    }

    /// A remote PV is not watched any more: what waits of it is dropped.
    pub(crate) fn forget_watched(&self, slot: &Slot) {
        batch(|| {
            let mut books = self.books.lock();
            if let Some(older) = slot.lock().take() {
                self.give_way(&mut books, older);
                self.nothing_waits(&mut books, "its PV is not watched any more");
            }
        });
    }
}
