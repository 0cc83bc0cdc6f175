//! The server checklist of the protocol reference, point by point: `server_34_...` is point 34.

#[path = "../../../tests/raw/mod.rs"]
mod raw;

mod channel;
mod circuit;
mod complete;
mod field;
mod get;
mod malformed;
mod monitor;
mod put;
mod search;
mod support;
