//! TCP listeners: one port on all interfaces, a task per circuit.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::endpoints::is_absent;
use super::report::Refused;
use super::{Service, Shared, circuit};
use crate::{Config, Error};

const BACKLOG: i32 = 128;

/// A listener on each address, and the port of all.
type Bound = (Vec<(Ipv4Addr, TcpListener)>, u16);

/// Binds the addresses that are there to one port: the configured one, or a free one when that is taken.
///
/// # Errors
/// When one that is there cannot be bound.
pub(super) fn bind(config: &Config, addresses: &[Ipv4Addr]) -> Result<Bound, Error> {
    let wanted = config.server_port;
    match try_port(addresses, wanted) {
        Err((_, error)) if wanted != 0 && is_taken(&error) => {
            let bound = bind_port(addresses, 0)?;
            warn!(
                "TCP port {wanted} is taken, probably by another CA server; serving on port {} instead. \
                 Clients find it: the answer to a search says the port.",
                bound.1
            );
            Ok(bound)
        }
        result => result.map_err(explain),
    }
}

/// Binds the addresses that are there to this port, 0 for a free one.
///
/// # Errors
/// When one that is there cannot be bound.
pub(super) fn bind_port(addresses: &[Ipv4Addr], port: u16) -> Result<Bound, Error> {
    try_port(addresses, port).map_err(explain)
}

fn try_port(addresses: &[Ipv4Addr], mut port: u16) -> Result<Bound, (SocketAddrV4, std::io::Error)> {
    let mut listeners = Vec::new();
    for interface in addresses {
        let address = SocketAddrV4::new(*interface, port);
        match listen(address) {
            Ok((listener, actual)) => {
                port = actual;
                listeners.push((*interface, listener));
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err((address, error)),
        }
    }
    Ok((listeners, port))
}

fn listen(address: SocketAddrV4) -> std::io::Result<(TcpListener, u16)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

fn is_taken(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied)
}

fn explain((address, error): (SocketAddrV4, std::io::Error)) -> Error {
    Error::io(format!("cannot listen on TCP {address}"), error)
}

/// Accepts circuits until the server stops. No error ends it.
pub(super) async fn serve<S: Service>(listener: TcpListener, shared: Arc<Shared<S>>, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or the peer is gone already: wait, so that an error is not a busy loop.
                debug!("accept failed: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        match shared.registry.open(peer, &shared.config) {
            Ok(stats) => {
                configure(&stream);
                tasks.spawn(circuit::run(stream, peer, stats, shared.clone()));
            }
            Err(refused) => warn_of(&refused, peer, &shared.config),
        }
    }
}

/// Names a limit when it is met, not for each circuit above it.
fn warn_of(refused: &Refused, peer: SocketAddr, config: &Config) {
    match refused {
        Refused::Full { first: true } => {
            warn!("circuit of {peer} refused: {} circuits are open, the limit", config.circuits);
        }
        Refused::PeerFull { first: true } => {
            let limit = config.circuits_per_peer;
            warn!("circuit of {peer} refused: {} has {limit} open, the limit per peer", peer.ip());
        }
        Refused::Full { first: false } | Refused::PeerFull { first: false } => {}
    }
}

fn configure(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
    for result in [stream.set_nodelay(true), socket.set_tcp_keepalive(&keepalive)] {
        if let Err(error) = result {
            debug!("socket option: {error}");
        }
    }
}
