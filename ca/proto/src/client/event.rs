//! What a circuit tells its caller.

use std::net::Ipv4Addr;

use super::{AccessRights, Data};
use crate::dbr::NativeType;
use crate::{Cid, Eca, Ioid, SubscriptionId};

/// What an ERROR was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// A get, or a put with completion.
    Request(Ioid),
    /// A put without completion, which nobody waits for.
    Put {
        /// Its id.
        ioid: Ioid,
        /// Its DBR type.
        data_type: u16,
        /// Its element count.
        count: u32,
    },
    /// A subscription.
    Subscription(SubscriptionId),
    /// Something else about a channel.
    Channel(Cid),
    /// No channel in particular.
    Circuit,
}

/// Something that the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server's minor version.
    Version(u16),
    /// A channel is open.
    Created {
        /// The channel.
        cid: Cid,
        /// Native element type.
        native: NativeType,
        /// Capacity in elements.
        count: u32,
    },
    /// The server does not have the PV, or has it no longer; the channel is gone from the circuit.
    Gone {
        /// The channel.
        cid: Cid,
        /// The subscriptions that it had.
        subscriptions: Vec<SubscriptionId>,
    },
    /// A server that did not answer does again.
    Responsive,
    /// What the client may do with a channel.
    Rights(Cid, AccessRights),
    /// A get is answered.
    Got(Ioid, Data),
    /// A put with completion is done, or failed.
    PutDone(Ioid, Eca),
    /// A subscription has an update.
    Update(SubscriptionId, Data),
    /// A request failed.
    Error {
        /// What failed.
        about: Failed,
        /// How.
        status: Eca,
        /// In the server's words.
        text: String,
    },
    /// A name that was searched over this circuit is served.
    Found {
        /// The channel that was searched.
        cid: Cid,
        /// Where, `None` for the server of this circuit.
        address: Option<Ipv4Addr>,
        /// TCP port.
        port: u16,
    },
    /// A name that was searched over this circuit is not served there.
    NotFound(Cid),
}

/// Why a request was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The channel is not open on this circuit.
    #[error("the channel is not connected")]
    Disconnected,
    /// The server does not allow it.
    #[error("{0}")]
    Rights(Eca),
    /// No such data type, or one that cannot be written.
    #[error("data type {0} is none that can be asked for here")]
    DataType(u16),
    /// More elements than the channel has.
    #[error("{count} elements asked for, the channel has {capacity}")]
    Count {
        /// Asked for.
        count: u32,
        /// What there is.
        capacity: u32,
    },
    /// The payload is not what type and count say.
    #[error("{bytes} bytes for {count} elements of type {data_type}")]
    Payload {
        /// Bytes given.
        bytes: usize,
        /// DBR type.
        data_type: u16,
        /// Elements announced.
        count: u32,
    },
    /// A text fills its 40 bytes without an end.
    #[error("a string of 40 bytes or more; 39 is the most")]
    Text,
    /// More bytes than a message of this server can have.
    #[error("{bytes} bytes are more than {limit}, the most that this server takes")]
    Size {
        /// Bytes of the payload.
        bytes: u64,
        /// The bound.
        limit: u64,
    },
}

impl Refused {
    /// The status that libca gives.
    pub const fn eca(&self) -> Eca {
        match self {
            Self::Disconnected => Eca::DISCONN,
            Self::Rights(status) => *status,
            Self::DataType(_) => Eca::BADTYPE,
            Self::Count { .. } => Eca::BADCOUNT,
            Self::Payload { .. } => Eca::BADCOUNT,
            Self::Text => Eca::BADSTR,
            Self::Size { .. } => Eca::TOLARGE,
        }
    }
}
