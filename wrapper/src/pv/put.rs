//! How a put is accepted: a client's, or one of this process.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use ca::proto::Alarm;
use ca::proto::dbr::{FixedString, LimitPair, Meta, NativeType, Scalar, Value, WireArray};
use ca::server::{AccessRights, CircuitId, Client, PutFailure, PutOutcome, PutRequest, batch};

use super::audit::{self, Entry as AuditEntry};
use super::core::PvCore;
use super::field::{After, Field};
use super::flags;
use super::post::Post;
use super::tuning::is_range;
use crate::answer::{Answer, Putting};
use crate::device::Command;
use crate::hooks::{PutError, PutHook, guarded};
use crate::log_limit::LogLimit;
use crate::pv_type::{PvType, Shape};
use crate::record::{ControlRule, FieldSpec, number_as};

/// Refused puts in the log.
static REFUSALS: LogLimit = LogLimit::new(10);
/// Texts that may have been cut, in the log.
static CUT: LogLimit = LogLimit::new(1);

/// What clients do.
impl PvCore {
    /// A client's put, up to its acceptance.
    pub(crate) fn put(self: &Arc<Self>, wire: WireArray<'_>, request: &PutRequest<'_>) -> PutOutcome {
        // The plain case does without the bookkeeping of who is answered and told.
        if self.just_stores() && !audit::is_on() {
            return match self.put_scalar(wire) {
                Ok(()) => PutOutcome::Done(Ok(())),
                Err(error) => self.refused(error, request, &Asker::Client(request, Cell::new(None))),
            };
        }
        let asker = Asker::Client(request, Cell::new(self.audited("", wire, || who(request))));
        let result = self.admit(&asker).and_then(|()| self.put_wire(wire, &asker));
        self.outcome(result, request, &asker)
    }

    /// A client's put to a field.
    pub(crate) fn put_field(
        self: &Arc<Self>,
        field: &'static FieldSpec,
        wire: WireArray<'_>,
        request: &PutRequest<'_>,
    ) -> PutOutcome {
        let asker = Asker::Client(request, Cell::new(self.audited(field.name, wire, || who(request))));
        match self.store_field(field, wire, &asker) {
            Ok(after) => self.outcome(self.follow_up(after, &asker), request, &asker),
            Err(error) => PutOutcome::Done(Err(asker.refuse(error))),
        }
    }

    #[inline]
    fn outcome(
        &self,
        result: Result<bool, PutError>,
        request: &PutRequest<'_>,
        asker: &Asker<'_>,
    ) -> PutOutcome {
        match result {
            Ok(false) => {
                asker.tell(Ok(()));
                PutOutcome::Done(Ok(()))
            }
            Ok(true) => PutOutcome::Pending,
            Err(error) => self.refused(error, request, asker),
        }
    }

    #[cold]
    fn refused(&self, error: PutError, request: &PutRequest<'_>, asker: &Asker<'_>) -> PutOutcome {
        self.show_refusal(&error, asker);
        let failure = asker.refuse(error);
        let answers_at_once = matches!(self.fixed.hook, PutHook::Store) && self.hooks().is_none();
        if request.wants_answer() && !answers_at_once {
            // As all answers of this PV: through the inbox, behind what the refusal has posted.
            let answer = request.defer();
            self.afterwards(move || answer.send(failure.status));
            return PutOutcome::Pending;
        }
        PutOutcome::Done(Err(failure))
    }

    /// The plain case: one lock, no allocation.
    fn put_scalar(&self, wire: WireArray<'_>) -> Result<(), PutError> {
        let native = self.fixed.native;
        // What needs no labels, precision or conversion is read in front of the lock.
        let early = if wire.ty == native && native != NativeType::Enum { wire.element(0) } else { None };
        batch(|| {
            self.change(|state| {
                let scalar = match early {
                    Some(scalar) => scalar,
                    None => wire.to_scalar(native, &state.meta.labels, state.meta.precision)?,
                };
                let scalar = self.within_control(scalar, &state.meta)?;
                state.store_scalar(scalar, self.fixed.every_post);
                Ok(())
            })
        })
    }
}

/// What code of this process does.
impl PvCore {
    /// A put of the author's: through limits, checks, hook or device as a client's, also where clients may not put.
    pub(crate) fn put_from_code(self: &Arc<Self>, value: Value) -> Putting {
        self.ask("this IOC", |asker| self.put_value(self.fitting(value)?, false, asker))
    }

    /// The same, for a value of another type.
    pub(super) fn put_converted(self: &Arc<Self>, wire: WireArray<'_>) -> Putting {
        self.ask("this IOC", |asker| self.put_wire(wire, asker))
    }

    /// A put by somebody else than a circuit, with the rights of a client.
    pub(crate) fn put_by(self: &Arc<Self>, wire: WireArray<'_>, by: &str) -> Putting {
        self.ask(by, |asker| {
            self.admit(asker)?;
            self.put_wire(wire, asker)
        })
    }

    /// The same to a field.
    pub(crate) fn put_field_by(
        self: &Arc<Self>,
        field: &'static FieldSpec,
        wire: WireArray<'_>,
        by: &str,
    ) -> Putting {
        match self.store_field(field, wire, &Asker::Code(by, Cell::new(None))) {
            Ok(after) => self.ask(by, |asker| self.follow_up(after, asker)),
            Err(error) => Putting::done(Err(error)),
        }
    }

    fn ask(&self, by: &str, put: impl FnOnce(&Asker<'_>) -> Result<bool, PutError>) -> Putting {
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

    /// Stores a value that a hook let pass, behind what was posted before.
    ///
    /// # Errors
    /// When it does not fit.
    pub(crate) fn store_put(self: &Arc<Self>, value: Value) -> Result<(), PutError> {
        self.check_length(&value)?;
        let pv = self.clone();
        self.afterwards(move || pv.keep(value));
        Ok(())
    }

    /// What a put of a value of the PV's own type stores.
    fn fitting(&self, value: Value) -> Result<Value, PutError> {
        self.check_length(&value)?;
        Ok(match value {
            Value::Scalar(scalar) => Value::Scalar(self.within_control(scalar, &self.meta())?),
            array => self.encoded(array),
        })
    }

    /// What of a saved value comes back: a text as its bytes are, a number that clients may put within its limits.
    pub(super) fn fitting_saved(&self, value: Value) -> Result<Value, PutError> {
        self.check_length(&value)?;
        match value {
            Value::Scalar(scalar) if !self.fixed.read_only => {
                self.within_control(scalar, &self.meta()).map(Value::Scalar)
            }
            value => Ok(value),
        }
    }

    fn check_length(&self, value: &Value) -> Result<(), PutError> {
        let (length, capacity) = (value.len(), self.fixed.capacity);
        if length > capacity as usize {
            return Err(PutError::Refused(format!("{length} elements, {capacity} fit")));
        }
        Ok(())
    }
}

/// What both come to.
impl PvCore {
    /// Whether a put is taken at all.
    fn admit(&self, asker: &Asker<'_>) -> Result<(), PutError> {
        // The circuit may not have heard yet that the right to put was taken.
        if !self.is_writable() {
            return Err(PutError::ReadOnly);
        }
        if self.flags.load(Relaxed) & flags::SPECIAL != 0 && !self.takes(asker) {
            return Err(PutError::Disabled);
        }
        Ok(())
    }

    /// What comes before a put to a PV with DISP or TPRO; false when the put is refused.
    #[cold]
    fn takes(&self, asker: &Asker<'_>) -> bool {
        if self.is_traced() {
            tracing::info!("{}: put by {}", self.name, asker.describe());
        }
        !self.refuses_puts()
    }

    /// True while clients may put to the value.
    fn is_writable(&self) -> bool {
        self.rights().is_some_and(|rights| rights.contains(AccessRights::WRITE))
    }

    /// A text of just the length of a STRING may have lost its end in the client.
    #[cold]
    fn log_cut(&self, asker: &Asker<'_>) {
        CUT.log(|left_out| {
            let (name, by, most) = (&self.name, asker.describe(), FixedString::MAX);
            tracing::warn!(
                "{name}: put by {by} is {most} characters, the most of a STRING: what follows was cut if there was more \
                 (caput -S puts it in full){left_out}"
            );
        });
    }

    fn show_refusal(&self, error: &PutError, asker: &Asker<'_>) {
        // A device that is down shows COMM, which says more; DISP is nothing wrong with the PV.
        if !matches!(error, PutError::Offline | PutError::Disabled) {
            self.raise(Alarm::WRITE, &error.to_string());
        }
        self.log_refusal("", error, asker);
    }

    fn log_refusal(&self, field: &str, error: &PutError, asker: &Asker<'_>) {
        REFUSALS.log(|left_out| {
            let (name, by) = (&self.name, asker.describe());
            let dot = if field.is_empty() { "" } else { "." };
            tracing::info!("{name}{dot}{field}: put by {by} refused: {error}{left_out}");
        });
    }

    fn store_field(
        &self,
        field: &'static FieldSpec,
        wire: WireArray<'_>,
        asker: &Asker<'_>,
    ) -> Result<After, PutError> {
        let stored = match Field::Of(field) {
            other if self.refuses_puts() && !other.is_always_taken() => Err(PutError::Disabled),
            _ => field.convert(wire).and_then(|written| {
                self.retune(field.live.rules_alarm(), |state| field.store(self, state, &written))
            }),
        };
        stored.inspect_err(|error| self.log_refusal(field.name, error, asker))
    }

    /// What a written field starts; true when the answer comes later.
    fn follow_up(self: &Arc<Self>, after: After, asker: &Asker<'_>) -> Result<bool, PutError> {
        let acts = !matches!(self.fixed.hook, PutHook::Store) || self.hooks().is_some();
        match after {
            After::Nothing => Ok(false),
            After::Scan => {
                self.tell_scan();
                Ok(false)
            }
            After::Process if !acts => {
                self.apply(self.read(false).update.value, Post::default());
                Ok(false)
            }
            After::Process | After::Put(_) if !self.is_writable() => Err(PutError::ReadOnly),
            After::Process => self.accept(self.read(false).update.value, false, asker),
            After::Put(index) => self.put_value(Scalar::Enum(index).into(), false, asker),
        }
    }

    /// A put as it came over the wire; true when its answer comes later.
    fn put_wire(self: &Arc<Self>, wire: WireArray<'_>, asker: &Asker<'_>) -> Result<bool, PutError> {
        let value = self.convert(wire)?;
        let cut = wire.ty == NativeType::String && value.len() == FixedString::MAX;
        if cut && self.fixed.shape == Shape::Text && self.fixed.capacity as usize > FixedString::MAX {
            self.log_cut(asker);
        }
        self.put_value(value, cut, asker)
    }

    /// A put of this value; `cut` says that a text may have lost its end.
    fn put_value(self: &Arc<Self>, value: Value, cut: bool, asker: &Asker<'_>) -> Result<bool, PutError> {
        for check in &self.fixed.checks {
            checked(|| check(&value))?;
        }
        self.accept(value, cut, asker)
    }

    /// Does what a put of this value does.
    fn accept(self: &Arc<Self>, value: Value, cut: bool, asker: &Asker<'_>) -> Result<bool, PutError> {
        let hook = self.hooks().filter(|end| end.takes_puts());
        let stores = matches!(self.fixed.hook, PutHook::Store) && hook.is_none();
        if stores || self.lock().runs_no_command() {
            self.keep(value);
            return Ok(false);
        }
        let answer = || asker.answer();
        match &self.fixed.hook {
            PutHook::Store => {
                if let Some(end) = hook {
                    end.put(self, value, asker.circuit(), asker.describe(), answer)?;
                }
            }
            PutHook::NoDevice => return Err(PutError::Offline),
            PutHook::Command { port, policy, make } => {
                let command = make_command(|| make(&value))?;
                port.submit(self, value, command, *policy, answer)?;
            }
            PutHook::CommandText { port } => port.submit_text(self, value, cut, answer)?,
            PutHook::Abort { port } => return port.abort(self, value, answer),
            PutHook::Restart { port } => return port.restart(&value, answer),
        }
        Ok(true)
    }

    fn convert(&self, wire: WireArray<'_>) -> Result<Value, PutError> {
        let meta = self.meta();
        let native = self.fixed.native;
        let capacity = self.fixed.capacity as usize;
        Ok(match self.fixed.shape {
            Shape::Scalar => {
                let scalar = wire.to_scalar(native, &meta.labels, meta.precision)?;
                Value::Scalar(self.within_control(scalar, &meta)?)
            }
            Shape::Array => Value::array(wire.to_array(native, capacity, &meta.labels, meta.precision)?),
            Shape::Text => self.encoded(wire.to_text(capacity)?.into_value()),
        })
    }

    /// What a put of a number stores by the control limits.
    #[inline]
    fn within_control(&self, scalar: Scalar, meta: &Meta) -> Result<Scalar, PutError> {
        if is_range(meta.control) { self.limited(scalar, meta.control) } else { Ok(scalar) }
    }

    fn limited(&self, scalar: Scalar, limits: LimitPair) -> Result<Scalar, PutError> {
        if matches!(scalar, Scalar::Enum(_)) {
            return Ok(scalar);
        }
        match (scalar.as_f64(), self.fixed.control) {
            (Some(number), rule) if !(limits.low..=limits.high).contains(&number) => match rule {
                ControlRule::Show => Ok(scalar),
                ControlRule::Clamp if !number.is_nan() => {
                    Ok(number_as(scalar.native(), number.clamp(limits.low, limits.high)))
                }
                _ => Err(PutError::OutsideLimits {
                    value: number.to_string(),
                    low: limits.low.to_string(),
                    high: limits.high.to_string(),
                }),
            },
            _ => Ok(scalar),
        }
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

/// Who puts.
enum Asker<'a> {
    /// With what is to be told of the put in the audit.
    Client(&'a PutRequest<'a>, Cell<Option<AuditEntry>>),
    /// Code of this process, under a name.
    Code(&'a str, Cell<Option<Answer>>),
}

impl Asker<'_> {
    /// The answer to give later; asked for once.
    fn answer(&self) -> Answer {
        match self {
            Self::Client(request, audit) => {
                let answer = Answer::Client(request.defer());
                match audit.take() {
                    Some(entry) => Answer::Audited(Some(Box::new((entry, answer)))),
                    None => answer,
                }
            }
            Self::Code(_, answer) => answer.take().unwrap_or(Answer::Code(None)),
        }
    }

    fn circuit(&self) -> Option<CircuitId> {
        match self {
            Self::Client(request, _) => Some(request.circuit()),
            Self::Code(..) => None,
        }
    }

    /// Tells the end of a put whose answer is given at once.
    #[inline]
    fn tell(&self, outcome: Result<(), PutError>) {
        if let Self::Client(_, audit) = self
            && let Some(entry) = audit.take()
        {
            entry.close(&outcome);
        }
    }

    /// The same of one that is refused; what the circuit is to say.
    fn refuse(&self, error: PutError) -> PutFailure {
        let failure = PutFailure { status: error.eca(), reason: error.to_string() };
        self.tell(Err(error));
        failure
    }

    /// Who it is, for the log.
    fn describe(&self) -> String {
        match self {
            Self::Client(request, _) => who(request),
            Self::Code(by, _) => (*by).to_owned(),
        }
    }
}

/// A client, for the log.
fn who(request: &PutRequest<'_>) -> String {
    let Client { user, host, address } = request.client();
    format!("{user:?} on {host:?} ({address})")
}

/// Makes the answer of a put that is accepted.
pub(crate) trait MakeAnswer: FnOnce() -> Answer {}
impl<F: FnOnce() -> Answer> MakeAnswer for F {}
