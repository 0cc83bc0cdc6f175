//! PVs that are made when a client asks for a name that nobody declared.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::group::{Built, GroupBuilder, GroupError};
use crate::hooks::guarded;
use crate::log_limit::LogLimit;
use crate::pv::PvCore;

/// Names in the log for which nothing could be made.
static FAILURES: LogLimit = LogLimit::new(10);

type Make = Box<dyn Fn(&str, &mut GroupBuilder) -> Result<(), GroupError> + Send + Sync>;

/// Makes PVs on demand.
pub(crate) struct Fallback {
    most: usize,
    make: Make,
    made: Mutex<Vec<Box<str>>>,
}

impl Fallback {
    pub(crate) fn new(
        most: usize,
        make: impl Fn(&str, &mut GroupBuilder) -> Result<(), GroupError> + Send + Sync + 'static,
    ) -> Self {
        Self { most, make: Box::new(make), made: Mutex::default() }
    }

    /// The PV that this name stands for, with those that are its fields behind it; none when the name stands for nothing.
    pub(crate) fn make(&self, name: &str) -> Option<Vec<Arc<PvCore>>> {
        match self.try_make(name) {
            Ok(pvs) if pvs.is_empty() => None,
            Ok(pvs) => Some(pvs),
            Err(reason) => {
                FAILURES.log(|left_out| tracing::warn!("{name}: not made on demand: {reason}{left_out}"));
                None
            }
        }
    }

    fn try_make(&self, name: &str) -> Result<Vec<Arc<PvCore>>, String> {
        let mut group = GroupBuilder::new("");
        guarded(|| (self.make)(name, &mut group).map_err(|error| error.to_string()))?;
        let Built { mut pvs, plan } = group.finish();
        if plan.is_some() {
            return Err("a PV made on demand has no hooks that need a thread".to_owned());
        }
        pvs.sort_by_key(|pv| pv.fixed.field_of.is_some());
        match pvs.iter().filter(|pv| pv.fixed.field_of.is_none()).count() {
            0 | 1 => Ok(pvs),
            more => Err(format!("{more} PVs were added, at most 1 may be")),
        }
    }

    /// Whether one more has room.
    pub(crate) fn has_room(&self, is_served: impl Fn(&str) -> bool) -> bool {
        let mut made = self.made.lock();
        Self::room(self.most, &mut made, is_served)
    }

    /// Keeps a PV by `add`, unless there are too many.
    pub(crate) fn keep(
        &self,
        name: &str,
        is_served: impl Fn(&str) -> bool,
        add: impl FnOnce() -> Result<(), GroupError>,
    ) -> bool {
        let mut made = self.made.lock();
        if is_served(name) {
            return true;
        }
        if !Self::room(self.most, &mut made, is_served) {
            FAILURES.log(|left_out| {
                tracing::warn!("{name}: not made on demand: {} are there, the most{left_out}", self.most);
            });
            return false;
        }
        match add() {
            Ok(()) => made.push(name.into()),
            // Its alias is another PV's.
            Err(error) => {
                FAILURES.log(|left_out| tracing::warn!("{name}: not made on demand: {error}{left_out}"));
                return false;
            }
        }
        true
    }

    /// Those that were removed make room.
    fn room(most: usize, made: &mut Vec<Box<str>>, is_served: impl Fn(&str) -> bool) -> bool {
        if made.len() >= most {
            made.retain(|name| is_served(name));
        }
        made.len() < most
    }
}
