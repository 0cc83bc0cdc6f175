//! Circuits of a server and of a client driven by bytes: one module per operation.

mod channel;
mod circuit;
mod client_channel;
mod client_data;
mod client_life;
mod client_points;
mod client_search;
mod client_talk;
mod corpus;
mod get;
mod golden;
mod header;
mod hostile;
mod monitor;
mod output;
mod put;
mod search;
mod support;
mod talk;
