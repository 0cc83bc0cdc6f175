//! A client as its users hold it.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ca_proto::client::{Searches, Timing};
use ca_proto::{Cid, Eca};
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::channel::Channel;
use super::core::ChannelCore;
use super::pool::Pool;
use super::shared::Shared;
use super::{listener, repeater, runtime, search};
use crate::{ClientConfig, Error, identity};

/// How long a context that is dropped waits for its circuits to be closed in order.
const GOODBYE: Duration = Duration::from_millis(500);

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
        let shared = Arc::new_cyclic(|this: &Weak<Shared>| Shared {
            config,
            identity: identity::own(),
            runtime: runtime.clone(),
            channels: Mutex::default(),
            circuits: Mutex::default(),
            name_servers: Mutex::default(),
            searches: Mutex::new(Searches::new(timing)),
            search_wake: Notify::new(),
            calls,
            failed_puts: Mutex::default(),
            next_id: AtomicU32::new(1),
            pool: Pool::default(),
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

    pub(super) fn shared(&self) -> &Arc<Shared> {
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
