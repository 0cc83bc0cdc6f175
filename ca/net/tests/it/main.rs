//! A real server on loopback, spoken to by a raw blocking client.

mod beacon;
mod circuit;
mod client;
mod hand_on;
mod hostile_peer;
mod interfaces;
mod limits;
mod monitor;
mod namespace;
mod peer;
mod put;
mod repeater;
mod rig;
mod search;
mod shutdown;
