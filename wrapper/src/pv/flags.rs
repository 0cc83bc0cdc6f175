//! What concerns a PV's puts and posts beside its state, read without its lock; and what its record's fields do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ca::proto::dbr::{ArrayData, NativeType, Scalar, Value};
use ca::proto::{Alarm, EventMask};
use ca::server::{AccessRights, batch};

use super::alarm_group::Membership;
use super::core::PvCore;
use super::field::{Field, scan_period};
use super::state::State;
use crate::record::{Live, number_as};

/// Bits of [`AccessRights`](ca::server::AccessRights).
pub(super) const RIGHTS: u8 = 0b11;
/// It is no longer served.
const REMOVED: u8 = 0x04;
/// A put does more than to store one element: it has hooks, a command, checks, or more elements.
const INVOLVED: u8 = 0x08;
/// DISP: puts are refused.
const NO_PUTS: u8 = 0x10;
/// TPRO: puts and posts are logged.
const TRACED: u8 = 0x20;
/// It is in an alarm group.
const GROUPED: u8 = 0x40;
/// Somebody monitors a field that follows the value.
const FOLLOWING: u8 = 0x80;
/// Changes are told to what saves it.
pub(super) const SAVED: u8 = 0x08;
/// There is something to do behind a change.
pub(super) const FOLLOWED: u8 = TRACED | GROUPED | FOLLOWING | SAVED;
/// There is something to do in front of a put.
pub(super) const SPECIAL: u8 = NO_PUTS | TRACED;

/// What a PV starts with: puts and gets are allowed.
pub(super) fn first(simple: bool) -> AtomicU8 {
    AtomicU8::new(RIGHTS | if simple { 0 } else { INVOLVED })
}

impl PvCore {
    pub(super) fn flag(&self, flag: u8, on: bool) {
        if on {
            self.flags.fetch_or(flag, Relaxed);
        } else {
            self.flags.fetch_and(!flag, Relaxed);
        }
    }

    fn is(&self, flag: u8) -> bool {
        self.flags.load(Relaxed) & flag != 0
    }

    /// True when a client's put is allowed and only stores an element.
    pub(super) fn just_stores(&self) -> bool {
        const WRITE: u8 = AccessRights::WRITE.bits() as u8;
        self.flags.load(Relaxed) & (WRITE | REMOVED | INVOLVED | SPECIAL) == WRITE
    }

    pub(super) fn is_removed(&self) -> bool {
        self.is(REMOVED)
    }

    pub(super) fn set_removed(&self) {
        self.flag(REMOVED, true);
    }

    pub(super) fn set_involved(&self) {
        self.flag(INVOLVED, true);
    }

    pub(super) fn refuse_puts(&self, on: bool) {
        self.flag(NO_PUTS, on);
    }

    pub(super) fn refuses_puts(&self) -> bool {
        self.is(NO_PUTS)
    }

    pub(crate) fn trace(&self, on: bool) {
        self.flag(TRACED, on);
    }

    pub(super) fn is_traced(&self) -> bool {
        self.is(TRACED)
    }

    /// The choice of SCAN.
    pub(super) fn scan(&self) -> u8 {
        self.scan.load(Relaxed)
    }

    pub(super) fn set_scan(&self, choice: u16) {
        self.scan.store(choice as u8, Relaxed);
    }

    /// The period that SCAN asks for.
    pub(crate) fn scan_period(&self) -> Option<Duration> {
        scan_period(self.scan().into())
    }

    /// Sets SCAN to a period; false when it has no such choice.
    pub(crate) fn start_scan(&self, period: Duration) -> bool {
        let choice = (0..).take(16).find(|choice| scan_period(*choice) == Some(period));
        choice.inspect(|choice| self.set_scan(*choice)).is_some()
    }

    /// Tells the author of the period that SCAN asks for.
    pub(super) fn tell_scan(&self) {
        if let Some(end) = self.hooks() {
            end.rescan(self.id);
        }
        if let Some(hook) = &self.fixed.on_scan
            && catch_unwind(AssertUnwindSafe(|| hook(self.scan_period()))).is_err()
        {
            tracing::error!("{}: the callback of on_scan panicked", self.name);
        }
    }

    /// A put's command is not done (PACT).
    pub(super) fn is_active(&self) -> bool {
        self.active.load(Relaxed) > 0
    }

    /// A command of one of its puts begins; it ends when what is returned is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Active {
        self.active.fetch_add(1, Relaxed);
        let number = self.begun.fetch_add(1, Relaxed).wrapping_add(1);
        self.tell_followers();
        Active { pv: self.clone(), number }
    }

    /// Joins an alarm group with the alarm that it has.
    pub(super) fn join(&self, membership: Membership) {
        self.flag(GROUPED, true);
        batch(|| {
            self.change(|state| {
                state.tune(self).group = Some(membership);
                let (alarm, by_rule) = (state.alarm, state.by_rule);
                state.set_alarm(alarm, by_rule);
            });
        });
    }

    pub(super) fn show_group_alarm(&self) {
        self.lock().show_group_alarm();
    }

    /// A subscription to a field has begun.
    pub(super) fn follow(&self, state: &mut State, field: Field) {
        if field.follows_value() {
            let now = field.value(self, state);
            state.tune(self).told.insert(field.number(), now);
            self.flag(FOLLOWING, true);
        }
    }

    /// Value or alarm have changed.
    #[cold]
    pub(super) fn changed(&self) {
        if self.is_traced() {
            self.log_state();
        }
        self.tell_followers();
        if self.is(SAVED) {
            self.ring_saved();
        }
        if self.is(GROUPED) {
            let book =
                self.lock().tuning.as_ref().and_then(|tuning| tuning.group.as_ref().map(Membership::book));
            if let Some(book) = book {
                book.spread();
            }
        }
    }

    /// Pushes the fields that follow the value, as far as they have changed.
    fn tell_followers(&self) {
        if !self.is(FOLLOWING) {
            return;
        }
        batch(|| {
            let mut state = self.lock();
            let mut fields: Vec<_> =
                state.subscriptions.iter().map(|s| s.field).filter(|field| field.follows_value()).collect();
            fields.dedup();
            for field in fields {
                let now = field.value(self, &state);
                if state.tune(self).told.insert(field.number(), now.clone()).is_none_or(|told| told != now) {
                    state.push_field(field, now, EventMask::VALUE | EventMask::LOG);
                }
            }
        });
    }

    fn log_state(&self) {
        let (text, alarm) = (self.value_text(), self.alarm());
        tracing::info!("{}: {text}, {} {}", self.name, alarm.status, alarm.severity);
    }
}

/// A command of a put that is not done.
#[derive(Debug)]
pub(crate) struct Active {
    pv: Arc<PvCore>,
    number: u32,
}

impl Active {
    /// Shows that the put failed, and why, unless the PV has been put to since: its alarm is that of the newest put.
    pub(crate) fn fail(&self, reason: &str) {
        if self.pv.begun.load(Relaxed) == self.number {
            self.pv.raise(Alarm::WRITE, reason);
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.pv.active.fetch_sub(1, Relaxed);
        self.pv.tell_followers();
    }
}

impl State {
    /// The value of a NaN that stands for none.
    pub(super) fn is_undefined_nan(&self) -> bool {
        let nan = matches!(self.value, Value::Scalar(Scalar::Double(number)) if number.is_nan());
        nan && self.tuning.as_ref().is_some_and(|tuning| tuning.nan_is_undefined)
    }

    /// What an input shows while it is simulated (SVAL).
    pub(super) fn simulated(&self, pv: &PvCore) -> Option<Value> {
        let tuning = self.tuning.as_ref().filter(|tuning| tuning.simulation.mode != 0)?;
        let field = pv.fixed.record.doing(Live::Simulated)?;
        let value = tuning.stored(field).cloned().unwrap_or_else(|| field.first());
        let native = pv.fixed.native;
        match (&value, &self.value) {
            (Value::Scalar(scalar), Value::Scalar(_)) if native != NativeType::String => {
                Some(number_as(native, scalar.as_f64()?).into())
            }
            (Value::Array(text), Value::Scalar(Scalar::String(_))) => match text.data() {
                ArrayData::Text(text) => {
                    Some(Scalar::String(ca::proto::dbr::FixedString::from_bytes(text)).into())
                }
                _ => None,
            },
            (Value::Array(_), Value::Array(old)) if matches!(old.data(), ArrayData::Text(_)) => Some(value),
            _ => None,
        }
    }
}
