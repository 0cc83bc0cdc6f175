//! Counters of a server, for people and status PVs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use ca_proto::Limits;
use parking_lot::Mutex;

use super::inbox::Inbox;

/// Counters of one circuit; written by its task once per pass.
#[derive(Debug)]
pub(super) struct CircuitStats {
    peer: SocketAddr,
    pub(super) inbox: Arc<Inbox>,
    pub(super) channels: AtomicU64,
    pub(super) subscriptions: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) updates: AtomicU64,
}

/// One circuit in a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitReport {
    /// The client's address.
    pub peer: SocketAddr,
    /// Open channels.
    pub channels: u64,
    /// Live subscriptions.
    pub subscriptions: u64,
    /// Requests handled.
    pub requests: u64,
    /// Updates sent.
    pub updates: u64,
    /// Posts that reached its inbox: one per post and PV field, however many subscriptions there are.
    pub pushes: u64,
    /// Posts that replaced a pending one.
    pub squashed: u64,
}

/// What a server is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Open circuits.
    pub circuits: Vec<CircuitReport>,
    /// Circuits accepted so far.
    pub accepted: u64,
    /// Circuits refused because there were too many.
    pub refused: u64,
    /// Datagrams received.
    pub datagrams: u64,
}

/// Rings at a server when access rights have changed; usable from any thread, also when the server is gone.
#[derive(Clone, Debug)]
pub struct RightsBell(Weak<Registry>);

impl RightsBell {
    pub(super) fn new(registry: &Arc<Registry>) -> Self {
        Self(Arc::downgrade(registry))
    }

    /// Every client is told what it may do now.
    pub fn ring(&self) {
        if let Some(registry) = self.0.upgrade() {
            registry.recheck_rights();
        }
    }
}

/// Counters of a server.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    circuits: Mutex<Vec<Arc<CircuitStats>>>,
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) datagrams: AtomicU64,
}

impl Registry {
    /// Adds a circuit, unless there are `limit` of them.
    pub(super) fn open(&self, peer: SocketAddr, limit: usize, limits: &Limits) -> Option<Arc<CircuitStats>> {
        let mut circuits = self.circuits.lock();
        if circuits.len() >= limit {
            self.refused.fetch_add(1, Relaxed);
            return None;
        }
        self.accepted.fetch_add(1, Relaxed);
        let stats = Arc::new(CircuitStats {
            peer,
            inbox: Arc::new(Inbox::new(limits)),
            channels: AtomicU64::new(0),
            subscriptions: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            updates: AtomicU64::new(0),
        });
        circuits.push(stats.clone());
        Some(stats)
    }

    /// Makes every circuit compare the rights of its channels.
    fn recheck_rights(&self) {
        let circuits = self.circuits.lock().clone();
        circuits.iter().for_each(|circuit| circuit.inbox.recheck_rights());
    }

    pub(super) fn close(&self, stats: &Arc<CircuitStats>) {
        self.circuits.lock().retain(|other| !Arc::ptr_eq(other, stats));
    }

    pub(super) fn report(&self) -> Report {
        let circuits = self.circuits.lock();
        Report {
            circuits: circuits.iter().map(|stats| stats.report()).collect(),
            accepted: self.accepted.load(Relaxed),
            refused: self.refused.load(Relaxed),
            datagrams: self.datagrams.load(Relaxed),
        }
    }
}

impl CircuitStats {
    fn report(&self) -> CircuitReport {
        let (pushes, squashed) = self.inbox.own(|mailbox| (mailbox.pushes(), mailbox.squashed()));
        CircuitReport {
            peer: self.peer,
            channels: self.channels.load(Relaxed),
            subscriptions: self.subscriptions.load(Relaxed),
            requests: self.requests.load(Relaxed),
            updates: self.updates.load(Relaxed),
            pushes,
            squashed,
        }
    }
}
