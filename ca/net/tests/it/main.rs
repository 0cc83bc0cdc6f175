//! A real server on loopback, spoken to by a raw blocking client.

mod beacon;
mod circuit;
mod hostile_peer;
mod limits;
mod monitor;
mod peer;
mod put;
mod rig;
mod search;
mod shutdown;
