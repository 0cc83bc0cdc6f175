//! The server: searches over UDP, circuits over TCP, beacons.

mod accept;
mod beacon;
mod circuit;
mod inbox;
mod report;
mod service;
mod udp;

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Config, Error};

pub use ca_proto::server::{
    AccessRights, Acknowledgement, Claim, Client, Extra, MonitorFilter, PutFailure, PutOutcome, Reading,
    Subscribed, Update,
};
pub use inbox::{Answer, Subscriber, batch, now};
pub use report::{CircuitReport, Report, RightsBell};
pub use service::{PutRequest, Service};

use report::Registry;

/// What all tasks of a server share.
struct Shared<S> {
    service: Arc<S>,
    config: Config,
    tcp_port: u16,
    registry: Arc<Registry>,
    stop: CancellationToken,
}

/// A running server.
///
/// Dropping it stops it without waiting; [`Server::stop`] waits until every circuit is closed.
pub struct Server<S: Service> {
    shared: Arc<Shared<S>>,
    tasks: TaskTracker,
    tcp: Vec<SocketAddrV4>,
    udp: Vec<SocketAddrV4>,
}

impl<S: Service> Server<S> {
    /// Binds the ports of `config` and serves the PVs of `service` on the current runtime.
    ///
    /// The TCP port falls back to a free one when its own is taken; the UDP port is shared with other
    /// servers on the host.
    ///
    /// # Errors
    /// When an interface cannot be bound.
    pub async fn start(config: Config, service: Arc<S>) -> Result<Self, Error> {
        let listeners = accept::bind(&config)?;
        let tcp_port = listeners.first().map_or(0, |(_, address)| address.port());
        let taken = config.server_port != 0 && tcp_port != config.server_port;
        let search_port = if taken && config.search_on_own_port { tcp_port } else { config.server_port };
        let udp = udp::bind(&config, search_port)?;
        let shared = Arc::new(Shared {
            service,
            config,
            tcp_port,
            registry: Arc::default(),
            stop: CancellationToken::new(),
        });
        let tasks = TaskTracker::new();
        let udp_addresses = udp.iter().map(|socket| socket.address).collect();
        let tcp_addresses = listeners.iter().map(|(_, address)| *address).collect();
        for socket in udp {
            tasks.spawn(udp::serve(socket, shared.clone()));
        }
        for (listener, _) in listeners {
            tasks.spawn(accept::serve(listener, shared.clone(), tasks.clone()));
        }
        if let Some(period) = shared.config.beacon_period {
            tasks.spawn(beacon::send(shared.clone(), period));
        }
        Ok(Self { shared, tasks, tcp: tcp_addresses, udp: udp_addresses })
    }

    /// TCP addresses; all have the same port.
    pub fn tcp_addresses(&self) -> &[SocketAddrV4] {
        &self.tcp
    }

    /// UDP addresses; all have the same port.
    pub fn udp_addresses(&self) -> &[SocketAddrV4] {
        &self.udp
    }

    /// Circuits and what happened on them.
    pub fn report(&self) -> Report {
        self.shared.registry.report()
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
