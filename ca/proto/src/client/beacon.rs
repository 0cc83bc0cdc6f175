//! Beacons: which servers live, and which have come up or come back.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use crate::SERVER_PORT;
use crate::wire::{Command, Header};

/// What a beacon tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Nothing: the first of its server, or one that came twice.
    Nothing,
    /// The server lives.
    Healthy,
    /// The server may be another one than before.
    Anomaly,
    /// A server has come up or back: names that nobody answered may be its.
    NewServer,
}

#[derive(Debug)]
struct Server {
    id: u32,
    last: Instant,
    /// Mean gap between its beacons, once there were two.
    mean: Option<Duration>,
}

/// The servers whose beacons were heard.
#[derive(Debug)]
pub struct Beacons {
    started: Instant,
    servers: HashMap<SocketAddrV4, Server>,
}

/// Beacons that one may be overtaken by.
const LATE: u32 = 3;
/// Servers that are remembered; beacons of more are no signs.
const SERVERS: usize = 65_536;

impl Beacons {
    /// No server was heard yet.
    pub fn new(now: Instant) -> Self {
        Self { started: now, servers: HashMap::new() }
    }

    /// The server of a beacon and its running number; `None` for any other datagram.
    pub fn parse(datagram: &[u8], from: Ipv4Addr) -> Option<(SocketAddrV4, u32)> {
        let (header, _) = Header::parse(datagram, false)?;
        if header.command != Command::Beacon as u16 {
            return None;
        }
        // The repeater fills in the address where the server has left it out.
        let ip = if header.p2 == 0 { from } else { Ipv4Addr::from(header.p2) };
        let port = if header.count == 0 { SERVER_PORT } else { header.count as u16 };
        Some((SocketAddrV4::new(ip, port), header.p1))
    }

    /// What a beacon tells, by the gap to the one before and its number (`bhe.cpp` of EPICS base).
    pub fn handle(&mut self, server: SocketAddrV4, id: u32, now: Instant) -> Sign {
        let Some(known) = self.servers.get_mut(&server) else {
            if self.servers.len() < SERVERS {
                self.servers.insert(server, Server { id, last: now, mean: None });
            }
            return Sign::Nothing;
        };
        let advance = id.wrapping_sub(known.id);
        if advance == 0 || advance > u32::MAX - LATE {
            // Twice on two ways, or overtaken.
            return Sign::Nothing;
        }
        if advance > u32::MAX - 256 {
            // libca takes it for late as well, and misses that a young server has begun anew.
            (known.id, known.last, known.mean) = (id, now, None);
            return Sign::NewServer;
        }
        // A few were lost.
        known.id = id;
        let gap = now.saturating_duration_since(std::mem::replace(&mut known.last, now));
        if advance == 2 || advance == 3 {
            return Sign::Nothing;
        }
        let Some(mean) = known.mean.replace(gap) else {
            // The second one ever: young beacons come fast.
            return if gap <= now.saturating_duration_since(self.started) {
                Sign::NewServer
            } else {
                Sign::Healthy
            };
        };
        known.mean = Some((mean * 7 + gap) / 8);
        match gap.as_secs_f64() / mean.as_secs_f64().max(1e-6) {
            ratio if ratio <= 0.8 || ratio >= 3.25 => Sign::NewServer,
            ratio if ratio >= 1.25 => Sign::Anomaly,
            _ => Sign::Healthy,
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any moment will do")]
mod tests {
    use super::*;

    const SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 5064);

    #[test]
    fn steady_beacons_are_healthy_and_a_restart_is_a_new_server() {
        let start = Instant::now();
        let mut beacons = Beacons::new(start);
        let second = Duration::from_secs(1);
        let mut tell = |id, at: u32| beacons.handle(SERVER, id, start + second * at);
        assert_eq!(tell(1007, 100), Sign::Nothing, "the first");
        tell(1008, 115);
        assert_eq!([tell(1009, 130), tell(1010, 145)], [Sign::Healthy; 2]);
        assert_eq!(tell(1010, 146), Sign::Nothing, "the same once more");
        assert_eq!(tell(0, 147), Sign::NewServer, "it counts from 0 again, much earlier than was due");
    }

    #[test]
    fn a_beacon_names_its_server_or_leaves_it_to_the_sender() {
        let from = Ipv4Addr::new(10, 0, 0, 9);
        let mut datagram = Vec::new();
        crate::wire::msg::search::beacon(5070, 3).encode(&mut datagram);
        assert_eq!(Beacons::parse(&datagram, from), Some((SocketAddrV4::new(from, 5070), 3)));
        datagram[12..].copy_from_slice(&[10, 0, 0, 7]);
        let elsewhere = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 7), 5070);
        assert_eq!(Beacons::parse(&datagram, from), Some((elsewhere, 3)));
        assert_eq!(Beacons::parse(b"no beacon at all", from), None);
    }
}
