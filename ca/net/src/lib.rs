//! EPICS Channel Access over tokio.
//!
//! [`server::Server`] answers searches, accepts circuits and sends beacons for the PVs behind a
//! [`server::Service`]. [`client::Context`] finds PVs, gets, puts and monitors them.
//! [`repeater::Repeater`] shares beacons among the clients of a host. The protocol itself is in `ca-proto`, re-exported as [`proto`].

pub mod client;
mod config;
mod error;
mod identity;
pub mod presence;
pub mod repeater;
pub mod server;
mod wire_log;

pub use ca_proto as proto;
pub use config::{ClientConfig, Config, ConfigWarning, Setting, Settings, exports};
pub use error::Error;
pub use identity::host_name;
