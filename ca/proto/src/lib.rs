//! Channel Access 4.13 without sockets, clocks or threads.
//!
//! Bytes go in, bytes come out: [`server::ServerCircuit`] answers what a client sent on one TCP
//! circuit, [`server::search`] answers a datagram, [`dbr`] converts and lays out values. What a PV is,
//! the caller says through [`server::Service`]. The other side is [`client::ClientCircuit`] for a circuit,
//! [`client::Searches`] for names, [`client::Beacons`] for the servers' signs of life. [`repeater`] shares
//! the beacons that come to one port among the clients of a host.

pub mod alarm;
pub mod client;
pub mod close;
pub mod dbr;
pub mod eca;
pub mod event_mask;
pub mod ids;
pub mod limits;
mod output;
pub mod repeater;
pub mod server;
pub mod wire;

pub use alarm::{Acknowledge, Alarm, AlarmSeverity, AlarmStatus};
pub use close::CloseReason;
pub use eca::Eca;
pub use event_mask::EventMask;
pub use ids::{Cid, Ioid, Sid, SubscriptionId};
pub use limits::Limits;
pub use output::Output;

/// The minor protocol version that we speak.
pub const MINOR_VERSION: u16 = 13;
/// The oldest minor version that a server of today still serves.
pub const OLDEST_MINOR: u16 = 4;
/// Default UDP and TCP port of a server.
pub const SERVER_PORT: u16 = 5064;
/// Default UDP port of the repeater, where beacons go.
pub const REPEATER_PORT: u16 = 5065;
