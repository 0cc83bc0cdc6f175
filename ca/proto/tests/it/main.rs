//! A server circuit driven by bytes: one module per operation.

mod channel;
mod circuit;
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
