//! How a client's put is accepted.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ca::proto::Alarm;
use ca::proto::dbr::{Meta, NativeType, Scalar, Value, WireArray};
use ca::server::{AccessRights, Answer, PutFailure, PutOutcome, PutRequest, batch};

use super::core::PvCore;
use super::field::Field;
use super::tuning::is_range;
use crate::hooks::{PutError, PutHook};
use crate::log_limit::LogLimit;
use crate::pv_type::{PvType, Shape};

/// Refused puts in the log.
static REFUSALS: LogLimit = LogLimit::new(10);

impl PvCore {
    /// A client's put, up to its acceptance.
    pub(crate) fn put(self: &Arc<Self>, wire: WireArray<'_>, request: &PutRequest<'_>) -> PutOutcome {
        let result = match &self.fixed.hook {
            // The circuit may not have heard yet that the right to put was taken.
            _ if !self.rights().is_some_and(|rights| rights.contains(AccessRights::WRITE)) => {
                Err(PutError::ReadOnly)
            }
            PutHook::Store if self.fixed.shape == Shape::Scalar && self.fixed.checks.is_empty() => {
                self.put_scalar(wire).map(|()| false)
            }
            _ => self.put_checked(wire, request),
        };
        match result {
            Ok(false) => PutOutcome::Done(Ok(())),
            Ok(true) => PutOutcome::Pending,
            Err(error) => {
                // A device that is down shows COMM, which says more.
                if error != PutError::Offline {
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

    /// A client's put to a field.
    pub(crate) fn put_field(
        &self,
        field: Field,
        wire: WireArray<'_>,
        request: &PutRequest<'_>,
    ) -> PutOutcome {
        let stored = field
            .convert(self, wire)
            .and_then(|written| self.retune(|state| field.store(self, state, written)));
        PutOutcome::Done(stored.map_err(|error| {
            self.log_refusal(&field.name(), &error, request);
            PutFailure { status: error.eca(), reason: error.to_string() }
        }))
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

    /// Any other put; true when its answer comes later.
    fn put_checked(
        self: &Arc<Self>,
        wire: WireArray<'_>,
        request: &PutRequest<'_>,
    ) -> Result<bool, PutError> {
        let value = self.convert(wire)?;
        for check in &self.fixed.checks {
            guarded(|| check(&value).map_err(PutError::Refused))?;
        }
        match &self.fixed.hook {
            PutHook::Store => {
                self.apply(value, None, None);
                Ok(false)
            }
            PutHook::NoDevice => Err(PutError::Offline),
            PutHook::Command { port, policy, make } => {
                let command = guarded(|| make(&value))?;
                port.submit(self, value, command, *policy, || request.defer())?;
                Ok(true)
            }
            PutHook::CommandText { port } => {
                let cut = wire.ty == NativeType::String && value.len() == 39;
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
                check_control(&scalar, &meta)?;
                Value::Scalar(scalar)
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

/// Makes the answer of a put that is accepted.
pub(crate) trait MakeAnswer: FnOnce() -> Answer {}
impl<F: FnOnce() -> Answer> MakeAnswer for F {}
