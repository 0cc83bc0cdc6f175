//! What the host's interfaces say: broadcast addresses.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use if_addrs::{IfAddr, Ifv4Addr};

/// How long a list of addresses is good for.
const FRESH: Duration = Duration::from_secs(5);

/// The IPv4 addresses of the interfaces that are there now.
pub(super) fn present() -> Vec<Ifv4Addr> {
    let found = if_addrs::get_if_addrs().unwrap_or_default().into_iter();
    found
        .filter_map(|interface| match interface.addr {
            IfAddr::V4(v4) => Some(v4),
            IfAddr::V6(_) => None,
        })
        .collect()
}

/// Where a server on this address listens for broadcasts; `None` for loopback and for all interfaces.
pub(super) fn broadcast_of(interface: Ipv4Addr) -> Option<Ipv4Addr> {
    if interface.is_unspecified() || interface.is_loopback() {
        return None;
    }
    present().into_iter().find(|v4| v4.ip == interface)?.broadcast
}

/// The broadcast addresses of this host, looked up anew now and then.
#[derive(Default)]
pub(super) struct Broadcasts {
    list: Vec<Ipv4Addr>,
    at: Option<Instant>,
}

impl Broadcasts {
    /// True for an address that stands for more than one host or socket.
    pub(super) fn reaches_many(&mut self, ip: Ipv4Addr, now: Instant) -> bool {
        if ip.is_multicast() || ip.is_broadcast() || ip.is_unspecified() {
            return true;
        }
        if self.at.is_none_or(|at| now.saturating_duration_since(at) > FRESH) {
            self.at = Some(now);
            self.list = present().iter().flat_map(broadcasts).collect();
        }
        self.list.contains(&ip)
    }
}

/// The one that is configured, and the last address of the network: loopback names none, and has one.
fn broadcasts(v4: &Ifv4Addr) -> impl Iterator<Item = Ipv4Addr> + use<> {
    let host_bits = !u32::from(v4.netmask);
    // A network of one or two hosts has no address for all of them.
    let last = (host_bits > 1).then(|| Ipv4Addr::from(u32::from(v4.ip) | host_bits));
    v4.broadcast.filter(|broadcast| *broadcast != v4.ip).into_iter().chain(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_a_broadcast_address_and_single_hosts() {
        let mut known = Broadcasts::default();
        let now = Instant::now();
        for many in [[127, 255, 255, 255], [255; 4], [224, 0, 0, 1], [239, 255, 1, 1], [0; 4]] {
            assert!(known.reaches_many(many.into(), now), "{many:?}");
        }
        for one in [[127, 0, 0, 1], [127, 0, 0, 2], [203, 0, 113, 1]] {
            assert!(!known.reaches_many(one.into(), now), "{one:?}");
        }
    }
}
