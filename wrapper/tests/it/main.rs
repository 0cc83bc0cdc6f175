//! An IOC in this process, spoken to by a raw client.

#[path = "../../../tests/raw/mod.rs"]
mod raw;

mod abort;
mod commands;
mod hooks;
mod load;
mod own_loop;
mod pv;
mod queue;
mod restart;
mod robot;
