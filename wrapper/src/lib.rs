//! Laboratory devices on an EPICS network.
//!
//! A device is a [`SystemDevice`]: it runs on its own OS thread and is served over Channel Access through
//! a template of PVs. A client puts a command into `CMD`, the device executes it, and the client reads
//! `ACK`, `values` and `message`, or waits for put completion.
//!
//! ```no_run
//! use wrapper::{Command, DeviceError, DeviceIo, Reply, SystemDevice};
//!
//! struct Echo;
//!
//! impl SystemDevice for Echo {
//!     fn execute(&mut self, command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
//!         Ok(Reply::message(format!("got {}", command.text().unwrap_or("nothing"))))
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     wrapper::launch("Answers with what it got", "echo:", || Box::new(Echo))
//! }
//! ```

mod answer;
mod autosave;
mod channel;
pub mod client;
#[cfg(feature = "launch")]
pub mod config;
mod cut;
mod describe;
mod device;
#[cfg(all(doctest, feature = "launch"))]
mod doc_pages;
mod fallback;
mod filter;
mod frame;
mod group;
mod handle;
mod hooks;
mod ioc;
#[cfg(feature = "launch")]
pub mod launch;
mod log_limit;
mod pv;
mod pv_type;
mod record;
#[cfg(feature = "launch")]
pub mod repeater;
pub mod sequence;
mod services;
mod states;
mod status;
mod table;
pub mod view;

pub use answer::Putting;
pub use autosave::{Autosave, AutosaveError};
pub use bytes::Bytes;
pub use ca::Config;
pub use ca::proto::dbr::{ArrayData, FixedString, LimitPair, Meta, Scalar, Value};
pub use ca::proto::{Alarm, AlarmSeverity, AlarmStatus, EventMask};
pub use ca::server::{AccessRights, CircuitReport, Report};
pub use describe::{DeviceListing, PvDescription};
pub use device::{
    Command, CommandInbox, DeviceError, DeviceIo, DevicePort, Interrupted, Next, Reply, RestartPolicy,
    SystemDevice, Watch,
};
pub use frame::{Frame, Frames};
pub use group::{GroupBuilder, GroupError, PairBuilder, PvBuilder, PvGroup, PvPair};
pub use handle::IocHandle;
pub use hooks::{IntoDone, IntoGet, IntoPut, Policy, PutDecision, PutError, Scan};
pub use ioc::{Ioc, IocBuilder, IocError};
#[cfg(feature = "launch")]
#[doc(inline)]
pub use launch::{Launcher, launch};
pub use pv::{AlarmGroup, AnyPv, Post, Pv, audit_puts};
pub use pv_type::{Choice, PvEnum, PvType, Shape};
pub use sequence::arg::Arg;
pub use sequence::listing::{ArgListing, CommandListing};
pub use sequence::spec::{ArgType, CommandSpec};
pub use sequence::template::State;
pub use states::SyncState;
pub use status::Status;
pub use tokio::time::sleep;
