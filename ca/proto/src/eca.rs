//! Status codes of the wire (`caerr.h`): `number << 3 | severity`.

/// One `ECA_*` status as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Eca(pub u32);

impl Eca {
    /// Normal successful completion.
    pub const NORMAL: Self = Self(1);
    /// Unable to allocate additional dynamic memory.
    pub const ALLOCMEM: Self = Self(48);
    /// The requested data transfer is too large.
    pub const TOLARGE: Self = Self(72);
    /// User specified timeout on IO operation expired.
    pub const TIMEOUT: Self = Self(80);
    /// The data type specified is invalid.
    pub const BADTYPE: Self = Self(114);
    /// Channel access internal failure.
    pub const INTERNAL: Self = Self(142);
    /// Channel read request failed.
    pub const GETFAIL: Self = Self(152);
    /// Channel write request failed.
    pub const PUTFAIL: Self = Self(160);
    /// Invalid element count requested.
    pub const BADCOUNT: Self = Self(176);
    /// Invalid string.
    pub const BADSTR: Self = Self(186);
    /// Virtual circuit disconnect.
    pub const DISCONN: Self = Self(192);
    /// Bad event subscription identifier.
    pub const BADMONID: Self = Self(242);
    /// The client's protocol version is too old.
    pub const DEFUNCT: Self = Self(278);
    /// Put notify is already in progress.
    pub const PUTCBINPROG: Self = Self(362);
    /// Read access denied.
    pub const NORDACCESS: Self = Self(368);
    /// Write access denied.
    pub const NOWTACCESS: Self = Self(376);
    /// Client does not support arrays over 16 kB.
    pub const SIXTEEN_K_ARRAY_CLIENT: Self = Self(464);

    /// True for a status that means success.
    pub const fn is_success(self) -> bool {
        self.0 & 1 == 1
    }

    /// What the status means, in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NORMAL => "normal successful completion",
            Self::ALLOCMEM => "unable to allocate additional dynamic memory",
            Self::TOLARGE => "the requested data transfer is too large",
            Self::TIMEOUT => "user specified timeout on IO operation expired",
            Self::BADTYPE => "the data type specified is invalid",
            Self::INTERNAL => "channel access internal failure",
            Self::GETFAIL => "channel read request failed",
            Self::PUTFAIL => "channel write request failed",
            Self::BADCOUNT => "invalid element count requested",
            Self::BADSTR => "invalid string",
            Self::DISCONN => "virtual circuit disconnect",
            Self::BADMONID => "bad event subscription identifier",
            Self::DEFUNCT => "the client's protocol version is too old",
            Self::PUTCBINPROG => "put notify is already in progress",
            Self::NORDACCESS => "read access denied",
            Self::NOWTACCESS => "write access denied",
            Self::SIXTEEN_K_ARRAY_CLIENT => "client does not support arrays over 16 kB",
            _ => "unknown status",
        }
    }
}

impl std::fmt::Display for Eca {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.text(), self.0)
    }
}
