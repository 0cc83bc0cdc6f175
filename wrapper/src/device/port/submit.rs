//! A put becomes a command: checked, admitted, shown, queued, in one step.

use std::sync::Arc;
use std::time::Instant;

use ca::proto::dbr::Value;
use ca::server::batch;

use super::{Books, DevicePort, Port, Waiting};
use crate::device::command::{Command, Completion, Pending};
use crate::hooks::{Policy, PutError};
use crate::pv::{MakeAnswer, PvCore};
use crate::pv_type::PvType;
use crate::sequence::arg::Call;
use crate::sequence::spec::{self, CommandSpec};
use crate::sequence::text;

impl DevicePort {
    pub(crate) fn submit(
        &self,
        pv: &Arc<PvCore>,
        value: Value,
        command: Command,
        policy: Policy,
        answer: impl MakeAnswer,
    ) -> Result<(), PutError> {
        let port = self.queue()?;
        let command = port.told(port.bind(command))?;
        port.submit(pv, value, command, policy, answer)
    }

    pub(crate) fn submit_text(
        &self,
        pv: &Arc<PvCore>,
        value: Value,
        cut: bool,
        answer: impl MakeAnswer,
    ) -> Result<(), PutError> {
        let port = self.queue()?;
        let text = String::from_value(&value).unwrap_or_default();
        let command = if cut {
            Err("39 characters may be a text cut by the client, use caput -S (aioca: datatype=DBR_CHAR_STR)"
                .to_owned())
        } else {
            port.parse(&text)
        };
        port.submit(pv, value, port.told(command)?, Policy::Queue, answer)
    }
}

impl Port {
    fn specs(&self) -> &[CommandSpec] {
        self.specs.get().map_or(&[], Vec::as_slice)
    }

    /// The command that a text asks for. A device without a list gets any text, parsed where it parses.
    fn parse(&self, input: &str) -> Result<Command, String> {
        if self.specs().is_empty() {
            return Ok(
                text::parse(input).map_or_else(|_| Command::raw(input), |c| Command::from_call(c, input))
            );
        }
        let known = |name: &str| self.specs().iter().any(|spec| spec.name() == name);
        let call = text::parse_for(input, &known).map_err(|error| error.to_string())?;
        Ok(self.check(call)?.with_text(input))
    }

    /// The command that a put to one of the device's PVs makes, checked as text is.
    fn bind(&self, command: Command) -> Result<Command, String> {
        if self.specs().is_empty() { Ok(command) } else { self.check(command.into_call()) }
    }

    /// Checks a call against the device's list and fills in what it leaves out.
    fn check(&self, call: Call) -> Result<Command, String> {
        let spec = spec::find(self.specs(), &call).map_err(|error| error.to_string())?;
        let bound = spec.check(call).map_err(|error| error.to_string())?;
        Ok(Command::from_bound(bound).with_time(spec.stated_time()))
    }

    /// Passes a command on; a put that is no command is told in the template.
    fn told(&self, command: Result<Command, String>) -> Result<Command, PutError> {
        command.map_err(|reason| {
            batch(|| self.tell(&reason, &self.books.lock()));
            PutError::Refused(reason)
        })
    }

    /// Accepts a command: stores the value of its PV, shows that the device is busy, queues it.
    fn submit(
        self: &Arc<Self>,
        pv: &Arc<PvCore>,
        value: Value,
        mut command: Command,
        policy: Policy,
        answer: impl MakeAnswer,
    ) -> Result<(), PutError> {
        batch(|| {
            let mut books = self.books.lock();
            if let Err(refusal) = self.admit(&mut books, pv, policy) {
                self.tell(&refusal.to_string(), &books);
                return Err(refusal);
            }
            let number = self.show_accepted(&mut books);
            tracing::debug!("{}: command {number} {:?} accepted", self.name, command.name());
            pv.keep(value);
            command.submit(
                number,
                Completion::new(Pending {
                    port: self.clone(),
                    source: Some(pv.begin()),
                    number,
                    answer: answer(),
                    started: Instant::now(),
                }),
            );
            self.enqueue(&mut books, pv.id, command, policy);
            Ok(())
        })
    }

    /// Shows that one more command is accepted; returns its number.
    pub(super) fn show_accepted(&self, books: &mut Books) -> i32 {
        let number = books.accepted.wrapping_add(1);
        books.accepted = number;
        if let Some(watchdog) = self.watchdog.get() {
            watchdog.call();
        }
        if let Some(template) = self.template() {
            if books.pending == 0 {
                books.begun = true;
                template.begin(Some(number));
            } else {
                template.accepted(number);
            }
        }
        number
    }

    fn admit(&self, books: &mut Books, pv: &PvCore, policy: Policy) -> Result<(), PutError> {
        if !books.online {
            return Err(PutError::Offline);
        }
        let replaces =
            policy == Policy::Replace && books.slots.get(&pv.id).is_some_and(|slot| slot.lock().is_some());
        let full = match policy {
            Policy::Urgent => self.urgent.0.is_full(),
            Policy::Queue | Policy::Replace => !replaces && books.queued >= self.limit,
        };
        if full {
            books.refused = books.refused.wrapping_add(1);
            if let Some(template) = self.template() {
                template.refused(books.refused);
            }
            return Err(PutError::QueueFull { queued: self.limit });
        }
        Ok(())
    }

    fn enqueue(&self, books: &mut Books, pv: u64, command: Command, policy: Policy) {
        match policy {
            Policy::Queue => {
                books.queued += 1;
                books.since.push_back(Instant::now());
                let _ = self.queue.0.send(Waiting::Command(Box::new(command)));
            }
            Policy::Urgent => {
                // Admission found room, and only holders of the books send.
                let _ = self.urgent.0.try_send(command);
                self.nudge();
            }
            Policy::Replace => {
                let slot = books.slots.entry(pv).or_default().clone();
                let older = slot.lock().replace(command);
                match older {
                    Some(older) => {
                        if let Some(pending) = self.discard(books, older) {
                            pending
                                .answer
                                .send(Err(PutError::Failed("superseded by a newer put".to_owned())));
                        }
                    }
                    None => {
                        books.queued += 1;
                        books.since.push_back(Instant::now());
                        let _ = self.queue.0.send(Waiting::Slot(slot));
                    }
                }
            }
        }
        books.pending += 1;
        self.show_queue(books);
    }
}
