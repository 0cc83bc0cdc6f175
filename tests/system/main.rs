//! System tests: the launched process, met by raw sockets and by real EPICS clients.

mod chaos;
mod chart;
mod commands;
mod hosts;
mod interop;
mod interop_client;
mod kinds;
mod launch;
mod peers;
mod process;
mod raw;
mod repeater;
mod soak;
mod stop;
mod tools;
