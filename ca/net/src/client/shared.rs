//! What all parts of a context share, and what happens to its channels and circuits.

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ca_proto::client::{Event, Failed, Identity, Searches};
use ca_proto::ids::IdMap;
use ca_proto::{Cid, Ioid, SubscriptionId};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::circuit::Circuit;
use super::context::FailedPut;
use super::core::ChannelCore;
use super::drive;
use super::listener::Calls;
use super::pool::Pool;
use super::repeater::Heard;
use crate::ClientConfig;

/// A name server is tried again after this time.
const RETRY: Duration = Duration::from_secs(2);
/// Unsent bytes of a circuit to a name server beyond which it is asked no more.
const ASKED: usize = 256 * 1024;

/// Refused puts that are kept.
const FAILED_PUTS: usize = 1024;

/// What all parts of a context share.
pub(super) struct Shared {
    pub(super) config: ClientConfig,
    pub(super) identity: Identity,
    pub(super) runtime: Handle,
    pub(super) channels: Mutex<IdMap<Cid, Weak<ChannelCore>>>,
    pub(super) circuits: Mutex<HashMap<(SocketAddrV4, u16), Arc<Circuit>>>,
    pub(super) name_servers: Mutex<Vec<Arc<Circuit>>>,
    pub(super) searches: Mutex<Searches>,
    pub(super) search_wake: Notify,
    pub(super) calls: Calls,
    /// Puts without completion that servers have refused, until somebody asks.
    pub(super) failed_puts: Mutex<Vec<FailedPut>>,
    pub(super) next_id: AtomicU32,
    pub(super) pool: Pool,
    pub(super) heard: Heard,
    pub(super) this: Weak<Shared>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Shared {
    pub(super) fn id(&self) -> u32 {
        self.next_id.fetch_add(1, Relaxed)
    }

    pub(super) fn ioid(&self) -> Ioid {
        Ioid(self.id())
    }

    pub(super) fn subscription_id(&self) -> SubscriptionId {
        SubscriptionId(self.id())
    }

    pub(super) fn channel(&self, cid: Cid) -> Option<Arc<ChannelCore>> {
        self.channels.lock().get(&cid)?.upgrade()
    }

    /// The circuit to a server, made when there is none.
    pub(super) fn circuit(&self, server: SocketAddrV4, priority: u16) -> Arc<Circuit> {
        let mut circuits = self.circuits.lock();
        if let Some(known) =
            circuits.get(&(server, priority)).filter(|circuit| circuit.with(|_| ()).is_some())
        {
            return known.clone();
        }
        let circuit = Circuit::new(self, server, priority, false);
        circuits.insert((server, priority), circuit.clone());
        self.spawn(circuit.clone());
        circuit
    }

    pub(super) fn spawn(&self, circuit: Arc<Circuit>) {
        if let Some(shared) = self.this.upgrade() {
            self.tasks.spawn_on(drive::run(circuit, shared), &self.runtime);
        }
    }

    pub(super) fn forget(&self, circuit: &Arc<Circuit>) {
        let mut circuits = self.circuits.lock();
        let key = (circuit.server, circuit.priority);
        if circuits.get(&key).is_some_and(|known| Arc::ptr_eq(known, circuit)) {
            circuits.remove(&key);
        }
    }

    /// Keeps a circuit to a name server.
    pub(super) async fn ask_name_server(self: Arc<Self>, server: SocketAddrV4) {
        loop {
            let circuit = Circuit::new(&self, server, 0, true);
            self.circuits.lock().entry((server, 0)).or_insert_with(|| circuit.clone());
            self.name_servers.lock().push(circuit.clone());
            drive::run(circuit.clone(), self.clone()).await;
            self.name_servers.lock().retain(|other| !Arc::ptr_eq(other, &circuit));
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    /// Asks all name servers that can be asked.
    pub(super) fn search_over_tcp(&self, cids: &[Cid]) {
        self.name_servers.lock().iter().for_each(|server| self.ask(server, cids));
    }

    /// Asks a name server that can be asked.
    pub(super) fn ask(&self, server: &Circuit, cids: &[Cid]) {
        let searches = self.searches.lock();
        server.with(|circuit| {
            let able = circuit.proto.minor().is_some_and(|minor| minor >= 12);
            if !able || circuit.output.len() > ASKED {
                return;
            }
            for (cid, name) in cids.iter().filter_map(|cid| Some((*cid, searches.name(*cid)?))) {
                circuit.proto.search(cid, name, &mut circuit.output);
            }
        });
    }

    /// A name server has come up: all that is searched may be known there.
    pub(super) fn ask_for_all(&self, server: &Circuit) {
        let cids: Vec<Cid> = self.searches.lock().names().map(|(cid, _)| cid).collect();
        cids.chunks(1024).for_each(|cids| self.ask(server, cids));
    }

    /// Whether a name can be searched at all: with its header it fits a datagram.
    pub(super) fn is_searchable(&self, name: &str) -> bool {
        (1..=Searches::LONGEST_NAME).contains(&name.len())
    }

    /// Searches a name from a moment on; false when it cannot be searched.
    pub(super) fn search(&self, cid: Cid, name: &str, delay: Duration, longest: Duration) -> bool {
        let at = Instant::now() + delay;
        let added = self.searches.lock().add_within(cid, name, at, longest);
        if !self.channels.lock().contains_key(&cid) {
            // It was closed meanwhile.
            self.searches.lock().remove(cid);
        }
        if added {
            self.search_wake.notify_one();
        }
        added
    }

    pub(super) fn found(&self, cid: Cid, server: SocketAddrV4, minor: Option<u16>) {
        self.searches.lock().remove(cid);
        if let Some(channel) = self.channel(cid) {
            channel.found(server, minor);
        }
    }

    /// What a server said about channels.
    pub(super) fn handle(&self, circuit: &Arc<Circuit>, event: Event) {
        match event {
            Event::Created { cid, native, count } => {
                if let Some(channel) = self.channel(cid) {
                    channel.created(circuit, native, count);
                }
            }
            Event::Rights(cid, rights) => {
                if let Some(channel) = self.channel(cid) {
                    channel.rights(circuit, rights);
                }
            }
            Event::Gone { cid, .. } => self.lost(circuit, &[cid], true),
            // Without an address it is the server that was asked, at the port where it was asked.
            Event::Found { cid, address, port } => {
                self.found(cid, address.map_or(circuit.server, |ip| SocketAddrV4::new(ip, port)), None);
            }
            Event::Responsive => self.responsive(circuit),
            Event::Version(_) if circuit.permanent => self.ask_for_all(circuit),
            Event::Version(_) => {}
            Event::Error { about: Failed::Put { data_type, count, .. }, status, text } => {
                warn!("{}: a put failed: {status}: {text}", circuit.server);
                let mut failed = self.failed_puts.lock();
                if failed.len() < FAILED_PUTS {
                    failed.push(FailedPut { status, data_type, count, text });
                }
            }
            Event::Error { status, text, .. } => info!("{}: {status}: {text}", circuit.server),
            Event::NotFound(_) | Event::Got(..) | Event::PutDone(..) | Event::Update(..) => {}
        }
    }

    pub(super) fn lost(&self, circuit: &Arc<Circuit>, cids: &[Cid], refused: bool) {
        cids.iter().filter_map(|cid| self.channel(*cid)).for_each(|channel| channel.lost(circuit, refused));
    }

    /// The channels that are on a circuit now.
    pub(super) fn channels_on(&self, circuit: &Circuit) -> Vec<Arc<ChannelCore>> {
        let cids: Vec<Cid> = circuit.with(|circuit| circuit.proto.channels().collect()).unwrap_or_default();
        cids.into_iter().filter_map(|cid| self.channel(cid)).collect()
    }

    pub(super) fn unresponsive(&self, circuit: &Arc<Circuit>) {
        self.channels_on(circuit).iter().for_each(|channel| channel.unresponsive(circuit));
    }

    pub(super) fn responsive(&self, circuit: &Arc<Circuit>) {
        self.channels_on(circuit).iter().for_each(|channel| channel.responsive(circuit));
    }

    pub(super) fn beacon(&self, server: SocketAddrV4, healthy: bool, now: Instant) {
        let circuits: Vec<_> =
            self.circuits.lock().values().filter(|c| c.server == server).cloned().collect();
        for circuit in circuits {
            circuit.with(|circuit| circuit.proto.handle_beacon(healthy, now));
        }
    }

    pub(super) fn remove(&self, cid: Cid) {
        self.channels.lock().remove(&cid);
        self.searches.lock().remove(cid);
    }
}
