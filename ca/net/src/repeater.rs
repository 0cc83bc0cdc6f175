//! The repeater: shares the beacons that come to one port of a host among all its clients.
//!
//! One process of a host is it, whoever was first: this one, `caRepeater` of EPICS base or caproto's. All
//! speak the same messages, so any client can use any of them.

mod link;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use ca_proto::repeater::{Clients, NOOP, Registered, confirm, read};
use tokio::net::UdpSocket;
use tracing::{debug, info, warn};

use crate::Error;
use link::{Link, Sent};

/// Clients that are served unless told otherwise.
const CLIENTS: usize = 1024;
/// A receive error that stays shall not keep a processor busy.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
struct Counters {
    clients: AtomicU64,
    registrations: AtomicU64,
    refused: AtomicU64,
    gone: AtomicU64,
    datagrams: AtomicU64,
    sent: AtomicU64,
    lost: AtomicU64,
    errors: AtomicU64,
}

/// What a repeater has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepeaterReport {
    /// Clients registered now.
    pub clients: u64,
    /// Registrations confirmed, those of known clients too.
    pub registrations: u64,
    /// Registrations refused: not from this host, or no room for more.
    pub refused: u64,
    /// Clients dropped because they were gone.
    pub gone: u64,
    /// Datagrams that were for all clients.
    pub datagrams: u64,
    /// Copies of them sent.
    pub sent: u64,
    /// Copies that the system did not take.
    pub lost: u64,
    /// Errors of the port.
    pub errors: u64,
}

/// A handle to a repeater's counters.
#[derive(Clone, Debug)]
pub struct Reports(Arc<Counters>);

impl Reports {
    /// The counters now.
    pub fn report(&self) -> RepeaterReport {
        let counters = &self.0;
        RepeaterReport {
            clients: counters.clients.load(Relaxed),
            registrations: counters.registrations.load(Relaxed),
            refused: counters.refused.load(Relaxed),
            gone: counters.gone.load(Relaxed),
            datagrams: counters.datagrams.load(Relaxed),
            sent: counters.sent.load(Relaxed),
            lost: counters.lost.load(Relaxed),
            errors: counters.errors.load(Relaxed),
        }
    }
}

/// A repeater that has its port.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// let repeater = ca::repeater::Repeater::bind(0, &[])?;
/// let second = ca::repeater::Repeater::bind(repeater.port(), &[]);
/// assert!(second.is_err_and(|error| error.is_in_use()));
/// runtime.block_on(repeater.run(async {}));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Repeater {
    socket: std::net::UdpSocket,
    port: u16,
    limit: usize,
    counters: Arc<Counters>,
}

impl Repeater {
    /// Takes the port on all interfaces, and hears these multicast groups.
    ///
    /// The port is not shared: that it is taken is how the next one knows that a repeater runs.
    ///
    /// # Errors
    /// When the port cannot be had; [`Error::is_in_use`] when a repeater runs already.
    pub fn bind(port: u16, groups: &[Ipv4Addr]) -> Result<Self, Error> {
        let open = || {
            let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?;
            socket.set_nonblocking(true)?;
            Ok((socket.local_addr()?.port(), socket))
        };
        let failed = |error: io::Error| Error::io(format!("cannot repeat on UDP port {port}"), error);
        let (port, socket) = open().map_err(failed)?;
        for group in groups {
            if let Err(error) = socket.join_multicast_v4(group, &Ipv4Addr::UNSPECIFIED) {
                warn!("beacons to {group} are not heard: {error}");
            }
        }
        Ok(Self { socket, port, limit: CLIENTS, counters: Arc::default() })
    }

    /// Serves so many clients, 1024 unless told otherwise; each takes a socket.
    ///
    /// When one more comes the dead are dropped; without any it is not confirmed, and will ask again.
    pub fn with_room_for(self, clients: usize) -> Self {
        Self { limit: clients, ..self }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Tells what it does, also while it runs.
    pub fn reports(&self) -> Reports {
        Reports(self.counters.clone())
    }

    /// Repeats until `stop` is there; no error ends it. Runs on tokio.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let socket = match UdpSocket::from_std(self.socket) {
            Ok(socket) => socket,
            Err(error) => return tracing::error!("no repeater: {error}"),
        };
        let (limit, port, counters) = (self.limit, self.port, &*self.counters);
        let running = Running { clients: Clients::new(limit), limit, port, counters, full: false };
        tokio::select! {
            () = stop => {}
            () = running.repeat(socket) => {}
        }
        self.counters.clients.store(0, Relaxed);
    }
}

/// The state of a repeater that runs.
struct Running<'a> {
    clients: Clients<Link>,
    limit: usize,
    port: u16,
    counters: &'a Counters,
    /// It was said that there is no room.
    full: bool,
}

impl Running<'_> {
    async fn repeat(mut self, socket: UdpSocket) {
        let mut buffer = vec![0; 1 << 16];
        loop {
            match socket.recv_from(&mut buffer).await {
                Ok((length, SocketAddr::V4(from))) => self.handle(&mut buffer[..length], from),
                Ok((_, SocketAddr::V6(_))) => {}
                Err(error) => {
                    debug!("repeater's port: {error}");
                    self.counters.errors.fetch_add(1, Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
            }
            // A flood must not starve what else the runtime does.
            tokio::task::yield_now().await;
        }
    }

    /// At most two passes over the clients, none of which waits.
    fn handle(&mut self, datagram: &mut [u8], from: SocketAddrV4) {
        let incoming = read(datagram, *from.ip());
        if incoming.registers {
            self.register(from);
        }
        if !incoming.forward.is_empty() {
            self.counters.datagrams.fetch_add(1, Relaxed);
            self.send(incoming.forward, from);
        }
        self.counters.clients.store(self.clients.len() as u64, Relaxed);
    }

    fn register(&mut self, from: SocketAddrV4) {
        let registered = self.try_register(from);
        let counter =
            if registered.is_some() { &self.counters.registrations } else { &self.counters.refused };
        counter.fetch_add(1, Relaxed);
        if registered == Some(Registered::New) {
            info!("client {from} registered, {} now", self.clients.len());
        }
    }

    /// `None` when the client is not of this host, there is no room or no socket for it, or it is gone already.
    fn try_register(&mut self, from: SocketAddrV4) -> Option<Registered> {
        // Nobody else can send from this port; a copy to it would come back for ever.
        if from.port() == self.port {
            return None;
        }
        let link = match Link::open(from) {
            Ok(link) => link,
            Err(error) => {
                debug!("client {from} is refused: {error}");
                return None;
            }
        };
        let full = !self.clients.has_room_for(from);
        if full {
            self.shake(from);
        }
        // A link is new with each registration: an old one may have an error to tell about a client that died
        // on the same port.
        let registered = self.clients.register(from, link);
        if registered.is_none() && !std::mem::replace(&mut self.full, true) {
            warn!("no room for more than {} clients: {from} is refused, and others may be", self.limit);
        }
        if registered == Some(Registered::New) && !full {
            self.shake(from);
        }
        self.full &= registered.is_none();
        let confirmed = self.clients.with(from, |link| link.send(&confirm(*from.ip())));
        if confirmed == Some(Sent::Gone) {
            self.clients.remove(from);
            return None;
        }
        registered
    }

    /// Sends all clients but one a message that says nothing, and drops those that are gone.
    ///
    /// Without it clients would pile up where no beacons come.
    fn shake(&mut self, but: SocketAddrV4) {
        let dead = self.clients.each_but(but, |link| link.send(&NOOP) != Sent::Gone && !link.is_gone());
        self.bury(&dead);
    }

    fn send(&mut self, datagram: &[u8], from: SocketAddrV4) {
        let counters = self.counters;
        let dead = self.clients.each_but(from, |link| {
            let sent = link.send(datagram);
            match sent {
                Sent::Done => counters.sent.fetch_add(1, Relaxed),
                Sent::Lost => counters.lost.fetch_add(1, Relaxed),
                Sent::Gone => 0,
            };
            sent != Sent::Gone
        });
        self.bury(&dead);
    }

    fn bury(&self, dead: &[SocketAddrV4]) {
        self.counters.gone.fetch_add(dead.len() as u64, Relaxed);
        dead.iter().for_each(|client| info!("client {client} is gone, {} now", self.clients.len()));
    }
}
