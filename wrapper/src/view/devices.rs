//! The devices of an IOC, as pages and screens show them.

use std::collections::HashSet;
use std::sync::{Arc, Weak};

use serde::Serialize;

use crate::device::Port;
use crate::pv::PvCore;
use crate::sequence::spec::{ArgSpec, CommandSpec};

/// A device: its commands, and its PVs in the order of the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DeviceDescription {
    /// Its name, empty for the PVs that belong to no device.
    pub name: String,
    /// What the names of its PVs start with.
    pub prefix: String,
    /// What the names of its template start with, where it has one.
    pub template: Option<String>,
    /// What [`SystemDevice::kind`](crate::SystemDevice::kind) says.
    #[serde(rename = "role")]
    pub kind: Option<String>,
    /// The commands it knows.
    pub commands: Vec<CommandDescription>,
    /// Names of its PVs.
    pub pvs: Vec<String>,
    /// The same by group.
    pub groups: Vec<GroupDescription>,
}

/// A command of a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CommandDescription {
    /// Its name; empty for the command that a bare list or mapping is.
    pub name: String,
    /// Its arguments as they are typed, such as `x, y=0`.
    pub arguments: String,
    /// What it does.
    pub doc: String,
}

/// PVs that were declared in one group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupDescription {
    /// What their names start with behind the prefix of the device.
    pub name: String,
    /// Their names.
    pub pvs: Vec<String>,
}

/// A device of a running IOC.
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) prefix: String,
    pub(crate) template: String,
    pub(crate) kind: &'static str,
    pub(crate) port: Weak<Port>,
    /// Ids of its PVs.
    pub(crate) pvs: HashSet<u64>,
}

impl Known {
    fn describe(&self) -> DeviceDescription {
        let port = self.port.upgrade();
        let commands = port.iter().flat_map(|port| port.commands()).map(CommandDescription::of).collect();
        DeviceDescription {
            name: self.name.clone(),
            prefix: self.prefix.clone(),
            template: Some(self.template.clone()),
            kind: (!self.kind.is_empty()).then(|| self.kind.to_owned()),
            commands,
            ..DeviceDescription::default()
        }
    }
}

impl DeviceDescription {
    fn add(&mut self, pv: &PvCore) {
        let group = pv.fixed.group_of(&pv.name);
        let group = group.strip_prefix(&*self.prefix).unwrap_or(group);
        self.pvs.push(pv.name.to_string());
        let name = pv.name.to_string();
        match self.groups.iter_mut().find(|known| known.name == group) {
            Some(known) => known.pvs.push(name),
            None => self.groups.push(GroupDescription { name: group.to_owned(), pvs: vec![name] }),
        }
    }
}

impl CommandDescription {
    fn of(spec: &CommandSpec) -> Self {
        let rest = spec.rest_type().map(|_| "...".to_owned());
        let arguments: Vec<_> = spec.args().iter().map(argument).chain(rest).collect();
        Self { name: spec.name().to_owned(), arguments: arguments.join(", "), doc: spec.doc().to_owned() }
    }
}

fn argument(spec: &ArgSpec) -> String {
    match &spec.default {
        Some(default) => format!("{}={default}", spec.name),
        None => spec.name.clone(),
    }
}

/// The devices, and behind them the PVs that belong to none.
pub(super) fn describe(known: &[Known], pvs: &[Arc<PvCore>]) -> Vec<DeviceDescription> {
    let mut devices: Vec<_> = known.iter().map(Known::describe).collect();
    let mut rest = DeviceDescription::default();
    for pv in pvs {
        let owner = known.iter().position(|device| device.pvs.contains(&pv.id));
        owner.map_or(&mut rest, |index| &mut devices[index]).add(pv);
    }
    if !rest.pvs.is_empty() {
        devices.push(rest);
    }
    devices
}
