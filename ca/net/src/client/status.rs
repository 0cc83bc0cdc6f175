//! How a channel stands, and who is told when that changes.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Instant;

use ca_proto::client::AccessRights;
use ca_proto::dbr::NativeType;

use super::channel::Channel;
use super::listener::{Callback, Listener, Told};

/// How a channel stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// It can be used.
    pub connected: bool,
    /// Its server, as long as there is one.
    pub server: Option<SocketAddrV4>,
    /// Native element type, once it was connected.
    pub native: Option<NativeType>,
    /// Capacity in elements, once it was connected.
    pub count: u32,
    /// What the client may do; nothing until the server has told it.
    pub rights: AccessRights,
}

impl Status {
    /// Of a channel that nobody has answered for.
    pub(super) const UNKNOWN: Self =
        Self { connected: false, server: None, native: None, count: 0, rights: AccessRights::empty() };
}

impl Told for Status {
    fn repeats(&self, last: &Self) -> bool {
        self == last
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(server) = self.server else { return f.write_str("searched") };
        match (self.connected, self.native) {
            (true, Some(native)) => {
                write!(f, "connected to {server}: {native:?}[{}], {:?}", self.count, self.rights)
            }
            _ => write!(f, "waits for {server}"),
        }
    }
}

/// Tells each change of how a channel stands, from how it stood when this was made; dropping it ends that.
#[derive(Debug)]
pub struct StatusWatch {
    channel: Channel,
    listener: Arc<Listener<Status>>,
}

impl StatusWatch {
    pub(super) fn new(channel: Channel, callback: Option<Callback<Status>>) -> Self {
        let listener = Listener::new(channel.calls(), callback);
        channel.watch(listener.clone());
        Self { channel, listener }
    }

    /// The next change; waits for it. The first is how the channel stood at the start.
    pub async fn changed(&mut self) -> Status {
        self.listener.next().await
    }

    /// The next change; blocks until `deadline` at most.
    pub fn wait(&mut self, deadline: Instant) -> Option<Status> {
        self.listener.wait(deadline)
    }
}

impl Drop for StatusWatch {
    fn drop(&mut self) {
        self.listener.leave();
        self.channel.unwatch(&self.listener);
    }
}
