//! The client: finds PVs, gets, puts and monitors them, and comes back after whatever happens.
//!
//! Every request is a [`Pending`]: a future for async code, and something to block for on any thread. All of it
//! works on a runtime of its own.

mod batch;
mod channel;
mod circuit;
mod core;
mod inquiry;
mod listener;
mod monitor;
mod repeater;
mod report;
mod request;
mod runtime;
mod search;
mod slot;
mod status;

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ca_proto::client::{Event, Failed, Identity, Searches, Timing};
use ca_proto::ids::IdMap;
use ca_proto::{Cid, Eca, Ioid, SubscriptionId};
use parking_lot::{Condvar, Mutex};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::{ClientConfig, Error};
use circuit::Circuit;
use core::ChannelCore;
use listener::Calls;

pub use batch::{Batch, PendingBatch};
pub use ca_proto::client::{AccessRights, Data};
pub use channel::Channel;
pub use inquiry::{Answer, Inquiry, Via, inquire};
pub use monitor::{Monitor, MonitorEvent};
pub use report::{ChannelReport, CircuitReport, ClientReport};
pub use request::Pending;
pub use search::destinations;
pub use status::{Status, StatusWatch};

/// A name server is tried again after this time.
const RETRY: Duration = Duration::from_secs(2);
/// How long a context that is dropped waits for its circuits to be closed in order.
const GOODBYE: Duration = Duration::from_millis(500);

/// Unsent bytes of a circuit to a name server beyond which it is asked no more.
const ASKED: usize = 256 * 1024;

/// Refused puts that are kept.
const FAILED_PUTS: usize = 1024;

/// A put without completion that a server has refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedPut {
    /// Why.
    pub status: Eca,
    /// DBR type of the put.
    pub data_type: u16,
    /// Its element count.
    pub count: u32,
    /// In the server's words.
    pub text: String,
}

/// What all parts of a context share.
struct Shared {
    config: ClientConfig,
    identity: Identity,
    runtime: Handle,
    channels: Mutex<IdMap<Cid, Weak<ChannelCore>>>,
    circuits: Mutex<HashMap<(SocketAddrV4, u16), Arc<Circuit>>>,
    name_servers: Mutex<Vec<Arc<Circuit>>>,
    searches: Mutex<Searches>,
    search_wake: Notify,
    calls: Calls,
    /// Puts without completion that servers have refused, until somebody asks.
    failed_puts: Mutex<Vec<FailedPut>>,
    next_id: AtomicU32,
    heard: repeater::Heard,
    this: Weak<Shared>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Shared {
    fn id(&self) -> u32 {
        self.next_id.fetch_add(1, Relaxed)
    }

    fn ioid(&self) -> Ioid {
        Ioid(self.id())
    }

    fn subscription_id(&self) -> SubscriptionId {
        SubscriptionId(self.id())
    }

    fn channel(&self, cid: Cid) -> Option<Arc<ChannelCore>> {
        self.channels.lock().get(&cid)?.upgrade()
    }

    /// The circuit to a server, made when there is none.
    fn circuit(&self, server: SocketAddrV4, priority: u16) -> Arc<Circuit> {
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

    fn spawn(&self, circuit: Arc<Circuit>) {
        if let Some(shared) = self.this.upgrade() {
            self.tasks.spawn_on(circuit::run(circuit, shared), &self.runtime);
        }
    }

    fn forget(&self, circuit: &Arc<Circuit>) {
        let mut circuits = self.circuits.lock();
        let key = (circuit.server, circuit.priority);
        if circuits.get(&key).is_some_and(|known| Arc::ptr_eq(known, circuit)) {
            circuits.remove(&key);
        }
    }

    /// Keeps a circuit to a name server.
    async fn ask_name_server(self: Arc<Self>, server: SocketAddrV4) {
        loop {
            let circuit = Circuit::new(&self, server, 0, true);
            self.circuits.lock().entry((server, 0)).or_insert_with(|| circuit.clone());
            self.name_servers.lock().push(circuit.clone());
            circuit::run(circuit.clone(), self.clone()).await;
            self.name_servers.lock().retain(|other| !Arc::ptr_eq(other, &circuit));
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    /// Asks all name servers that can be asked.
    fn search_over_tcp(&self, cids: &[Cid]) {
        self.name_servers.lock().iter().for_each(|server| self.ask(server, cids));
    }

    /// Asks a name server that can be asked.
    fn ask(&self, server: &Circuit, cids: &[Cid]) {
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
    fn ask_for_all(&self, server: &Circuit) {
        let cids: Vec<Cid> = self.searches.lock().names().map(|(cid, _)| cid).collect();
        cids.chunks(1024).for_each(|cids| self.ask(server, cids));
    }

    /// Searches a name from a moment on; false when it cannot be searched.
    fn search(&self, cid: Cid, name: &str, delay: Duration, longest: Duration) -> bool {
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

    fn found(&self, cid: Cid, server: SocketAddrV4, minor: Option<u16>) {
        self.searches.lock().remove(cid);
        if let Some(channel) = self.channel(cid) {
            channel.found(server, minor);
        }
    }

    /// What a server said about channels.
    fn handle(&self, circuit: &Arc<Circuit>, event: Event) {
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

    fn lost(&self, circuit: &Arc<Circuit>, cids: &[Cid], refused: bool) {
        cids.iter().filter_map(|cid| self.channel(*cid)).for_each(|channel| channel.lost(circuit, refused));
    }

    /// The channels that are on a circuit now.
    fn channels_on(&self, circuit: &Circuit) -> Vec<Arc<ChannelCore>> {
        let cids: Vec<Cid> = circuit.with(|circuit| circuit.proto.channels().collect()).unwrap_or_default();
        cids.into_iter().filter_map(|cid| self.channel(cid)).collect()
    }

    fn unresponsive(&self, circuit: &Arc<Circuit>) {
        self.channels_on(circuit).iter().for_each(|channel| channel.unresponsive(circuit));
    }

    fn responsive(&self, circuit: &Arc<Circuit>) {
        self.channels_on(circuit).iter().for_each(|channel| channel.responsive(circuit));
    }

    fn beacon(&self, server: SocketAddrV4, healthy: bool, now: Instant) {
        let circuits: Vec<_> =
            self.circuits.lock().values().filter(|c| c.server == server).cloned().collect();
        for circuit in circuits {
            circuit.with(|circuit| circuit.proto.handle_beacon(healthy, now));
        }
    }

    fn remove(&self, cid: Cid) {
        self.channels.lock().remove(&cid);
        self.searches.lock().remove(cid);
    }
}

/// Ends everything with the last handle of a context.
#[derive(Debug)]
struct Guard(Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        let shared = &self.0;
        shared.stop.cancel();
        shared.tasks.close();
        // What waits for a connection need not wait for its time to be over.
        let channels: Vec<_> = shared.channels.lock().values().filter_map(Weak::upgrade).collect();
        channels.iter().for_each(|channel| channel.change(|_, _| ()));
        // Puts that were not waited for shall leave before the process does.
        let done = Arc::new((Mutex::new(false), Condvar::new()));
        let (told, tasks) = (done.clone(), shared.tasks.clone());
        shared.runtime.spawn(async move {
            tasks.wait().await;
            *told.0.lock() = true;
            told.1.notify_all();
        });
        let mut over = done.0.lock();
        done.1.wait_while_for(&mut over, |over| !*over, GOODBYE);
    }
}

/// A client: its channels share one search and one circuit for each server. Clones are handles of the same one.
///
/// ```no_run
/// use std::time::Duration;
/// use ca::client::{Channel, Context};
/// let context = Context::new(ca::ClientConfig::from_env().0)?;
/// let pv = context.channel("TEST:SERVER.example_pv");
/// let value = pv.get(Channel::TIME, 0, Duration::from_secs(5)).wait()?;
/// # Ok::<(), ca::Error>(())
/// ```
#[derive(Clone)]
pub struct Context(Arc<Guard>);

impl Context {
    /// A client with these settings.
    ///
    /// # Errors
    /// When no socket or thread can be had.
    pub fn new(config: ClientConfig) -> Result<Self, Error> {
        let runtime = runtime::handle()?;
        let socket = search::open(config.multicast_ttl).map_err(|e| Error::io("cannot search", e))?;
        let calls = listener::start_calls().map_err(|e| Error::io("cannot start a thread", e))?;
        let timing = Timing { longest_gap: config.max_search_period, ..Timing::default() };
        let identity = Identity { user: user_name(), host: host_name() };
        let shared = Arc::new_cyclic(|this: &Weak<Shared>| Shared {
            config,
            identity,
            runtime: runtime.clone(),
            channels: Mutex::default(),
            circuits: Mutex::default(),
            name_servers: Mutex::default(),
            searches: Mutex::new(Searches::new(timing)),
            search_wake: Notify::new(),
            calls,
            failed_puts: Mutex::default(),
            next_id: AtomicU32::new(1),
            heard: repeater::Heard::default(),
            this: this.clone(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        repeater::ensure(&shared.config, &runtime);
        shared.tasks.spawn_on(search::run(socket, shared.clone()), &runtime);
        for server in shared.config.name_servers.clone() {
            shared.tasks.spawn_on(shared.clone().ask_name_server(server), &runtime);
        }
        Ok(Self(Arc::new(Guard(shared))))
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }

    /// The puts without completion that servers have refused since the last call; at most 1024 are kept.
    ///
    /// A refusal is there before the answer to any later get of the same channel.
    pub fn failed_puts(&self) -> Vec<FailedPut> {
        std::mem::take(&mut *self.0.0.failed_puts.lock())
    }

    /// A channel to the PV of this name; returns at once.
    pub fn channel(&self, name: &str) -> Channel {
        self.channel_with(name, 0)
    }

    /// The same at a priority, 0..=99; each has circuits of its own.
    pub fn channel_with(&self, name: &str, priority: u16) -> Channel {
        let shared = &self.0.0;
        let core = ChannelCore::new(shared, Cid(shared.id()), name, priority.min(99));
        shared.channels.lock().insert(core.cid, Arc::downgrade(&core));
        if !core.search(Duration::ZERO) {
            warn!("{name:?} is no name that can be searched: 1 to 991 bytes");
        }
        Channel::new(core)
    }

    /// Channels to all these PVs; returns at once.
    pub fn channels<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<Channel> {
        names.into_iter().map(|name| self.channel(name)).collect()
    }
}

fn user_name() -> String {
    let name = std::env::var("USER").or_else(|_| std::env::var("USERNAME")).unwrap_or_default();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("COMPUTERNAME").ok()).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "unknown".to_owned() } else { name.to_owned() }
}
