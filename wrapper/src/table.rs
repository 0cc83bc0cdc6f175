//! All PVs of an IOC by name; answers the server.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use ca::proto::EventMask;
use ca::proto::dbr::{Meta, WireArray};
use ca::server::{
    AccessRights, Acknowledgement, Claim, Client, Extra, GetRequest, MonitorFilter, PutOutcome, PutRequest,
    Reading, RightsBell, Service, Subscribed, Subscriber,
};
use parking_lot::RwLock;

use crate::channel::Channel;
use crate::fallback::Fallback;
use crate::filter;
use crate::group::GroupError;
use crate::log_limit::LogLimit;
use crate::pv::{Field, PvCore};

/// Names in the log that open no channel.
static REFUSALS: LogLimit = LogLimit::new(10);

/// A PV that is found by its own name.
struct ByName(Arc<PvCore>);

impl Borrow<str> for ByName {
    fn borrow(&self) -> &str {
        &self.0.name
    }
}

impl Hash for ByName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for ByName {}

/// The PVs, and the other names they answer to.
#[derive(Default)]
struct Names {
    pvs: HashSet<ByName>,
    aliases: HashMap<String, Arc<PvCore>>,
    /// In the order of declaration.
    order: Vec<Arc<PvCore>>,
    bell: Option<RightsBell>,
}

impl Names {
    /// True when a PV has this name or alias; a derived one may be taken over.
    fn is_taken(&self, name: &str) -> bool {
        let aliased = self.aliases.get(name).is_some_and(|pv| pv.fixed.aliases.iter().any(|a| a == name));
        aliased || self.pvs.contains(name)
    }
}

/// All PVs of an IOC; they may come and go while it serves.
#[derive(Default)]
pub(crate) struct Table {
    names: RwLock<Names>,
    fallback: Option<Fallback>,
}

/// The other names of a PV: with two or more dots each dot a colon, because ophyd refuses names with two
/// dots; `P` for `P.VAL`, because archivers cut `.VAL`.
fn aliases(name: &str) -> impl Iterator<Item = String> {
    let colons = (name.matches('.').count() >= 2).then(|| name.replace('.', ":"));
    let record = name.strip_suffix(".VAL").map(str::to_owned);
    colons.into_iter().chain(record)
}

/// True for the PV of this name and for its fields.
fn is_of(pv: &PvCore, name: &str) -> bool {
    let field = || pv.name.rsplit_once('.').is_some_and(|(record, _)| record == name);
    &*pv.name == name || (pv.fixed.field_of.is_some() && field())
}

impl Table {
    /// No PVs yet; names that none has are the fallback's.
    pub(crate) fn new(fallback: Option<Fallback>) -> Self {
        Self { names: RwLock::default(), fallback }
    }

    /// Adds PVs: all of them, or none when a name is taken.
    pub(crate) fn add(&self, pvs: Vec<Arc<PvCore>>) -> Result<(), GroupError> {
        let mut names = self.names.write();
        let mut own = HashSet::new();
        for pv in &pvs {
            for name in std::iter::once(&*pv.name).chain(pv.fixed.aliases.iter().map(String::as_str)) {
                if names.is_taken(name) || !own.insert(name) {
                    return Err(GroupError::new(name, "another device of this IOC has the same name"));
                }
            }
        }
        for pv in pvs {
            for alias in &pv.fixed.aliases {
                names.aliases.insert(alias.clone(), pv.clone());
            }
            for alias in aliases(&pv.name) {
                names.aliases.entry(alias).or_insert_with(|| pv.clone());
            }
            if let Some(bell) = &names.bell {
                pv.set_bell(bell.clone());
            }
            names.order.push(pv.clone());
            names.pvs.insert(ByName(pv));
        }
        Ok(())
    }

    /// Removes a PV by its own name; its clients are told.
    pub(crate) fn remove(&self, name: &str) -> bool {
        let removed = {
            let mut names = self.names.write();
            if !names.pvs.contains(name) {
                return false;
            }
            let removed: Vec<_> = names.order.extract_if(.., |pv| is_of(pv, name)).collect();
            names.aliases.retain(|_, aliased| !is_of(aliased, name));
            names.pvs.retain(|pv| !is_of(&pv.0, name));
            removed
        };
        removed.iter().for_each(|pv| pv.remove());
        true
    }

    /// The names in the order of declaration, without aliases and fields.
    pub(crate) fn names(&self) -> Vec<String> {
        self.listed().iter().map(|pv| pv.name.to_string()).collect()
    }

    /// Tells every PV of the server that serves it.
    pub(crate) fn set_bell(&self, bell: &RightsBell) {
        let mut names = self.names.write();
        names.order.iter().for_each(|pv| pv.set_bell(bell.clone()));
        names.bell = Some(bell.clone());
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.names.read().pvs.contains(name)
    }

    /// The PV and the field of a name without modifiers: the exact name first, then `X.`, `X.FIELD`; a field that is
    /// a PV is that under each name of its record, `P.FIELD` also as `P.VAL.FIELD`.
    fn resolve(&self, name: &str) -> Option<(Arc<PvCore>, Field)> {
        let names = self.names.read();
        let find = |name: &str| names.pvs.get(name).map(|found| &found.0).or_else(|| names.aliases.get(name));
        if let Some(pv) = find(name) {
            return Some((pv.clone(), Field::Val));
        }
        let (record, field) = name.rsplit_once('.')?;
        let pv = find(record)?.clone();
        if *pv.name != *record
            && let Some(own) = names.pvs.get(&*format!("{}.{field}", pv.name))
        {
            return Some((own.0.clone(), Field::Val));
        }
        // A record `P.VAL` may have siblings `P.VELO`: they are its fields.
        if !pv.fixed.record.is_plain()
            && let Some(parent) = pv.name.strip_suffix(".VAL")
            && let Some(sibling) = names.pvs.get(&*format!("{parent}.{field}"))
        {
            return Some((sibling.0.clone(), Field::Val));
        }
        let field = Field::find(&pv, field)?;
        Some((pv, field))
    }
}

/// PVs that are made on demand.
impl Table {
    /// As [`Table::resolve`], and makes the PV when there is none.
    fn resolve_or_make(&self, name: &str) -> Option<(Arc<PvCore>, Field)> {
        self.resolve(name).or_else(|| {
            let (pvs, field) = self.could_make(name)?;
            let made = pvs[0].name.clone();
            self.fallback.as_ref()?.keep(&made, |name| self.contains(name), || self.add(pvs)).then_some(())?;
            self.resolve(&field.map_or_else(|| made.to_string(), |field| format!("{made}.{field}")))
        })
    }

    /// What would be made for this name, and which field of it is meant.
    fn could_make<'n>(&self, name: &'n str) -> Option<(Vec<Arc<PvCore>>, Option<&'n str>)> {
        let fallback = self.fallback.as_ref()?;
        if let Some((record, field)) = name.rsplit_once('.')
            && let Some(pvs) = fallback.make(record)
            && (is_field_among(&pvs, field) || Field::find(&pvs[0], field).is_some())
        {
            return Some((pvs, Some(field)));
        }
        fallback.make(name).map(|pvs| (pvs, None))
    }

    /// True when a client that opens this name finds a PV.
    fn can_open(&self, name: &str) -> bool {
        let is_served = |name: &str| self.contains(name);
        let room = |pvs: &[Arc<PvCore>]| {
            is_served(&pvs[0].name) || self.fallback.as_ref().is_some_and(|f| f.has_room(is_served))
        };
        self.resolve(name).is_some() || self.could_make(name).is_some_and(|(pvs, _)| room(&pvs))
    }
}

/// True when a field of this name is a PV of its own.
fn is_field_among(pvs: &[Arc<PvCore>], field: &str) -> bool {
    pvs[1..].iter().any(|pv| pv.name.rsplit_once('.').is_some_and(|(_, name)| name == field))
}

impl Table {
    /// Opens what a client would find by this name.
    pub(crate) fn open(&self, name: &str) -> Option<Channel> {
        let modifiers = filter::split(name);
        let (pv, field) = self.resolve(modifiers.base)?;
        Channel::open(&pv, field, modifiers).ok()
    }

    /// All PVs but fields, in the order of declaration.
    pub(crate) fn listed(&self) -> Vec<Arc<PvCore>> {
        let names = self.names.read();
        names.order.iter().filter(|pv| pv.fixed.is_listed()).cloned().collect()
    }

    /// All PVs in the order of declaration.
    pub(crate) fn all(&self) -> Vec<Arc<PvCore>> {
        self.names.read().order.clone()
    }
}

impl Service for Table {
    type Channel = Channel;

    fn claim(&self, name: &str, client: &Client) -> Option<Claim<Channel>> {
        let modifiers = filter::split(name);
        let (pv, field) = self.resolve_or_make(modifiers.base)?;
        match Channel::open(&pv, field, modifiers) {
            Ok(channel) => channel.claim(),
            Err(error) => {
                REFUSALS.log(|left_out| {
                    tracing::info!("{name}: asked for by {}, refused: {error}{left_out}", client.address);
                });
                None
            }
        }
    }

    fn exists(&self, name: &str) -> bool {
        // As base: what is behind the name is looked at when the channel is opened.
        self.can_open(filter::split(name).base)
    }

    fn holds_get(&self, channel: &Channel, request: GetRequest<'_>) -> bool {
        channel.holds_get(&request)
    }

    fn read(&self, channel: &Channel, meta: bool) -> Reading {
        channel.read(meta)
    }

    fn rights(&self, channel: &Channel, _client: &Client) -> Option<AccessRights> {
        channel.rights()
    }

    fn filter(&self, channel: &Channel) -> Option<Box<dyn MonitorFilter>> {
        channel.filter()
    }

    fn extra(&self, channel: &Channel) -> Extra {
        channel.pv().extra()
    }

    fn acknowledge(&self, channel: &Channel, change: Acknowledgement) {
        channel.pv().acknowledge(change);
    }

    fn meta(&self, channel: &Channel) -> Arc<Meta> {
        channel.meta()
    }

    fn put(&self, channel: &Channel, value: WireArray<'_>, request: PutRequest<'_>) -> PutOutcome {
        channel.put(value, &request)
    }

    fn feed_key(&self, channel: &Channel) -> u64 {
        channel.feed_key()
    }

    fn subscribe(
        &self,
        channel: &Channel,
        subscriber: Subscriber,
        mask: EventMask,
        meta: bool,
    ) -> Subscribed {
        channel.subscribe(subscriber, mask, meta)
    }

    fn unsubscribe(&self, channel: &Channel, subscriber: &Subscriber) {
        channel.unsubscribe(subscriber);
    }
}
