//! Name search over UDP: which names to ask for and when, and what the answers say.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use crate::ids::IdMap;
use crate::wire::msg::{circuit, search};
use crate::wire::{Command, Header, padded};
use crate::{Cid, SERVER_PORT};

/// Most bytes that go into one datagram, as base's.
const DATAGRAM: usize = 1024;
/// Datagrams sent at once; what is due beyond waits for the next call.
const BURST: usize = 64;
/// Bytes of a SEARCH beside its name.
const HEADER: usize = Header::SHORT;

/// When names are asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Gap between the first two searches of a name; it doubles with each.
    pub first_gap: Duration,
    /// Longest gap (EPICS_CA_MAX_SEARCH_PERIOD).
    pub longest_gap: Duration,
    /// Gap between two calls that each send a full burst.
    pub burst_gap: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            first_gap: Duration::from_millis(32),
            longest_gap: Duration::from_secs(300),
            burst_gap: Duration::from_millis(16),
        }
    }
}

#[derive(Debug)]
struct Name {
    name: Box<str>,
    due: Instant,
    gap: Duration,
    /// Its own longest gap.
    longest: Duration,
    /// The burst in which it was asked for last.
    burst: u32,
}

/// The names of a client that nobody has answered yet.
#[derive(Debug)]
pub struct Searches {
    timing: Timing,
    names: IdMap<Cid, Name>,
    /// In the order in which they are due.
    due: BTreeSet<(Instant, Cid)>,
    sequence: u32,
    /// Nothing is sent before, unless half of the last burst is answered: then its servers keep up.
    not_before: Option<Instant>,
    burst: u32,
    /// Names of the last burst, and how many of them are not answered.
    asked: usize,
    open: usize,
    sent: u64,
}

impl Searches {
    /// Bytes of the longest name that can be searched: its NUL and two headers fit a datagram as well.
    pub const LONGEST_NAME: usize = DATAGRAM - Header::SHORT - HEADER - 1;

    /// No names.
    pub fn new(timing: Timing) -> Self {
        Self {
            timing,
            names: IdMap::default(),
            due: BTreeSet::new(),
            sequence: 0,
            not_before: None,
            burst: 0,
            asked: 0,
            open: 0,
            sent: 0,
        }
    }

    /// Names that are searched.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True without names.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Datagrams made so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Searches a name from `at` on, quickly first; false for a name that fits no datagram.
    pub fn add(&mut self, cid: Cid, name: &str, at: Instant) -> bool {
        self.add_within(cid, name, at, self.timing.longest_gap)
    }

    /// The same with a longest gap of its own, for a name that was served lately.
    pub fn add_within(&mut self, cid: Cid, name: &str, at: Instant, longest: Duration) -> bool {
        if !(1..=Self::LONGEST_NAME).contains(&name.len()) {
            return false;
        }
        self.remove(cid);
        self.names.insert(
            cid,
            Name {
                name: name.into(),
                due: at,
                gap: self.timing.first_gap,
                longest: longest.min(self.timing.longest_gap),
                burst: 0,
            },
        );
        self.due.insert((at, cid));
        true
    }

    /// Searches a name no longer; true when it was searched.
    pub fn remove(&mut self, cid: Cid) -> bool {
        let Some(name) = self.names.remove(&cid) else { return false };
        self.due.remove(&(name.due, cid));
        if name.burst == self.burst && self.open > 0 {
            self.open -= 1;
            if 2 * self.open <= self.asked {
                self.not_before = None;
            }
        }
        true
    }

    /// A name that is searched.
    pub fn name(&self, cid: Cid) -> Option<&str> {
        self.names.get(&cid).map(|name| &*name.name)
    }

    /// The names, for servers that are asked over TCP.
    pub fn names(&self) -> impl Iterator<Item = (Cid, &str)> {
        self.names.iter().map(|(cid, name)| (*cid, &*name.name))
    }

    /// A server came up or back: names that are asked for rarely are asked for soon, spread over `within`.
    pub fn hurry(&mut self, now: Instant, within: Duration) {
        let slow: Vec<Cid> =
            self.names.iter().filter(|(_, name)| name.gap > within).map(|(cid, _)| *cid).collect();
        for cid in slow {
            let spread = within.mul_f64(f64::from(cid.0.wrapping_mul(0x9E37_79B9) >> 16) / 65536.0);
            let Some(name) = self.names.get_mut(&cid) else { continue };
            self.due.remove(&(name.due, cid));
            (name.due, name.gap) = (now + spread, within);
            self.due.insert((name.due, cid));
        }
    }

    /// When [`Searches::poll`] is to be called; `None` without names.
    pub fn timeout(&self) -> Option<Instant> {
        let (due, _) = self.due.first()?;
        Some(self.not_before.map_or(*due, |at| at.max(*due)))
    }

    /// Gives the datagrams that are due to `send`, each with the names in it.
    pub fn poll(&mut self, now: Instant, mut send: impl FnMut(&[u8], &[Cid])) {
        if self.not_before.is_some_and(|at| now < at) {
            return;
        }
        self.not_before = None;
        self.burst = self.burst.wrapping_add(1).max(1);
        (self.asked, self.open) = (0, 0);
        for _ in 0..BURST {
            let (datagram, cids) = self.datagram(now);
            if cids.is_empty() {
                return;
            }
            (self.asked, self.open) = (self.asked + cids.len(), self.open + cids.len());
            send(&datagram, &cids);
        }
        self.not_before = Some(now + self.timing.burst_gap);
    }

    /// As many due names as fit; each is due again after twice its gap, give or take a tenth.
    fn datagram(&mut self, now: Instant) -> (Vec<u8>, Vec<Cid>) {
        let (mut datagram, mut cids) = (Vec::with_capacity(DATAGRAM), Vec::new());
        while let Some(&(due, cid)) = self.due.first().filter(|(due, _)| *due <= now) {
            let Some(name) = self.names.get_mut(&cid) else { break };
            let start = if cids.is_empty() { Header::SHORT } else { 0 };
            let size = start + HEADER + padded(name.name.len() as u64 + 1) as usize;
            if datagram.len() + size > DATAGRAM {
                break;
            }
            if cids.is_empty() {
                self.sequence = self.sequence.wrapping_add(1);
                self.sent += 1;
                circuit::datagram_version(self.sequence).encode(&mut datagram);
            }
            search::encode_request(search::DONT_REPLY, cid, &name.name, &mut datagram);
            cids.push(cid);
            self.due.remove(&(due, cid));
            let jitter =
                0.9 + 0.2 * f64::from((cid.0 ^ self.sequence).wrapping_mul(0x9E37_79B9) >> 16) / 65536.0;
            name.burst = self.burst;
            name.due = now + name.gap.mul_f64(jitter);
            name.gap = (name.gap * 2).min(name.longest);
            self.due.insert((name.due, cid));
        }
        (datagram, cids)
    }
}

/// A name is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name, as it was asked for.
    pub cid: Cid,
    /// Where.
    pub server: SocketAddrV4,
    /// Minor version of the server, 0 for an old one that does not tell.
    pub minor: u16,
}

/// Reads a datagram that came back to the search socket.
///
/// An answer without payload is one of an old server, on the default port.
pub fn parse_reply(datagram: &[u8], from: Ipv4Addr, mut found: impl FnMut(Found)) {
    let mut rest = datagram;
    while let Ok(Some((header, length))) = Header::decode(rest, false) {
        let Some(payload) = rest.get(length..length + header.size as usize) else { return };
        rest = &rest[length + header.size as usize..];
        match Command::from_code(header.command) {
            Some(Command::Version | Command::NotFound) => {}
            Some(Command::Search) => {
                let minor = payload.get(..2).map_or(0, |m| u16::from_be_bytes([m[0], m[1]]));
                let elsewhere = minor >= 8 && header.p1 != search::SENDER_ADDRESS && header.p1 != 0;
                let ip = if elsewhere { Ipv4Addr::from(header.p1) } else { from };
                let known = minor >= 5 && header.data_type != 0;
                let port = if known { header.data_type } else { SERVER_PORT };
                found(Found { cid: Cid(header.p2), server: SocketAddrV4::new(ip, port), minor });
            }
            _ => return,
        }
    }
}
