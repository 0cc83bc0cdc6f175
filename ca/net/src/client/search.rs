//! The task that searches names, over UDP and through name servers, and hears beacons.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_proto::client::{Beacons, Sign, parse_reply};
use ca_proto::wire::Command;
use socket2::SockRef;
use tokio::net::UdpSocket;
use tracing::debug;

use super::repeater::Registration;
use super::shared::Shared;

/// How long the list of interfaces is believed.
const INTERFACES: Duration = Duration::from_secs(10);
/// Names that are searched rarely are searched within this time when a server has come up.
const HURRY: Duration = Duration::from_secs(1);
/// Bytes that the kernel shall keep for us.
const RECEIVE: usize = 4 * 1024 * 1024;

/// The addresses that searches go to.
struct Destinations {
    listed: Vec<SocketAddrV4>,
    automatic: Vec<SocketAddrV4>,
    until: Option<Instant>,
}

impl Destinations {
    fn look(&mut self, shared: &Shared, now: Instant) {
        if !shared.config.auto_addresses || self.until.is_some_and(|until| now < until) {
            return;
        }
        self.until = Some(now + INTERFACES);
        let port = shared.config.server_port;
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let broadcast = |interface: if_addrs::Interface| match interface.addr {
            if_addrs::IfAddr::V4(v4) if !v4.ip.is_loopback() => v4.broadcast,
            _ => None,
        };
        self.automatic =
            interfaces.into_iter().filter_map(broadcast).map(|ip| SocketAddrV4::new(ip, port)).collect();
        if self.automatic.is_empty() {
            self.automatic.push(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
        }
    }

    fn all(&self) -> impl Iterator<Item = &SocketAddrV4> {
        self.automatic.iter().chain(&self.listed)
    }
}

/// Opens the socket of a context.
pub(super) fn open(ttl: u32) -> std::io::Result<std::net::UdpSocket> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_broadcast(true)?;
    socket.set_multicast_loop_v4(true)?;
    socket.set_multicast_ttl_v4(ttl)?;
    // The answers to thousands of names come at once; what the kernel allows is good enough.
    let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Searches until the context is gone. No error ends it.
pub(super) async fn run(socket: std::net::UdpSocket, shared: Arc<Shared>) {
    let socket = match UdpSocket::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => return tracing::error!("no search: {error}"),
    };
    let listed = shared.config.addresses.clone();
    let mut destinations = Destinations { listed, automatic: Vec::new(), until: None };
    let mut beacons = Beacons::new(Instant::now());
    let mut buffer = vec![0; 65536];
    let mut registration = Registration::new(&shared.config, Instant::now());
    loop {
        let now = Instant::now();
        destinations.look(&shared, now);
        let due = send(&socket, &shared, &destinations, now).await;
        registration.poll(&socket, &shared.config, &shared.heard, now).await;
        let next = [due, registration.due()].into_iter().flatten().min();
        let wait = async {
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.search_wake.notified() => {}
            () = wait => {}
            received = socket.recv_from(&mut buffer) => match received {
                Ok((length, SocketAddr::V4(from))) => {
                    if receive(&buffer[..length], from, &shared, &mut beacons) {
                        registration.confirmed(&shared.heard, Instant::now());
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    // An ICMP error of a destination without a server.
                    debug!("search socket: {error}");
                }
            }
        }
    }
}

/// Sends what is due; returns when more is.
async fn send(
    socket: &UdpSocket,
    shared: &Shared,
    destinations: &Destinations,
    now: Instant,
) -> Option<Instant> {
    let (datagrams, due) = {
        let mut searches = shared.searches.lock();
        let mut datagrams = Vec::new();
        searches.poll(now, |datagram, cids| datagrams.push((datagram.to_vec(), cids.to_vec())));
        (datagrams, searches.timeout())
    };
    for (datagram, cids) in datagrams {
        for destination in destinations.all() {
            if let Err(error) = socket.send_to(&datagram, destination).await {
                debug!("search to {destination}: {error}");
            }
        }
        shared.search_over_tcp(&cids);
    }
    due
}

/// Handles a datagram; true when it confirms the registration with the repeater.
fn receive(datagram: &[u8], from: SocketAddrV4, shared: &Arc<Shared>, beacons: &mut Beacons) -> bool {
    if let Some((server, id)) = Beacons::parse(datagram, *from.ip()) {
        shared.heard.beacon();
        let now = Instant::now();
        let sign = beacons.handle(server, id, now);
        if sign != Sign::Nothing {
            shared.beacon(server, sign == Sign::Healthy, now);
        }
        if sign == Sign::NewServer {
            shared.searches.lock().hurry(now, HURRY);
        }
        return false;
    }
    parse_reply(datagram, *from.ip(), |found| shared.found(found.cid, found.server, Some(found.minor)));
    datagram.get(..2) == Some(&[0, Command::RepeaterConfirm as u8])
}
