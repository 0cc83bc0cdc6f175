//! The hook thread of a group: one event loop on which all of its hooks run, one after the other.
//!
//! Async hooks run on the same thread between the others, so that a hook that blocks holds up its own group
//! only.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ca::proto::dbr::Value;
use ca::proto::{Alarm, AlarmSeverity, AlarmStatus, Eca};
use tokio::sync::{Mutex as Turn, Notify};
use tokio::task::{AbortHandle, JoinSet, LocalSet};

use super::PutError;
use super::decision::PutDecision;
use super::guard::{guarded, guarded_async};
use super::lane::{GetJob, Job, Lane, PutJob};
use super::plan::{Flow, GetFn, OnceHook, Plan, PutFn, PvHooks};
use crate::log_limit::LogLimit;
use crate::pv::PvCore;

/// Refused puts and failed gets in the log.
static FAILURES: LogLimit = LogLimit::new(10);
/// Alarm of a get whose hook failed.
const READ: Alarm = Alarm::new(AlarmStatus::Read, AlarmSeverity::Major);
/// Alarm of a PV whose startup or shutdown hook failed.
const HOOK: Alarm = Alarm::new(AlarmStatus::Soft, AlarmSeverity::Major);
/// Time for shutdown hooks.
const SHUTDOWN: Duration = Duration::from_millis(400);

thread_local! {
    static CURRENT: OnceCell<Rc<Hooks>> = const { OnceCell::new() };
}

/// True on a thread that runs the hooks of a group.
pub(crate) fn is_hook_thread() -> bool {
    CURRENT.with(|current| current.get().is_some())
}

/// A running hook thread.
pub(crate) struct HookThread {
    name: String,
    lane: Arc<Lane>,
    thread: JoinHandle<()>,
}

impl HookThread {
    /// Starts the hooks of a group: startup hooks and scans at once, the others when they are asked for.
    ///
    /// # Errors
    /// When the thread or its event loop cannot be had.
    pub(crate) fn spawn(plan: Plan) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (name, lane) = (plan.name.clone(), plan.lane.clone());
        let thread = std::thread::Builder::new().name(format!("hook-{name}")).spawn(move || {
            let local = LocalSet::new();
            local.block_on(&runtime, serve(plan));
        })?;
        Ok(Self { name, lane, thread })
    }

    /// Tells the thread to run its shutdown hooks and end.
    pub(crate) fn stop(&self) {
        self.lane.send(Job::Stop);
    }

    /// True when it has ended: all PVs with hooks are gone.
    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for its end; false when a hook holds it at the deadline, it is left behind then.
    pub(crate) fn join(self, deadline: Instant) -> bool {
        while !self.thread.is_finished() {
            if Instant::now() >= deadline {
                tracing::error!("{}: a hook does not end, left behind", self.name);
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        self.thread.join().is_ok()
    }
}

type Shared<F> = Rc<RefCell<F>>;

/// Hooks of one PV.
#[derive(Clone, Default)]
struct Own {
    put: Option<Shared<PutFn>>,
    get: Option<Shared<GetFn>>,
    /// Puts through an async hook take turns.
    turn: Rc<Turn<()>>,
    /// Its scans, each with the word that SCAN was written.
    scans: Vec<(AbortHandle, Rc<Notify>)>,
}

/// The hooks, on their thread.
struct Hooks {
    lane: Arc<Lane>,
    name: String,
    pvs: RefCell<HashMap<u64, Own>>,
    tasks: RefCell<JoinSet<()>>,
}

async fn serve(plan: Plan) {
    let Plan { name, lane, mut jobs, puts, gets, pvs, startups, shutdowns, scans } = plan;
    let hooks = Rc::new(Hooks { lane, name, pvs: own(puts, gets, pvs).into(), tasks: RefCell::default() });
    CURRENT.with(|current| _ = current.set(hooks.clone()));
    for startup in startups {
        hooks.start(startup);
        // An async one begins before the next.
        tokio::task::yield_now().await;
    }
    for scan in scans {
        let id = scan.pv.id;
        let rescan = Rc::new(Notify::new());
        let task = hooks.spawn(super::scan::run(scan, hooks.lane.clone(), rescan.clone()));
        hooks.pvs.borrow_mut().entry(id).or_default().scans.push((task, rescan));
    }
    while let Some(job) = jobs.recv().await {
        match job {
            Job::Put(job) => hooks.put(*job),
            Job::Get(job) => hooks.get(job),
            Job::Rescan(id, waits) => {
                // Before the choice is read: what is written from now on has a turn of its own.
                waits.store(false, SeqCst);
                hooks.rescan(id);
            }
            Job::Forget(id) if hooks.forget(id) => break,
            Job::Forget(_) => {}
            Job::Stop => break,
        }
        while hooks.tasks.borrow_mut().try_join_next().is_some() {}
    }
    // What is left is answered by being dropped.
    drop(jobs);
    hooks.tasks.take().shutdown().await;
    hooks.shut_down(shutdowns).await;
}

/// Makes the hooks of each PV out of the plan.
fn own(puts: Vec<PutFn>, gets: Vec<GetFn>, pvs: HashMap<u64, PvHooks>) -> HashMap<u64, Own> {
    let puts: Vec<Shared<PutFn>> = puts.into_iter().map(|hook| Rc::new(RefCell::new(hook))).collect();
    let gets: Vec<Shared<GetFn>> = gets.into_iter().map(|hook| Rc::new(RefCell::new(hook))).collect();
    let own = |hooks: PvHooks| Own {
        put: hooks.put.map(|at| puts[at].clone()),
        get: hooks.get.map(|at| gets[at].clone()),
        ..Own::default()
    };
    pvs.into_iter().map(|(id, hooks)| (id, own(hooks))).collect()
}

/// Runs a put on this thread when its hooks run here; gives the job back otherwise.
pub(super) fn put_here(lane: &Arc<Lane>, job: Box<PutJob>) -> Result<(), Box<PutJob>> {
    let hooks = CURRENT.with(|current| current.get().cloned());
    match hooks.filter(|hooks| Arc::ptr_eq(&hooks.lane, lane)) {
        Some(hooks) => {
            hooks.put(*job);
            Ok(())
        }
        None => Err(job),
    }
}

impl Hooks {
    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> AbortHandle {
        self.tasks.borrow_mut().spawn_local(task)
    }

    fn of(&self, pv: &PvCore) -> Own {
        self.pvs.borrow().get(&pv.id).cloned().unwrap_or_default()
    }

    /// Drops the hooks of a PV; true when none are left.
    fn forget(&self, id: u64) -> bool {
        let own = self.pvs.borrow_mut().remove(&id);
        own.iter().flat_map(|own| &own.scans).for_each(|(scan, _)| scan.abort());
        self.pvs.borrow().is_empty()
    }

    /// Tells the scans of a PV that SCAN was written.
    fn rescan(&self, id: u64) {
        let pvs = self.pvs.borrow();
        pvs.get(&id).iter().flat_map(|own| &own.scans).for_each(|(_, rescan)| rescan.notify_one());
    }

    fn put(&self, job: PutJob) {
        let own = self.of(&job.pv);
        let Some(hook) = own.put else { return };
        let run = || match hook.try_borrow_mut() {
            Ok(mut hook) => Ok(hook(&job.pv, &job.value)),
            Err(_) => Err("its hook is running".to_owned()),
        };
        let flow = self.lane.run("put", (&job.pv, 1), || guarded(run));
        match flow {
            Ok(Flow::Done(result)) => conclude(job, result),
            Err(panic) => conclude(job, Err(panic)),
            Ok(Flow::Later(future)) => {
                self.spawn(async move {
                    let _turn = own.turn.lock().await;
                    let result = guarded_async(future).await;
                    conclude(job, result);
                });
            }
        }
    }

    fn get(&self, job: GetJob) {
        let Some(hook) = self.of(&job.pv).get else { return };
        let run = || match hook.try_borrow_mut() {
            Ok(mut hook) => Ok(hook(&job.pv)),
            Err(_) => Err("its hook is running".to_owned()),
        };
        let flow = self.lane.run("get", (&job.pv, 1), || guarded(run));
        match flow {
            Ok(Flow::Done(result)) => conclude_get(job, result),
            Err(panic) => conclude_get(job, Err(panic)),
            Ok(Flow::Later(future)) => {
                self.spawn(async move {
                    let result = guarded_async(future).await;
                    conclude_get(job, result);
                });
            }
        }
    }

    /// Runs a startup hook; an async one goes on beside the others.
    fn start(&self, startup: OnceHook) {
        let OnceHook { pv, hook } = startup;
        match guarded(|| Ok(hook())) {
            Ok(Flow::Done(result)) => self.tell("startup", pv.as_deref(), result),
            Err(panic) => self.tell("startup", pv.as_deref(), Err(panic)),
            Ok(Flow::Later(future)) => {
                let group = self.name.clone();
                self.spawn(async move {
                    let result = guarded_async(future).await;
                    tell(&group, "startup", pv.as_deref(), result);
                });
            }
        }
    }

    async fn shut_down(&self, shutdowns: Vec<OnceHook>) {
        let all = async {
            for OnceHook { pv, hook } in shutdowns {
                let result = match guarded(|| Ok(hook())) {
                    Ok(Flow::Done(result)) => result,
                    Ok(Flow::Later(future)) => guarded_async(future).await,
                    Err(panic) => Err(panic),
                };
                self.tell("shutdown", pv.as_deref(), result);
            }
        };
        if tokio::time::timeout(SHUTDOWN, all).await.is_err() {
            tracing::error!("{}: the shutdown hooks took longer than {SHUTDOWN:?}", self.name);
        }
    }

    fn tell(&self, what: &str, pv: Option<&PvCore>, result: Result<(), String>) {
        tell(&self.name, what, pv, result);
    }
}

/// Shows the failure of a startup or shutdown hook.
fn tell(group: &str, what: &str, pv: Option<&PvCore>, result: Result<(), String>) {
    if let Err(reason) = result {
        let name = pv.map_or(group, |pv| &pv.name);
        tracing::error!("{name}: {what} hook failed: {reason}");
        if let Some(pv) = pv {
            pv.raise(HOOK, &reason);
        }
    }
}

/// Stores what a put hook decided, then answers the put.
fn conclude(job: PutJob, result: Result<PutDecision<Value>, String>) {
    let PutJob { pv, value, by, answer, number, place } = job;
    let stored = match result {
        Ok(PutDecision::Accept) => pv.store_put(value),
        Ok(PutDecision::Replace(value)) => pv.store_put(value),
        Ok(PutDecision::Skip) => Ok(()),
        Err(reason) => Err(PutError::Refused(reason)),
    };
    if let Err(error) = &stored {
        FAILURES.log(|left_out| {
            tracing::warn!("{}: put hook refused the put by {by}: {error}{left_out}", pv.name);
        });
        pv.raise(Alarm::WRITE, &error.to_string());
    }
    pv.clone().afterwards(move || {
        if let Some(end) = pv.hooks() {
            end.done(&pv, number);
        }
        drop(place);
        answer.send(stored);
    });
}

/// Posts what a get hook brought, then lets the get be read.
fn conclude_get(job: GetJob, result: Result<Option<Value>, String>) {
    let GetJob { pv, answer, place } = job;
    let status = match result.and_then(|value| match value {
        Some(value) => pv.store_put(value).map_err(|error| error.to_string()),
        None if pv.read(false).update.alarm.status == READ.status => {
            pv.reset_alarm();
            Ok(())
        }
        None => Ok(()),
    }) {
        Ok(()) => Eca::NORMAL,
        Err(reason) => {
            FAILURES.log(|left_out| tracing::warn!("{}: get hook failed: {reason}{left_out}", pv.name));
            pv.raise(READ, &reason);
            Eca::GETFAIL
        }
    };
    pv.afterwards(move || {
        drop(place);
        answer.send(status);
    });
}
