//! An IOC in this process, spoken to by a raw client.

#[path = "../../../tests/raw/mod.rs"]
mod raw;

mod abort;
mod client;
mod client_tutorial;
mod commands;
mod derive;
mod follow;
mod hooks;
mod load;
mod pv;
mod queue;
mod restart;
mod robot;
mod states;
mod supervision;
mod view;
