//! An IOC in this process, spoken to by a raw client.

#[path = "../../../tests/raw/mod.rs"]
mod raw;

mod abort;
mod alarms;
mod autosave;
mod autosave_files;
mod client;
mod client_tutorial;
mod commands;
mod derive;
mod fallback;
mod fields;
mod follow;
mod hooks;
mod load;
mod own_loop;
mod pv;
mod queue;
mod record_fields;
mod records;
mod restart;
mod robot;
mod states;
mod status;
mod supervision;
mod view;
