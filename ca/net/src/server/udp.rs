//! Name search over UDP, one socket per interface; the port is shared with other servers.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ca_proto::server::search;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tracing::{debug, warn};

use super::{Service, Shared};
use crate::{Config, Error};

/// A bound socket, and the one that its answers leave from.
pub(super) struct SearchSocket {
    socket: Arc<UdpSocket>,
    answers: Arc<UdpSocket>,
    pub(super) address: SocketAddrV4,
}

/// Binds the search port on every interface and, where an interface has one, on its broadcast address:
/// a socket bound to a unicast address does not hear broadcasts.
pub(super) fn bind(config: &Config, mut port: u16) -> Result<Vec<SearchSocket>, Error> {
    let mut sockets = Vec::new();
    let (groups, interfaces): (Vec<_>, Vec<_>) =
        config.listen_on().into_iter().partition(Ipv4Addr::is_multicast);
    for interface in interfaces {
        let address = SocketAddrV4::new(interface, port);
        let socket = open(address).map_err(|e| Error::io(format!("cannot listen on UDP {address}"), e))?;
        port = socket.local_addr().map_or(port, |address| address.port());
        let socket = Arc::new(socket);
        if let Some(broadcast) = broadcast_of(interface) {
            match open(SocketAddrV4::new(broadcast, port)) {
                Ok(listener) => sockets.push(SearchSocket {
                    socket: Arc::new(listener),
                    answers: socket.clone(),
                    address: SocketAddrV4::new(broadcast, port),
                }),
                Err(error) => debug!("no broadcasts on {broadcast}: {error}"),
            }
        }
        let address = SocketAddrV4::new(interface, port);
        sockets.insert(0, SearchSocket { answers: socket.clone(), socket, address });
    }
    for group in groups {
        match sockets.first().map(|s| s.socket.join_multicast_v4(group, Ipv4Addr::UNSPECIFIED)) {
            Some(Ok(())) => {}
            Some(Err(error)) => warn!("cannot join multicast group {group}: {error}"),
            None => warn!("multicast group {group} needs an interface beside it"),
        }
    }
    Ok(sockets)
}

fn open(address: SocketAddrV4) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // A free port must be ours alone; the well-known one is shared with other servers.
    if address.port() != 0 {
        socket.set_reuse_address(true)?;
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

fn broadcast_of(interface: Ipv4Addr) -> Option<Ipv4Addr> {
    if interface.is_unspecified() || interface.is_loopback() {
        return None;
    }
    if_addrs::get_if_addrs().ok()?.into_iter().find_map(|found| match found.addr {
        if_addrs::IfAddr::V4(v4) if v4.ip == interface => v4.broadcast,
        _ => None,
    })
}

/// Answers searches until the server stops. No error ends it.
pub(super) async fn serve<S: Service>(socket: SearchSocket, shared: Arc<Shared<S>>) {
    let mut buffer = vec![0; 65536];
    loop {
        let received = tokio::select! {
            () = shared.stop.cancelled() => return,
            received = socket.socket.recv_from(&mut buffer) => received,
        };
        match received {
            Ok((length, SocketAddr::V4(peer))) if !shared.config.ignored.contains(peer.ip()) => {
                shared.registry.datagrams.fetch_add(1, Relaxed);
                answer(&buffer[..length], peer, &socket, &shared);
            }
            Ok(_) => {}
            Err(error) => {
                // ICMP errors and lost interfaces end here; the socket itself stays good.
                debug!("UDP {}: {error}", socket.address);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn answer<S: Service>(datagram: &[u8], peer: SocketAddrV4, socket: &SearchSocket, shared: &Shared<S>) {
    let exists = |name: &str| shared.service.exists(name);
    search::handle_datagram(datagram, shared.tcp_port, exists, |reply| {
        if let Err(error) = socket.answers.try_send_to(reply, peer.into()) {
            debug!("search answer to {peer}: {error}");
        }
    });
}
