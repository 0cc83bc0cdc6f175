//! The addresses that are served: bound when they are there, waited for when they are not.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::udp::{self, SearchSocket};
use super::{Service, Shared, accept, beacon, interfaces};
use crate::{Config, Error};

/// How often an address that is not there is tried again.
const RETRY: Duration = Duration::from_secs(3);

/// One address, ready to serve.
struct Endpoint {
    interface: Ipv4Addr,
    listener: TcpListener,
    searches: Vec<SearchSocket>,
}

/// The ports, once the first address is bound: all others have the same ones.
#[derive(Default)]
struct Ports {
    tcp: Option<u16>,
    search: Option<u16>,
}

impl Ports {
    /// Binds those of `addresses` that are there.
    ///
    /// # Errors
    /// When one that is there cannot be bound.
    fn open(&mut self, config: &Config, addresses: &[Ipv4Addr]) -> Result<Vec<Endpoint>, Error> {
        let (listeners, tcp_port) = match self.tcp {
            Some(port) => accept::bind_port(addresses, port)?,
            None => accept::bind(config, addresses)?,
        };
        let mut endpoints = Vec::new();
        for (interface, listener) in listeners {
            let port = self.search.unwrap_or(config.server_port);
            match udp::open(interface, port, &config.groups()) {
                Ok(searches) => {
                    self.search = searches.first().map(|socket| socket.address.port());
                    self.tcp = Some(tcp_port);
                    endpoints.push(Endpoint { interface, listener, searches });
                }
                Err(error) if is_absent(&error) => {}
                Err(error) => {
                    return Err(Error::io(format!("cannot listen on UDP {interface}:{port}"), error));
                }
            }
        }
        Ok(endpoints)
    }
}

/// True when no interface has the address now.
pub(super) fn is_absent(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable
}

/// Where a server is found.
#[derive(Default)]
pub(super) struct Places {
    pub(super) tcp: Vec<SocketAddrV4>,
    pub(super) udp: Vec<SocketAddrV4>,
    /// Each address with the socket that answers searches to it.
    answers: Vec<(Ipv4Addr, Arc<UdpSocket>)>,
}

impl Places {
    /// The socket that answers a search sent to `destination`; `None` when that address is not served.
    pub(super) fn answers_for(&self, destination: Ipv4Addr) -> Option<Arc<UdpSocket>> {
        let served = |ip: Ipv4Addr| ip.is_unspecified() || ip == destination;
        self.answers.iter().find(|(interface, _)| served(*interface)).map(|(_, socket)| socket.clone())
    }
}

/// Serves every address that is there, and the others from when they come.
///
/// # Errors
/// When an address that is there cannot be bound.
pub(super) fn start<S: Service>(shared: &Arc<Shared<S>>, tasks: &TaskTracker) -> Result<(), Error> {
    let config = &shared.config;
    let mut absent = config.listen_on();
    let mut ports = Ports::default();
    let mut memberships = Vec::new();
    let endpoints = ports.open(config, &absent)?;
    absent.retain(|ip| endpoints.iter().all(|endpoint| endpoint.interface != *ip));
    for endpoint in endpoints {
        serve(endpoint, shared, tasks, &mut memberships);
    }
    absent.iter().for_each(|ip| warn!("{ip} is no address of this host now; it is served when it comes"));
    join(&mut memberships);
    if !absent.is_empty() || !config.groups().is_empty() {
        tasks.spawn(watch(shared.clone(), tasks.clone(), ports, absent, memberships));
    }
    Ok(())
}

fn serve<S: Service>(
    endpoint: Endpoint,
    shared: &Arc<Shared<S>>,
    tasks: &TaskTracker,
    memberships: &mut Vec<Membership>,
) {
    let Ok(address) = endpoint.listener.local_addr() else { return };
    let first = shared.set_tcp_port(address.port());
    let mut places = shared.places.lock();
    places.tcp.push(SocketAddrV4::new(endpoint.interface, address.port()));
    if let Some(main) = endpoint.searches.first() {
        places.answers.push((endpoint.interface, main.answers.clone()));
    }
    tasks.spawn(accept::serve(endpoint.listener, shared.clone(), tasks.clone()));
    for search in endpoint.searches {
        places.udp.push(search.address);
        memberships.extend(Membership::of(&search, endpoint.interface, &shared.config));
        tasks.spawn(udp::serve(search, shared.clone()));
    }
    if first && let Some(period) = shared.config.beacon_period {
        beacon::spawn(shared, tasks, period);
    }
}

/// Tries absent addresses and lost memberships again until the server stops. No error ends it.
async fn watch<S: Service>(
    shared: Arc<Shared<S>>,
    tasks: TaskTracker,
    mut ports: Ports,
    mut absent: Vec<Ipv4Addr>,
    mut memberships: Vec<Membership>,
) {
    let mut failing = Vec::new();
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
        absent.retain(|ip| match ports.open(&shared.config, &[*ip]) {
            Ok(endpoints) => {
                let waits = endpoints.is_empty();
                for endpoint in endpoints {
                    info!("{ip} is here and served now");
                    serve(endpoint, &shared, &tasks, &mut memberships);
                }
                waits
            }
            Err(error) => {
                if !failing.contains(ip) {
                    warn!("{ip} is here but not served: {error}");
                    failing.push(*ip);
                }
                true
            }
        });
        join(&mut memberships);
    }
}

/// A multicast group heard by one socket.
struct Membership {
    socket: Arc<UdpSocket>,
    group: Ipv4Addr,
    /// `0.0.0.0` for all that there are.
    interface: Ipv4Addr,
    failing: bool,
}

impl Membership {
    /// The groups that this socket can hear.
    fn of(search: &SearchSocket, interface: Ipv4Addr, config: &Config) -> Vec<Self> {
        let bound = *search.address.ip();
        let hears = |group: &Ipv4Addr| bound == *group || bound.is_unspecified() || cfg!(not(unix));
        let member = |group| Self { socket: search.socket.clone(), group, interface, failing: false };
        config.groups().into_iter().filter(hears).map(member).collect()
    }

    /// Joins where it has not; an interface that went and came again has lost its memberships.
    fn join(&mut self) {
        let interfaces = if self.interface.is_unspecified() {
            interfaces::present().iter().map(|v4| v4.ip).collect()
        } else {
            vec![self.interface]
        };
        for interface in interfaces {
            match self.socket.join_multicast_v4(self.group, interface) {
                Ok(()) => {
                    debug!("joined {} on {interface}", self.group);
                    self.failing = false;
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        warn!("cannot join multicast group {} on {interface}: {error}", self.group);
                    }
                }
            }
        }
    }
}

fn join(memberships: &mut [Membership]) {
    memberships.iter_mut().for_each(Membership::join);
}
