//! Data types of Channel Access: DBR types, values, metadata, and every conversion between them.

pub mod convert;
mod dbr_type;
pub mod decode;
pub mod encode;
pub mod format;
mod meta;
mod reply;
mod time;
mod value;

pub use dbr_type::{DbrClass, DbrType, NativeType, type_name};
pub use decode::WireArray;
pub use meta::{LimitPair, Meta};
pub(crate) use reply::meta as meta_of_reply;
pub use reply::{CLASS_NAME, Reply, ReplyError, STSACK_STRING};
pub use time::{EPICS_EPOCH, Stamp};
pub use value::{Array, ArrayData, FixedString, Scalar, Value, text_from_bytes};

/// A conversion that has no result; a get answers GETFAIL, a put PUTFAIL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// The text is not a number.
    #[error("{0:?} is not a number")]
    NotANumber(String),
    /// The number does not fit.
    #[error("{0} does not fit the type")]
    OutOfRange(String),
    /// The text is neither a label nor the index of one.
    #[error("{given:?} is none of {labels:?}")]
    NoLabel {
        /// What was written.
        given: String,
        /// The labels of the PV.
        labels: Vec<String>,
    },
    /// The payload is shorter than type and count say.
    #[error("{given} payload bytes are too few for {count} elements of {width} bytes")]
    Short {
        /// Bytes in the payload.
        given: usize,
        /// Elements announced.
        count: u32,
        /// Bytes of each.
        width: usize,
    },
    /// A scalar takes exactly one element.
    #[error("no element given; this PV takes one")]
    Empty,
    /// The two types have nothing in common.
    #[error("no conversion from {from:?} to {to:?}")]
    NoConversion {
        /// Type of the value.
        from: NativeType,
        /// Type asked for.
        to: NativeType,
    },
}
