//! What an IOC serves, and how that is changed while it runs.

use std::sync::{Arc, OnceLock, Weak};

use ca::server::Reporter;
use parking_lot::Mutex;

use crate::autosave::{Opened, Saver};
use crate::group::{Built, GroupBuilder, GroupError};
use crate::hooks::{HookThread, Plan};
use crate::ioc::IocError;
use crate::table::Table;
use crate::view::{Known, View};

/// What an IOC serves, and the threads of its hooks.
pub(crate) struct Served {
    pub(crate) table: Arc<Table>,
    pub(crate) devices: Vec<Known>,
    pub(crate) reporter: Reporter,
    /// `None` once the IOC has stopped.
    hooks: Mutex<Option<Vec<HookThread>>>,
    saver: OnceLock<Saver>,
}

impl Served {
    pub(crate) fn new(table: Arc<Table>, devices: Vec<Known>, reporter: Reporter) -> Self {
        Self { table, devices, reporter, hooks: Mutex::new(Some(Vec::new())), saver: OnceLock::new() }
    }

    /// Starts to save.
    pub(crate) fn save(&self, opened: Option<Opened>) -> std::io::Result<()> {
        if let Some(opened) = opened {
            // An IOC is started once.
            let _ = self.saver.set(opened.spawn()?);
        }
        Ok(())
    }

    /// Saves for the last time.
    pub(crate) fn save_last(&self) {
        self.stop_saving();
        if let Some(saver) = self.saver.get() {
            saver.join();
        }
    }

    /// The same, without waiting for it.
    pub(crate) fn stop_saving(&self) {
        if let Some(saver) = self.saver.get() {
            saver.stop();
        }
    }

    /// Starts the hooks of a group.
    pub(crate) fn start(&self, plan: Plan) -> std::io::Result<()> {
        let mut hooks = self.hooks.lock();
        let Some(threads) = hooks.as_mut() else { return Ok(()) };
        // Those whose PVs are all gone have ended.
        threads.retain(|thread| !thread.is_finished());
        threads.push(HookThread::spawn(plan)?);
        Ok(())
    }

    /// Takes the hooks out: the IOC stops, and none are started any more.
    pub(crate) fn end(&self) -> Vec<HookThread> {
        self.hooks.lock().take().unwrap_or_default()
    }

    pub(crate) fn add(&self, group: GroupBuilder) -> Result<(), IocError> {
        let Built { pvs, plan } = group.finish();
        let names: Vec<_> = pvs.iter().map(|pv| pv.name.clone()).collect();
        if let Some(saver) = self.saver.get()
            && names.iter().all(|name| !self.table.contains(name))
        {
            saver.adopt(&pvs);
        }
        self.table.add(pvs)?;
        let Some(plan) = plan else { return Ok(()) };
        self.start(plan).map_err(|error| {
            names.iter().for_each(|name| _ = self.table.remove(name));
            error.into()
        })
    }
}

/// A handle of a running IOC; clones are the same, usable from any thread, also from hooks.
///
/// It does not keep the IOC running.
#[derive(Clone)]
pub struct IocHandle(Weak<Served>);

impl std::fmt::Debug for IocHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IocHandle").field("running", &(self.0.strong_count() > 0)).finish()
    }
}

impl IocHandle {
    pub(crate) fn new(served: &Arc<Served>) -> Self {
        Self(Arc::downgrade(served))
    }

    /// Serves more PVs, with their hooks; clients that search for them find them.
    ///
    /// ```
    /// use wrapper::{Config, GroupBuilder, Ioc};
    /// let ioc = Ioc::builder().start(Config::isolated())?;
    /// let handle = ioc.handle();
    /// let mut group = GroupBuilder::new("late:");
    /// group.pv("a", 1).add()?;
    /// handle.add(group)?;
    /// assert!(ioc.serves("late:a") && handle.remove("late:a") && !ioc.serves("late:a"));
    /// # ioc.stop();
    /// # Ok::<(), wrapper::IocError>(())
    /// ```
    ///
    /// # Errors
    /// When a name is taken, no thread can be had for the hooks, or the IOC has stopped; nothing is added then.
    pub fn add(&self, group: GroupBuilder) -> Result<(), IocError> {
        match self.0.upgrade() {
            Some(served) => served.add(group),
            None => Err(GroupError::new(group.prefix(), "the IOC has stopped").into()),
        }
    }

    /// Serves a PV no longer; its clients are told, and find it again should it come back. Its hooks are dropped.
    ///
    /// Returns false when there is no PV of this name.
    pub fn remove(&self, name: &str) -> bool {
        self.0.upgrade().is_some_and(|served| served.table.remove(name))
    }

    /// Logs each put and post of the PVs whose names start with `prefix` (one PV, or all of a device), or no longer;
    /// clients do the same for one PV by its field TPRO.
    ///
    /// Returns how many PVs that are.
    pub fn trace(&self, prefix: &str, on: bool) -> usize {
        let all = self.0.upgrade().map(|served| served.table.all()).unwrap_or_default();
        let meant = all.iter().filter(|pv| pv.name.starts_with(prefix));
        meant.inspect(|pv| pv.trace(on)).count()
    }

    /// The PVs as another way to serve them sees them.
    pub fn view(&self) -> View {
        View::new(self.0.clone())
    }

    /// The names of all PVs.
    pub fn names(&self) -> Vec<String> {
        self.0.upgrade().map(|served| served.table.names()).unwrap_or_default()
    }

    /// True when a PV of this name is served.
    pub fn serves(&self, name: &str) -> bool {
        self.0.upgrade().is_some_and(|served| served.table.contains(name))
    }
}
