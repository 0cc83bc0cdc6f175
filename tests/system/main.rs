//! System tests: the launched process, met by raw sockets and by real EPICS clients.

mod chaos;
mod commands;
mod hosts;
mod interop;
mod interop_client;
mod kinds;
mod launch;
mod motor;
mod motor_peers;
mod peers;
mod process;
mod raw;
mod repeater;
mod soak;
mod stop;
mod tools;
