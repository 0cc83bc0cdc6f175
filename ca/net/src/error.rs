//! What can go wrong with the network.

/// A failure of the network layer; opaque, with its cause.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    what: String,
    source: Option<std::io::Error>,
}

impl Error {
    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self { what: format!("{}: {source}", what.into()), source: Some(source) }
    }

    pub(crate) fn config(what: impl Into<String>) -> Self {
        Self { what: what.into(), source: None }
    }

    /// True when an address or port could not be had.
    pub fn is_address(&self) -> bool {
        use std::io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
        self.source
            .as_ref()
            .is_some_and(|e| matches!(e.kind(), AddrInUse | AddrNotAvailable | PermissionDenied))
    }
}
