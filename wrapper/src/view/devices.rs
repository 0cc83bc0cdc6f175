//! The devices of an IOC, as pages and screens show them.

use std::collections::HashSet;
use std::sync::{Arc, Weak};

use serde::Serialize;

use crate::device::Port;
use crate::pv::PvCore;
use crate::sequence::listing::CommandListing;

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
    /// Names of the remote PVs that it watches now.
    pub watches: Vec<String>,
    /// The commands it knows.
    pub commands: Vec<CommandListing>,
    /// Names of its PVs.
    pub pvs: Vec<String>,
    /// The same by group.
    pub groups: Vec<GroupDescription>,
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
    /// The commands that it knows.
    pub(crate) fn commands(&self) -> Vec<CommandListing> {
        let port = self.port.upgrade();
        port.iter().flat_map(|port| port.commands()).map(CommandListing::of).collect()
    }
}

impl DeviceDescription {
    pub(super) fn of(known: Option<&Known>) -> Self {
        known.map_or_else(Self::default, |known| Self {
            name: known.name.clone(),
            prefix: known.prefix.clone(),
            template: Some(known.template.clone()),
            kind: (!known.kind.is_empty()).then(|| known.kind.to_owned()),
            watches: known.port.upgrade().map(|port| port.watches()).unwrap_or_default(),
            commands: known.commands(),
            ..Self::default()
        })
    }

    pub(super) fn add(&mut self, pv: &PvCore) {
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

/// An entry for each device with its PVs, and behind them one for those of none, where there are such.
pub(crate) fn by_device<'a, D>(
    known: &[Known],
    pvs: impl IntoIterator<Item = &'a Arc<PvCore>>,
    entry: impl Fn(Option<&Known>) -> D,
    add: impl Fn(&mut D, &PvCore),
) -> Vec<D> {
    let mut all: Vec<_> = known.iter().map(|device| entry(Some(device))).collect();
    for pv in pvs {
        let owner = known.iter().position(|device| device.pvs.contains(&pv.id)).unwrap_or(known.len());
        if owner == all.len() {
            all.push(entry(None));
        }
        add(&mut all[owner], pv);
    }
    all
}
