//! The hooks of a group, gathered while it is built, run by its hook thread.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ca::proto::dbr::Value;

use super::decision::PutDecision;
use super::lane::{Jobs, Lane};
use super::scan::Scan;
use crate::pv::PvCore;

pub(crate) type Later<R> = Pin<Box<dyn Future<Output = Result<R, String>>>>;

/// The result of a hook, or the work that brings it.
pub(crate) enum Flow<R> {
    Done(Result<R, String>),
    Later(Later<R>),
}

pub(crate) type PutFlow = Flow<PutDecision<Value>>;
pub(crate) type GetFlow = Flow<Option<Value>>;
pub(crate) type DoneFlow = Flow<()>;

pub(crate) type PutFn = Box<dyn FnMut(&Arc<PvCore>, &Value) -> PutFlow + Send>;
pub(crate) type GetFn = Box<dyn FnMut(&Arc<PvCore>) -> GetFlow + Send>;

/// Hooks of one PV, by their place in the plan: several PVs can share one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PvHooks {
    pub(crate) put: Option<usize>,
    pub(crate) get: Option<usize>,
}

/// Runs once, at the start or at the stop.
pub(crate) struct OnceHook {
    /// The PV that shows a failure.
    pub(crate) pv: Option<Arc<PvCore>>,
    pub(crate) hook: Box<dyn FnOnce() -> DoneFlow + Send>,
}

pub(crate) struct ScanHook {
    pub(crate) scan: Scan,
    pub(crate) pv: Arc<PvCore>,
    pub(crate) hook: Box<dyn FnMut() -> DoneFlow + Send>,
}

/// All hooks of a group and of the groups in it.
pub(crate) struct Plan {
    /// The group's prefix.
    pub(crate) name: String,
    pub(crate) lane: Arc<Lane>,
    pub(crate) jobs: Jobs,
    pub(crate) puts: Vec<PutFn>,
    pub(crate) gets: Vec<GetFn>,
    pub(crate) pvs: HashMap<u64, PvHooks>,
    pub(crate) startups: Vec<OnceHook>,
    pub(crate) shutdowns: Vec<OnceHook>,
    pub(crate) scans: Vec<ScanHook>,
}

impl Plan {
    pub(crate) fn new(name: &str) -> Self {
        let (lane, jobs) = Lane::new();
        Self {
            name: name.to_owned(),
            lane,
            jobs,
            puts: Vec::new(),
            gets: Vec::new(),
            pvs: HashMap::new(),
            startups: Vec::new(),
            shutdowns: Vec::new(),
            scans: Vec::new(),
        }
    }

    /// The hooks of a PV, to be changed.
    pub(crate) fn of(&mut self, pv: &PvCore) -> &mut PvHooks {
        self.pvs.entry(pv.id).or_default()
    }

    /// True when there is nothing to run.
    pub(crate) fn is_empty(&self) -> bool {
        self.pvs.is_empty() && self.startups.is_empty() && self.shutdowns.is_empty() && self.scans.is_empty()
    }
}
