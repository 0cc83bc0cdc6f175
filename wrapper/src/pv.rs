//! A served process variable: its state, how a value is posted, how a client's put is accepted.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use ca::proto::dbr::{Meta, NativeType, Scalar, Stamp, Value, WireArray};
use ca::proto::{Acknowledge, Alarm, EventMask};
use ca::server::{
    AccessRights, Acknowledgement, Answer, Extra, PutFailure, PutOutcome, PutRequest, Reading, RightsBell,
    Subscribed, Subscriber, Update, batch,
};
use parking_lot::Mutex;

use crate::alarm_rule;
use crate::device::PutQueue;
use crate::hooks::{Check, PutError, PutHook};
use crate::log_limit::LogLimit;
use crate::pv_type::{PvType, Shape};

/// A PV of type `T`; clones are handles of the same PV, usable from any thread.
pub struct Pv<T> {
    core: Arc<PvCore>,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Pv<T> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone(), value: PhantomData }
    }
}

impl<T> std::fmt::Debug for Pv<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pv").field(&self.core.name).finish()
    }
}

impl<T: PvType> Pv<T> {
    pub(crate) fn new(core: Arc<PvCore>) -> Self {
        Self { core, value: PhantomData }
    }

    pub(crate) fn core(&self) -> &Arc<PvCore> {
        &self.core
    }

    /// The full name.
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// The current value.
    ///
    /// A client can put an index beyond the variants of an enum only where none is declared; the first
    /// variant stands for it.
    pub fn get(&self) -> T {
        let value = self.core.state.lock().value.clone();
        T::from_value(&value)
            .or_else(|| T::from_value(&T::unset()))
            .unwrap_or_else(|| unreachable_type::<T>())
    }

    /// The current alarm.
    pub fn alarm(&self) -> Alarm {
        self.core.state.lock().alarm
    }

    /// Takes the right to put from all clients, or gives it back; they are told at once.
    ///
    /// A PV that is declared read-only stays so.
    pub fn lock_puts(&self, locked: bool) {
        self.core.lock_puts(locked);
    }

    /// Publishes a value, with the alarm that its limits give and the present time.
    ///
    /// Runs no put hook and waits for nobody. PVs of a device go through its put queue, in order. A value
    /// that does not fit the PV is logged and shown as alarm.
    pub fn post(&self, value: T) {
        self.core.clone().post(value.into_value(), None, None);
    }

    /// Publishes a value with an alarm.
    pub fn post_alarm(&self, value: T, alarm: Alarm) {
        self.core.clone().post(value.into_value(), Some(alarm), None);
    }

    /// Publishes a value with the alarm that its limits give and the time at which it was taken.
    pub fn post_at(&self, value: T, time: SystemTime) {
        self.core.clone().post(value.into_value(), None, Some(Stamp::from_system(time)));
    }
}

fn unreachable_type<T>() -> T {
    unreachable!("the unset value of a type is of that type")
}

/// What never changes about a PV.
pub(crate) struct Fixed {
    pub(crate) native: NativeType,
    pub(crate) shape: Shape,
    pub(crate) capacity: u32,
    pub(crate) read_only: bool,
    /// An equal scalar is posted too.
    pub(crate) every_post: bool,
    pub(crate) doc: Box<str>,
    pub(crate) checks: Vec<Check>,
    pub(crate) hook: PutHook,
    /// The put queue of the device that owns it.
    pub(crate) outlet: Option<Arc<PutQueue>>,
}

/// A PV without its Rust type.
pub(crate) struct PvCore {
    pub(crate) name: Box<str>,
    pub(crate) id: u64,
    pub(crate) fixed: Fixed,
    /// Puts are refused for now.
    locked: AtomicBool,
    /// The server to tell of changed rights.
    pub(crate) bell: OnceLock<RightsBell>,
    state: Mutex<State>,
}

impl std::fmt::Debug for PvCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PvCore").field("name", &self.name).finish_non_exhaustive()
    }
}

struct State {
    value: Value,
    /// It was declared, put or posted.
    defined: bool,
    alarm: Alarm,
    acknowledge: Acknowledge,
    stamp: Stamp,
    meta: Arc<Meta>,
    subscribers: Vec<(Subscriber, EventMask)>,
}

/// Refused puts in the log.
static REFUSALS: LogLimit = LogLimit::new(10);
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl PvCore {
    pub(crate) fn new(name: String, fixed: Fixed, value: Value, defined: bool, meta: Arc<Meta>) -> Arc<Self> {
        let alarm = if defined { alarm_rule::by_limits(&value, &meta) } else { Alarm::UDF };
        let stamp = ca::server::now();
        Arc::new(Self {
            name: name.into(),
            id: NEXT_ID.fetch_add(1, Relaxed),
            fixed,
            locked: AtomicBool::new(false),
            bell: OnceLock::new(),
            state: Mutex::new(State {
                value,
                defined,
                alarm,
                acknowledge: Acknowledge { severity: alarm.severity, ..Acknowledge::default() },
                stamp,
                meta,
                subscribers: Vec::new(),
            }),
        })
    }

    pub(crate) fn read(&self, meta: bool) -> Reading {
        self.state.lock().reading(meta)
    }

    /// What clients may do.
    pub(crate) fn rights(&self) -> AccessRights {
        let locked = self.fixed.read_only || self.locked.load(Relaxed);
        if locked { AccessRights::READ } else { AccessRights::all() }
    }

    fn lock_puts(&self, locked: bool) {
        if self.locked.swap(locked, Relaxed) != locked
            && let Some(bell) = self.bell.get()
        {
            bell.ring();
        }
    }

    pub(crate) fn extra(&self) -> Extra {
        Extra { acknowledge: self.state.lock().acknowledge, class: self.record_type() }
    }

    /// The record type that a plain PV stands for (RTYP).
    fn record_type(&self) -> &'static str {
        match (self.fixed.shape, self.fixed.native) {
            (Shape::Array | Shape::Text, _) | (_, NativeType::Char) => "waveform",
            (_, NativeType::Double | NativeType::Float) => "ao",
            (_, NativeType::Long | NativeType::Short) => "longout",
            (_, NativeType::Enum) => "mbbo",
            (_, NativeType::String) => "stringout",
        }
    }

    /// Changes the acknowledge state; everybody who watches alarms is told.
    pub(crate) fn acknowledge(&self, change: Acknowledgement) {
        batch(|| {
            let mut state = self.state.lock();
            let current = state.alarm.severity;
            match change {
                Acknowledgement::Transient(on) => state.acknowledge.set_transient(on, current),
                Acknowledgement::UpTo(severity) => state.acknowledge.up_to(severity),
            }
            state.push(EventMask::ALARM);
        });
    }

    pub(crate) fn meta(&self) -> Arc<Meta> {
        self.state.lock().meta.clone()
    }

    pub(crate) fn subscribe(&self, subscriber: Subscriber, mask: EventMask, meta: bool) -> Subscribed {
        let mut state = self.state.lock();
        let since = subscriber.open();
        match state.subscribers.iter_mut().find(|(known, _)| *known == subscriber) {
            Some((_, kinds)) => *kinds = mask,
            None => state.subscribers.push((subscriber, mask)),
        }
        Subscribed { reading: state.reading(meta), since }
    }

    pub(crate) fn unsubscribe(&self, subscriber: &Subscriber) {
        self.state.lock().subscribers.retain(|(known, _)| known != subscriber);
    }

    /// Publishes a value: through the device's put queue, if it has one.
    pub(crate) fn post(self: Arc<Self>, value: Value, alarm: Option<Alarm>, stamp: Option<Stamp>) {
        match self.fixed.outlet.clone() {
            Some(outlet) => outlet.put_value(self, value, alarm, stamp),
            None => self.apply(value, alarm, stamp),
        }
    }

    /// Stores and publishes a value now.
    pub(crate) fn apply(&self, value: Value, alarm: Option<Alarm>, stamp: Option<Stamp>) {
        if value.len() > self.fixed.capacity as usize {
            tracing::error!(
                "{}: {} elements posted, {} fit; the value was not stored",
                self.name,
                value.len(),
                self.fixed.capacity
            );
            self.set_alarm(Alarm::WRITE);
            return;
        }
        // The old value is freed after the lock and the wake-ups.
        let _old = batch(|| {
            let mut state = self.state.lock();
            let alarm = alarm.unwrap_or_else(|| alarm_rule::by_limits(&value, &state.meta));
            state.store(value, alarm, stamp, self.fixed.every_post)
        });
    }

    /// Publishes an alarm with the value that the PV has.
    pub(crate) fn set_alarm(&self, alarm: Alarm) {
        batch(|| {
            let mut state = self.state.lock();
            if state.alarm != alarm {
                state.store_alarm(alarm);
            }
        });
    }

    /// The alarm that the current value has by its limits.
    pub(crate) fn reset_alarm(&self) {
        let alarm = {
            let state = self.state.lock();
            if state.defined { alarm_rule::by_limits(&state.value, &state.meta) } else { Alarm::UDF }
        };
        self.set_alarm(alarm);
    }

    /// A client's put, up to its acceptance.
    pub(crate) fn put(self: &Arc<Self>, wire: WireArray<'_>, request: &PutRequest<'_>) -> PutOutcome {
        let result = match &self.fixed.hook {
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
                let client = request.client();
                REFUSALS.log(|left_out| {
                    let (user, host) = (&client.user, &client.host);
                    tracing::info!("{}: put by {user:?} on {host:?} refused: {error}{left_out}", self.name);
                });
                if request.wants_answer() && !matches!(self.fixed.hook, PutHook::Store) {
                    // As all answers of this PV: through the inbox, behind what the refusal has posted.
                    request.defer().send(error.eca());
                    return PutOutcome::Pending;
                }
                PutOutcome::Done(Err(PutFailure { status: error.eca(), reason: error.to_string() }))
            }
        }
    }

    /// The plain case: one lock, no allocation.
    fn put_scalar(&self, wire: WireArray<'_>) -> Result<(), PutError> {
        let quick = !matches!(self.fixed.native, NativeType::Enum | NativeType::String);
        let early = if quick { Some(wire.to_scalar(self.fixed.native, &[], 0)?) } else { None };
        batch(|| {
            let mut state = self.state.lock();
            let scalar = match early {
                Some(scalar) => scalar,
                None => wire.to_scalar(self.fixed.native, &state.meta.labels, state.meta.precision)?,
            };
            check_control(&scalar, &state.meta)?;
            let value = Value::Scalar(scalar);
            let alarm = alarm_rule::by_limits(&value, &state.meta);
            state.store(value, alarm, None, self.fixed.every_post);
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
    if !alarm_rule::is_range(limits) || matches!(scalar, Scalar::Enum(_)) {
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

impl State {
    fn reading(&self, meta: bool) -> Reading {
        Reading {
            update: Update { value: self.value.clone(), alarm: self.alarm, stamp: self.stamp },
            meta: meta.then(|| self.meta.clone()),
        }
    }

    /// Stores and pushes to the subscribers; returns the old value, to be freed after the lock.
    fn store(&mut self, value: Value, alarm: Alarm, stamp: Option<Stamp>, every: bool) -> Value {
        let mut mask = EventMask::empty();
        mask.set(EventMask::VALUE | EventMask::LOG, every || is_news(&self.value, &value));
        mask.set(EventMask::ALARM, self.alarm != alarm);
        self.stamp = stamp.unwrap_or_else(|| self.next_stamp());
        self.change_alarm(alarm);
        self.defined = true;
        let old = std::mem::replace(&mut self.value, value);
        self.push(mask);
        old
    }

    fn store_alarm(&mut self, alarm: Alarm) {
        self.stamp = self.next_stamp();
        self.change_alarm(alarm);
        self.push(EventMask::ALARM);
    }

    fn change_alarm(&mut self, alarm: Alarm) {
        if self.alarm != alarm {
            self.acknowledge.raise(alarm.severity);
        }
        self.alarm = alarm;
    }

    /// The present time, but later than the last stamp: clocks are set back.
    fn next_stamp(&self) -> Stamp {
        ca::server::now().max(self.stamp.next())
    }

    fn push(&self, mask: EventMask) {
        if mask.is_empty() || self.subscribers.is_empty() {
            return;
        }
        let update = Update { value: self.value.clone(), alarm: self.alarm, stamp: self.stamp };
        for (subscriber, kinds) in &self.subscribers {
            if kinds.intersects(mask) {
                subscriber.push(&update, mask);
            }
        }
    }
}

/// Arrays are always news; a scalar when it differs, bit for bit.
fn is_news(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Scalar(Scalar::Double(a)), Value::Scalar(Scalar::Double(b))) => a.to_bits() != b.to_bits(),
        (Value::Scalar(Scalar::Float(a)), Value::Scalar(Scalar::Float(b))) => a.to_bits() != b.to_bits(),
        (Value::Scalar(a), Value::Scalar(b)) => a != b,
        _ => true,
    }
}

/// Makes the answer of a put that is accepted.
pub(crate) trait MakeAnswer: FnOnce() -> Answer {}
impl<F: FnOnce() -> Answer> MakeAnswer for F {}
