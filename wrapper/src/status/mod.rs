//! How an IOC is, as PVs: the names of iocStats, and what only this server knows.

mod live;
mod os;
mod process;
mod sources;
mod specs;

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use ca::proto::AlarmSeverity;
use ca::server::Reporter;
use tokio::sync::Notify;

use self::live::Live;
pub use self::process::Process;
use self::sources::{Serving, Sources};
use crate::autosave::{Bell, Shown};
use crate::device::{Port, ThreadState};
use crate::group::{GroupBuilder, GroupError};
use crate::hooks::PutDecision;
use crate::pv::Pv;
use crate::table::Table;

/// Seconds between two updates of what changes slowly.
const UPDATE: f64 = 15.0;

crate::pv_enum! {
    /// What people are to make of the IOC; nothing acts on it.
    pub(crate) enum Access {
        /// It serves.
        Running = "Running",
        /// Somebody works on it.
        Maintenance = "Maintenance",
        /// It is tried out.
        Test = "Test",
        /// It is out of service.
        OutOfService = "OOS",
    }
}

crate::pv_enum! {
    /// Whether the IOC is to start again.
    pub(crate) enum Reset {
        /// No.
        Idle = "Idle",
        /// Yes.
        Restart = "Restart",
    }
}

type Restart = Box<dyn Fn() + Send + Sync>;

/// PVs that tell how an IOC is: clients, load, memory, queues, threads.
///
/// They are computed when somebody gets one, and every UPD_TIME seconds while somebody monitors one (HEARTBEAT, TOD and
/// UPTIME every second); else they cost nothing. What the operating system says is known on Linux; elsewhere those PVs are
/// undefined.
///
/// ```
/// use wrapper::{Config, Ioc, Status};
/// let ioc = Ioc::builder().status(Status::new("lab:ioc."))?.start(Config::isolated())?;
/// assert!(ioc.serves("lab:ioc.HEARTBEAT"));
/// # ioc.stop();
/// # Ok::<(), wrapper::IocError>(())
/// ```
pub struct Status {
    prefix: String,
    listed: bool,
    restart: Option<Restart>,
}

impl std::fmt::Debug for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Status").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Status {
    /// The PVs behind a prefix, which no other IOC of the network has.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), listed: true, restart: None }
    }

    /// Keeps them out of lists of PVs.
    #[must_use]
    pub fn unlisted(mut self) -> Self {
        self.listed = false;
        self
    }

    /// Lets clients start the IOC again by 1 to SYSRESET, which calls `restart`; without it such puts are refused.
    #[must_use]
    pub fn on_restart(mut self, restart: impl Fn() + Send + Sync + 'static) -> Self {
        self.restart = Some(Box::new(restart));
        self
    }
}

/// What connects the PVs to what they tell of.
pub(crate) struct Attached {
    serving: Arc<OnceLock<Serving>>,
    starts: Pv<i32>,
    ports: Vec<Weak<Port>>,
}

impl Attached {
    /// Tells the PVs of the server; called once, before the IOC serves.
    pub(crate) fn attach(self, table: &Arc<Table>, reporter: Reporter) {
        let Self { serving, starts, ports } = self;
        // It is set here only.
        let _ = serving.set(Serving { table: Arc::downgrade(table), reporter, ports });
        starts.post(starts.get().wrapping_add(1));
    }
}

pub(crate) struct BuiltStatus {
    pub(crate) group: GroupBuilder,
    pub(crate) attached: Attached,
    pub(crate) shown: Option<Shown>,
}

pub(crate) fn build(
    status: Status,
    ports: &[Arc<Port>],
    bell: Option<&Bell>,
) -> Result<BuiltStatus, GroupError> {
    let Status { prefix, listed, restart } = status;
    let mut group = if listed { GroupBuilder::new(prefix) } else { GroupBuilder::unlisted(&prefix) };
    let g = &mut group;
    g.pv("ACCESS", Access::Running)
        .autosave()
        .doc("what people are to make of the IOC; nothing acts on it")
        .add()?;
    build_reset(g, restart)?;
    let starts = g.pv("START_CNT", 0).read_only().autosave();
    let starts = starts.doc("starts, with autosave of all runs, else 1").add()?;
    let wake = Arc::new(Notify::new());
    let period = build_period(g, &wake)?;
    let serving = Arc::new(OnceLock::new());
    let mut live = Live::new(Sources::new(serving.clone()), period, wake);
    g.group("", |g| {
        for spec in specs::SPECS {
            live.add(g, spec)?;
        }
        ports.iter().try_for_each(|port| add_thread(g, &mut live, port))?;
        live.run(g)
    })?;
    let shown = bell.map(|bell| Shown::build(g, bell)).transpose()?;
    let ports = ports.iter().map(Arc::downgrade).collect();
    Ok(BuiltStatus { group, attached: Attached { serving, starts, ports }, shown })
}

fn build_reset(g: &mut GroupBuilder, restart: Option<Restart>) -> Result<(), GroupError> {
    let reset =
        g.pv("SYSRESET", Reset::Idle).doc("1 starts the IOC again, where --allow-restart is given").add()?;
    g.on_put(&reset, move |_pv, asked| match (&restart, asked) {
        (_, Reset::Idle) => Ok(PutDecision::Skip),
        (Some(restart), Reset::Restart) => {
            restart();
            Ok(PutDecision::Skip)
        }
        (None, Reset::Restart) => Err("this IOC was started without --allow-restart"),
    })
}

fn build_period(g: &mut GroupBuilder, wake: &Arc<Notify>) -> Result<Pv<f64>, GroupError> {
    let period = g.pv("UPD_TIME", UPDATE).units("s").precision(1).record("ao").control_limits(1.0..=60.0);
    let period = period.autosave().doc("time between two updates of what changes slowly").add()?;
    let wake = wake.clone();
    g.on_put(&period, move |_pv, _seconds: f64| wake.notify_one())?;
    Ok(period)
}

/// A PV for what the thread of a device does.
fn add_thread(g: &mut GroupBuilder, live: &mut Live, port: &Arc<Port>) -> Result<(), GroupError> {
    let watched = live.watched();
    let severities =
        [AlarmSeverity::NoAlarm, AlarmSeverity::NoAlarm, AlarmSeverity::Minor, AlarmSeverity::Major];
    let pv = g.pv(&format!("THREAD_{}", port.name()), ThreadState::Waiting).read_only();
    let pv = pv.state_severities(&severities).doc("what the thread of the device does");
    let pv = pv.on_watched(watched.hook()).add()?;
    let port = Arc::downgrade(port);
    live.push(pv.core(), watched, Duration::from_secs(1), move |_sources| {
        let state = port.upgrade().map_or(ThreadState::Down, |port| port.thread_state());
        Some(crate::pv_type::PvType::into_value(state))
    });
    Ok(())
}
