//! How a client's put is accepted.

use std::cell::Cell;
use std::sync::Arc;

use ca::proto::Alarm;
use ca::proto::dbr::{Meta, NativeType, Scalar, Value, WireArray};
use ca::server::{AccessRights, CircuitId, Client, PutFailure, PutOutcome, PutRequest, batch};

use super::core::PvCore;
use super::field::Field;
use super::tuning::is_range;
use crate::answer::{Answer, Putting};
use crate::device::Command;
use crate::hooks::{PutError, PutHook, guarded};
use crate::log_limit::LogLimit;
use crate::pv_type::{PvType, Shape};

/// Refused puts in the log.
static REFUSALS: LogLimit = LogLimit::new(10);

impl PvCore {
    /// A client's put, up to its acceptance.
    pub(crate) fn put(self: &Arc<Self>, wire: WireArray<'_>, request: &PutRequest<'_>) -> PutOutcome {
        // The circuit may not have heard yet that the right to put was taken.
        let result = if !self.rights().is_some_and(|rights| rights.contains(AccessRights::WRITE)) {
            Err(PutError::ReadOnly)
        } else if self.is_plain() {
            self.put_scalar(wire).map(|()| false)
        } else {
            self.put_wire(wire, Asker::Client(request))
        };
        match result {
            Ok(false) => PutOutcome::Done(Ok(())),
            Ok(true) => PutOutcome::Pending,
            Err(error) => {
                self.show_refusal(&error, &Asker::Client(request));
                if request.wants_answer()
                    && !(matches!(self.fixed.hook, PutHook::Store) && self.hooks().is_none())
                {
                    // As all answers of this PV: through the inbox, behind what the refusal has posted.
                    request.defer().send(error.eca());
                    return PutOutcome::Pending;
                }
                PutOutcome::Done(Err(PutFailure { status: error.eca(), reason: error.to_string() }))
            }
        }
    }

    /// A put of this process: through limits, checks, hook or device as a client's, also where clients may not put.
    pub(crate) fn put_from_code(self: &Arc<Self>, value: Value) -> Putting {
        self.ask(|asker| self.check_value(&value).and_then(|()| self.put_value(value, false, asker)))
    }

    /// The same, for a value of another type.
    pub(super) fn put_converted(self: &Arc<Self>, wire: WireArray<'_>) -> Putting {
        self.ask(|asker| self.convert(wire).and_then(|value| self.put_value(value, false, asker)))
    }

    fn ask(&self, put: impl FnOnce(&Asker<'_>) -> Result<bool, PutError>) -> Putting {
        self.ask_by("this IOC", put)
    }

    fn ask_by(&self, by: &str, put: impl FnOnce(&Asker<'_>) -> Result<bool, PutError>) -> Putting {
        let (putting, answer) = Putting::new();
        let asker = Asker::Code(by, Cell::new(Some(answer)));
        let result = put(&asker);
        if let Err(error) = &result {
            self.show_refusal(error, &asker);
        }
        match result {
            // The one who was asked has taken the answer.
            Ok(true) => putting,
            result => Putting::done(result.map(|_| ())),
        }
    }

    /// A put by somebody else than a circuit, with the rights of a client.
    pub(crate) fn put_by(self: &Arc<Self>, wire: WireArray<'_>, by: &str) -> Putting {
        let writable = self.rights().is_some_and(|rights| rights.contains(AccessRights::WRITE));
        self.ask_by(by, |asker| match writable {
            true => self.convert(wire).and_then(|value| self.put_value(value, false, asker)),
            false => Err(PutError::ReadOnly),
        })
    }

    /// True for a scalar whose puts need nothing but to be stored.
    fn is_plain(&self) -> bool {
        matches!(self.fixed.hook, PutHook::Store)
            && self.fixed.shape == Shape::Scalar
            && self.fixed.checks.is_empty()
            && self.hooks().is_none()
    }

    fn show_refusal(&self, error: &PutError, asker: &Asker<'_>) {
        // A device that is down shows COMM, which says more.
        if *error != PutError::Offline {
            self.set_alarm(Alarm::WRITE);
        }
        self.log_refusal("", error, asker);
    }

    /// A client's put to a field.
    pub(crate) fn put_field(
        &self,
        field: Field,
        wire: WireArray<'_>,
        request: &PutRequest<'_>,
    ) -> PutOutcome {
        let stored = self.store_field(field, wire, &Asker::Client(request));
        PutOutcome::Done(
            stored.map_err(|error| PutFailure { status: error.eca(), reason: error.to_string() }),
        )
    }

    /// The same by somebody else than a circuit.
    pub(crate) fn put_field_by(&self, field: Field, wire: WireArray<'_>, by: &str) -> Putting {
        Putting::done(self.store_field(field, wire, &Asker::Code(by, Cell::new(None))))
    }

    fn store_field(&self, field: Field, wire: WireArray<'_>, asker: &Asker<'_>) -> Result<(), PutError> {
        let stored = field
            .convert(self, wire)
            .and_then(|written| self.retune(|state| field.store(self, state, written)));
        if let Err(error) = &stored {
            self.log_refusal(&field.name(), error, asker);
        }
        stored
    }

    fn log_refusal(&self, field: &str, error: &PutError, asker: &Asker<'_>) {
        REFUSALS.log(|left_out| {
            let (name, by) = (&self.name, asker.describe());
            let dot = if field.is_empty() { "" } else { "." };
            tracing::info!("{name}{dot}{field}: put by {by} refused: {error}{left_out}");
        });
    }

    /// The plain case: one lock, no allocation.
    fn put_scalar(&self, wire: WireArray<'_>) -> Result<(), PutError> {
        let native = self.fixed.native;
        let early = match native {
            NativeType::Enum => None,
            _ if wire.ty == native => wire.element(0),
            NativeType::String => None,
            _ => Some(wire.to_scalar(native, &[], 0)?),
        };
        batch(|| {
            let mut state = self.lock();
            let scalar = match early {
                Some(scalar) => scalar,
                None => wire.to_scalar(native, &state.meta.labels, state.meta.precision)?,
            };
            check_control(&scalar, &state.meta)?;
            state.store_scalar(scalar, self.fixed.every_post);
            Ok(())
        })
    }

    /// Any other put of a client; true when its answer comes later.
    fn put_wire(self: &Arc<Self>, wire: WireArray<'_>, asker: Asker<'_>) -> Result<bool, PutError> {
        let value = self.convert(wire)?;
        let cut = wire.ty == NativeType::String && value.len() == 39;
        self.put_value(value, cut, &asker)
    }

    /// Stores a value or has it executed; true when the answer comes later. `cut` says that a text may have been
    /// cut by its client.
    fn put_value(self: &Arc<Self>, value: Value, cut: bool, asker: &Asker<'_>) -> Result<bool, PutError> {
        for check in &self.fixed.checks {
            checked(|| check(&value))?;
        }
        let answer = || asker.answer();
        match &self.fixed.hook {
            PutHook::Store => match self.hooks().filter(|end| end.takes_puts()) {
                Some(end) => {
                    end.put(self, value, asker.circuit(), asker.describe(), answer)?;
                    return Ok(true);
                }
                None => {
                    self.apply(value, None, None);
                    return Ok(false);
                }
            },
            PutHook::NoDevice => return Err(PutError::Offline),
            PutHook::Command { port, policy, make } => {
                let command = make_command(|| make(&value))?;
                port.submit(self, value, command, *policy, answer)?;
            }
            PutHook::CommandText { port } => port.submit_text(self, value, cut, answer)?,
            PutHook::Abort { port } => return port.abort(self, value, answer),
            PutHook::Restart { port } => {
                port.restart(&value)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Stores a value that a hook let pass.
    ///
    /// # Errors
    /// When it does not fit.
    pub(crate) fn store_put(self: &Arc<Self>, value: Value) -> Result<(), PutError> {
        self.check_length(&value)?;
        self.clone().post(value, None, None);
        Ok(())
    }

    /// The rules for a put that came as a value.
    fn check_value(&self, value: &Value) -> Result<(), PutError> {
        self.check_length(value)?;
        match value {
            Value::Scalar(scalar) => check_control(scalar, &self.meta()),
            Value::Array(_) => Ok(()),
        }
    }

    fn check_length(&self, value: &Value) -> Result<(), PutError> {
        let (length, capacity) = (value.len(), self.fixed.capacity);
        if length > capacity as usize {
            return Err(PutError::Refused(format!("{length} elements, {capacity} fit")));
        }
        Ok(())
    }

    fn convert(&self, wire: WireArray<'_>) -> Result<Value, PutError> {
        let meta = self.meta();
        let native = self.fixed.native;
        let capacity = self.fixed.capacity as usize;
        Ok(match self.fixed.shape {
            Shape::Scalar => {
                let scalar = wire.to_scalar(native, &meta.labels, meta.precision)?;
                check_control(&scalar, &meta)?;
                Value::Scalar(scalar)
            }
            Shape::Array => Value::array(wire.to_array(native, capacity, &meta.labels, meta.precision)?),
            Shape::Text => wire.to_text(capacity)?.into_value(),
        })
    }
}

/// Runs a check of the author; a panic in it refuses the put and harms nothing else.
fn checked(check: impl FnOnce() -> Result<(), String>) -> Result<(), PutError> {
    guarded(check).map_err(|reason| PutError::Refused(blame("the check of this PV", reason)))
}

/// Makes a command by the author's closure, with the same care.
fn make_command(make: impl FnOnce() -> Result<Command, PutError>) -> Result<Command, PutError> {
    guarded(|| Ok(make()))
        .unwrap_or_else(|reason| Err(PutError::Refused(blame("the command of this PV", reason))))
}

/// Names the closure that panicked.
fn blame(what: &str, reason: String) -> String {
    if reason.starts_with("panicked") { format!("{what} {reason}") } else { reason }
}

fn check_control(scalar: &Scalar, meta: &Meta) -> Result<(), PutError> {
    let limits = meta.control;
    if !is_range(limits) || matches!(scalar, Scalar::Enum(_)) {
        return Ok(());
    }
    match scalar.as_f64() {
        Some(number) if !(limits.low..=limits.high).contains(&number) => Err(PutError::OutsideLimits {
            value: number.to_string(),
            low: limits.low.to_string(),
            high: limits.high.to_string(),
        }),
        _ => Ok(()),
    }
}

/// Who puts.
enum Asker<'a> {
    Client(&'a PutRequest<'a>),
    Code(&'a str, Cell<Option<Answer>>),
}

impl Asker<'_> {
    /// The answer to give later; asked for once.
    fn answer(&self) -> Answer {
        match self {
            Self::Client(request) => Answer::Client(request.defer()),
            Self::Code(_, answer) => answer.take().unwrap_or(Answer::Code(None)),
        }
    }

    fn circuit(&self) -> Option<CircuitId> {
        match self {
            Self::Client(request) => Some(request.circuit()),
            Self::Code(..) => None,
        }
    }

    /// Who it is, for the log.
    fn describe(&self) -> String {
        match self {
            Self::Client(request) => {
                let Client { user, host, address } = request.client();
                format!("{user:?} on {host:?} ({address})")
            }
            Self::Code(by, _) => (*by).to_owned(),
        }
    }
}

/// Makes the answer of a put that is accepted.
pub(crate) trait MakeAnswer: FnOnce() -> Answer {}
impl<F: FnOnce() -> Answer> MakeAnswer for F {}
