//! EPICS Channel Access over tokio.
//!
//! [`server::Server`] answers searches, accepts circuits and sends beacons for the PVs behind a
//! [`server::Service`]. The protocol itself is in `ca-proto`, re-exported as [`proto`].

mod config;
mod error;
pub mod server;

pub use ca_proto as proto;
pub use config::{Config, ConfigWarning};
pub use error::Error;
