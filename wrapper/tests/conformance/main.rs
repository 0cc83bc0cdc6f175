//! The server checklist of the protocol reference, point by point: `server_34_...` is point 34.
//!
//! Points without a test need what is not there yet, or cannot be seen from outside.

#[path = "../../../tests/raw/mod.rs"]
mod raw;

mod channel;
mod circuit;
mod get;
mod monitor;
mod put;
mod search;
mod support;
