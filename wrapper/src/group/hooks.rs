//! Hooks of PVs and of groups: closures and async functions that run on the hook thread of the group.

use std::future::Future;

use ca::proto::dbr::Value;

use super::{GroupBuilder, GroupError};
use crate::hooks::{
    DoneFlow, Flow, IntoDone, IntoGet, IntoPut, OnceHook, Plan, PutDecision, PutHook, Scan, ScanHook,
};
use crate::pv::{AnyPv, Pv};
use crate::pv_type::PvType;

/// # Hooks
///
/// They run one after the other on one thread of the group, named `hook-<prefix>`, and may block as long as the
/// equipment does; async ones run between the others. An error or a panic in one is an alarm of its PV and a line in
/// the log, never more. PVs of other groups and all gets are served meanwhile.
impl GroupBuilder {
    fn plan(&mut self) -> &mut Plan {
        let prefix = &self.prefix;
        self.plan.get_or_insert_with(|| Plan::new(prefix))
    }

    /// Has puts to `pv` go through a hook, which may accept, replace, skip or refuse the value.
    ///
    /// The value is stored and posted when the hook returns; a put with completion is done then, and gets of the same
    /// client to this PV wait. See [`IntoPut`] for what the hook may return.
    ///
    /// ```
    /// use wrapper::{GroupBuilder, PutDecision};
    /// let mut group = GroupBuilder::new("valve:");
    /// let percent = group.pv("percent", 0.0).add()?;
    /// group.on_put(&percent, |_pv, value: f64| {
    ///     if value.is_nan() { Err("not a number") } else { Ok(PutDecision::Replace(value.round())) }
    /// })?;
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    ///
    /// # Errors
    /// When the PV has a hook or is a command already, or belongs to another group.
    pub fn on_put<T: PvType, R: IntoPut<T>>(
        &mut self,
        pv: &Pv<T>,
        mut hook: impl FnMut(&Pv<T>, T) -> R + Send + 'static,
    ) -> Result<(), GroupError> {
        self.add_put(pv, move |pv, value| Flow::Done(hook(pv, value).into_put().map(PutDecision::into_value)))
    }

    /// As [`GroupBuilder::on_put`], with an async hook. The next put to the same PV waits until it has ended.
    ///
    /// # Errors
    /// Those of [`GroupBuilder::on_put`].
    pub fn on_put_async<T: PvType, R: IntoPut<T>, F: Future<Output = R> + 'static>(
        &mut self,
        pv: &Pv<T>,
        mut hook: impl FnMut(Pv<T>, T) -> F + Send + 'static,
    ) -> Result<(), GroupError> {
        self.add_put(pv, move |pv, value| {
            let future = hook(pv.clone(), value);
            Flow::Later(Box::pin(async move { future.await.into_put().map(PutDecision::into_value) }))
        })
    }

    fn add_put<T: PvType>(
        &mut self,
        pv: &Pv<T>,
        mut hook: impl FnMut(&Pv<T>, T) -> Flow<PutDecision<Value>> + Send + 'static,
    ) -> Result<(), GroupError> {
        let core = self.own(pv)?;
        if !matches!(core.fixed.hook, PutHook::Store) || self.plan().of(&core).put.is_some() {
            let rule = "its puts are a command or have a hook already; a check refuses values before either";
            return Err(GroupError::new(pv.name(), rule));
        }
        let plan = self.plan();
        plan.of(&core).put = Some(plan.puts.len());
        plan.puts.push(Box::new(move |core, value| match T::from_value(value) {
            Some(value) => hook(&Pv::new(core.clone()), value),
            None => Flow::Done(Err("no such choice".to_owned())),
        }));
        Ok(())
    }

    /// Runs `hook` before each get of `pv`; what it returns is posted first.
    ///
    /// Only gets run it, never monitors: prefer to [`post`](Pv::post) when the value changes. Each get then costs a
    /// turn of the hook thread.
    ///
    /// # Errors
    /// When the PV has a get hook, or belongs to another group.
    pub fn on_get<T: PvType, R: IntoGet<T>>(
        &mut self,
        pv: &Pv<T>,
        mut hook: impl FnMut(&Pv<T>) -> R + Send + 'static,
    ) -> Result<(), GroupError> {
        self.add_get(pv, move |pv| Flow::Done(hook(pv).into_get().map(|value| value.map(T::into_value))))
    }

    /// As [`GroupBuilder::on_get`], with an async hook.
    ///
    /// # Errors
    /// Those of [`GroupBuilder::on_get`].
    pub fn on_get_async<T: PvType, R: IntoGet<T>, F: Future<Output = R> + 'static>(
        &mut self,
        pv: &Pv<T>,
        mut hook: impl FnMut(Pv<T>) -> F + Send + 'static,
    ) -> Result<(), GroupError> {
        self.add_get(pv, move |pv| {
            let future = hook(pv.clone());
            Flow::Later(Box::pin(
                async move { future.await.into_get().map(|value| value.map(T::into_value)) },
            ))
        })
    }

    fn add_get<T: PvType>(
        &mut self,
        pv: &Pv<T>,
        mut hook: impl FnMut(&Pv<T>) -> Flow<Option<Value>> + Send + 'static,
    ) -> Result<(), GroupError> {
        let core = self.own(pv)?;
        let plan = self.plan();
        if plan.of(&core).get.is_some() {
            return Err(GroupError::new(pv.name(), "it has a get hook already"));
        }
        plan.of(&core).get = Some(plan.gets.len());
        plan.gets.push(Box::new(move |core| hook(&Pv::new(core.clone()))));
        Ok(())
    }

    /// Has puts to all PVs of this group that have no hook of their own go through this one; not those of groups
    /// inside it, and not read-only ones.
    ///
    /// # Errors
    /// When the group has such a hook already.
    pub fn on_any_put<R: IntoPut<Value>>(
        &mut self,
        mut hook: impl FnMut(&AnyPv, &Value) -> R + Send + 'static,
    ) -> Result<(), GroupError> {
        let prefix = self.prefix.clone();
        let plan = self.plan();
        let at = plan.puts.len();
        plan.puts
            .push(Box::new(move |core, value| Flow::Done(hook(&AnyPv::new(core.clone()), value).into_put())));
        match self.scope.put.replace(at) {
            None => Ok(()),
            Some(_) => Err(GroupError::new(&prefix, "the group has a put hook already")),
        }
    }

    /// Runs `hook` before each get of a PV of this group that has no get hook of its own; not of groups inside it.
    ///
    /// # Errors
    /// When the group has such a hook already.
    pub fn on_any_get<R: IntoGet<Value>>(
        &mut self,
        mut hook: impl FnMut(&AnyPv) -> R + Send + 'static,
    ) -> Result<(), GroupError> {
        let prefix = self.prefix.clone();
        let plan = self.plan();
        let at = plan.gets.len();
        plan.gets.push(Box::new(move |core| Flow::Done(hook(&AnyPv::new(core.clone())).into_get())));
        match self.scope.get.replace(at) {
            None => Ok(()),
            Some(_) => Err(GroupError::new(&prefix, "the group has a get hook already")),
        }
    }

    /// Runs once when the IOC starts, in the order of declaration, before the first put is taken.
    ///
    /// A failure is logged; see [`GroupBuilder::on_startup_of`] for one that a PV shows.
    pub fn on_startup<R: IntoDone>(&mut self, hook: impl FnOnce() -> R + Send + 'static) {
        let hook = Box::new(move || Flow::Done(hook().into_done()));
        self.plan().startups.push(OnceHook { pv: None, hook });
    }

    /// Runs once when the IOC starts: it begins in its turn, and may go on for ever beside the others.
    pub fn on_startup_async<R: IntoDone, F: Future<Output = R> + 'static>(
        &mut self,
        hook: impl FnOnce() -> F + Send + 'static,
    ) {
        let hook = Box::new(move || later(hook()));
        self.plan().startups.push(OnceHook { pv: None, hook });
    }

    /// As [`GroupBuilder::on_startup`] for one PV: a failure is its alarm SOFT/MAJOR.
    ///
    /// # Errors
    /// When the PV belongs to another group.
    pub fn on_startup_of<T: PvType, R: IntoDone>(
        &mut self,
        pv: &Pv<T>,
        hook: impl FnOnce(&Pv<T>) -> R + Send + 'static,
    ) -> Result<(), GroupError> {
        let (core, pv) = (self.own(pv)?, pv.clone());
        let hook = Box::new(move || Flow::Done(hook(&pv).into_done()));
        self.plan().startups.push(OnceHook { pv: Some(core), hook });
        Ok(())
    }

    /// As [`GroupBuilder::on_startup_async`] for one PV: a failure is its alarm SOFT/MAJOR.
    ///
    /// # Errors
    /// When the PV belongs to another group.
    pub fn on_startup_of_async<T: PvType, R: IntoDone, F: Future<Output = R> + 'static>(
        &mut self,
        pv: &Pv<T>,
        hook: impl FnOnce(Pv<T>) -> F + Send + 'static,
    ) -> Result<(), GroupError> {
        let (core, pv) = (self.own(pv)?, pv.clone());
        let hook = Box::new(move || later(hook(pv)));
        self.plan().startups.push(OnceHook { pv: Some(core), hook });
        Ok(())
    }

    /// Runs once when the IOC stops, after the last put hook; all of them together have 0.4 s.
    pub fn on_shutdown<R: IntoDone>(&mut self, hook: impl FnOnce() -> R + Send + 'static) {
        let hook = Box::new(move || Flow::Done(hook().into_done()));
        self.plan().shutdowns.push(OnceHook { pv: None, hook });
    }

    /// As [`GroupBuilder::on_shutdown`], with an async hook.
    pub fn on_shutdown_async<R: IntoDone, F: Future<Output = R> + 'static>(
        &mut self,
        hook: impl FnOnce() -> F + Send + 'static,
    ) {
        let hook = Box::new(move || later(hook()));
        self.plan().shutdowns.push(OnceHook { pv: None, hook });
    }

    /// Runs `hook` again and again; a failed run is an alarm SCAN/MAJOR of the PV until the next good one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use wrapper::{GroupBuilder, Scan};
    /// let mut group = GroupBuilder::new("lab:");
    /// let seconds = group.pv("uptime", 0.0).units("s").read_only().add()?;
    /// group.scan(&seconds, Scan::every(Duration::from_secs(1)), |pv| pv.post(pv.get() + 1.0))?;
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    ///
    /// # Errors
    /// When the PV belongs to another group.
    pub fn scan<T: PvType, R: IntoDone>(
        &mut self,
        pv: &Pv<T>,
        scan: Scan,
        mut hook: impl FnMut(&Pv<T>) -> R + Send + 'static,
    ) -> Result<(), GroupError> {
        let (core, pv) = (self.own(pv)?, pv.clone());
        let hook = Box::new(move || Flow::Done(hook(&pv).into_done()));
        self.add_scan(ScanHook { scan, pv: core, hook })
    }

    /// As [`GroupBuilder::scan`], with an async hook.
    ///
    /// # Errors
    /// When the PV belongs to another group.
    pub fn scan_async<T: PvType, R: IntoDone, F: Future<Output = R> + 'static>(
        &mut self,
        pv: &Pv<T>,
        scan: Scan,
        mut hook: impl FnMut(Pv<T>) -> F + Send + 'static,
    ) -> Result<(), GroupError> {
        let (core, pv) = (self.own(pv)?, pv.clone());
        let hook = Box::new(move || later(hook(pv.clone())));
        self.add_scan(ScanHook { scan, pv: core, hook })
    }
}

impl GroupBuilder {
    fn add_scan(&mut self, scan: ScanHook) -> Result<(), GroupError> {
        if let Some(period) = scan.scan.field_period()
            && !scan.pv.start_scan(period)
        {
            let rule = format!("SCAN has no period of {period:?}, only 10, 5, 2, 1, 0.5, 0.2 and 0.1 s");
            return Err(GroupError::new(&scan.pv.name, rule));
        }
        self.plan().scans.push(scan);
        Ok(())
    }
}

fn later<R: IntoDone>(future: impl Future<Output = R> + 'static) -> DoneFlow {
    Flow::Later(Box::pin(async move { future.await.into_done() }))
}
