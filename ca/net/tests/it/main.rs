//! A real server on loopback, spoken to by a raw blocking client.

mod beacon;
mod circuit;
mod client;
mod client_cost;
mod client_life;
mod client_rig;
mod client_search;
mod client_server;
mod client_use;
mod fake;
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
