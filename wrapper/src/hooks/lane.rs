//! The way of puts and gets to the hook thread of their group, and what waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

use ca::proto::Eca;
use ca::proto::dbr::Value;
use ca::server::CircuitId;
use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::PutError;
use super::turn::Turn;
use crate::answer::Answer;
use crate::pv::PvCore;

/// Puts and gets that wait for the hooks of a group at most; more are refused.
const BOUND: usize = 256;

/// A put on its way through its hook.
pub(crate) struct PutJob {
    pub(crate) pv: Arc<PvCore>,
    pub(crate) value: Value,
    /// Who puts, for the log.
    pub(crate) by: String,
    pub(crate) answer: Answer,
    /// Its number at the gate of the PV.
    pub(super) number: u64,
    /// Frees its place in the queue.
    pub(super) place: Place,
}

pub(crate) struct GetJob {
    pub(crate) pv: Arc<PvCore>,
    pub(crate) answer: ca::server::Answer,
    pub(super) place: Place,
}

/// What the hook thread has to do.
pub(crate) enum Job {
    Put(Box<PutJob>),
    Get(GetJob),
    /// SCAN of a PV may have another choice; the flag says that this waits.
    Rescan(u64, Arc<AtomicBool>),
    /// A PV is no longer served: its hooks are dropped.
    Forget(u64),
    Stop,
}

pub(crate) type Jobs = UnboundedReceiver<Job>;

/// The queue of a group's hook thread.
#[derive(Debug)]
pub(crate) struct Lane {
    jobs: UnboundedSender<Job>,
    /// Puts and gets that are not done; it bounds the queue.
    waiting: AtomicUsize,
    turn: Turn,
}

/// A place in the queue, free again when it is dropped.
pub(super) struct Place(Arc<Lane>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

impl Lane {
    pub(super) fn new() -> (Arc<Self>, Jobs) {
        let (jobs, receiver) = unbounded_channel();
        (Arc::new(Self { jobs, waiting: AtomicUsize::new(0), turn: Turn::default() }), receiver)
    }

    fn place(self: &Arc<Self>) -> Result<Place, PutError> {
        let waiting = self.waiting.fetch_add(1, Relaxed);
        let place = Place(self.clone());
        if waiting > 0 {
            self.turn.look();
        }
        if waiting < BOUND {
            return Ok(place);
        }
        Err(PutError::Refused(format!("{BOUND} puts wait for the hooks of this group already, the limit")))
    }

    /// Runs a hook of a PV, which itself has so many places in the queue.
    pub(super) fn run<R>(
        &self,
        what: &'static str,
        (pv, places): (&Arc<PvCore>, usize),
        hook: impl FnOnce() -> R,
    ) -> R {
        self.turn.of(what, pv, || self.waiting.load(Relaxed) > places, hook)
    }

    /// Leaves a job; one for a thread that has ended is dropped, which answers it.
    pub(super) fn send(&self, job: Job) {
        let _ = self.jobs.send(job);
    }
}

/// A get that waits for a put of its circuit.
struct WaitingGet {
    behind: u64,
    answer: ca::server::Answer,
}

/// The puts of a PV that are not stored, and the gets behind them.
#[derive(Default)]
struct Gate {
    last: u64,
    open: Vec<(u64, Option<CircuitId>)>,
    gets: Vec<WaitingGet>,
}

/// A PV's end of the lane.
pub(crate) struct HookEnd {
    lane: Arc<Lane>,
    put: bool,
    get: bool,
    gate: Mutex<Gate>,
    /// A rescan waits in the lane: one is enough for all writes of SCAN up to its turn.
    rescan: Arc<AtomicBool>,
}

impl std::fmt::Debug for HookEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HookEnd").field("put", &self.put).field("get", &self.get).finish_non_exhaustive()
    }
}

impl HookEnd {
    pub(crate) fn new(lane: &Arc<Lane>, put: bool, get: bool) -> Self {
        Self { lane: lane.clone(), put, get, gate: Mutex::default(), rescan: Arc::default() }
    }

    /// True when puts go through a hook.
    pub(crate) const fn takes_puts(&self) -> bool {
        self.put
    }

    /// Queues a put for the hook.
    ///
    /// # Errors
    /// When too much waits.
    pub(crate) fn put(
        &self,
        pv: &Arc<PvCore>,
        value: Value,
        circuit: Option<CircuitId>,
        by: String,
        answer: impl FnOnce() -> Answer,
    ) -> Result<(), PutError> {
        let place = self.lane.place()?;
        let mut gate = self.gate.lock();
        gate.last += 1;
        let number = gate.last;
        gate.open.push((number, circuit));
        let job = Box::new(PutJob { pv: pv.clone(), value, by, answer: answer(), number, place });
        if circuit.is_some() {
            // Under the lock, so that the numbers are in the order of the queue.
            self.lane.send(Job::Put(job));
            return Ok(());
        }
        drop(gate);
        if let Err(job) = super::thread::put_here(&self.lane, job) {
            self.lane.send(Job::Put(job));
        }
        Ok(())
    }

    /// Holds a get that cannot be read now; false when it can.
    ///
    /// It waits behind the puts of its own circuit that are not stored, and for the get hook.
    pub(crate) fn holds_get(&self, pv: &Arc<PvCore>, request: &ca::server::GetRequest<'_>) -> bool {
        let circuit = Some(request.circuit());
        let mut gate = self.gate.lock();
        if let Some((behind, _)) = gate.open.iter().rev().find(|(_, by)| *by == circuit) {
            let behind = *behind;
            if gate.gets.len() < BOUND {
                gate.gets.push(WaitingGet { behind, answer: request.defer() });
            } else {
                request.defer().send(Eca::GETFAIL);
            }
            return true;
        }
        drop(gate);
        if self.get {
            self.run_get(pv, request.defer());
        }
        self.get
    }

    fn run_get(&self, pv: &Arc<PvCore>, answer: ca::server::Answer) {
        match self.lane.place() {
            Ok(place) => self.lane.send(Job::Get(GetJob { pv: pv.clone(), answer, place })),
            Err(_) => answer.send(Eca::GETFAIL),
        }
    }

    /// A put is stored or refused: the gets behind it go on.
    pub(super) fn done(&self, pv: &Arc<PvCore>, number: u64) {
        let mut free = Vec::new();
        {
            let mut gate = self.gate.lock();
            gate.open.retain(|(open, _)| *open != number);
            gate.gets.extract_if(.., |get| get.behind == number).for_each(|get| free.push(get.answer));
        }
        for answer in free {
            if self.get { self.run_get(pv, answer) } else { answer.send(Eca::NORMAL) }
        }
    }

    /// SCAN of the PV was written.
    pub(crate) fn rescan(&self, id: u64) {
        if !self.rescan.swap(true, SeqCst) {
            self.lane.send(Job::Rescan(id, self.rescan.clone()));
        }
    }

    /// The PV is no longer served.
    pub(crate) fn forget(&self, id: u64) {
        self.lane.send(Job::Forget(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_writes_of_scan_wait_as_one() {
        let (lane, mut jobs) = Lane::new();
        let end = HookEnd::new(&lane, true, false);
        for _ in 0..2 {
            (0..1000).for_each(|_| end.rescan(7));
            let Ok(Job::Rescan(7, waits)) = jobs.try_recv() else { panic!("one waits") };
            assert!(jobs.try_recv().is_err(), "and no other");
            waits.store(false, SeqCst);
        }
    }
}
