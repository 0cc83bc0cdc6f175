//! The server's side of a circuit and of a datagram.
//!
//! One file per operation; [`ServerCircuit`] holds the state, [`Service`] is what the caller implements,
//! [`Mailbox`] is where other threads leave updates and answers for a circuit.

pub mod beacon;
mod channel;
mod circuit;
mod feed_queue;
mod get;
mod mailbox;
mod monitor;
mod put;
mod rights;
pub mod search;
mod service;
mod special;
mod wanted;

pub use crate::output::Output;
pub use crate::wire::msg::channel::AccessRights;
pub use channel::SID_BLOCK;
pub use circuit::{Counters, ServerCircuit};
pub use feed_queue::{Entry, FeedQueue, Pushed};
pub use mailbox::{Delivery, FeedId, Mailbox};
pub use put::{PutFailure, PutOutcome, Ticket};
pub use service::{Claim, Client, MonitorFilter, Reading, Service, Subscribed, Update};
pub use special::{Acknowledgement, Extra};
