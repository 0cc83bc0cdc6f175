//! An IOC in this process, spoken to by a raw client.

#[path = "../../../tests/raw/mod.rs"]
mod raw;

mod abort;
mod alarms;
mod commands;
mod fields;
mod load;
mod pv;
mod queue;
mod records;
mod restart;
mod robot;
