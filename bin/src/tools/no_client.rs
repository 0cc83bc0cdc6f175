//! Stands in until the Channel Access client is there.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use ca_proto::Eca;
use ca_proto::dbr::Reply;

use super::access::{Access, ChannelInfo, Event, GetRequest, PutRequest, SubscribeRequest, WriteError};

/// Opens the client that the tools use.
pub(crate) fn open_access() -> Result<impl Access> {
    Err::<NoClient, _>(anyhow!("no Channel Access client yet"))
}

/// There is none of it.
enum NoClient {}

impl Access for NoClient {
    type Channel = ();

    fn connect(&mut self, _: &[&str], _: u16, _: Duration) -> Vec<()> {
        match *self {}
    }

    fn info(&self, (): ()) -> ChannelInfo {
        match *self {}
    }

    fn get(&mut self, _: &[GetRequest<()>], _: Duration) -> Vec<Result<Reply, Eca>> {
        match *self {}
    }

    fn put(&mut self, _: &[PutRequest<()>], _: bool, _: Duration) -> Vec<Result<(), Eca>> {
        match *self {}
    }

    fn write_errors(&mut self) -> Vec<WriteError> {
        match *self {}
    }

    fn subscribe(&mut self, _: &[SubscribeRequest<()>]) {
        match *self {}
    }

    fn next_event(&mut self, _: Option<Instant>) -> Option<Event<()>> {
        match *self {}
    }

    fn report(&self, _: u32) -> String {
        match *self {}
    }
}
