//! The client's side of a circuit, of name search and of beacons.
//!
//! One file per operation; [`ClientCircuit`] holds the state and tells its caller what happened as [`Event`]s.

mod beacon;
mod channel;
mod circuit;
mod data;
mod event;
mod get;
mod monitor;
mod payload;
mod put;
mod search;
mod watchdog;

pub use crate::output::Output;
pub use crate::wire::msg::channel::AccessRights;
pub use beacon::{Beacons, Sign};
pub use circuit::{ClientCircuit, Identity};
pub use data::Data;
pub use event::{Event, Failed, Refused};
pub use payload::Payload;
pub use search::{Found, Searches, Timing, parse_reply};
pub use watchdog::Health;
