//! Beacons to the repeaters of the network.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use ca_proto::server::beacon::Beacons;
use tokio::net::UdpSocket;
use tracing::{debug, warn};

use super::{Service, Shared};
use crate::Config;

/// Sends beacons until the server stops; a failing destination is named once until it recovers.
pub(super) async fn send<S: Service>(shared: Arc<Shared<S>>, period: Duration) {
    let Some(socket) = open(&shared.config).await else { return };
    let mut beacons = Beacons::new(period);
    let mut failing = HashSet::new();
    loop {
        let (message, gap) = beacons.next(shared.tcp_port());
        for destination in destinations(&shared.config) {
            match socket.send_to(&message, destination).await {
                Ok(_) => {
                    failing.remove(&destination);
                }
                Err(error) if failing.insert(destination) => {
                    warn!("beacons to {destination} fail: {error}");
                }
                Err(_) => {}
            }
        }
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(gap) => {}
        }
    }
}

async fn open(config: &Config) -> Option<UdpSocket> {
    match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await {
        Ok(socket) => {
            let options = [
                socket.set_broadcast(true),
                socket.set_multicast_loop_v4(true),
                socket.set_multicast_ttl_v4(config.multicast_ttl),
            ];
            options.into_iter().filter_map(Result::err).for_each(|error| debug!("beacon socket: {error}"));
            Some(socket)
        }
        Err(error) => {
            warn!("no beacons: {error}");
            None
        }
    }
}

/// The configured destinations and, unless switched off, the broadcast addresses of what is served.
///
/// Looked up anew for each beacon: interfaces come and go.
fn destinations(config: &Config) -> Vec<SocketAddrV4> {
    let mut list = config.beacon_addresses.clone();
    if !config.auto_beacons {
        return list;
    }
    let served = |ip: &Ipv4Addr| config.interfaces.is_empty() || config.interfaces.contains(ip);
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        let if_addrs::IfAddr::V4(v4) = interface.addr else { continue };
        if !served(&v4.ip) {
            continue;
        }
        let target = match v4.broadcast {
            _ if v4.ip.is_loopback() => v4.ip,
            Some(broadcast) => broadcast,
            None => continue,
        };
        let target = SocketAddrV4::new(target, config.beacon_port);
        // Beacons reach local clients through loopback only when nothing else is served.
        if (!v4.ip.is_loopback() || !config.interfaces.is_empty()) && !list.contains(&target) {
            list.push(target);
        }
    }
    list
}
