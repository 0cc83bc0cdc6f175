//! Groups of PVs: names, types, metadata, hooks, checked when the group is built.

mod builder;
mod declared;
mod field;
mod hooks;
mod macros;
mod pair;
mod record;
mod rules;
mod saved;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ca::proto::dbr::Value;

use crate::device::{DevicePort, PutQueue};
use crate::hooks::{HookEnd, Plan, PutHook};
use crate::pv::{AlarmBook, Pv, PvCore};
use crate::pv_type::{PvType, Shape};
use crate::states::{self, States, SyncState};
pub use builder::PvBuilder;
pub use declared::PvGroup;
use macros::Macros;
pub use pair::{PairBuilder, PvPair};
pub(crate) use rules::check_meta;

/// Longest PV name, in bytes: the limit of EPICS base.
const MAX_NAME: usize = 60;
/// Bytes of a text that declares no length.
const TEXT: usize = 10_000;
/// Decimals of a floating PV that declares none; with a record type base's 0.
const PRECISION: i16 = 6;
pub(crate) const UNDECLARED: i16 = -1;

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
    states: Arc<States>,
    scope: Scope,
    plan: Option<Plan>,
    port: Option<DevicePort>,
    outlet: Option<Arc<PutQueue>>,
    names: HashSet<String>,
    /// By their full names.
    alarm_groups: HashMap<String, Arc<AlarmBook>>,
    pvs: Vec<Arc<PvCore>>,
    /// Its PVs are in lists of what the IOC serves.
    listed: bool,
}

impl GroupBuilder {
    /// A group without a device: its PVs are plain ones.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            macros: Macros::default(),
            states: Arc::default(),
            scope: Scope::default(),
            plan: None,
            port: None,
            outlet: None,
            names: HashSet::new(),
            alarm_groups: HashMap::new(),
            pvs: Vec::new(),
            listed: true,
        }
    }

    /// A group whose PVs are in no list.
    pub(crate) fn unlisted(prefix: &str) -> Self {
        Self { listed: false, ..Self::new(prefix) }
    }

    /// The group of a device's PVs.
    pub(crate) fn of_device(self, port: DevicePort, outlet: Arc<PutQueue>) -> Self {
        Self { port: Some(port), outlet: Some(outlet), ..self }
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
    /// [`PvBuilder::max_length`] says otherwise; an array that starts empty needs that.
    pub fn pv<T: PvType>(&mut self, name: &str, value: T) -> PvBuilder<'_, T> {
        self.pv_of_value(name, value.into_value())
    }

    fn pv_of_value<T: PvType>(&mut self, name: &str, value: Value) -> PvBuilder<'_, T> {
        let capacity = if T::SHAPE == Shape::Text { value.len().max(TEXT) } else { value.len() };
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

    /// A state that clients can tie their monitors to by the filter `sync`; the same one for the same name, also in
    /// groups inside this one.
    ///
    /// ```
    /// use wrapper::GroupBuilder;
    /// let mut group = GroupBuilder::new("lab:");
    /// let value = group.pv("value", 0).add()?;
    /// let shutter = group.state("shutter_open")?;
    /// shutter.set(true);
    /// value.post(5); // seen by those who monitor lab:value.{"sync":{"while":"shutter_open"}}
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    ///
    /// # Errors
    /// When there are 32 already.
    pub fn state(&mut self, name: &str) -> Result<SyncState, GroupError> {
        let full = || GroupError::new(name, format!("a group has at most {} states", states::MOST));
        self.states.declare(name).ok_or_else(full)
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
