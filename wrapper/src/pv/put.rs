//! How a client's put is accepted.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use ca::proto::Alarm;
use ca::proto::dbr::{FixedString, Meta, NativeType, Scalar, Value, WireArray};
use ca::server::{AccessRights, Answer, PutFailure, PutOutcome, PutRequest, batch};

use super::core::PvCore;
use super::field::{After, Field};
use super::flags;
use super::post::Post;
use super::tuning::is_range;
use crate::hooks::{PutError, PutHook};
use crate::log_limit::LogLimit;
use crate::pv_type::{PvType, Shape};
use crate::record::{ControlRule, FieldSpec, number_as};

/// Refused puts in the log.
static REFUSALS: LogLimit = LogLimit::new(10);

impl PvCore {
    /// A client's put, up to its acceptance.
    pub(crate) fn put(self: &Arc<Self>, wire: WireArray<'_>, request: &PutRequest<'_>) -> PutOutcome {
        let result = match &self.fixed.hook {
            // The circuit may not have heard yet that the right to put was taken.
            _ if !self.is_writable() => Err(PutError::ReadOnly),
            _ if self.flags.load(Relaxed) & flags::SPECIAL != 0 && !self.takes(request) => {
                Err(PutError::Disabled)
            }
            PutHook::Store if self.fixed.shape == Shape::Scalar && self.fixed.checks.is_empty() => {
                self.put_scalar(wire).map(|()| false)
            }
            _ => self.put_checked(wire, request),
        };
        self.outcome(result, request)
    }

    fn outcome(self: &Arc<Self>, result: Result<bool, PutError>, request: &PutRequest<'_>) -> PutOutcome {
        match result {
            Ok(false) => PutOutcome::Done(Ok(())),
            Ok(true) => PutOutcome::Pending,
            Err(error) => {
                // A device that is down shows COMM, which says more; DISP is nothing wrong with the PV.
                if !matches!(error, PutError::Offline | PutError::Disabled) {
                    self.set_alarm(Alarm::WRITE);
                }
                self.log_refusal("", &error, request);
                if request.wants_answer() && !matches!(self.fixed.hook, PutHook::Store) {
                    // As all answers of this PV: through the inbox, behind what the refusal has posted.
                    request.defer().send(error.eca());
                    return PutOutcome::Pending;
                }
                PutOutcome::Done(Err(PutFailure { status: error.eca(), reason: error.to_string() }))
            }
        }
    }

    /// What comes before a put to a PV with DISP or TPRO; false when the put is refused.
    #[cold]
    fn takes(&self, request: &PutRequest<'_>) -> bool {
        if self.is_traced() {
            let client = request.client();
            tracing::info!(
                "{}: put by {:?} on {:?} ({})",
                self.name,
                client.user,
                client.host,
                client.address
            );
        }
        !self.refuses_puts()
    }

    /// A client's put to a field.
    pub(crate) fn put_field(
        self: &Arc<Self>,
        field: &'static FieldSpec,
        wire: WireArray<'_>,
        request: &PutRequest<'_>,
    ) -> PutOutcome {
        let stored = match Field::Of(field) {
            other if self.refuses_puts() && !other.is_always_taken() => Err(PutError::Disabled),
            _ => field.convert(wire).and_then(|written| {
                self.retune(field.live.rules_alarm(), |state| field.store(self, state, &written))
            }),
        };
        match stored {
            Ok(after) => self.outcome(self.follow_up(after, request), request),
            Err(error) => {
                self.log_refusal(field.name, &error, request);
                PutOutcome::Done(Err(PutFailure { status: error.eca(), reason: error.to_string() }))
            }
        }
    }

    /// What a written field starts; true when the answer comes later.
    fn follow_up(self: &Arc<Self>, after: After, request: &PutRequest<'_>) -> Result<bool, PutError> {
        match after {
            After::Nothing => Ok(false),
            After::Scan => {
                self.tell_scan();
                Ok(false)
            }
            After::Process if matches!(self.fixed.hook, PutHook::Store) => {
                self.apply(self.read(false).update.value, Post::default());
                Ok(false)
            }
            After::Process | After::Put(_) if !self.is_writable() => Err(PutError::ReadOnly),
            After::Process => self.accept(self.read(false).update.value, false, request),
            After::Put(index) => self.put_value(Scalar::Enum(index).into(), false, request),
        }
    }

    /// True while clients may put to the value.
    fn is_writable(&self) -> bool {
        self.rights().is_some_and(|rights| rights.contains(AccessRights::WRITE))
    }

    fn log_refusal(&self, field: &str, error: &PutError, request: &PutRequest<'_>) {
        let client = request.client();
        REFUSALS.log(|left_out| {
            let (user, host, address) = (&client.user, &client.host, &client.address);
            let dot = if field.is_empty() { "" } else { "." };
            tracing::info!(
                "{}{dot}{field}: put by {user:?} on {host:?} ({address}) refused: {error}{left_out}",
                self.name
            );
        });
    }

    /// The plain case: one lock, no allocation.
    fn put_scalar(&self, wire: WireArray<'_>) -> Result<(), PutError> {
        let quick = !matches!(self.fixed.native, NativeType::Enum | NativeType::String);
        let early = if quick { Some(wire.to_scalar(self.fixed.native, &[], 0)?) } else { None };
        batch(|| {
            self.change(|state| {
                let scalar = match early {
                    Some(scalar) => scalar,
                    None => wire.to_scalar(self.fixed.native, &state.meta.labels, state.meta.precision)?,
                };
                let value = Value::Scalar(self.within_control(scalar, &state.meta)?);
                state.store(value, Post::default(), self.fixed.every_post);
                Ok(())
            })
        })
    }

    /// Any other put; true when its answer comes later.
    fn put_checked(
        self: &Arc<Self>,
        wire: WireArray<'_>,
        request: &PutRequest<'_>,
    ) -> Result<bool, PutError> {
        let value = self.convert(wire)?;
        let cut = wire.ty == NativeType::String && value.len() == FixedString::MAX;
        self.put_value(value, cut, request)
    }

    /// A put of this value; `cut` says that a text may have lost its end.
    fn put_value(
        self: &Arc<Self>,
        value: Value,
        cut: bool,
        request: &PutRequest<'_>,
    ) -> Result<bool, PutError> {
        for check in &self.fixed.checks {
            guarded(|| check(&value).map_err(PutError::Refused))?;
        }
        self.accept(value, cut, request)
    }

    /// Does what a put of this value does.
    fn accept(self: &Arc<Self>, value: Value, cut: bool, request: &PutRequest<'_>) -> Result<bool, PutError> {
        match &self.fixed.hook {
            PutHook::Store => {
                self.keep(value);
                Ok(false)
            }
            _ if self.lock().runs_no_command() => {
                self.keep(value);
                Ok(false)
            }
            PutHook::NoDevice => Err(PutError::Offline),
            PutHook::Command { port, policy, make } => {
                let command = guarded(|| make(&value))?;
                port.submit(self, value, command, *policy, || request.defer())?;
                Ok(true)
            }
            PutHook::CommandText { port } => {
                port.submit_text(self, value, cut, || request.defer())?;
                Ok(true)
            }
            PutHook::Abort { port } => port.abort(self, value, || request.defer()),
        }
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
            Shape::Text => wire.to_text(capacity)?.into_value(),
        })
    }
}

/// Runs a closure of the device's author; a panic in it refuses the put and harms nothing else.
fn guarded<R>(hook: impl FnOnce() -> Result<R, PutError>) -> Result<R, PutError> {
    catch_unwind(AssertUnwindSafe(hook))
        .unwrap_or_else(|_| Err(PutError::Refused("the check of this PV panicked".to_owned())))
}

impl PvCore {
    /// What a put of a number stores by the control limits.
    fn within_control(&self, scalar: Scalar, meta: &Meta) -> Result<Scalar, PutError> {
        let limits = meta.control;
        if !is_range(limits) || matches!(scalar, Scalar::Enum(_)) {
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

/// Makes the answer of a put that is accepted.
pub(crate) trait MakeAnswer: FnOnce() -> Answer {}
impl<F: FnOnce() -> Answer> MakeAnswer for F {}
