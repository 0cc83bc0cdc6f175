//! The get queue: where commands wait for their device, and the bookkeeping of what is accepted and done.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ca::proto::dbr::{Scalar, Value};
use ca::proto::{Alarm, Eca};
use ca::server::{Answer, batch};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::Mutex;

use super::command::{Command, Completion, DeviceError, Pending, Reply};
use super::put_queue::PutQueue;
use crate::hooks::{Policy, PutError};
use crate::pv::{MakeAnswer, PvCore};
use crate::pv_type::PvType;
use crate::sequence::spec::{self, CommandSpec};
use crate::sequence::template::{Outcome, Template};
use crate::sequence::text;

/// Commands that wait for a device at most.
const QUEUE: usize = 16;
/// How often ELAPSED is renewed.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Where puts become commands of one device; given to [`PvBuilder::command`](crate::PvBuilder::command).
#[derive(Clone, Debug)]
pub struct DevicePort(pub(crate) Arc<Port>);

impl DevicePort {
    pub(crate) fn submit(
        &self,
        pv: &Arc<PvCore>,
        value: Value,
        command: Command,
        policy: Policy,
        answer: impl MakeAnswer,
    ) -> Result<(), PutError> {
        self.0.submit(pv, value, command, policy, answer)
    }

    pub(crate) fn submit_text(
        &self,
        pv: &Arc<PvCore>,
        value: Value,
        cut: bool,
        answer: impl MakeAnswer,
    ) -> Result<(), PutError> {
        let text = String::from_value(&value).unwrap_or_default();
        let refusal = if cut {
            Err("39 characters may be a text cut by the client, use caput -S (aioca: datatype=DBR_CHAR_STR)"
                .to_owned())
        } else {
            self.0.parse(&text)
        };
        match refusal {
            Ok(command) => self.0.submit(pv, value, command, Policy::Queue, answer),
            Err(reason) => {
                self.0.refuse(&reason);
                Err(PutError::Refused(reason))
            }
        }
    }

    pub(crate) fn abort(
        &self,
        pv: &Arc<PvCore>,
        value: Value,
        answer: impl MakeAnswer,
    ) -> Result<bool, PutError> {
        self.0.abort(pv, value, answer)
    }
}

/// A place in the queue.
enum Waiting {
    Command(Box<Command>),
    /// The newest command of a PV with policy replace.
    Slot(Arc<Mutex<Option<Command>>>),
}

/// What is accepted, running, done. Numbers wrap as LONG does.
#[derive(Debug, Default)]
struct Books {
    online: bool,
    accepted: i32,
    /// The newest command that was answered without running.
    discarded: i32,
    /// Accepted and not answered.
    pending: usize,
    /// Waiting in the queue.
    queued: usize,
    running: usize,
    refused: i32,
    /// BUSY and the empty `values` of the next command are posted already.
    begun: bool,
    slots: HashMap<u64, Arc<Mutex<Option<Command>>>>,
    aborts: Vec<Answer>,
}

/// The two ends of a device's queue.
pub(crate) struct Port {
    name: String,
    limit: usize,
    books: Mutex<Books>,
    queue: (Sender<Waiting>, Receiver<Waiting>),
    urgent: (Sender<Command>, Receiver<Command>),
    nudge: (Sender<()>, Receiver<()>),
    /// Open until the IOC stops: the other end of `closed`.
    open: Mutex<Option<Sender<()>>>,
    closed: Receiver<()>,
    aborting: AtomicBool,
    stopping: AtomicBool,
    /// When the running command started, and when ELAPSED was last shown.
    clock: Mutex<Option<(Instant, Instant)>>,
    specs: OnceLock<Vec<CommandSpec>>,
    template: OnceLock<Template>,
    /// All PVs of the device, for its COMM alarms.
    pvs: OnceLock<Vec<Arc<PvCore>>>,
    outlet: Arc<PutQueue>,
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Port").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Port {
    pub(crate) fn new(name: &str) -> Arc<Self> {
        let (open, closed) = bounded(0);
        Arc::new(Self {
            open: Mutex::new(Some(open)),
            closed,
            name: name.to_owned(),
            limit: QUEUE,
            books: Mutex::new(Books { online: true, ..Books::default() }),
            // The books bound it: a send under their lock always finds room.
            queue: unbounded(),
            urgent: bounded(QUEUE),
            nudge: bounded(1),
            aborting: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            clock: Mutex::new(None),
            specs: OnceLock::new(),
            template: OnceLock::new(),
            pvs: OnceLock::new(),
            outlet: PutQueue::new(),
        })
    }

    /// Completes the port once the device's PVs exist.
    pub(crate) fn attach(&self, template: Template, specs: Vec<CommandSpec>, pvs: Vec<Arc<PvCore>>) {
        // A port is attached once, by the builder that made it.
        let _ = self.template.set(template);
        let _ = self.specs.set(specs);
        let _ = self.pvs.set(pvs);
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn outlet(&self) -> &Arc<PutQueue> {
        &self.outlet
    }

    pub(crate) fn template(&self) -> Option<&Template> {
        self.template.get()
    }

    pub(crate) fn is_aborting(&self) -> bool {
        self.aborting.load(SeqCst)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(SeqCst)
    }

    /// True when no command waits.
    pub(crate) fn is_drained(&self) -> bool {
        self.queue.1.is_empty() && self.urgent.1.is_empty()
    }

    pub(crate) fn has_urgent(&self) -> bool {
        !self.urgent.1.is_empty()
    }

    pub(crate) fn nudged(&self) -> &Receiver<()> {
        &self.nudge.1
    }

    fn nudge(&self) {
        let _already_nudged = self.nudge.0.try_send(());
    }

    fn parse(&self, input: &str) -> Result<Command, String> {
        let specs = self.specs.get().map_or(&[][..], Vec::as_slice);
        if specs.is_empty() {
            return Ok(
                text::parse(input).map_or_else(|_| Command::raw(input), |c| Command::from_call(c, input))
            );
        }
        let known = |name: &str| specs.iter().any(|spec| spec.name() == name);
        let call = text::parse_for(input, &known).map_err(|error| error.to_string())?;
        let spec = spec::find(specs, &call).map_err(|error| error.to_string())?;
        let within = spec.stated_time();
        let bound = spec.check(call).map_err(|error| error.to_string())?;
        Ok(Command::from_bound(bound).with_text(input).with_time(within))
    }

    /// Checks a command that a put to one of the device's PVs makes against the device's list, as text is
    /// checked, and fills in what it leaves out.
    fn bind(&self, command: Command) -> Result<Command, PutError> {
        let specs = self.specs.get().map_or(&[][..], Vec::as_slice);
        if specs.is_empty() || command.text().is_some() {
            return Ok(command);
        }
        let call = command.into_call();
        let bound = spec::find(specs, &call).and_then(|spec| Ok((spec.check(call)?, spec.stated_time())));
        match bound {
            Ok((bound, within)) => Ok(Command::from_bound(bound).with_time(within)),
            Err(error) => {
                self.refuse(&error.to_string());
                Err(PutError::Refused(error.to_string()))
            }
        }
    }

    /// Tells about a put that was no command.
    fn refuse(&self, reason: &str) {
        batch(|| self.tell(reason, &self.books.lock()));
    }

    /// Shows why a put was refused: ERROR of a device that is down says why it is, ACK of a running command
    /// is that one's.
    fn tell(&self, reason: &str, books: &Books) {
        if let Some(template) = self.template() {
            template.refused_put(reason, books.online, books.pending == 0);
        }
    }

    /// Accepts a command: stores the value of its PV, shows that the device is busy, queues it.
    fn submit(
        self: &Arc<Self>,
        pv: &Arc<PvCore>,
        value: Value,
        command: Command,
        policy: Policy,
        answer: impl MakeAnswer,
    ) -> Result<(), PutError> {
        let command = self.bind(command)?;
        batch(|| {
            let mut books = self.books.lock();
            if let Err(refusal) = self.admit(&mut books, pv, policy) {
                self.tell(&refusal.to_string(), &books);
                return Err(refusal);
            }
            let number = books.accepted.wrapping_add(1);
            tracing::debug!("{}: command {number} {:?} accepted", self.name, command.name());
            books.accepted = number;
            if let Some(template) = self.template() {
                if books.pending == 0 {
                    books.begun = true;
                    template.begin(Some(number));
                } else {
                    template.accepted(number);
                }
            }
            pv.apply(value, None, None);
            let mut command = command;
            command.submit(
                number,
                Completion::new(Pending {
                    port: self.clone(),
                    source: pv.clone(),
                    number,
                    answer: answer(),
                    started: Instant::now(),
                }),
            );
            self.enqueue(&mut books, pv.id, command, policy);
            Ok(())
        })
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
                        if let Some(answer) = self.discard(books, older) {
                            answer.send(Eca::PUTFAIL);
                        }
                    }
                    None => {
                        books.queued += 1;
                        let _ = self.queue.0.send(Waiting::Slot(slot));
                    }
                }
            }
        }
        books.pending += 1;
        self.show_queue(books);
    }

    fn show_queue(&self, books: &Books) {
        if let Some(template) = self.template() {
            // The command that an idle device is about to take does not wait.
            template.queued(if books.running == 0 { books.queued.saturating_sub(1) } else { books.queued });
        }
    }

    /// Takes a command that will not run off the books; its answer, a failure, is still to be sent.
    fn discard(&self, books: &mut Books, mut command: Command) -> Option<Answer> {
        books.pending -= 1;
        let pending = command.take_completion().and_then(Completion::into_pending)?;
        books.discarded = newer(books.discarded, pending.number);
        Some(pending.answer)
    }

    /// Takes all waiting commands off the books; sending their answers is the caller's last step.
    fn discard_all(&self, books: &mut Books) -> Vec<Answer> {
        let mut answers = Vec::new();
        for place in self.queue.1.try_iter() {
            books.queued -= 1;
            answers.extend(unwrap(place).and_then(|command| self.discard(books, command)));
        }
        for command in self.urgent.1.try_iter() {
            answers.extend(self.discard(books, command));
        }
        self.show_queue(books);
        answers
    }

    /// Raises the abort flag and empties the queue; true when the answer comes later, behind those of the
    /// aborted commands.
    fn abort(&self, pv: &Arc<PvCore>, value: Value, answer: impl MakeAnswer) -> Result<bool, PutError> {
        let wanted = !matches!(value, Value::Scalar(Scalar::Enum(0)));
        batch(|| {
            let mut books = self.books.lock();
            if !books.online {
                return Err(PutError::Offline);
            }
            if books.aborts.len() >= self.limit {
                return Err(PutError::QueueFull { queued: books.aborts.len() });
            }
            pv.apply(value, None, None);
            if !wanted {
                return Ok(false);
            }
            let failed = self.discard_all(&mut books);
            if !failed.is_empty() {
                tracing::warn!("{}: aborted, {} waiting commands dropped", self.name, failed.len());
            }
            let answer = Some(answer()).filter(Answer::is_awaited);
            if books.pending > 0 {
                self.aborting.store(true, SeqCst);
                self.nudge();
                books.aborts.extend(answer);
            } else {
                if !failed.is_empty() {
                    let result = Err(DeviceError::new("aborted before it started"));
                    let number = books.discarded;
                    self.finished(&mut books, &result, Ending { aborted: true, number, elapsed: 0.0 });
                }
                pv.apply(Value::Scalar(Scalar::Enum(0)), None, None);
                books.aborts.extend(answer);
            }
            failed.into_iter().for_each(|answer| answer.send(Eca::PUTFAIL));
            if books.pending == 0 {
                books.aborts.drain(..).for_each(|answer| answer.send(Eca::NORMAL));
            }
            Ok(true)
        })
    }

    /// The device takes the next command; `None` when it was aborted before it started.
    fn take(&self, mut command: Command, from_queue: bool) -> Option<Command> {
        let aborted = batch(|| {
            let mut books = self.books.lock();
            books.queued -= usize::from(from_queue);
            books.running += 1;
            if let Some(template) = self.template().filter(|_| !std::mem::replace(&mut books.begun, true)) {
                template.begin(None);
            }
            self.show_queue(&books);
            self.is_aborting()
        });
        if aborted {
            command.finish(Err(DeviceError::new("aborted before it started")));
            return None;
        }
        if let Some(completion) = command.completion_mut() {
            let now = completion.start();
            *self.clock.lock() = Some((now, now));
        }
        Some(command)
    }

    /// The next command of the line, if one waits.
    pub(crate) fn try_next(&self) -> Option<Command> {
        if let Some(command) = self.next_urgent() {
            return Some(command);
        }
        let command = self.queue.1.try_recv().ok().and_then(unwrap)?;
        self.take(command, true)
    }

    /// The next urgent command, if one waits.
    pub(crate) fn next_urgent(&self) -> Option<Command> {
        let command = self.urgent.1.try_recv().ok()?;
        self.take(command, false)
    }

    /// Shows how long the running command has taken, ten times a second at most.
    pub(crate) fn show_elapsed(&self) {
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

    /// Waits until there is a command, a nudge, or the time is over.
    pub(crate) fn wait(&self, until: Option<Instant>) {
        let mut select = crossbeam_channel::Select::new();
        select.recv(&self.queue.1);
        select.recv(&self.urgent.1);
        select.recv(&self.closed);
        let nudge = select.recv(&self.nudge.1);
        let ready = match until {
            Some(until) => select.ready_deadline(until).ok(),
            None => Some(select.ready()),
        };
        if ready == Some(nudge) {
            let _ = self.nudge.1.try_recv();
        }
    }

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
            }
            let aborted = self.is_aborting();
            let status = if result.is_ok() { Eca::NORMAL } else { Eca::PUTFAIL };
            if let Err(error) = &result {
                tracing::warn!("{}: command {} failed: {error}", self.name, pending.number);
                pending.source.set_alarm(Alarm::WRITE);
            }
            // The commands behind an aborted one are done with it.
            let number = if aborted { newer(books.discarded, pending.number) } else { pending.number };
            self.finished(&mut books, &result, Ending { aborted, number, elapsed });
            if books.running == 0 && aborted {
                self.end_abort();
            }
            pending.answer.send(status);
            if !self.is_aborting() {
                books.aborts.drain(..).for_each(|answer| answer.send(Eca::NORMAL));
            }
        });
    }

    fn finished(&self, books: &mut Books, result: &Result<Reply, DeviceError>, ending: Ending) {
        let idle = books.running == 0;
        books.begun = !idle;
        if let Some(template) = self.template() {
            let Ending { aborted, number, elapsed } = ending;
            template.finish(&Outcome { result, aborted, number, elapsed, idle });
        }
    }

    fn end_abort(&self) {
        self.aborting.store(false, SeqCst);
        if let Some(template) = self.template() {
            template.abort_ended();
        }
    }

    /// The device is up: commands are accepted, alarms are those of the values. True when it was down.
    pub(crate) fn up(&self) -> bool {
        let mut books = self.books.lock();
        if self.is_stopping() || std::mem::replace(&mut books.online, true) {
            return false;
        }
        batch(|| {
            self.pvs.get().into_iter().flatten().for_each(|pv| pv.reset_alarm());
            if let Some(template) = self.template() {
                template.online();
            }
        });
        true
    }

    /// The device is down: waiting commands fail, its PVs are INVALID.
    pub(crate) fn down(&self, reason: &str) {
        batch(|| {
            let mut books = self.books.lock();
            books.online = false;
            let failed = self.discard_all(&mut books);
            books.begun = false;
            self.end_abort();
            if let Some(template) = self.template() {
                template.offline(reason, (!failed.is_empty()).then_some(books.discarded));
            }
            self.pvs.get().into_iter().flatten().for_each(|pv| pv.set_alarm(Alarm::COMM));
            failed.into_iter().for_each(|answer| answer.send(Eca::PUTFAIL));
            books.aborts.drain(..).for_each(|answer| answer.send(Eca::NORMAL));
        });
    }

    /// Ends the thread's loop as soon as the device lets go; waiting commands fail.
    pub(crate) fn stop(&self) {
        batch(|| {
            let mut books = self.books.lock();
            self.stopping.store(true, SeqCst);
            books.online = false;
            let failed = self.discard_all(&mut books);
            failed.into_iter().for_each(|answer| answer.send(Eca::PUTFAIL));
        });
        // Dropped, it wakes whoever waits, for good.
        self.open.lock().take();
        self.nudge();
    }
}

fn unwrap(place: Waiting) -> Option<Command> {
    match place {
        Waiting::Command(command) => Some(*command),
        Waiting::Slot(slot) => slot.lock().take(),
    }
}

/// The later of two running numbers, which wrap.
fn newer(a: i32, b: i32) -> i32 {
    if b.wrapping_sub(a) > 0 { b } else { a }
}

/// How a command ended, beside its result.
struct Ending {
    aborted: bool,
    number: i32,
    elapsed: f64,
}
