//! The server: searches over UDP, circuits over TCP, beacons.

mod accept;
mod beacon;
mod budget;
mod circuit;
mod endpoints;
mod feeds;
mod hand_on;
mod inbox;
mod interfaces;
mod rate;
mod report;
mod service;
mod udp;

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::{Config, Error};

pub use beacon::beacon_destinations;
pub use ca_proto::server::{
    AccessRights, Acknowledgement, Claim, Client, Extra, FeedId, MonitorFilter, PutFailure, PutOutcome,
    Reading, Subscribed, Update,
};
pub use feeds::Feeds;
pub use inbox::{Answer, Subscriber, batch, now};
pub use report::{CircuitReport, Report, Reporter, RightsBell};
pub use service::{CircuitId, GetRequest, PutRequest, Service};

use budget::Budget;
use endpoints::Places;
use hand_on::HandOn;
use rate::SearchRate;
use report::Registry;

/// What all tasks of a server share.
struct Shared<S> {
    service: Arc<S>,
    config: Config,
    /// 0 until an address is served.
    tcp_port: AtomicU16,
    places: Mutex<Places>,
    rate: SearchRate,
    budget: Arc<Budget>,
    /// `None` when the search port is not shared.
    hand_on: Option<HandOn>,
    registry: Arc<Registry>,
    stop: CancellationToken,
}

impl<S> Shared<S> {
    fn tcp_port(&self) -> u16 {
        self.tcp_port.load(Relaxed)
    }

    /// True the first time.
    fn set_tcp_port(&self, port: u16) -> bool {
        self.tcp_port.swap(port, Relaxed) == 0
    }
}

/// A running server.
///
/// Dropping it stops it without waiting; [`Server::stop`] waits until every circuit is closed.
pub struct Server<S: Service> {
    shared: Arc<Shared<S>>,
    tasks: TaskTracker,
}

impl<S: Service> Server<S> {
    /// Binds the ports of `config` and serves the PVs of `service` on the current runtime.
    ///
    /// The TCP port falls back to a free one when its own is taken; the UDP port is shared with other
    /// servers on the host. Addresses that the host does not have are served from when it has them.
    ///
    /// # Errors
    /// When an address of this host cannot be bound, or the addresses contradict each other.
    pub async fn start(config: Config, service: Arc<S>) -> Result<Self, Error> {
        config.check()?;
        let (hand_on, listener) = open_hand_on(&config).unzip();
        let shared = Arc::new(Shared {
            service,
            tcp_port: AtomicU16::new(0),
            places: Mutex::default(),
            rate: SearchRate::new(config.searches_per_second, Instant::now()),
            budget: Budget::new(config.receive_budget),
            hand_on,
            config,
            registry: Arc::default(),
            stop: CancellationToken::new(),
        });
        let server = Self { shared, tasks: TaskTracker::new() };
        if server.shared.config.enabled {
            endpoints::start(&server.shared, &server.tasks)?;
        }
        if let Some(listener) = listener {
            server.tasks.spawn(hand_on::serve(listener, server.shared.clone()));
        }
        Ok(server)
    }

    /// TCP addresses served now; all have the same port.
    pub fn tcp_addresses(&self) -> Vec<SocketAddrV4> {
        self.shared.places.lock().tcp.clone()
    }

    /// UDP addresses served now; all have the same port.
    pub fn udp_addresses(&self) -> Vec<SocketAddrV4> {
        self.shared.places.lock().udp.clone()
    }

    /// Circuits and what happened on them.
    pub fn report(&self) -> Report {
        self.shared.registry.report()
    }

    /// The same for who does not own the server.
    pub fn reporter(&self) -> Reporter {
        Reporter::new(&self.shared.registry)
    }

    /// To be rung when [`Service::rights`] has changed: every client is told what it may do now.
    pub fn rights_bell(&self) -> RightsBell {
        RightsBell::new(&self.shared.registry)
    }

    /// Stops accepting, closes all circuits, and waits for that at most `deadline`.
    ///
    /// Returns false when some circuit was still open then.
    pub async fn stop(self, deadline: Duration) -> bool {
        self.shared.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(deadline, self.tasks.wait()).await.is_ok()
    }
}

impl<S: Service> Drop for Server<S> {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

/// Both ends of the hand-on, unless the search port is this server's alone.
fn open_hand_on(config: &Config) -> Option<(HandOn, tokio::net::UdpSocket)> {
    if config.server_port == 0 || !config.enabled {
        return None;
    }
    match hand_on::open(config.server_port) {
        Ok(both) => Some(both),
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {
            debug!("unicast searches are not handed on here");
            None
        }
        Err(error) => {
            warn!("a unicast search may find one server of this host only: {error}");
            None
        }
    }
}
