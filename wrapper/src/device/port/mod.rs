//! The get queue: where commands wait for their device, and the bookkeeping of what is accepted and done.
//!
//! One file per operation. All of them work on the [`Books`], whose lock orders what happens to a device.

mod abort;
mod finish;
mod health;
mod submit;
mod supervise;
mod take;
mod watched;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::Mutex;

pub(crate) use self::health::ThreadState;
use self::health::{Restarts, Running};
use super::command::Command;
use super::put_queue::PutQueue;
use super::remote::Remote;
use super::supervision::Health;
use super::watchdog::WakeUp;
use crate::answer::Answer;
use crate::hooks::PutError;
use crate::pv::PvCore;
use crate::sequence::spec::CommandSpec;
use crate::sequence::template::Template;

/// Commands that wait for a device at most.
const QUEUE: usize = 16;
/// How often ELAPSED is renewed.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Where puts become commands of one device; given to [`PvBuilder::command`](crate::PvBuilder::command).
///
/// It does not keep the device's queue alive: the queue holds the PVs, and the PVs hold this.
#[derive(Clone, Debug)]
pub struct DevicePort(Weak<Port>);

impl DevicePort {
    pub(crate) fn new(port: &Arc<Port>) -> Self {
        Self(Arc::downgrade(port))
    }

    /// The queue; a device whose queue is gone is offline.
    fn queue(&self) -> Result<Arc<Port>, PutError> {
        self.0.upgrade().ok_or(PutError::Offline)
    }
}

/// A place in the queue.
enum Waiting {
    Command(Box<Command>),
    /// The newest command of a PV with policy replace.
    Slot(Slot),
    /// The newest command of a remote PV; not counted, since there is one place for each.
    Watched(Slot),
}

/// Where the newest command of a PV waits.
pub(crate) type Slot = Arc<Mutex<Option<Command>>>;

/// What is accepted, running, done. Numbers wrap as LONG does.
#[derive(Debug, Default)]
struct Books {
    online: bool,
    accepted: i32,
    /// The newest command that was answered without running.
    discarded: i32,
    /// Accepted and not answered.
    pending: usize,
    /// Waiting in the queue.
    queued: usize,
    /// Since when each of them does.
    since: VecDeque<Instant>,
    running: usize,
    refused: i32,
    /// BUSY and the empty `values` of the next command are posted already.
    begun: bool,
    slots: HashMap<u64, Slot>,
    aborts: Vec<Answer>,
    restarts: Restarts,
}

impl Books {
    /// Commands that wait; the one that an idle device is about to take does not.
    fn waiting(&self) -> usize {
        if self.running == 0 { self.queued.saturating_sub(1) } else { self.queued }
    }
}

/// The two ends of a device's queue.
pub(crate) struct Port {
    name: String,
    limit: usize,
    books: Mutex<Books>,
    queue: (Sender<Waiting>, Receiver<Waiting>),
    urgent: (Sender<Command>, Receiver<Command>),
    nudge: (Sender<()>, Receiver<()>),
    /// Open until the IOC stops: the other end of `closed`.
    open: Mutex<Option<Sender<()>>>,
    closed: Receiver<()>,
    aborting: AtomicBool,
    stopping: AtomicBool,
    /// When the running command started, and when ELAPSED was last shown.
    clock: Mutex<Option<(Instant, Instant)>>,
    specs: OnceLock<Vec<CommandSpec>>,
    template: OnceLock<Template>,
    /// All PVs of the device, for its COMM alarms.
    pvs: OnceLock<Vec<Arc<PvCore>>>,
    outlet: Arc<PutQueue>,
    remote: Arc<Remote>,
    health: OnceLock<Health>,
    restarting: AtomicBool,
    /// When the device's thread last showed that it lives.
    seen: Mutex<Instant>,
    /// The running command, until it is told that it takes too long.
    overdue: Mutex<Option<Running>>,
    watchdog: OnceLock<Arc<WakeUp>>,
    /// Remote PVs that it watches.
    watches: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Port").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Port {
    pub(crate) fn new(name: &str, remote: &Arc<Remote>) -> Arc<Self> {
        let (open, closed) = bounded(0);
        Arc::new(Self {
            open: Mutex::new(Some(open)),
            closed,
            name: name.to_owned(),
            limit: QUEUE,
            books: Mutex::new(Books { online: true, ..Books::default() }),
            // The books bound it: a send under their lock always finds room.
            queue: unbounded(),
            urgent: bounded(QUEUE),
            nudge: bounded(1),
            aborting: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            clock: Mutex::new(None),
            specs: OnceLock::new(),
            template: OnceLock::new(),
            pvs: OnceLock::new(),
            outlet: PutQueue::new(),
            remote: remote.clone(),
            health: OnceLock::new(),
            restarting: AtomicBool::new(false),
            seen: Mutex::new(Instant::now()),
            overdue: Mutex::new(None),
            watchdog: OnceLock::new(),
            watches: Mutex::default(),
        })
    }

    /// Completes the port once the device's PVs exist.
    pub(crate) fn attach(&self, template: Template, specs: Vec<CommandSpec>, pvs: Vec<Arc<PvCore>>) {
        // A port is attached once, by the builder that made it.
        let _ = self.template.set(template);
        let _ = self.specs.set(specs);
        let _ = self.pvs.set(pvs);
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn commands(&self) -> &[CommandSpec] {
        self.specs.get().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    pub(crate) fn outlet(&self) -> &Arc<PutQueue> {
        &self.outlet
    }

    pub(crate) fn template(&self) -> Option<&Template> {
        self.template.get()
    }

    pub(crate) fn is_aborting(&self) -> bool {
        self.aborting.load(SeqCst)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(SeqCst)
    }

    /// True when no command waits.
    pub(crate) fn is_drained(&self) -> bool {
        self.queue.1.is_empty() && self.urgent.1.is_empty()
    }

    pub(crate) fn has_urgent(&self) -> bool {
        !self.urgent.1.is_empty()
    }

    pub(crate) fn nudged(&self) -> &Receiver<()> {
        &self.nudge.1
    }

    pub(crate) fn nudge(&self) {
        let _already_nudged = self.nudge.0.try_send(());
    }

    /// Shows why a put was refused: ERROR of a device that is down says why it is, ACK of a running command
    /// is that one's.
    fn tell(&self, reason: &str, books: &Books) {
        if let Some(template) = self.template() {
            template.refused_put(reason, books.online, books.pending == 0);
        }
    }

    fn show_queue(&self, books: &Books) {
        if let Some(template) = self.template() {
            template.queued(books.waiting());
        }
    }
}
