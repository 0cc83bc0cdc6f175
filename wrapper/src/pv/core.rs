//! A PV without its Rust type.

use std::num::NonZeroU16;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ca::proto::dbr::{ArrayData, Meta, NativeType, Value, text_from_bytes};
use ca::proto::{Alarm, EventMask};
use ca::server::{AccessRights, Acknowledgement, Extra, Reading, RightsBell, Subscribed, Subscriber, batch};
use parking_lot::{Mutex, MutexGuard};

use super::alarm_group::AlarmBook;
use super::field::Field;
use super::flags;
use super::post::Post;
use super::saved::Saved;
use super::state::{State, Subscription};
use super::tuning::{StateAlarms, Tuning};
use super::watch::Watch;
use crate::device::PutQueue;
use crate::hooks::{Check, HookEnd, PutHook};
use crate::pv_type::Shape;
use crate::record::{ControlRule, Live, RecordType};
use crate::states::States;

/// What never changes about a PV.
pub(crate) struct Fixed {
    pub(crate) native: NativeType,
    pub(crate) shape: Shape,
    pub(crate) capacity: u32,
    pub(crate) read_only: bool,
    /// An equal scalar is posted too.
    pub(crate) every_post: bool,
    /// Left out of the main screens that are made of the table of PVs.
    pub(crate) detail: bool,
    pub(crate) doc: Box<str>,
    /// Bytes of its name that are the prefix of the group in which it was declared.
    pub(crate) group: u16,
    /// Other full names that it answers to.
    pub(crate) aliases: Box<[String]>,
    /// A text that is served as one STRING; in full with `$`.
    pub(crate) as_string: bool,
    /// A text goes to clients as latin-1, in place of UTF-8.
    pub(crate) latin1: bool,
    pub(crate) checks: Vec<Check>,
    pub(crate) hook: PutHook,
    pub(crate) watch: Option<Watch>,
    /// Updates that wait for a slow client, where the author says so.
    pub(crate) feed_depth: Option<NonZeroU16>,
    /// The states of its group.
    pub(crate) states: Arc<States>,
    /// The put queue of the device that owns it.
    pub(crate) outlet: Option<Arc<PutQueue>>,
    /// Its record type, or the fields of a PV without one.
    pub(crate) record: &'static RecordType,
    pub(crate) control: ControlRule,
    /// Told of a new scan period.
    pub(crate) on_scan: Option<ScanHook>,
    pub(crate) alarm_group: Option<Arc<AlarmBook>>,
    /// The type of the record whose field it is.
    pub(crate) field_of: Option<&'static str>,
    /// What of it outlives the process.
    pub(crate) saved: Option<Box<Saved>>,
    /// It is in lists of what the IOC serves.
    pub(crate) listed: bool,
}

impl Fixed {
    /// True for what lists of PVs have: no field, nor what was declared unlisted.
    pub(crate) const fn is_listed(&self) -> bool {
        self.listed && self.field_of.is_none()
    }

    /// The prefix of the group in which the PV of this name was declared.
    pub(crate) fn group_of<'a>(&self, name: &'a str) -> &'a str {
        name.get(..usize::from(self.group)).unwrap_or_default()
    }
}

/// Told of a new scan period, `None` for none.
pub(crate) type ScanHook = Box<dyn Fn(Option<Duration>) + Send + Sync>;

/// What a PV starts with.
pub(crate) struct First {
    pub(crate) value: Value,
    /// It was declared.
    pub(crate) defined: bool,
    pub(crate) meta: Meta,
    /// Deadbands of VALUE and of LOG, where they were declared.
    pub(crate) deadbands: Option<(f64, f64)>,
    /// HYST.
    pub(crate) hysteresis: f64,
    pub(crate) states: Option<Box<StateAlarms>>,
}

/// A PV without its Rust type.
pub(crate) struct PvCore {
    pub(crate) name: Box<str>,
    pub(crate) id: u64,
    pub(crate) fixed: Fixed,
    /// What clients may do for now, unless the PV is read-only, and what else concerns puts: see [`flags`].
    pub(super) flags: AtomicU8,
    /// The choice of SCAN.
    pub(super) scan: AtomicU8,
    /// Commands of its puts that are not done.
    pub(super) active: AtomicU32,
    /// All commands of its puts; it wraps.
    pub(super) begun: AtomicU32,
    /// The server to tell of changed rights.
    bell: OnceLock<RightsBell>,
    /// The way to its hooks, when it has some.
    hooks: OnceLock<Box<HookEnd>>,
    state: Mutex<State>,
}

impl std::fmt::Debug for PvCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PvCore").field("name", &self.name).finish_non_exhaustive()
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl PvCore {
    pub(crate) fn new(name: String, fixed: Fixed, first: First) -> Arc<Self> {
        let first = if fixed.latin1 { First { value: latin1(first.value), ..first } } else { first };
        let tuning = tuning(&fixed, &first);
        let First { value, defined, meta, .. } = first;
        let states = fixed.states.clone();
        let simple = fixed.shape == Shape::Scalar
            && !fixed.read_only
            && fixed.checks.is_empty()
            && matches!(fixed.hook, PutHook::Store);
        Arc::new(Self {
            name: name.into(),
            id: NEXT_ID.fetch_add(1, Relaxed),
            fixed,
            flags: flags::first(simple),
            scan: AtomicU8::new(0),
            active: AtomicU32::new(0),
            begun: AtomicU32::new(0),
            bell: OnceLock::new(),
            hooks: OnceLock::new(),
            state: Mutex::new(State::new(value, defined, Arc::new(meta), tuning, states)),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(crate) fn read(&self, meta: bool) -> Reading {
        self.lock().reading(meta)
    }

    /// The present value of a field, with alarm and time of the PV; a text in full.
    pub(crate) fn read_field(&self, field: Field, meta: bool) -> Reading {
        self.field_reading(&self.lock(), field, meta)
    }

    fn field_reading(&self, state: &State, field: Field, meta: bool) -> Reading {
        if field == Field::Val {
            return state.reading(meta);
        }
        let update = state.update(field.value(self, state));
        Reading { update, meta: meta.then(|| field.meta(&state.meta)) }
    }

    /// The reason of its alarm (AMSG).
    pub(crate) fn alarm_message(&self) -> Option<String> {
        self.lock().message().map(str::to_owned)
    }

    pub(crate) fn meta(&self) -> Arc<Meta> {
        self.lock().meta.clone()
    }

    pub(crate) fn field_meta(&self, field: Field) -> Arc<Meta> {
        field.meta(&self.lock().meta)
    }

    /// What clients may do with the value; `None` when the PV is no longer served.
    pub(crate) fn rights(&self) -> Option<AccessRights> {
        if self.is_removed() {
            return None;
        }
        let most = if self.fixed.read_only { AccessRights::READ } else { AccessRights::all() };
        Some(most & AccessRights::from_bits_truncate(self.flags.load(Relaxed).into()))
    }

    pub(super) fn allow(&self, rights: AccessRights) {
        let bits = rights.bits() as u8;
        let set = |flags: u8| Some(flags & !flags::RIGHTS | bits);
        if self.flags.fetch_update(Relaxed, Relaxed, set).is_ok_and(|before| before & flags::RIGHTS != bits) {
            self.ring();
        }
    }

    /// Tells every client that the PV is no longer served.
    pub(crate) fn remove(&self) {
        self.set_removed();
        if let Some(end) = self.hooks() {
            end.forget(self.id);
        }
        self.ring();
    }

    pub(crate) fn hooks(&self) -> Option<&HookEnd> {
        self.hooks.get().map(|end| &**end)
    }

    /// Gives it its hooks, when its group is complete.
    pub(crate) fn set_hooks(&self, end: HookEnd) {
        // A group is completed once.
        let _ = self.hooks.set(Box::new(end));
        self.set_involved();
    }

    /// Runs `work` behind what was posted so far.
    pub(crate) fn afterwards(&self, work: impl FnOnce() + Send + 'static) {
        match &self.fixed.outlet {
            Some(outlet) => outlet.then(work),
            None => work(),
        }
    }

    /// The server that serves it from now on.
    pub(crate) fn set_bell(&self, bell: RightsBell) {
        // A PV is in one IOC only, so it has none yet.
        let _ = self.bell.set(bell);
    }

    fn ring(&self) {
        if let Some(bell) = self.bell.get() {
            bell.ring();
        }
    }

    pub(crate) fn extra(&self) -> Extra {
        Extra { acknowledge: self.lock().acknowledge, class: self.record_type() }
    }

    /// The record type, or the one that a plain PV stands for (RTYP).
    pub(crate) fn record_type(&self) -> &'static str {
        if let Some(record) = self.fixed.field_of {
            return record;
        }
        if !self.fixed.record.is_plain() {
            return self.fixed.record.name;
        }
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
            let mut state = self.lock();
            let (before, current) = (state.acknowledge, state.alarm.severity);
            match change {
                Acknowledgement::Transient(on) => state.acknowledge.set_transient(on, current),
                Acknowledgement::UpTo(severity) => state.acknowledge.up_to(severity),
            }
            for (live, changed) in [
                (Live::Unacknowledged, before.severity != state.acknowledge.severity),
                (Live::Transient, before.transient != state.acknowledge.transient),
            ] {
                if changed {
                    state.push_live(live);
                }
            }
            state.push(EventMask::ALARM);
        });
    }

    /// Starts sending updates of a field, or changes their kinds.
    pub(crate) fn subscribe(
        &self,
        field: Field,
        subscriber: Subscriber,
        mask: EventMask,
        meta: bool,
    ) -> Subscribed {
        let subscribed = {
            let mut state = self.lock();
            let since = subscriber.open();
            if let Some(depth) = self.fixed.feed_depth {
                subscriber.set_depth(depth.get().into());
            }
            match state.subscriptions.iter_mut().find(|known| known.subscriber == subscriber) {
                Some(known) => known.mask = mask,
                None => state.subscriptions.push(Subscription { field, subscriber, mask }),
            }
            self.follow(&mut state, field);
            Subscribed { reading: self.field_reading(&state, field, meta), since }
        };
        self.tell_watch();
        subscribed
    }

    pub(crate) fn unsubscribe(&self, subscriber: &Subscriber) {
        self.lock().subscriptions.retain(|known| known.subscriber != *subscriber);
        self.tell_watch();
    }

    fn tell_watch(&self) {
        if let Some(watch) = &self.fixed.watch {
            watch.tell(self);
        }
    }

    /// Clients that monitor the value; several subscriptions of one circuit count once.
    pub(crate) fn watched(&self) -> usize {
        self.lock().watched()
    }

    /// A value as it is kept: a text in the encoding of the PV.
    pub(super) fn encoded(&self, value: Value) -> Value {
        if self.fixed.latin1 { latin1(value) } else { value }
    }

    /// Publishes a value: through the device's put queue, if it has one.
    pub(crate) fn post(self: Arc<Self>, value: Value, post: Post) {
        let value = self.encoded(value);
        match self.fixed.outlet.clone() {
            Some(outlet) => outlet.put_value(self, value, post),
            None => self.apply(value, post),
        }
    }

    /// Stores and publishes what a device posts now.
    pub(crate) fn apply(&self, value: Value, post: Post) {
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
        let _old = batch(|| self.change(|state| state.post(self, value, post)));
    }

    /// Stores and publishes what a client has put.
    pub(crate) fn keep(&self, value: Value) {
        let every = self.fixed.every_post;
        let _old = batch(|| self.change(|state| state.store(value, Post::default(), every)));
    }

    /// Changes value or alarm, and tells those who follow them elsewhere.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.lock());
        if self.flags.load(Relaxed) & flags::FOLLOWED != 0 {
            self.changed();
        }
        result
    }

    /// Publishes an alarm with the value that the PV has.
    pub(crate) fn set_alarm(&self, alarm: Alarm) {
        batch(|| self.change(|state| state.set_alarm(alarm, false)));
    }

    /// The same with the reason, which clients read in AMSG. A PV that never had a value stays INVALID.
    pub(crate) fn raise(&self, alarm: Alarm, reason: &str) {
        batch(|| {
            self.change(|state| {
                state.tune(self);
                state.raise(alarm, Some(reason.into()));
            });
        });
    }

    /// The alarm that it has now.
    pub(crate) fn alarm(&self) -> Alarm {
        self.lock().alarm
    }

    /// The alarm that the current value has by the rules of the PV.
    pub(crate) fn reset_alarm(&self) {
        batch(|| {
            self.change(|state| {
                let alarm = state.own_alarm();
                state.set_alarm(alarm, true);
            });
        });
    }

    /// Changes what the PV tells about its value; everybody whom it concerns is told.
    ///
    /// Those who asked for PROPERTY events hear of changed metadata, those who monitor a field of its change,
    /// and with `alarms` an alarm that came from the rules is found anew.
    pub(super) fn retune<R>(&self, alarms: bool, change: impl FnOnce(&mut State) -> R) -> R {
        batch(|| {
            self.change(|state| {
                let fields: Vec<_> = state
                    .subscriptions
                    .iter()
                    .map(|subscription| subscription.field)
                    .filter(|field| *field != Field::Val && !field.shows_alarm() && !field.follows_value())
                    .map(|field| (field, field.value(self, state)))
                    .collect();
                let meta = state.meta.clone();
                let result = change(state);
                if !same(&meta, &state.meta) {
                    state.push(EventMask::PROPERTY);
                }
                for (field, before) in fields {
                    let now = field.value(self, state);
                    if now != before {
                        state.push_field(field, now, EventMask::VALUE | EventMask::LOG);
                    }
                }
                if alarms && state.by_rule {
                    let alarm = state.own_alarm();
                    state.set_alarm(alarm, true);
                }
                result
            })
        })
    }
}

/// A UTF-8 text as latin-1; what that does not have is a question mark.
fn latin1(value: Value) -> Value {
    let text = match &value {
        Value::Array(array) => match array.data() {
            ArrayData::Text(bytes) => text_from_bytes(bytes),
            _ => return value,
        },
        Value::Scalar(_) => return value,
    };
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    Value::array(ArrayData::Text(bytes.into()))
}

/// What is kept for the rules and fields of a PV from the start.
fn tuning(fixed: &Fixed, first: &First) -> Option<Box<Tuning>> {
    let record = !fixed.record.is_plain();
    let group = fixed.alarm_group.is_some();
    let declared = first.deadbands.is_some() || first.hysteresis != 0.0 || first.states.is_some();
    if !(record || group || declared) {
        return None;
    }
    let width = if fixed.every_post { -1.0 } else { 0.0 };
    let deadbands = first.deadbands.unwrap_or((width, width));
    let known = Some(&first.value).filter(|_| first.defined);
    let mut tuning = Tuning::of(&first.meta, deadbands, known);
    tuning.nan_is_undefined = record;
    tuning.hysteresis = first.hysteresis;
    tuning.states.clone_from(&first.states);
    Some(Box::new(tuning))
}

/// Equal metadata; a limit that is a NaN equals itself.
fn same(a: &Meta, b: &Meta) -> bool {
    let limits = |meta: &Meta| {
        [meta.display, meta.alarm, meta.warning, meta.control].map(|p| (p.low.to_bits(), p.high.to_bits()))
    };
    (&a.units, a.precision, &a.labels, limits(a)) == (&b.units, b.precision, &b.labels, limits(b))
}
