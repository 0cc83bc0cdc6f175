//! One PV on its way into a group.

use std::num::NonZeroU16;
use std::ops::RangeInclusive;

use ca::proto::dbr::{LimitPair, Meta, NativeType, Value};

use super::rules::{check_name, is_integer};
use super::saved::SavedChoice;
use super::{GroupBuilder, GroupError, UNDECLARED};
use crate::device::{Command, DevicePort};
use crate::hooks::{Check, Policy, PutError, PutHook};
use crate::pv::{First, Fixed, Pv, PvCore, StateAlarms, Watch, is_range};
use crate::pv_type::{PvType, Shape};
use crate::record::{ControlRule, RecordType};

/// One PV on its way into a group; ends with [`PvBuilder::add`].
///
/// A command made by [`PvBuilder::command`] is checked against the device's list of commands as text is,
/// and what it leaves out is filled in.
///
/// ```
/// use wrapper::GroupBuilder;
/// let mut group = GroupBuilder::new("stage:");
/// let position = group
///     .pv("VAL", 0.0)
///     .units("mm")
///     .precision(3)
///     .control_limits(-3.0..=7.0)
///     .check(|mm: &f64| if *mm == 5.0 { Err("5 mm is blocked") } else { Ok(()) })
///     .add()?;
/// assert_eq!(position.name(), "stage:VAL");
/// # Ok::<(), wrapper::GroupError>(())
/// ```
#[must_use = "a PV exists once it is added"]
pub struct PvBuilder<'a, T> {
    pub(super) group: &'a mut GroupBuilder,
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) defined: bool,
    pub(super) meta: Meta,
    pub(super) deadbands: Option<(f64, f64)>,
    pub(super) hysteresis: f64,
    pub(super) states: Option<Box<StateAlarms>>,
    pub(super) fixed: Fixed,
    pub(super) faults: Vec<String>,
    pub(super) saved: SavedChoice,
    pub(super) value_type: std::marker::PhantomData<fn() -> T>,
}

impl<'a, T: PvType> PvBuilder<'a, T> {
    pub(super) fn new(
        group: &'a mut GroupBuilder,
        name: &str,
        value: Value,
        defined: bool,
        capacity: usize,
    ) -> Self {
        let (name, fault) = match group.macros.expand(name) {
            Ok(expanded) => (format!("{}{expanded}", group.prefix), None),
            Err(rule) => (format!("{}{name}", group.prefix), Some(rule)),
        };
        let labels = T::LABELS.iter().map(|label| (*label).into()).collect();
        let fixed = Fixed {
            native: T::NATIVE,
            shape: T::SHAPE,
            capacity: u32::try_from(capacity).unwrap_or(u32::MAX),
            read_only: false,
            every_post: false,
            detail: false,
            field_of: None,
            doc: "".into(),
            group: u16::try_from(group.prefix.len()).unwrap_or(0),
            aliases: Box::default(),
            as_string: false,
            latin1: false,
            checks: Vec::new(),
            hook: PutHook::Store,
            watch: None,
            feed_depth: None,
            states: group.states.clone(),
            outlet: group.outlet.clone(),
            record: RecordType::plain(is_integer::<T>()),
            control: ControlRule::Refuse,
            on_scan: None,
            alarm_group: None,
            saved: None,
            listed: group.listed,
        };
        let meta = Meta { labels, precision: UNDECLARED, ..Meta::new() };
        Self {
            group,
            name,
            value,
            defined,
            meta,
            deadbands: None,
            hysteresis: 0.0,
            states: None,
            fixed,
            faults: fault.into_iter().collect(),
            saved: SavedChoice::default(),
            value_type: std::marker::PhantomData,
        }
    }

    /// Engineering units; clients see 7 bytes.
    pub fn units(mut self, units: &str) -> Self {
        self.meta.units = units.into();
        self
    }

    /// Decimals shown of a floating value, 0 to 17.
    pub fn precision(mut self, decimals: u8) -> Self {
        if decimals > 17 {
            self.faults.push(format!("precision {decimals} is above 17"));
        }
        self.meta.precision = i16::from(decimals);
        self
    }

    /// Most elements of an array, most bytes of a text.
    pub fn max_length(mut self, elements: usize) -> Self {
        match u32::try_from(elements) {
            Ok(capacity) if T::SHAPE != Shape::Scalar && capacity > 0 => self.fixed.capacity = capacity,
            Ok(_) if T::SHAPE == Shape::Scalar => self.faults.push("a scalar has no max_length".to_owned()),
            _ => self.faults.push(format!("max_length {elements} is not in 1..={}", u32::MAX)),
        }
        self
    }

    /// Range for displays.
    pub fn display_limits(mut self, limits: RangeInclusive<f64>) -> Self {
        self.meta.display = self.pair("display limits", limits);
        self
    }

    /// Range that a put may ask for: outside it is refused.
    pub fn control_limits(mut self, limits: RangeInclusive<f64>) -> Self {
        self.meta.control = self.pair("control limits", limits);
        self
    }

    /// Shows the control limits without refusing puts outside them: a check or the device does that.
    ///
    /// ```
    /// # let mut group = wrapper::GroupBuilder::new("x:");
    /// let pv = group.pv("v", 1.0).control_limits(0.0..=5.0).limits_only_shown().add()?;
    /// assert!(pv.put(6.0).wait().is_ok());
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn limits_only_shown(mut self) -> Self {
        self.fixed.control = ControlRule::Show;
        self
    }

    /// From these limits on the value is a MAJOR alarm.
    pub fn alarm_limits(mut self, limits: RangeInclusive<f64>) -> Self {
        self.meta.alarm = self.pair("alarm limits", limits);
        self
    }

    /// From these limits on the value is a MINOR alarm.
    pub fn warning_limits(mut self, limits: RangeInclusive<f64>) -> Self {
        self.meta.warning = self.pair("warning limits", limits);
        self
    }

    fn pair(&mut self, what: &str, limits: RangeInclusive<f64>) -> LimitPair {
        let pair = LimitPair::new(*limits.start(), *limits.end());
        if !is_range(pair) {
            let rule = "the lower one must be below the upper one";
            self.faults.push(format!("{what} {}..={}: {rule}", pair.low, pair.high));
        }
        pair
    }

    /// Labels of an ENUM, instead of those of its type.
    pub fn labels(mut self, labels: &[&str]) -> Self {
        self.meta.labels = labels.iter().map(|label| (*label).into()).collect();
        self
    }

    /// Clients may not put.
    pub fn read_only(mut self) -> Self {
        self.fixed.read_only = true;
        self
    }

    /// Publishes a scalar also when it is posted with the value it had.
    pub fn every_post(mut self) -> Self {
        self.fixed.every_post = true;
        self
    }

    /// Publishes a number only when it moved by more than `value` since it was last told (MDEL), for archivers
    /// by more than `log` (ADEL); below 0 every post is published.
    pub fn deadbands(mut self, value: f64, log: f64) -> Self {
        let number = T::SHAPE == Shape::Scalar
            && !matches!(T::NATIVE, NativeType::String | NativeType::Enum | NativeType::Char);
        if !number || value.is_nan() || log.is_nan() {
            self.faults.push(format!("deadbands {value} and {log}: they need a number, and be numbers"));
        }
        self.deadbands = Some((value, log));
        self
    }

    /// Keeps up to so many updates for a client that is slow to take them, 1 to 4096 instead of the server's 64; when
    /// they are full the newest is replaced.
    ///
    /// 1 is for what only the latest counts of; much for what must not be missed, at so many values per client.
    pub fn feed_depth(mut self, updates: u16) -> Self {
        match NonZeroU16::new(updates) {
            Some(depth) if updates <= 4096 => self.fixed.feed_depth = Some(depth),
            _ => self.faults.push(format!("feed_depth {updates} is not in 1..=4096")),
        }
        self
    }

    /// Calls `hook` with true when the first client starts to monitor the value, with false when the last one
    /// leaves.
    ///
    /// It runs on a network thread: it sets a flag or wakes somebody, and waits for nothing.
    pub fn on_watched(mut self, hook: impl Fn(bool) + Send + Sync + 'static) -> Self {
        self.fixed.watch = Some(Watch::new(hook));
        self
    }

    /// Answers to another name too: a full one, without the group's prefix; macros are replaced.
    ///
    /// It is not listed, and takes part in nothing else: NAME reads the PV's own name.
    pub fn alias(mut self, name: &str) -> Self {
        match self.group.macros.expand(name).and_then(|name| check_name(&name).map(|()| name)) {
            Ok(name) => {
                let aliases = std::mem::take(&mut self.fixed.aliases).into_vec();
                self.fixed.aliases = aliases.into_iter().chain([name]).collect();
            }
            Err(rule) => self.faults.push(format!("alias {name:?}: {rule}")),
        }
        self
    }

    /// Serves a text as one STRING, which shows 39 bytes, for clients that expect that; in full as `NAME.$`.
    pub fn as_string(mut self) -> Self {
        if T::SHAPE != Shape::Text {
            self.faults.push("as_string is for texts".to_owned());
        }
        self.fixed.as_string = true;
        self
    }

    /// Gives a text to clients as latin-1, as caproto does, in place of UTF-8; characters that latin-1 does not have become
    /// question marks.
    pub fn latin1(mut self) -> Self {
        if T::SHAPE != Shape::Text {
            self.faults.push("latin1 is for texts".to_owned());
        }
        self.fixed.latin1 = true;
        self
    }

    /// What the PV is, for people.
    pub fn doc(mut self, doc: &str) -> Self {
        self.fixed.doc = doc.into();
        self
    }

    /// For few people: `seqioc screens` shows it on a screen of details, `seqioc ophyd` leaves it out of what is read.
    pub fn detail(mut self) -> Self {
        self.fixed.detail = true;
        self
    }

    /// Refuses puts for which `check` returns an error. It runs on a network thread: it only looks.
    pub fn check<E: ToString>(mut self, check: impl Fn(&T) -> Result<(), E> + Send + Sync + 'static) -> Self {
        let check: Check = Box::new(move |value| match T::from_value(value) {
            Some(value) => check(&value).map_err(|error| error.to_string()),
            None => Err("no such choice".to_owned()),
        });
        self.fixed.checks.push(check);
        self
    }

    /// Makes each put a command of the device; the put completes when the device is done.
    pub fn command(self, port: &DevicePort, command: impl Fn(T) -> Command + Send + Sync + 'static) -> Self {
        self.command_with(port, Policy::Queue, command)
    }

    /// As [`PvBuilder::command`], with a policy for commands that pile up.
    pub fn command_with(
        mut self,
        port: &DevicePort,
        policy: Policy,
        command: impl Fn(T) -> Command + Send + Sync + 'static,
    ) -> Self {
        let make = Box::new(move |value: &Value| match T::from_value(value) {
            Some(value) => Ok(command(value)),
            None => Err(PutError::Refused("no such choice".to_owned())),
        });
        self.fixed.hook = PutHook::Command { port: port.clone(), policy, make };
        self
    }

    pub(crate) fn hook(mut self, hook: PutHook) -> Self {
        self.fixed.hook = hook;
        self
    }

    /// Adds the PV to its group.
    ///
    /// # Errors
    /// When the name is taken, empty, has blanks or over 60 bytes; more than 16 labels or one over 25
    /// bytes; limits are crossed; the value does not fit.
    pub fn add(mut self) -> Result<Pv<T>, GroupError> {
        self.settle();
        self.validate().map_err(|rule| GroupError::new(&self.name, rule))?;
        let Self { group, name, value, defined, meta, deadbands, hysteresis, states, fixed, .. } = self;
        group.names.insert(name.clone());
        let alarm_group = fixed.alarm_group.clone();
        let core = PvCore::new(name, fixed, First { value, defined, meta, deadbands, hysteresis, states });
        if let Some(alarms) = alarm_group {
            alarms.join(&core);
        }
        group.pvs.push(core.clone());
        if core.fixed.field_of.is_none() {
            group.scope.own.push(core.clone());
        }
        Ok(Pv::new(core))
    }
}
