//! Beacons to the repeaters of the network.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use ca_proto::server::beacon::Beacons;
use if_addrs::Ifv4Addr;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::{Service, Shared, interfaces};
use crate::Config;
use crate::wire_log::{self, Role, Way};

/// How long to wait for a socket when there is none to be had.
const RETRY: Duration = Duration::from_secs(5);

/// Sends beacons until the server stops. No error ends it.
///
/// In a thread of its own, which sleeps by itself: as long as a timer of the runtime is due some day, the kernel arms and
/// disarms one whenever a worker waits for its sockets, which costs 3 % of a get.
pub(super) fn spawn<S: Service>(shared: &Arc<Shared<S>>, tasks: &TaskTracker, period: Duration) {
    let (running, stopped) = mpsc::channel();
    let (stop, shared) = (shared.stop.clone(), shared.clone());
    tasks.spawn(async move {
        stop.cancelled().await;
        drop(running);
    });
    tasks.spawn_blocking(move || send(&shared, period, &stopped));
}

fn send<S: Service>(shared: &Shared<S>, period: Duration, stopped: &Receiver<()>) {
    let Some(socket) = socket(&shared.config, stopped) else { return };
    let mut beacons = Beacons::new(period);
    let mut failures = Failures::default();
    loop {
        let (message, gap) = beacons.next(shared.tcp_port());
        for destination in beacon_destinations(&shared.config) {
            wire_log::datagram(Role::Server, Way::Sent, destination, &message);
            let sent = socket.send_to(&message, destination);
            if let Some(error) = failures.news(destination, sent.err()) {
                warn!("beacons to {destination} fail: {error}");
            }
        }
        if !sleep(gap, stopped) {
            return;
        }
    }
}

/// False when the server stopped meanwhile.
fn sleep(time: Duration, stopped: &Receiver<()>) -> bool {
    stopped.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
}

/// `None` when the server stopped before there was one to be had.
fn socket(config: &Config, stopped: &Receiver<()>) -> Option<UdpSocket> {
    let mut told = false;
    loop {
        match open(config) {
            Ok(socket) => return Some(socket),
            Err(error) if !std::mem::replace(&mut told, true) => warn!("no beacons now: {error}"),
            Err(_) => {}
        }
        if !sleep(RETRY, stopped) {
            return None;
        }
    }
}

fn open(config: &Config) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let options = [
        socket.set_broadcast(true),
        socket.set_multicast_loop_v4(true),
        socket.set_multicast_ttl_v4(config.multicast_ttl),
    ];
    options.into_iter().filter_map(Result::err).for_each(|error| debug!("beacon socket: {error}"));
    Ok(socket)
}

/// What is wrong with each destination.
#[derive(Default)]
struct Failures(HashMap<SocketAddrV4, (io::ErrorKind, Option<i32>)>);

impl Failures {
    /// The error, when the last beacon to this destination did not fail in the same way.
    fn news(&mut self, destination: SocketAddrV4, error: Option<io::Error>) -> Option<io::Error> {
        let Some(error) = error else {
            self.0.remove(&destination);
            return None;
        };
        let kind = (error.kind(), error.raw_os_error());
        (self.0.insert(destination, kind) != Some(kind)).then_some(error)
    }
}

/// Where a server with these settings sends its beacons now.
pub fn beacon_destinations(config: &Config) -> Vec<SocketAddrV4> {
    destinations(config, &interfaces::present())
}

/// The configured destinations and, unless switched off, the broadcast addresses of what is served.
///
/// Looked up anew for each beacon: interfaces come and go.
fn destinations(config: &Config, interfaces: &[Ifv4Addr]) -> Vec<SocketAddrV4> {
    let mut list = config.beacon_addresses.clone();
    if !config.auto_beacons {
        return list;
    }
    let served = config.listen_on();
    let all = served.contains(&Ipv4Addr::UNSPECIFIED);
    for v4 in interfaces.iter().filter(|v4| all || served.contains(&v4.ip)) {
        let target = match v4.broadcast {
            // Beacons reach local clients through loopback only when nothing else is served.
            _ if v4.ip.is_loopback() && all => continue,
            _ if v4.ip.is_loopback() => v4.ip,
            Some(broadcast) => broadcast,
            None => continue,
        };
        let target = SocketAddrV4::new(target, config.beacon_port);
        if !list.contains(&target) {
            list.push(target);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: [u8; 4] = [192, 0, 2, 7];

    fn interfaces() -> [Ifv4Addr; 3] {
        let address = |ip: [u8; 4], mask: [u8; 4], broadcast: Option<[u8; 4]>| Ifv4Addr {
            ip: ip.into(),
            netmask: mask.into(),
            prefixlen: 24,
            broadcast: broadcast.map(Into::into),
        };
        [
            address([127, 0, 0, 1], [255, 0, 0, 0], None),
            address(HERE, [255, 255, 255, 0], Some([192, 0, 2, 255])),
            address([10, 0, 0, 1], [255; 4], None),
        ]
    }

    fn list(listed: &[[u8; 4]], beacon_addresses: &[[u8; 4]], auto_beacons: bool) -> Vec<Ipv4Addr> {
        let config = Config {
            interfaces: listed.iter().map(|ip| (*ip).into()).collect(),
            beacon_addresses: beacon_addresses
                .iter()
                .map(|ip| SocketAddrV4::new((*ip).into(), 5065))
                .collect(),
            auto_beacons,
            ..Config::default()
        };
        destinations(&config, &interfaces()).iter().map(|address| *address.ip()).collect()
    }

    #[test]
    fn beacons_go_to_the_broadcast_addresses_of_what_is_served_and_to_what_is_listed() {
        let broadcast = Ipv4Addr::new(192, 0, 2, 255);
        for all in [&[][..], &[[0; 4]], &[[239, 255, 0, 1]]] {
            assert_eq!(list(all, &[], true), [broadcast], "{all:?}");
        }
        assert_eq!(list(&[[127, 0, 0, 1]], &[], true), [Ipv4Addr::LOCALHOST]);
        assert_eq!(list(&[HERE, [127, 0, 0, 1]], &[], true), [Ipv4Addr::LOCALHOST, broadcast]);
        assert_eq!(list(&[], &[[192, 0, 2, 255]], true), [broadcast], "each once");
        assert_eq!(list(&[], &[[10, 9, 9, 9]], false), [Ipv4Addr::new(10, 9, 9, 9)]);
    }

    #[test]
    fn a_destination_that_fails_is_named_once_until_it_recovers_or_fails_otherwise() {
        let mut failures = Failures::default();
        let to = SocketAddrV4::new(HERE.into(), 5065);
        let other = SocketAddrV4::new(HERE.into(), 5066);
        let error = |kind: io::ErrorKind| Some(io::Error::from(kind));
        assert!(failures.news(to, None).is_none());
        assert!(failures.news(to, error(io::ErrorKind::HostUnreachable)).is_some());
        assert!(failures.news(to, error(io::ErrorKind::HostUnreachable)).is_none());
        assert!(failures.news(other, error(io::ErrorKind::HostUnreachable)).is_some());
        assert!(failures.news(to, error(io::ErrorKind::PermissionDenied)).is_some());
        assert!(failures.news(to, None).is_none());
        assert!(failures.news(to, error(io::ErrorKind::PermissionDenied)).is_some());
    }

    #[test]
    fn multicast_beacons_leave_with_the_configured_hops_and_are_heard_here_too() {
        let socket = open(&Config { multicast_ttl: 7, ..Config::default() }).expect("a socket");
        assert_eq!(socket.multicast_ttl_v4().expect("an option"), 7);
        assert!(socket.multicast_loop_v4().expect("an option"));
        assert!(socket.broadcast().expect("an option"));
    }
}
