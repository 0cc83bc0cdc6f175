//! A command on its way through a device, and its one answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::io::Interrupted;
use super::port::Port;
use crate::answer::Answer;
use crate::pv::Active;
use crate::sequence::arg::{Arg, Call};
use crate::sequence::spec::Bound;
use crate::sequence::template::MAX_VALUES;

/// What a device is asked to do.
///
/// ```
/// use wrapper::Command;
/// let command = Command::new("move").arg("to", 5.0);
/// assert_eq!(command.number("to").unwrap(), 5.0);
/// assert!(command.number("speed").is_err());
/// ```
#[derive(Debug)]
pub struct Command {
    name: String,
    args: Vec<(String, Arg)>,
    text: Option<String>,
    number: i32,
    within: Option<Duration>,
    completion: Option<Completion>,
    origin: Origin,
}

/// Where a command comes from, and whether the template shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Client,
    Watch { shown: bool },
}

impl Command {
    /// A command without arguments; the empty name is the one of a bare list or mapping.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            args: Vec::new(),
            text: None,
            number: 0,
            within: None,
            completion: None,
            origin: Origin::Client,
        }
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, name: impl Into<String>, value: impl Into<Arg>) -> Self {
        self.args.push((name.into(), value.into()));
        self
    }

    /// A command made by [`DeviceIo::watch`](crate::DeviceIo::watch) that the template shows as those of clients: BUSY,
    /// COUNT, ACK, `values`, `message`.
    #[must_use]
    pub fn shown(mut self) -> Self {
        self.origin = Origin::Watch { shown: true };
        self
    }

    /// True when it was made of an update by [`DeviceIo::watch`](crate::DeviceIo::watch): no client gave it.
    pub fn is_watched(&self) -> bool {
        self.origin != Origin::Client
    }

    /// The template does not show it.
    pub(crate) fn is_quiet(&self) -> bool {
        self.origin == Origin::Watch { shown: false }
    }

    /// Marks it as made of an update.
    pub(crate) fn watched(mut self) -> Self {
        if self.origin == Origin::Client {
            self.origin = Origin::Watch { shown: false };
        }
        self
    }

    /// Text that does not parse, or need not.
    pub(crate) fn raw(text: &str) -> Self {
        Self { text: Some(text.to_owned()), ..Self::new("") }
    }

    /// Text that parsed; positional arguments have an empty name.
    pub(crate) fn from_call(call: Call, text: &str) -> Self {
        let positional = call.args.into_iter().map(|arg| (String::new(), arg));
        let args = positional.chain(call.named).collect();
        Self { args, text: Some(text.to_owned()), ..Self::new(call.name) }
    }

    /// A command that was checked against its list.
    pub(crate) fn from_bound(bound: Bound) -> Self {
        bound.args.into_iter().fold(Self::new(bound.name), |command, (name, arg)| command.arg(name, arg))
    }

    /// The call that would have made this command.
    pub(crate) fn into_call(self) -> Call {
        let (positional, named): (Vec<_>, Vec<_>) =
            self.args.into_iter().partition(|(name, _)| name.is_empty());
        Call { name: self.name, args: positional.into_iter().map(|(_, arg)| arg).collect(), named }
    }

    pub(crate) fn with_text(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    pub(crate) fn with_time(mut self, within: Option<Duration>) -> Self {
        self.within = within;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All arguments in order, each with its name.
    pub fn args(&self) -> &[(String, Arg)] {
        &self.args
    }

    /// The argument of this name.
    pub fn get(&self, name: &str) -> Option<&Arg> {
        self.args.iter().find(|(n, _)| n == name).map(|(_, arg)| arg)
    }

    /// The argument at this position, from 0.
    pub fn at(&self, index: usize) -> Option<&Arg> {
        self.args.get(index).map(|(_, arg)| arg)
    }

    /// The number of this name.
    ///
    /// # Errors
    /// When there is none, or it is not a number.
    pub fn number(&self, name: &str) -> Result<f64, DeviceError> {
        let arg = self.get(name).ok_or_else(|| DeviceError::new(format!("argument {name:?} is missing")))?;
        arg.as_f64().ok_or_else(|| {
            DeviceError::new(format!("argument {name:?} is {} {arg}, must be a number", arg.kind()))
        })
    }

    /// The text as it was put, when it came as text.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Its running number, as COUNT and DONE show it.
    pub fn count(&self) -> i32 {
        self.number
    }

    /// How long it should take at most, when its list says so.
    pub fn stated_time(&self) -> Option<Duration> {
        self.within
    }

    /// Answers the command; without this, dropping it answers that it failed.
    pub fn finish(mut self, result: Result<Reply, DeviceError>) {
        if let Some(completion) = self.completion.take() {
            completion.finish(result);
        }
    }

    pub(crate) fn submit(&mut self, number: i32, completion: Completion) {
        self.number = number;
        self.completion = Some(completion);
    }

    pub(crate) fn completion_mut(&mut self) -> Option<&mut Completion> {
        self.completion.as_mut()
    }

    pub(crate) fn take_completion(&mut self) -> Option<Completion> {
        self.completion.take()
    }
}

/// The obligation to answer one command.
#[derive(Debug)]
pub(crate) struct Completion(Option<Pending>);

/// What is needed to answer.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) port: Arc<Port>,
    /// What was put; none when no client gave the command.
    pub(crate) source: Option<Active>,
    pub(crate) number: i32,
    pub(crate) answer: Answer,
    pub(crate) started: Instant,
}

impl Pending {
    /// Shows at the PV whose put it was that it failed, and why.
    pub(crate) fn raise(&self, reason: &str) {
        if let Some(source) = &self.source {
            source.fail(reason);
        }
    }
}

impl Completion {
    pub(crate) fn new(pending: Pending) -> Self {
        Self(Some(pending))
    }

    /// The command starts now.
    pub(crate) fn start(&mut self) -> Instant {
        let now = Instant::now();
        if let Some(pending) = &mut self.0 {
            pending.started = now;
        }
        now
    }

    /// Answers, behind all that the device has posted so far.
    pub(crate) fn finish(mut self, result: Result<Reply, DeviceError>) {
        self.close(result);
    }

    /// Takes the obligation out; the caller answers.
    pub(crate) fn into_pending(mut self) -> Option<Pending> {
        self.0.take()
    }

    fn close(&mut self, result: Result<Reply, DeviceError>) {
        if let Some(pending) = self.0.take() {
            let port = pending.port.clone();
            port.outlet().finish(pending, result);
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        let reason =
            if std::thread::panicking() { "the device panicked" } else { "the device gave no answer" };
        self.close(Err(DeviceError::new(reason)));
    }
}

/// What a command that succeeded leaves in the template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    pub(crate) values: Option<Vec<f64>>,
    pub(crate) message: Option<String>,
}

impl Reply {
    /// Done, nothing to tell.
    pub fn done() -> Self {
        Self::default()
    }

    /// Done, with a result for `values`: at most 10 000 numbers, more is a failure.
    pub fn values(values: Vec<f64>) -> Self {
        Self { values: Some(values), message: None }
    }

    /// Done, with a word for `message`.
    pub fn message(text: impl Into<String>) -> Self {
        Self { values: None, message: Some(text.into()) }
    }

    pub(crate) fn fitting(self) -> Result<Self, DeviceError> {
        match self.values.as_ref().map(Vec::len) {
            Some(count) if count > MAX_VALUES => {
                Err(DeviceError::new(format!("{count} values, at most {MAX_VALUES} fit")))
            }
            _ => Ok(self),
        }
    }

    /// With a word for `message` as well.
    #[must_use]
    pub fn with_message(mut self, text: impl Into<String>) -> Self {
        self.message = Some(text.into());
        self
    }
}

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DeviceError {
    reason: String,
}

impl DeviceError {
    /// An error with its reason in words: lower case, no full stop, the value and the rule.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl From<&str> for DeviceError {
    fn from(reason: &str) -> Self {
        Self::new(reason)
    }
}

impl From<String> for DeviceError {
    fn from(reason: String) -> Self {
        Self { reason }
    }
}

impl From<Interrupted> for DeviceError {
    fn from(interrupted: Interrupted) -> Self {
        Self::new(interrupted.to_string())
    }
}

impl From<std::io::Error> for DeviceError {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}
