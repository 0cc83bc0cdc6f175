//! What can go wrong with the network.

use ca_proto::Eca;

/// A failure of the network layer; opaque, with its cause.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    what: String,
    status: Option<Eca>,
    source: Option<std::io::Error>,
    unfit: bool,
}

impl Error {
    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self { what: format!("{}: {source}", what.into()), status: None, source: Some(source), unfit: false }
    }

    pub(crate) fn config(what: impl Into<String>) -> Self {
        Self { what: what.into(), status: None, source: None, unfit: false }
    }

    /// A request failed with a status.
    pub(crate) fn status(what: impl Into<String>, status: Eca) -> Self {
        Self { what: what.into(), status: Some(status), source: None, unfit: false }
    }

    /// A value came that is not what was wanted; `what` says which, and the rule.
    ///
    /// ```
    /// let error = ca::Error::unfit("X: 7 is none of the labels Off, On");
    /// assert!(error.is_unfit() && error.eca().is_none());
    /// ```
    pub fn unfit(what: impl Into<String>) -> Self {
        Self { unfit: true, ..Self::config(what) }
    }

    /// True when a value came that is not what was wanted.
    pub fn is_unfit(&self) -> bool {
        self.unfit
    }

    /// The status of Channel Access, if there is one.
    pub fn eca(&self) -> Option<Eca> {
        self.status
    }

    /// True when nothing came in time.
    pub fn is_timeout(&self) -> bool {
        self.status == Some(Eca::TIMEOUT)
    }

    /// True when the channel is not connected, or was lost meanwhile.
    pub fn is_disconnected(&self) -> bool {
        self.status == Some(Eca::DISCONN)
    }

    /// True when the server does not allow it.
    pub fn is_access_denied(&self) -> bool {
        matches!(self.status, Some(Eca::NORDACCESS | Eca::NOWTACCESS))
    }

    /// True when somebody else has the address and port.
    pub fn is_in_use(&self) -> bool {
        self.source.as_ref().is_some_and(|e| e.kind() == std::io::ErrorKind::AddrInUse)
    }

    /// True when an address or port could not be had.
    pub fn is_address(&self) -> bool {
        use std::io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
        self.source
            .as_ref()
            .is_some_and(|e| matches!(e.kind(), AddrInUse | AddrNotAvailable | PermissionDenied))
    }
}
