//! The client: finds PVs, gets, puts and monitors them, and comes back after whatever happens.
//!
//! Every request is a [`Pending`]: a future for async code, and something to block for on any thread. All of it
//! works on a runtime of its own.

mod batch;
mod channel;
mod circuit;
mod context;
mod core;
mod drive;
mod listener;
mod monitor;
mod pool;
mod repeater;
mod report;
mod request;
mod runtime;
mod search;
mod shared;
mod slot;
mod status;
mod subscribe;

pub use batch::{Batch, PendingBatch};
pub use ca_proto::client::{AccessRights, Data};
pub use channel::Channel;
pub use context::{Context, FailedPut};
pub use monitor::{Monitor, MonitorEvent};
pub use report::{ChannelReport, CircuitReport, ClientReport};
pub use request::Pending;
pub use status::{Status, StatusWatch};
