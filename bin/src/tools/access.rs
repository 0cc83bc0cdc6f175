//! What the tools need of a Channel Access client.

use std::hash::Hash;
use std::time::{Duration, Instant};

use ca_proto::Eca;
use ca_proto::dbr::{NativeType, Reply};

/// Where a channel is in its life; the words are those of `cainfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelState {
    NeverConnected,
    PreviouslyConnected,
    Connected,
}

/// What is known of a channel.
#[derive(Clone, Debug)]
pub(crate) struct ChannelInfo {
    pub(crate) state: ChannelState,
    /// The server's type; `None` before the first connection.
    pub(crate) native: Option<NativeType>,
    /// The server's element count; 0 before the first connection.
    pub(crate) count: u32,
    /// The server, its name resolved where possible, as `host:port`.
    pub(crate) host: String,
    pub(crate) read_access: bool,
    pub(crate) write_access: bool,
}

impl ChannelInfo {
    /// True while the channel is connected.
    pub(crate) fn connected(&self) -> bool {
        self.state == ChannelState::Connected
    }
}

/// One get of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GetRequest<C> {
    pub(crate) channel: C,
    /// DBR type, 0..=34, 37 or 38.
    pub(crate) data_type: u16,
    /// Elements; 0 asks for as many as there are now (for a server older than 4.13: for all).
    pub(crate) count: u32,
}

/// One put of a batch.
#[derive(Clone, Debug)]
pub(crate) struct PutRequest<C> {
    pub(crate) channel: C,
    /// Plain DBR type, 0..=6.
    pub(crate) data_type: u16,
    pub(crate) count: u32,
    /// The elements, big-endian, not padded; a single STRING ends behind its NUL.
    pub(crate) payload: Vec<u8>,
}

/// A put without answer that the server refused.
#[derive(Clone, Debug)]
pub(crate) struct WriteError {
    pub(crate) status: Eca,
    pub(crate) data_type: u16,
    pub(crate) count: u32,
    /// The text of the server's ERROR message.
    pub(crate) context: String,
}

/// A subscription.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SubscribeRequest<C> {
    pub(crate) channel: C,
    pub(crate) data_type: u16,
    /// Elements; 0 asks for as many as there are at each update.
    pub(crate) count: u32,
    /// DBE_* bits.
    pub(crate) mask: u16,
}

/// What happened to a channel or its subscription.
#[derive(Clone, Debug)]
pub(crate) enum Event<C> {
    /// Sent at each connection, the first one too.
    Connected(C),
    Disconnected(C),
    /// An update, or the status of one that failed.
    Update(C, Box<Result<Reply, Eca>>),
}

/// A Channel Access client as the tools use one; a fake stands in for it in tests.
///
/// A batch leaves as one: all of its requests are sent before the first answer is waited for. Results are in the
/// order of the requests. A request that is not answered in time fails with `Eca::TIMEOUT`, one whose circuit is
/// lost with `Eca::DISCONN`. A timeout may be so long that it means forever.
pub(crate) trait Access {
    /// One channel.
    type Channel: Copy + Eq + Hash;

    /// Opens all names at once at a priority of 0..=99, and waits up to `timeout` until all are connected.
    ///
    /// With no timeout it returns at once; [`Self::next_event`] tells of each connection, also of those made here.
    fn connect(&mut self, names: &[&str], priority: u16, timeout: Duration) -> Vec<Self::Channel>;

    /// What is known of a channel now.
    fn info(&self, channel: Self::Channel) -> ChannelInfo;

    /// READ_NOTIFY.
    fn get(&mut self, requests: &[GetRequest<Self::Channel>], timeout: Duration) -> Vec<Result<Reply, Eca>>;

    /// WRITE_NOTIFY with `notify`, else WRITE, whose result only says that it was sent.
    fn put(
        &mut self,
        puts: &[PutRequest<Self::Channel>],
        notify: bool,
        timeout: Duration,
    ) -> Vec<Result<(), Eca>>;

    /// The puts without answer that the server has refused since the last call.
    ///
    /// A refusal comes before the answer to any later get of the channel.
    fn write_errors(&mut self) -> Vec<WriteError>;

    /// EVENT_ADD; replaces the channel's earlier subscription. It is renewed at each reconnection.
    fn subscribe(&mut self, requests: &[SubscribeRequest<Self::Channel>]);

    /// The next thing that happens; `None` at the deadline, or when nothing can happen any more.
    fn next_event(&mut self, deadline: Option<Instant>) -> Option<Event<Self::Channel>>;

    /// What `cainfo -s` prints: the state of the client, more of it with a higher level.
    fn report(&self, level: u32) -> String;
}
