//! What changes about a PV, under its lock, and who hears of it.

use std::sync::Arc;

use ca::proto::dbr::{LimitPair, Meta, Scalar, Stamp, Value};
use ca::proto::{Acknowledge, Alarm, EventMask};
use ca::server::{Reading, Subscriber, Update};

use super::alarm_rule;
use super::field::Field;
use super::tuning::{Limit, Tuning};
use crate::states::States;

/// A circuit's feed of one field.
pub(super) struct Subscription {
    pub(super) field: Field,
    pub(super) subscriber: Subscriber,
    pub(super) mask: EventMask,
}

pub(super) struct State {
    pub(super) value: Value,
    /// It was declared, put or posted.
    pub(super) defined: bool,
    pub(super) alarm: Alarm,
    pub(super) acknowledge: Acknowledge,
    pub(super) stamp: Stamp,
    pub(super) meta: Arc<Meta>,
    /// The widest control limits that clients may set.
    pub(super) control: LimitPair,
    /// What was tuned by a client or declared beyond the metadata.
    pub(super) tuning: Option<Box<Tuning>>,
    pub(super) subscriptions: Vec<Subscription>,
    states: Arc<States>,
}

impl State {
    pub(super) fn new(
        value: Value,
        defined: bool,
        meta: Arc<Meta>,
        tuning: Option<Box<Tuning>>,
        states: Arc<States>,
    ) -> Self {
        let control = meta.control;
        let mut state = Self {
            value,
            defined,
            alarm: Alarm::UDF,
            acknowledge: Acknowledge::default(),
            stamp: ca::server::now(),
            meta,
            control,
            tuning,
            subscriptions: Vec::new(),
            states,
        };
        state.alarm = state.own_alarm();
        state.acknowledge.severity = state.alarm.severity;
        state
    }

    /// The alarm of a value by the limits.
    pub(super) fn alarm_of(&self, value: &Value) -> Alarm {
        alarm_rule::by_limits(value, &self.meta, self.tuning.as_deref().map(|tuning| &tuning.severities))
    }

    /// The alarm of the present value, UDF as long as there is none.
    pub(super) fn own_alarm(&self) -> Alarm {
        if self.defined { self.alarm_of(&self.value) } else { Alarm::UDF }
    }

    pub(super) fn reading(&self, meta: bool) -> Reading {
        Reading { update: self.update(self.value.clone()), meta: meta.then(|| self.meta.clone()) }
    }

    /// A value with the alarm and the time of the PV.
    pub(super) fn update(&self, value: Value) -> Update {
        Update { value, alarm: self.alarm, stamp: self.stamp, tag: self.states.now() }
    }

    /// Stores and pushes to the subscribers; returns the old value, to be freed after the lock.
    pub(super) fn store(&mut self, value: Value, alarm: Alarm, stamp: Option<Stamp>, every: bool) -> Value {
        let mut mask = self.news(&value, every);
        mask.set(EventMask::ALARM, self.alarm != alarm);
        self.stamp = stamp.unwrap_or_else(|| self.next_stamp());
        self.change_alarm(alarm);
        self.defined = true;
        let old = std::mem::replace(&mut self.value, value);
        self.push(mask);
        old
    }

    /// The kinds of change that a value is by the deadbands.
    fn news(&mut self, value: &Value, every: bool) -> EventMask {
        if let Some(tuning) = &mut self.tuning
            && let Some(number) = alarm_rule::number_of(value)
        {
            return tuning.news(number);
        }
        let news = every || is_news(&self.value, value);
        if news { EventMask::VALUE | EventMask::LOG } else { EventMask::empty() }
    }

    pub(super) fn store_alarm(&mut self, alarm: Alarm) {
        self.stamp = self.next_stamp();
        self.change_alarm(alarm);
        self.push(EventMask::ALARM);
    }

    fn change_alarm(&mut self, alarm: Alarm) {
        let before = std::mem::replace(&mut self.alarm, alarm);
        if before == alarm {
            return;
        }
        self.acknowledge.raise(alarm.severity);
        for (field, changed) in
            [(Field::Stat, before.status != alarm.status), (Field::Sevr, before.severity != alarm.severity)]
        {
            if changed {
                self.push_field(field, Field::of_alarm(field, alarm), EventMask::VALUE | EventMask::LOG);
            }
        }
    }

    /// The present time, but later than the last stamp: clocks are set back.
    fn next_stamp(&self) -> Stamp {
        ca::server::now().max(self.stamp.next())
    }

    /// Pushes the present value to those who want such changes.
    pub(super) fn push(&self, mask: EventMask) {
        if !mask.is_empty() && !self.subscriptions.is_empty() {
            self.push_field(Field::Val, self.value.clone(), mask);
        }
    }

    pub(super) fn push_field(&self, field: Field, value: Value, mask: EventMask) {
        let mut wanted =
            self.subscriptions.iter().filter(|s| s.field == field && s.mask.intersects(mask)).peekable();
        if wanted.peek().is_some() {
            let update = self.update(value);
            wanted.for_each(|subscription| subscription.subscriber.push(&update, mask));
        }
    }

    /// Takes over metadata that the author declares anew.
    pub(super) fn describe(&mut self, meta: Meta) {
        self.control = meta.control;
        if let Some(tuning) = &mut self.tuning {
            for limit in Limit::ALL {
                let (old, new) = (limit.of(&self.meta), limit.of(&meta));
                if old.to_bits() != new.to_bits() {
                    tuning.declare(limit, new);
                }
            }
        }
        self.meta = Arc::new(meta);
    }

    /// Clients that monitor the value.
    pub(super) fn watched(&self) -> usize {
        self.subscriptions.iter().filter(|subscription| subscription.field == Field::Val).count()
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
