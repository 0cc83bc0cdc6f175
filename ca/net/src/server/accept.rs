//! TCP listeners: one port on all interfaces, a task per circuit.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::{Service, Shared, circuit};
use crate::{Config, Error};

const BACKLOG: i32 = 128;

/// Binds every interface to one port: the configured one, or a free one when that is taken.
pub(super) fn bind(config: &Config) -> Result<Vec<(TcpListener, SocketAddrV4)>, Error> {
    match bind_port(config, config.server_port) {
        Err((_, error)) if config.server_port != 0 && is_taken(&error) => {
            let bound = bind_port(config, 0).map_err(explain)?;
            let port = bound.first().map_or(0, |(_, address)| address.port());
            warn!(
                "TCP port {} is taken, probably by another CA server; serving on port {port}. \
                 Clients that search by broadcast find both; a unicast search may find one only.",
                config.server_port
            );
            Ok(bound)
        }
        result => result.map_err(explain),
    }
}

type Bound = Vec<(TcpListener, SocketAddrV4)>;

fn bind_port(config: &Config, mut port: u16) -> Result<Bound, (SocketAddrV4, std::io::Error)> {
    let mut bound = Bound::new();
    for interface in config.listen_on().into_iter().filter(|ip| !ip.is_multicast()) {
        let address = SocketAddrV4::new(interface, port);
        let (listener, actual) = listen(address).map_err(|error| (address, error))?;
        port = actual;
        bound.push((listener, SocketAddrV4::new(interface, actual)));
    }
    if bound.is_empty() {
        let address = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
        let (listener, actual) = listen(address).map_err(|error| (address, error))?;
        bound.push((listener, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, actual)));
    }
    Ok(bound)
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
    let mut full = false;
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
        let Some(stats) = shared.registry.open(peer, shared.config.circuits, &shared.config.limits) else {
            if !std::mem::replace(&mut full, true) {
                warn!("circuit of {peer} refused: {} circuits are open, the limit", shared.config.circuits);
            }
            continue;
        };
        full = false;
        configure(&stream);
        tasks.spawn(circuit::run(stream, peer, stats, shared.clone()));
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
