//! All PVs of an IOC by name; answers the server.

use std::collections::HashMap;
use std::sync::Arc;

use ca::proto::EventMask;
use ca::proto::dbr::{Meta, WireArray};
use ca::server::{
    AccessRights, Acknowledgement, Claim, Client, Extra, PutOutcome, PutRequest, Reading, RightsBell,
    Service, Subscribed, Subscriber,
};

use crate::group::GroupError;
use crate::pv::PvCore;
use crate::pv_type::Shape;

/// The PVs, and the other names they answer to.
#[derive(Default)]
pub(crate) struct Table {
    pvs: HashMap<String, Arc<PvCore>>,
    aliases: HashMap<String, Arc<PvCore>>,
    names: Vec<String>,
}

impl Table {
    /// The table of these PVs.
    ///
    /// A PV with two or more dots also answers with each dot a colon: ophyd refuses names with two dots.
    /// `P.VAL` also answers as `P`: archivers cut `.VAL`.
    pub(crate) fn new(pvs: Vec<Arc<PvCore>>) -> Result<Self, GroupError> {
        let mut table = Self::default();
        for pv in &pvs {
            if table.pvs.insert(pv.name.to_string(), pv.clone()).is_some() {
                return Err(GroupError::new(&pv.name, "another device of this IOC has the same name"));
            }
            table.names.push(pv.name.to_string());
        }
        for pv in &pvs {
            if pv.name.matches('.').count() >= 2 {
                table.aliases.entry(pv.name.replace('.', ":")).or_insert_with(|| pv.clone());
            }
            if let Some(record) = pv.name.strip_suffix(".VAL") {
                table.aliases.entry(record.to_owned()).or_insert_with(|| pv.clone());
            }
        }
        Ok(table)
    }

    /// The names in the order of declaration, without aliases.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Tells every PV of the server that serves it.
    pub(crate) fn set_bell(&self, bell: &RightsBell) {
        for pv in self.pvs.values() {
            // Each PV is in one IOC only, so none has a bell yet.
            let _ = pv.bell.set(bell.clone());
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<PvCore>> {
        self.pvs.get(name)
    }

    /// The exact name first; then `X.`, `X.VAL` and, for a text, `X$`, `X.$`, `X.VAL$`.
    fn resolve(&self, name: &str) -> Option<&Arc<PvCore>> {
        let find = |name: &str| self.pvs.get(name).or_else(|| self.aliases.get(name));
        let value = |name: &str| {
            find(name).or_else(|| find(name.strip_suffix(".VAL").or_else(|| name.strip_suffix('.'))?))
        };
        value(name).or_else(|| value(name.strip_suffix('$')?).filter(|pv| pv.fixed.shape == Shape::Text))
    }
}

impl Service for Table {
    type Channel = Arc<PvCore>;

    fn claim(&self, name: &str, _client: &Client) -> Option<Claim<Arc<PvCore>>> {
        let pv = self.resolve(name)?;
        let (native, count, rights) = (pv.fixed.native, pv.fixed.capacity, pv.rights());
        Some(Claim { channel: pv.clone(), native, count, rights })
    }

    fn exists(&self, name: &str) -> bool {
        self.resolve(name).is_some()
    }

    fn read(&self, pv: &Arc<PvCore>, meta: bool) -> Reading {
        pv.read(meta)
    }

    fn rights(&self, pv: &Arc<PvCore>, _client: &Client) -> AccessRights {
        pv.rights()
    }

    fn extra(&self, pv: &Arc<PvCore>) -> Extra {
        pv.extra()
    }

    fn acknowledge(&self, pv: &Arc<PvCore>, change: Acknowledgement) {
        pv.acknowledge(change);
    }

    fn meta(&self, pv: &Arc<PvCore>) -> Arc<Meta> {
        pv.meta()
    }

    fn put(&self, pv: &Arc<PvCore>, value: WireArray<'_>, request: PutRequest<'_>) -> PutOutcome {
        pv.put(value, &request)
    }

    fn feed_key(&self, pv: &Arc<PvCore>) -> u64 {
        pv.id
    }

    fn subscribe(&self, pv: &Arc<PvCore>, subscriber: Subscriber, mask: EventMask, meta: bool) -> Subscribed {
        pv.subscribe(subscriber, mask, meta)
    }

    fn unsubscribe(&self, pv: &Arc<PvCore>, subscriber: &Subscriber) {
        pv.unsubscribe(subscriber);
    }
}
