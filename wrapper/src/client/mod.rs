//! PVs of other IOCs: found by name, got, put and monitored as Rust types, blocking or async.
//!
//! `docs/client.md` is a tutorial. Everything works on a runtime of its own, so that requests may be
//! waited for on any thread, also on one that runs async code. What has no type here, from circuit priorities to
//! raw payloads, is in [`raw`].

mod channel;
mod context;
mod monitor;
mod pending;
mod wanted;

pub use ca::client as raw;
pub use ca::client::Data;
pub use ca::client::{
    AccessRights, ChannelReport, CircuitReport, ClientReport, FailedPut, Status, StatusWatch,
};
pub use ca::proto::dbr::{ArrayData, Meta, NativeType, Reply, Scalar, Stamp};
pub use ca::proto::{Eca, EventMask};
pub use ca::{ClientConfig, Error};
pub use channel::Channel;
pub use context::Context;
pub use monitor::{Monitor, Updates};
pub use pending::{Pending, PendingAll};
pub use wanted::{FromData, IntoPut, Put, Reading};
