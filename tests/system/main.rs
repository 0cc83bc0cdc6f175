//! System tests: the launched process, met by raw sockets and by real EPICS clients.

mod chaos;
mod chart;
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
mod motor;
mod motor_peers;
mod peers;
mod process;
mod raw;
mod recorded;
mod records;
mod repeater;
mod search;
mod soak;
mod stop;
mod tools;
mod verbose;
