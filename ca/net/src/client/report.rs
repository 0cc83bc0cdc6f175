//! What a context does, for people.

use std::fmt;
use std::net::SocketAddrV4;
use std::sync::Weak;

use super::context::Context;
use super::shared::Shared;
use super::status::Status;

/// What a context does.
#[derive(Clone, Debug)]
pub struct ClientReport {
    /// Names that nobody has answered.
    pub searched: usize,
    /// Search datagrams made so far.
    pub datagrams: u64,
    /// Connections, ordered by server.
    pub circuits: Vec<CircuitReport>,
    /// Channels, ordered by name.
    pub channels: Vec<ChannelReport>,
}

/// A connection to a server.
#[derive(Clone, Debug)]
pub struct CircuitReport {
    /// The server.
    pub server: SocketAddrV4,
    /// Priority, 0..=99.
    pub priority: u16,
    /// It is a name server.
    pub name_server: bool,
    /// Whether there is a TCP connection.
    pub connected: bool,
    /// Whether the server answers.
    pub responsive: bool,
    /// Its minor version, once it is known.
    pub minor: Option<u16>,
    /// Channels on it.
    pub channels: usize,
    /// Requests that are not answered.
    pub requests: usize,
    /// Subscriptions, those that are being cancelled included.
    pub subscriptions: usize,
    /// Bytes that are not sent.
    pub unsent: usize,
}

/// A channel.
#[derive(Clone, Debug)]
pub struct ChannelReport {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub status: Status,
    /// Its subscriptions.
    pub monitors: usize,
}

impl Shared {
    fn report(&self) -> ClientReport {
        let (searched, datagrams) = {
            let searches = self.searches.lock();
            (searches.len(), searches.sent())
        };
        let channels: Vec<_> = self.channels.lock().values().filter_map(Weak::upgrade).collect();
        let mut channels: Vec<_> = channels
            .iter()
            .map(|core| ChannelReport {
                name: core.name.to_string(),
                status: core.status(),
                monitors: core.monitors(),
            })
            .collect();
        channels.sort_by(|a, b| a.name.cmp(&b.name));
        let circuits: Vec<_> = self.circuits.lock().values().cloned().collect();
        let mut circuits: Vec<_> = circuits.iter().filter_map(|circuit| circuit.report()).collect();
        circuits.sort_by_key(|circuit| (circuit.server, circuit.priority));
        ClientReport { searched, datagrams, circuits, channels }
    }
}

impl Context {
    /// What it does now.
    pub fn report(&self) -> ClientReport {
        self.shared().report()
    }
}

impl fmt::Display for CircuitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.connected, self.responsive) {
            (false, _) => "connecting",
            (true, true) => "connected",
            (true, false) => "unresponsive",
        };
        let kind = if self.name_server { ", name server" } else { "" };
        let Self { server, priority, channels, subscriptions, requests, .. } = self;
        write!(f, "{server} priority {priority}{kind}: {state}, {channels} channels, ")?;
        write!(f, "{subscriptions} subscriptions, {requests} requests")
    }
}

impl fmt::Display for ClientReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connected = self.channels.iter().filter(|channel| channel.status.connected).count();
        let (searched, circuits, channels) = (self.searched, self.circuits.len(), self.channels.len());
        write!(f, "{channels} channels, {connected} connected, {searched} searched; {circuits} circuits")?;
        self.circuits.iter().try_for_each(|circuit| write!(f, "\n  {circuit}"))
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report().fmt(f)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report();
        write!(f, "Context: {report}")?;
        let mut channels = report.channels.iter();
        channels.try_for_each(|c| write!(f, "\n  {}: {}, {} monitors", c.name, c.status, c.monitors))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}
