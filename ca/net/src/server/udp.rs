//! Name search over UDP; the port is shared with other servers.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use ca_proto::server::search::{Searched, handle_datagram};
use quinn_udp::{RecvMeta, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tracing::{debug, info, warn};

use super::interfaces::{self, Broadcasts};
use super::rate::Admission;
use super::{Service, Shared, hand_on};
use crate::wire_log::{self, Role, Way};

/// Datagrams received at once.
const BATCH: usize = 8;

/// A bound socket, and the one that its answers leave from.
pub(super) struct SearchSocket {
    pub(super) socket: Arc<UdpSocket>,
    /// Tells the address that a datagram was sent to.
    state: UdpSocketState,
    pub(super) answers: Arc<UdpSocket>,
    pub(super) address: SocketAddrV4,
}

/// What one system call receives.
struct Batch {
    buffers: [Vec<u8>; BATCH],
    meta: [RecvMeta; BATCH],
}

impl Batch {
    fn new() -> Self {
        Self { buffers: std::array::from_fn(|_| vec![0; 65536]), meta: [RecvMeta::default(); BATCH] }
    }

    /// The datagrams of the first `filled` buffers. The system may deliver several of one peer as one, each
    /// but the last as long as the first.
    fn datagrams(&self, filled: usize) -> impl Iterator<Item = (&RecvMeta, &[u8])> {
        self.meta.iter().zip(&self.buffers).take(filled).flat_map(|(meta, buffer)| {
            let empty = (meta.len == 0).then_some(&[][..]);
            let datagrams = buffer[..meta.len].chunks(meta.stride.max(1)).chain(empty);
            datagrams.map(move |datagram| (meta, datagram))
        })
    }
}

impl SearchSocket {
    fn new(socket: UdpSocket, answers: Option<&Arc<UdpSocket>>) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        let SocketAddr::V4(address) = socket.local_addr()? else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let socket = Arc::new(socket);
        let answers = answers.unwrap_or(&socket).clone();
        Ok(Self { socket, state, answers, address })
    }

    /// Waits for datagrams and takes what has come; returns how many buffers were filled.
    async fn receive(&self, batch: &mut Batch) -> io::Result<usize> {
        let receive = || {
            let mut buffers = batch.buffers.each_mut().map(|buffer| IoSliceMut::new(buffer));
            self.state.recv((&*self.socket).into(), &mut buffers, &mut batch.meta)
        };
        self.socket.async_io(Interest::READABLE, receive).await
    }

    /// The address that a datagram was sent to, if the system tells.
    fn destination(&self, meta: &RecvMeta) -> Option<Ipv4Addr> {
        let bound = Some(*self.address.ip()).filter(|ip| !ip.is_unspecified());
        match meta.dst_ip {
            Some(IpAddr::V4(ip)) => Some(ip),
            _ => bound,
        }
    }
}

/// The sockets of one interface: its own address; where it has one, its broadcast address, since a socket
/// bound to a unicast address does not hear broadcasts; and for the same reason each multicast group.
///
/// The first one is that of the address itself, from which all answers leave.
///
/// # Errors
/// When the address cannot be bound.
pub(super) fn open(interface: Ipv4Addr, port: u16, groups: &[Ipv4Addr]) -> io::Result<Vec<SearchSocket>> {
    let main = SearchSocket::new(bind_shared(SocketAddrV4::new(interface, port))?, None)?;
    let (answers, port) = (main.answers.clone(), main.address.port());
    let mut sockets = vec![main];
    if interface.is_unspecified() {
        return Ok(sockets);
    }
    let listened_on = interfaces::broadcast_of(interface).into_iter().chain(groups_to_bind(groups));
    for extra in listened_on {
        let bound = bind_shared(SocketAddrV4::new(extra, port));
        match bound.and_then(|socket| SearchSocket::new(socket, Some(&answers))) {
            Ok(socket) => sockets.push(socket),
            Err(error) => warn!("no searches to {extra} are heard: {error}"),
        }
    }
    Ok(sockets)
}

/// Elsewhere than on unix no socket can be bound to a group, and one bound to an interface hears its groups.
fn groups_to_bind(groups: &[Ipv4Addr]) -> impl Iterator<Item = Ipv4Addr> {
    groups.iter().copied().filter(|_| cfg!(unix))
}

/// A socket on an address that others may share.
pub(super) fn bind_shared(address: SocketAddrV4) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // A free port must be ours alone; the well-known one is shared with other servers.
    if address.port() != 0 {
        socket.set_reuse_address(true)?;
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
    }
    // Otherwise Linux delivers the groups that any process of the host has joined.
    #[cfg(target_os = "linux")]
    if let Err(error) = socket.set_multicast_all_v4(false) {
        debug!("UDP {address}: foreign multicast groups are heard: {error}");
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Answers searches until the server stops. No error ends it.
pub(super) async fn serve<S: Service>(socket: SearchSocket, shared: Arc<Shared<S>>) {
    let mut batch = Batch::new();
    let mut broadcasts = Broadcasts::default();
    loop {
        let received = tokio::select! {
            () = shared.stop.cancelled() => return,
            received = socket.receive(&mut batch) => received,
        };
        match received {
            Ok(filled) => {
                for (meta, datagram) in batch.datagrams(filled) {
                    if let SocketAddr::V4(peer) = meta.addr {
                        answer(datagram, peer, socket.destination(meta), &socket, &mut broadcasts, &shared);
                    }
                }
            }
            Err(error) => {
                // ICMP errors and lost interfaces end here; the socket itself stays good.
                debug!("UDP {}: {error}", socket.address);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Answers a datagram and, when it asked this host alone for a name that is not served here, hands it on.
fn answer<S: Service>(
    datagram: &[u8],
    peer: SocketAddrV4,
    destination: Option<Ipv4Addr>,
    socket: &SearchSocket,
    broadcasts: &mut Broadcasts,
    shared: &Shared<S>,
) {
    if destination == Some(hand_on::GROUP) {
        return;
    }
    shared.registry.datagrams.fetch_add(1, Relaxed);
    let Some(searched) = search(datagram, peer, &socket.answers, shared) else { return };
    let (Some(hand_on), Some(destination)) = (&shared.hand_on, destination) else { return };
    if searched.missing > 0
        && !broadcasts.reaches_many(destination, Instant::now())
        && hand_on.send(peer, destination, datagram)
    {
        shared.registry.handed_on.fetch_add(1, Relaxed);
    }
}

/// Answers the searches of one datagram; `None` when they are not looked at.
pub(super) fn search<S: Service>(
    datagram: &[u8],
    peer: SocketAddrV4,
    answers: &UdpSocket,
    shared: &Shared<S>,
) -> Option<Searched> {
    let registry = &shared.registry;
    if shared.config.ignored.contains(peer.ip()) {
        registry.ignored.fetch_add(1, Relaxed);
        return None;
    }
    let limit = shared.config.searches_per_second;
    match shared.rate.admit(Instant::now()) {
        Admission::Admit => {}
        Admission::AdmitAgain => info!("searches are below {limit} names per second again"),
        dropped @ (Admission::DropFirst | Admission::Drop) => {
            if dropped == Admission::DropFirst {
                warn!("more than {limit} names per second are searched, now by {peer}; the rest is dropped");
            }
            registry.over_rate.fetch_add(1, Relaxed);
            return None;
        }
    }
    wire_log::datagram(Role::Server, Way::Received, peer, datagram);
    let exists = |name: &str| shared.service.exists(name);
    let searched = handle_datagram(datagram, shared.tcp_port(), exists, |reply| {
        wire_log::datagram(Role::Server, Way::Sent, peer, reply);
        if let Err(error) = answers.try_send_to(reply, peer.into()) {
            debug!("search answer to {peer}: {error}");
        }
    });
    shared.rate.spend(searched.found + searched.missing);
    registry.malformed.fetch_add(searched.malformed.into(), Relaxed);
    Some(searched)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_that_came_as_one_are_taken_apart() {
        let mut batch = Batch::new();
        for (n, (len, stride)) in [(20, 8), (0, 0), (5, 5)].into_iter().enumerate() {
            (batch.meta[n].len, batch.meta[n].stride) = (len, stride);
        }
        let lengths = |filled| batch.datagrams(filled).map(|(_, d)| d.len()).collect::<Vec<_>>();
        assert_eq!(lengths(3), [8, 8, 4, 0, 5]);
        assert_eq!(lengths(1), [8, 8, 4]);
    }
}
