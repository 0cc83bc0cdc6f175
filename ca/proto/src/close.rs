//! Why a circuit ends.

use crate::wire::DecodeError;

/// Which side ended a circuit, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The peer sent bytes that are no message.
    #[error("malformed message: {0}")]
    Malformed(#[from] DecodeError),
    /// The peer sent a version or priority that is not served.
    #[error("version {minor} with priority {priority} is not served (4..=13, 0..=99)")]
    Version {
        /// Minor version announced.
        minor: u16,
        /// Priority asked for.
        priority: u16,
    },
    /// The peer sent a command that no client sends, or an obsolete one.
    #[error("command {0} is not a request")]
    Command(u16),
    /// A request named a channel that this circuit does not have.
    #[error("channel id {0} is not of this circuit")]
    UnknownChannel(u32),
    /// A cancel named a subscription that does not exist.
    #[error("subscription id {0} does not exist")]
    UnknownSubscription(u32),
    /// A request named a DBR type that does not exist.
    #[error("data type {0} does not exist")]
    DataType(u16),
    /// A subscription without any event, or with unknown ones.
    #[error("event mask {0} selects nothing")]
    EventMask(u16),
    /// User or host name empty, too long or without an end.
    #[error("user or host name is empty, too long or not terminated")]
    Identity,
    /// A bound of the server was reached.
    #[error("more than {limit} {what} on one circuit")]
    Limit {
        /// Of what there is too much.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// The peer sent less data than it announced.
    #[error("{bytes} bytes for {count} elements of type {data_type}")]
    ShortData {
        /// DBR type.
        data_type: u16,
        /// Elements announced.
        count: u32,
        /// Bytes of the payload.
        bytes: usize,
    },
    /// The peer closed.
    #[error("closed by the peer")]
    Peer,
    /// The socket failed.
    #[error("socket error: {0}")]
    Socket(String),
    /// This side stops.
    #[error("this side stops")]
    Stopped,
}
