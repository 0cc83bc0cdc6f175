//! Counters of a server, for people and status PVs.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::inbox::Inbox;
use crate::Config;

/// Counters of one circuit; written by its task once per pass.
#[derive(Debug)]
pub(super) struct CircuitStats {
    peer: SocketAddr,
    /// User and host as the client names them.
    identity: Mutex<(String, String)>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) channels: AtomicU64,
    pub(super) subscriptions: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) updates: AtomicU64,
    pub(super) stalls: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
}

/// One circuit in a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitReport {
    /// The client's address.
    pub peer: SocketAddr,
    /// The user, as the client says; empty until it opens a channel.
    pub user: String,
    /// The host, as the client says; empty until it opens a channel.
    pub host: String,
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
    /// Times that its requests had to wait because it did not take its answers.
    pub stalls: u64,
    /// Bytes received.
    pub received: u64,
    /// Bytes sent.
    pub sent: u64,
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
    /// Circuits refused because their peer had too many.
    pub refused_per_peer: u64,
    /// Requests refused because of [`Config::limits`].
    pub over_limit: u64,
    /// Messages given up because of [`Config::receive_budget`].
    pub given_up: u64,
    /// Datagrams received from clients.
    pub datagrams: u64,
    /// Datagrams whose sender is in [`Config::ignored`].
    pub ignored: u64,
    /// Datagrams with something in them that is no search.
    pub malformed: u64,
    /// Datagrams dropped because of [`Config::searches_per_second`].
    pub over_rate: u64,
    /// Datagrams given to the other servers of this host.
    pub handed_on: u64,
    /// Datagrams that other servers of this host gave to this one.
    pub hand_ons: u64,
    /// Requests of all circuits so far.
    pub requests: u64,
    /// Updates sent on all circuits so far.
    pub updates: u64,
    /// Posts that replaced a pending one, on all circuits so far.
    pub squashed: u64,
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

/// Tells what a server is doing; usable from any thread, also when the server is gone.
#[derive(Clone, Debug, Default)]
pub struct Reporter(Weak<Registry>);

impl Reporter {
    pub(super) fn new(registry: &Arc<Registry>) -> Self {
        Self(Arc::downgrade(registry))
    }

    /// As `Server::report`; an empty one once the server is gone.
    pub fn report(&self) -> Report {
        self.0.upgrade().map(|registry| registry.report()).unwrap_or_default()
    }
}

/// Counters of a server.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    circuits: Mutex<Circuits>,
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) refused_per_peer: AtomicU64,
    pub(super) over_limit: AtomicU64,
    pub(super) given_up: AtomicU64,
    pub(super) datagrams: AtomicU64,
    pub(super) ignored: AtomicU64,
    pub(super) malformed: AtomicU64,
    pub(super) over_rate: AtomicU64,
    pub(super) handed_on: AtomicU64,
    pub(super) hand_ons: AtomicU64,
}

#[derive(Debug, Default)]
struct Circuits {
    open: Vec<Arc<CircuitStats>>,
    /// A circuit was refused since one was last opened.
    full: bool,
    /// What the closed ones did.
    closed: Totals,
    /// Peers of which one was refused since one of theirs was last closed.
    full_peers: HashSet<IpAddr>,
}

/// Counters of several circuits.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    requests: u64,
    updates: u64,
    squashed: u64,
}

impl Totals {
    fn add(&mut self, circuit: &CircuitReport) {
        self.requests += circuit.requests;
        self.updates += circuit.updates;
        self.squashed += circuit.squashed;
    }
}

/// Why a circuit is not opened; `first` since there was last room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There are too many.
    Full { first: bool },
    /// The peer has too many.
    PeerFull { first: bool },
}

impl Registry {
    /// Adds a circuit, unless there are too many in all or of this peer.
    pub(super) fn open(&self, peer: SocketAddr, config: &Config) -> Result<Arc<CircuitStats>, Refused> {
        let mut circuits = self.circuits.lock();
        if circuits.open.len() >= config.circuits {
            self.refused.fetch_add(1, Relaxed);
            let first = !std::mem::replace(&mut circuits.full, true);
            return Err(Refused::Full { first });
        }
        let of_peer = circuits.open.iter().filter(|stats| stats.peer.ip() == peer.ip()).count();
        if of_peer >= config.circuits_per_peer {
            self.refused_per_peer.fetch_add(1, Relaxed);
            let first = circuits.full_peers.insert(peer.ip());
            return Err(Refused::PeerFull { first });
        }
        circuits.full = false;
        self.accepted.fetch_add(1, Relaxed);
        let stats = Arc::new(CircuitStats {
            peer,
            inbox: Arc::new(Inbox::new(&config.limits)),
            channels: AtomicU64::new(0),
            subscriptions: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            updates: AtomicU64::new(0),
            stalls: AtomicU64::new(0),
            identity: Mutex::default(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        });
        circuits.open.push(stats.clone());
        Ok(stats)
    }

    /// Makes every circuit compare the rights of its channels.
    fn recheck_rights(&self) {
        let circuits = self.circuits.lock().open.clone();
        circuits.iter().for_each(|circuit| circuit.inbox.recheck_rights());
    }

    pub(super) fn close(&self, stats: &Arc<CircuitStats>) {
        let mut circuits = self.circuits.lock();
        let before = circuits.open.len();
        circuits.open.retain(|other| !Arc::ptr_eq(other, stats));
        if circuits.open.len() < before {
            circuits.closed.add(&stats.report());
        }
        circuits.full_peers.remove(&stats.peer.ip());
    }

    pub(super) fn report(&self) -> Report {
        let circuits = self.circuits.lock();
        let open: Vec<_> = circuits.open.iter().map(|stats| stats.report()).collect();
        let mut all = circuits.closed;
        open.iter().for_each(|circuit| all.add(circuit));
        Report {
            circuits: open,
            requests: all.requests,
            updates: all.updates,
            squashed: all.squashed,
            accepted: self.accepted.load(Relaxed),
            refused: self.refused.load(Relaxed),
            refused_per_peer: self.refused_per_peer.load(Relaxed),
            over_limit: self.over_limit.load(Relaxed),
            given_up: self.given_up.load(Relaxed),
            datagrams: self.datagrams.load(Relaxed),
            ignored: self.ignored.load(Relaxed),
            malformed: self.malformed.load(Relaxed),
            over_rate: self.over_rate.load(Relaxed),
            handed_on: self.handed_on.load(Relaxed),
            hand_ons: self.hand_ons.load(Relaxed),
        }
    }
}

impl CircuitStats {
    /// The client has said who it is.
    pub(super) fn identify(&self, user: &str, host: &str) {
        *self.identity.lock() = (user.to_owned(), host.to_owned());
    }

    fn report(&self) -> CircuitReport {
        let (user, host) = self.identity.lock().clone();
        let (pushes, squashed) = self.inbox.own(|mailbox| (mailbox.pushes(), mailbox.squashed()));
        CircuitReport {
            peer: self.peer,
            user,
            host,
            channels: self.channels.load(Relaxed),
            subscriptions: self.subscriptions.load(Relaxed),
            requests: self.requests.load(Relaxed),
            updates: self.updates.load(Relaxed),
            pushes,
            squashed,
            stalls: self.stalls.load(Relaxed),
            received: self.received.load(Relaxed),
            sent: self.sent.load(Relaxed),
        }
    }
}
