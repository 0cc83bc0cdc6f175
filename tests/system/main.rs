//! System tests: the launched process, met by raw sockets and by real EPICS clients.

mod beamline;
mod chaos;
mod cmd;
mod commands;
mod config;
mod diagnose;
mod gallery;
mod hosts;
mod interop;
mod interop_client;
mod kinds;
mod launch;
mod manual;
mod peers;
mod process;
mod raw;
mod recorded;
mod repeater;
mod search;
mod sequence;
mod soak;
mod stop;
mod tools;
mod verbose;
