//! What changes about a PV, under its lock, and who hears of it.

use std::sync::Arc;

use ca::proto::dbr::{LimitPair, Meta, Scalar, Stamp, Value};
use ca::proto::{Acknowledge, Alarm, AlarmSeverity, EventMask};
use ca::server::{Reading, Subscriber, Update};

use super::alarm_group::{Membership, Raised};
use super::alarm_rule::{self, raised};
use super::core::PvCore;
use super::field::Field;
use super::post::Post;
use super::tuning::Tuning;
use crate::record::{Limit, Live};
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
    /// The alarm is that of the value by the rules of the PV.
    pub(super) by_rule: bool,
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
            by_rule: true,
            acknowledge: Acknowledge::default(),
            stamp: ca::server::now(),
            meta,
            control,
            tuning,
            subscriptions: Vec::new(),
            states,
        };
        state.alarm = state.own_alarm();
        if defined {
            // That there is no value yet needs no acknowledging, as in base.
            state.acknowledge.severity = state.alarm.severity;
        }
        state
    }

    /// The alarm of a value by the rules of the PV.
    pub(super) fn alarm_of(&mut self, value: &Value) -> Alarm {
        match &mut self.tuning {
            Some(tuning) => tuning.alarm_of(value),
            None => alarm_rule::by_limits(value, &self.meta),
        }
    }

    /// The alarm of the present value, UDF as long as there is none.
    pub(super) fn own_alarm(&mut self) -> Alarm {
        if !self.defined {
            let severity = self.tuning.as_ref().map_or(Alarm::UDF.severity, |tuning| tuning.undefined);
            return raised(Alarm::UDF.status, severity);
        }
        let value = self.value.clone();
        self.alarm_of(&value)
    }

    pub(super) fn reading(&self, meta: bool) -> Reading {
        Reading { update: self.update(self.value.clone()), meta: meta.then(|| self.meta.clone()) }
    }

    /// A value with the alarm and the time of the PV.
    pub(super) fn update(&self, value: Value) -> Update {
        Update { value, alarm: self.alarm, stamp: self.stamp, tag: self.states.now() }
    }

    /// Stores and pushes to the subscribers; returns the old value, to be freed after the lock.
    pub(super) fn store(&mut self, value: Value, post: Post, every: bool) -> Value {
        let mask = self.accept(&value, post, every);
        let old = std::mem::replace(&mut self.value, value);
        self.push(mask);
        old
    }

    /// The same of an element that a client put, which takes the place of another: there is nothing to free.
    #[inline]
    pub(super) fn store_scalar(&mut self, scalar: Scalar, every: bool) {
        let value = Value::Scalar(scalar);
        let mask = match &self.tuning {
            None => self.accept_by_limits(&value, every),
            Some(_) => self.accept(&value, Post::default(), every),
        };
        self.value = value;
        self.push(mask);
    }

    /// The same as [`State::accept`] where nothing is tuned.
    #[inline]
    fn accept_by_limits(&mut self, value: &Value, every: bool) -> EventMask {
        let news = every || is_news(&self.value, value);
        let mut mask = if news { EventMask::VALUE | EventMask::LOG } else { EventMask::empty() };
        self.stamp = self.next_stamp();
        self.defined = true;
        self.by_rule = true;
        let alarm = alarm_rule::by_limits(value, &self.meta);
        mask.set(EventMask::ALARM, alarm != self.alarm && self.change_alarm(alarm, None, false));
        mask
    }

    /// All that a new value changes but the value itself; returns the kinds of change.
    fn accept(&mut self, value: &Value, post: Post, every: bool) -> EventMask {
        let Post { alarm, message, stamp } = post;
        let mut mask = self.news(value, every);
        self.by_rule = alarm.is_none();
        let own = alarm.unwrap_or_else(|| self.alarm_of(value));
        self.stamp = stamp.unwrap_or_else(|| self.next_stamp());
        self.defined = true;
        mask.set(EventMask::ALARM, self.change_alarm(own, message, false));
        mask
    }

    /// Stores and pushes what a device posts: of a simulated input the simulated value, of a disabled PV nothing.
    pub(super) fn post(&mut self, pv: &PvCore, value: Value, post: Post) -> Value {
        let Some(tuning) = &self.tuning else {
            if post.message.is_some() {
                self.tune(pv);
            }
            return self.store(value, post, pv.fixed.every_post);
        };
        if tuning.is_disabled() {
            let alarm = self.own_alarm();
            self.set_alarm(alarm, true);
            return value;
        }
        match self.simulated(pv) {
            Some(simulated) => {
                self.store(simulated, Post { stamp: post.stamp, ..Post::default() }, pv.fixed.every_post)
            }
            None => self.store(value, post, pv.fixed.every_post),
        }
    }

    /// True while puts only store their value.
    pub(super) fn runs_no_command(&self) -> bool {
        self.tuning.as_ref().is_some_and(|tuning| tuning.is_disabled() || tuning.simulation.mode != 0)
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

    /// Shows an alarm with the value that there is.
    pub(super) fn set_alarm(&mut self, alarm: Alarm, by_rule: bool) {
        let message = self.message().filter(|_| alarm == self.alarm).map(Box::from);
        self.raise(alarm, message);
        self.by_rule = by_rule;
    }

    /// The same with a text; as long as there is no value the severity is at least that of UDF.
    pub(super) fn raise(&mut self, alarm: Alarm, message: Option<Box<str>>) {
        self.by_rule = false;
        let undefined = if self.defined { AlarmSeverity::NoAlarm } else { self.own_alarm().severity };
        let severity = alarm.severity.max(undefined);
        if self.change_alarm(Alarm::new(alarm.status, severity), message, true) {
            self.push(EventMask::ALARM);
        }
    }

    /// Shows the alarm of the group that the PV is in.
    pub(super) fn show_group_alarm(&mut self) {
        let group = self.tuning.as_ref().and_then(|tuning| tuning.group.as_ref());
        if let Some(shown) = group.map(Membership::shown)
            && self.show(shown, true)
        {
            self.push(EventMask::ALARM);
        }
    }

    pub(super) fn message(&self) -> Option<&str> {
        self.tuning.as_ref().and_then(|tuning| tuning.message.as_deref())
    }

    /// Takes over an alarm of the PV itself, with a new time if that is asked for; true when what is shown has
    /// changed.
    fn change_alarm(&mut self, alarm: Alarm, message: Option<Box<str>>, renew: bool) -> bool {
        if self.tuning.is_none() && self.alarm == alarm {
            return false;
        }
        let own = Raised { alarm, message };
        let shown = match self.tuning.as_ref().and_then(|tuning| tuning.group.as_ref()) {
            Some(group) => group.note(own),
            None => own,
        };
        self.show(shown, renew)
    }

    fn show(&mut self, shown: Raised, renew: bool) -> bool {
        let Raised { alarm, message } = shown;
        let reworded = self.message() != message.as_deref();
        let before = self.alarm;
        if before == alarm && !reworded {
            return false;
        }
        self.alarm = alarm;
        if renew {
            self.stamp = self.next_stamp();
        }
        if let Some(tuning) = self.tuning.as_mut().filter(|_| reworded) {
            tuning.message = message;
        }
        let unacknowledged = self.acknowledge.severity;
        self.acknowledge.raise(alarm.severity);
        for (live, changed) in [
            (Live::Status, before.status != alarm.status),
            (Live::Severity, before.severity != alarm.severity),
            (Live::Message, reworded),
            (Live::Unacknowledged, unacknowledged != self.acknowledge.severity),
        ] {
            if changed {
                self.push_live(live);
            }
        }
        true
    }

    /// Pushes a field that shows the alarm.
    pub(super) fn push_live(&self, live: Live) {
        let field = self.subscriptions.iter().map(|s| s.field).find(|field| field.live() == Some(live));
        if let Some(field) = field {
            self.push_field(field, field.of_alarm(self), EventMask::VALUE | EventMask::LOG);
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

    /// The tuning of this PV, made at the first use.
    pub(super) fn tune(&mut self, pv: &PvCore) -> &mut Tuning {
        let width = if pv.fixed.every_post { -1.0 } else { 0.0 };
        let (meta, value) = (&self.meta, &self.value);
        self.tuning.get_or_insert_with(|| Box::new(Tuning::of(meta, (width, width), Some(value))))
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
