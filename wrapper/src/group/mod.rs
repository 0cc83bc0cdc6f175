//! Groups of PVs: names, types, metadata, hooks, checked when the group is built.

mod hooks;
mod macros;

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use ca::proto::dbr::{LimitPair, Meta, NativeType, Value};

use crate::device::{Command, DevicePort, PutQueue};
use crate::hooks::{Check, HookEnd, Plan, Policy, PutError, PutHook};
use crate::pv::{First, Fixed, Pv, PvCore, Watch, is_range, number_of};
use crate::pv_type::{PvType, Shape};
use macros::Macros;

/// Longest PV name, in bytes: the limit of EPICS base.
const MAX_NAME: usize = 60;
/// Bytes of a text that declares no length.
const TEXT: usize = 10_000;
/// Decimals of a floating PV that declares none.
const PRECISION: i16 = 6;

/// A PV that cannot be built; names the PV and the rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PV {name:?}: {rule}")]
pub struct GroupError {
    name: String,
    rule: String,
}

impl GroupError {
    pub(crate) fn new(name: &str, rule: impl Into<String>) -> Self {
        Self { name: name.to_owned(), rule: rule.into() }
    }
}

/// What a group has for those of its PVs that have none of their own: places in the plan.
#[derive(Debug, Default)]
struct Scope {
    put: Option<usize>,
    get: Option<usize>,
    /// Its PVs, without those of groups inside it.
    own: Vec<Arc<PvCore>>,
}

/// A complete group.
pub(crate) struct Built {
    pub(crate) pvs: Vec<Arc<PvCore>>,
    /// Its hooks, when it has some.
    pub(crate) plan: Option<Plan>,
}

/// Builds the PVs of a device or an IOC; names start with the group's prefix.
pub struct GroupBuilder {
    prefix: String,
    macros: Macros,
    scope: Scope,
    plan: Option<Plan>,
    port: Option<DevicePort>,
    outlet: Option<Arc<PutQueue>>,
    names: HashSet<String>,
    pvs: Vec<Arc<PvCore>>,
}

impl GroupBuilder {
    /// A group without a device: its PVs are plain ones.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            macros: Macros::default(),
            scope: Scope::default(),
            plan: None,
            port: None,
            outlet: None,
            names: HashSet::new(),
            pvs: Vec::new(),
        }
    }

    pub(crate) fn of_device(prefix: &str, port: DevicePort, outlet: Arc<PutQueue>) -> Self {
        Self { port: Some(port), outlet: Some(outlet), ..Self::new(prefix) }
    }

    #[cfg(test)]
    pub(crate) fn with_outlet(prefix: &str, outlet: Arc<PutQueue>) -> Self {
        Self { outlet: Some(outlet), ..Self::new(prefix) }
    }

    /// The prefix of all names.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The way to the device's get queue, for [`PvBuilder::command`].
    ///
    /// # Errors
    /// In a group without a device.
    pub fn port(&self) -> Result<DevicePort, GroupError> {
        self.port.clone().ok_or_else(|| GroupError::new(&self.prefix, "this group has no device"))
    }

    /// Declares a PV with its first value.
    ///
    /// A text takes up to 10 000 bytes and an array as many elements as its first value has, unless
    /// [`PvBuilder::max_length`] says otherwise.
    pub fn pv<T: PvType>(&mut self, name: &str, value: T) -> PvBuilder<'_, T> {
        let value = value.into_value();
        let room = if T::SHAPE == Shape::Text { TEXT } else { 1 };
        let capacity = value.len().max(room);
        PvBuilder::new(self, name, value, true, capacity)
    }

    /// Declares a PV that is undefined, UDF and INVALID, until the first post; an array needs
    /// [`PvBuilder::max_length`].
    pub fn pv_undefined<T: PvType>(&mut self, name: &str) -> PvBuilder<'_, T> {
        let room = match T::SHAPE {
            Shape::Text => TEXT,
            Shape::Scalar => 1,
            Shape::Array => 0,
        };
        PvBuilder::new(self, name, T::unset(), false, room)
    }

    /// Adds the PVs of a group inside this one; their names start with both prefixes.
    ///
    /// # Errors
    /// Those of `build`.
    pub fn group<R>(
        &mut self,
        prefix: &str,
        build: impl FnOnce(&mut Self) -> Result<R, GroupError>,
    ) -> Result<R, GroupError> {
        let expanded = self.macros.expand(prefix).map_err(|rule| GroupError::new(prefix, rule))?;
        let outer = self.prefix.len();
        self.prefix.push_str(&expanded);
        let scope = std::mem::take(&mut self.scope);
        let built = build(self);
        self.close_scope();
        self.scope = scope;
        self.prefix.truncate(outer);
        built
    }

    /// Gives the PVs of the innermost group its hooks, where they have none of their own.
    fn close_scope(&mut self) {
        let Scope { put, get, own } = std::mem::take(&mut self.scope);
        if put.is_none() && get.is_none() {
            return;
        }
        let Some(plan) = &mut self.plan else { return };
        for pv in own {
            let hooks = plan.of(&pv);
            if matches!(pv.fixed.hook, PutHook::Store) && !pv.fixed.read_only {
                hooks.put = hooks.put.or(put);
            }
            hooks.get = hooks.get.or(get);
        }
    }

    /// The PV's core, when it is one of this group.
    fn own<T: PvType>(&self, pv: &Pv<T>) -> Result<Arc<PvCore>, GroupError> {
        if self.names.contains(pv.name()) {
            return Ok(pv.core().clone());
        }
        Err(GroupError::new(pv.name(), format!("it is not a PV of the group {:?}", self.prefix)))
    }

    /// The PVs, each with the way to its hooks.
    pub(crate) fn finish(mut self) -> Built {
        self.close_scope();
        let Self { mut plan, pvs, .. } = self;
        if let Some(plan) = &mut plan {
            let others = plan.startups.iter().filter_map(|hook| hook.pv.clone());
            let owners: Vec<_> = others.chain(plan.scans.iter().map(|scan| scan.pv.clone())).collect();
            owners.iter().for_each(|pv| _ = plan.of(pv));
            for pv in &pvs {
                if let Some(hooks) = plan.pvs.get(&pv.id) {
                    pv.set_hooks(HookEnd::new(&plan.lane, hooks.put.is_some(), hooks.get.is_some()));
                }
            }
        }
        Built { pvs, plan: plan.filter(|plan| !plan.is_empty()) }
    }

    pub(crate) fn built(&self) -> &[Arc<PvCore>] {
        &self.pvs
    }
}

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
    group: &'a mut GroupBuilder,
    name: String,
    value: Value,
    defined: bool,
    meta: Meta,
    deadbands: Option<(f64, f64)>,
    fixed: Fixed,
    faults: Vec<String>,
    value_type: std::marker::PhantomData<fn() -> T>,
}

impl<'a, T: PvType> PvBuilder<'a, T> {
    fn new(group: &'a mut GroupBuilder, name: &str, value: Value, defined: bool, capacity: usize) -> Self {
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
            enforces_limits: true,
            every_post: false,
            doc: "".into(),
            checks: Vec::new(),
            hook: PutHook::Store,
            watch: None,
            outlet: group.outlet.clone(),
        };
        let meta = Meta { labels, precision: PRECISION, ..Meta::new() };
        Self {
            group,
            name,
            value,
            defined,
            meta,
            deadbands: None,
            fixed,
            faults: fault.into_iter().collect(),
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
        self.fixed.enforces_limits = false;
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

    /// Calls `hook` with true when the first client starts to monitor the value, with false when the last one
    /// leaves.
    ///
    /// It runs on a network thread: it sets a flag or wakes somebody, and waits for nothing.
    pub fn on_watched(mut self, hook: impl Fn(bool) + Send + Sync + 'static) -> Self {
        self.fixed.watch = Some(Watch::new(hook));
        self
    }

    /// What the PV is, for people.
    pub fn doc(mut self, doc: &str) -> Self {
        self.fixed.doc = doc.into();
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
    pub fn add(self) -> Result<Pv<T>, GroupError> {
        self.validate().map_err(|rule| GroupError::new(&self.name, rule))?;
        let Self { group, name, value, defined, meta, deadbands, fixed, .. } = self;
        group.names.insert(name.clone());
        let core = PvCore::new(name, fixed, First { value, defined, meta, deadbands });
        group.pvs.push(core.clone());
        group.scope.own.push(core.clone());
        Ok(Pv::new(core))
    }

    fn validate(&self) -> Result<(), String> {
        if let Some(fault) = self.faults.first() {
            return Err(fault.clone());
        }
        if self.name.len() == self.group.prefix.len() {
            return Err("a PV needs a name behind its prefix".to_owned());
        }
        if self.name.len() > MAX_NAME {
            return Err(format!("a name has 1 to {MAX_NAME} bytes, this one has {}", self.name.len()));
        }
        if let Some(bad) =
            self.name.chars().find(|c| c.is_whitespace() || c.is_control() || "$[]{}".contains(*c))
        {
            return Err(format!("a name must not have {bad:?}"));
        }
        if self.group.names.contains(&self.name) {
            return Err("the name is taken".to_owned());
        }
        check_meta::<T>(&self.meta)?;
        self.validate_first()?;
        if self.fixed.read_only && !matches!(self.fixed.hook, PutHook::Store) {
            return Err("a read-only PV takes no puts, so none can be a command".to_owned());
        }
        if self.fixed.capacity == 0 {
            return Err("an undefined array needs max_length".to_owned());
        }
        if self.value.len() > self.fixed.capacity as usize {
            return Err(format!("the value has {} elements, {} fit", self.value.len(), self.fixed.capacity));
        }
        Ok(())
    }
}

impl<T: PvType> PvBuilder<'_, T> {
    /// The first value must be one that a client could put.
    fn validate_first(&self) -> Result<(), String> {
        let control = self.meta.control;
        match number_of(&self.value) {
            Some(v) if self.defined && is_range(control) && !(control.low..=control.high).contains(&v) => {
                Err(format!("the value {v} is outside the control limits {}..={}", control.low, control.high))
            }
            _ => Ok(()),
        }
    }
}

/// The rules that metadata of a PV of type `T` keep.
pub(crate) fn check_meta<T: PvType>(meta: &Meta) -> Result<(), String> {
    let Meta { control, alarm, warning, display, labels, .. } = meta;
    if labels.len() > Meta::MAX_LABELS {
        return Err(format!("{} labels, at most {} fit", labels.len(), Meta::MAX_LABELS));
    }
    if let Some(long) = labels.iter().find(|label| label.len() > Meta::MAX_LABEL) {
        return Err(format!("label {long:?} has {} bytes, {} fit", long.len(), Meta::MAX_LABEL));
    }
    let declared = [control, alarm, warning, display].into_iter().any(|pair| is_range(*pair));
    if declared && T::SHAPE == Shape::Scalar && matches!(T::NATIVE, NativeType::String | NativeType::Enum) {
        return Err("limits need a number".to_owned());
    }
    if is_range(*alarm) && is_range(*warning) && (warning.low < alarm.low || warning.high > alarm.high) {
        return Err("the warning limits are outside the alarm limits".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: PvType>(
        name: &str,
        value: T,
        change: impl FnOnce(PvBuilder<'_, T>) -> PvBuilder<'_, T>,
    ) -> String {
        let mut group = GroupBuilder::new("p:");
        group.pv("taken", 0).add().expect("a good PV");
        change(group.pv(name, value)).add().expect_err("a mistake").to_string()
    }

    #[test]
    fn every_mistake_names_the_pv_and_the_rule() {
        assert_eq!(refused("taken", 0, |b| b), r#"PV "p:taken": the name is taken"#);
        assert!(refused("a b", 0, |b| b).contains("must not have ' '"));
        assert!(refused(&"x".repeat(59), 0, |b| b).contains("this one has 61"));
        assert!(refused("v", 0.0, |b| b.control_limits(2.0..=1.0)).contains("must be below"));
        assert!(refused("v", 9.0, |b| b.control_limits(0.0..=1.0)).contains("value 9 is outside"));
        let outside = refused("v", 0.5, |b| b.alarm_limits(0.0..=1.0).warning_limits(0.0..=2.0));
        assert!(outside.contains("warning limits"));
        assert!(refused("v", true, |b| b.control_limits(0.0..=1.0)).contains("need a number"));
        assert!(refused("", 0, |b| b).contains("behind its prefix"));
        assert!(refused("v", true, |b| b.labels(&[""; 17])).contains("17 labels"));
        assert!(refused("v", true, |b| b.labels(&["x", &"y".repeat(26)])).contains("26 bytes, 25 fit"));
        assert!(refused("v", vec![0.0; 4], |b| b.max_length(3)).contains("4 elements, 3 fit"));
        assert!(refused("v", 1, |b| b.max_length(3)).contains("scalar"));
    }

    #[test]
    fn an_undefined_pv_is_udf_until_the_first_post() {
        let mut group = GroupBuilder::new("p:");
        let pv = group.pv_undefined::<f64>("v").add().expect("a good PV");
        assert_eq!(pv.alarm(), ca::proto::Alarm::UDF);
        pv.post(1.0);
        assert_eq!((pv.get(), pv.alarm()), (1.0, ca::proto::Alarm::NONE));
    }

    #[test]
    fn a_posted_value_that_does_not_fit_is_an_alarm_and_not_stored() {
        let mut group = GroupBuilder::new("p:");
        let pv = group.pv("v", vec![1.0]).max_length(2).add().expect("a good PV");
        pv.post(vec![0.0; 3]);
        assert_eq!((pv.get(), pv.alarm()), (vec![1.0], ca::proto::Alarm::WRITE));
    }
}
