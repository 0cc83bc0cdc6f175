//! The message header: 16 bytes, or 24 with 32-bit size and count.

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Payload sizes are multiples of 8.
    #[error("payload of {0} bytes is not a multiple of 8")]
    Misaligned(u32),
}

/// A decoded header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Command code.
    pub command: u16,
    /// Payload bytes, padding included.
    pub size: u32,
    /// DBR type, or another 16-bit parameter.
    pub data_type: u16,
    /// Element count, or another parameter.
    pub count: u32,
    /// First parameter.
    pub p1: u32,
    /// Second parameter.
    pub p2: u32,
}

/// `size` rounded up to a multiple of 8.
pub const fn padded(size: u64) -> u64 {
    (size + 7) & !7
}

const MARK: u32 = 0xFFFF;

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl Header {
    /// Bytes of the short form.
    pub const SHORT: usize = 16;
    /// Bytes of the extended form.
    pub const EXTENDED: usize = 24;

    /// Reads a header from the front of `bytes`; `Ok(None)` while it is incomplete.
    ///
    /// Returns the header and its own length. `extended` says whether the peer's version knows the long
    /// form (minor 9 and later): before that, size 0xFFFF is a literal length.
    ///
    /// # Errors
    /// [`DecodeError::Misaligned`] when the payload size is not a multiple of 8.
    ///
    /// ```
    /// use ca_proto::wire::Header;
    /// let echo = Header { command: 23, ..Header::default() };
    /// let mut bytes = Vec::new();
    /// echo.encode(&mut bytes);
    /// assert_eq!(Header::decode(&bytes, true), Ok(Some((echo, 16))));
    /// assert_eq!(Header::decode(&bytes[..15], true), Ok(None));
    /// ```
    pub fn decode(bytes: &[u8], extended: bool) -> Result<Option<(Self, usize)>, DecodeError> {
        let parsed = Self::parse(bytes, extended);
        parsed.map(|(header, length)| header.check().map(|()| (header, length))).transpose()
    }

    /// Tests what every message must keep.
    pub(crate) const fn check(&self) -> Result<(), DecodeError> {
        if self.size.is_multiple_of(8) { Ok(()) } else { Err(DecodeError::Misaligned(self.size)) }
    }

    /// Reads a header whatever its size says; `None` while it is incomplete.
    pub(crate) fn parse(bytes: &[u8], extended: bool) -> Option<(Self, usize)> {
        if bytes.len() < Self::SHORT {
            return None;
        }
        let mut header = Self {
            command: u16_at(bytes, 0),
            size: u32::from(u16_at(bytes, 2)),
            data_type: u16_at(bytes, 4),
            count: u32::from(u16_at(bytes, 6)),
            p1: u32_at(bytes, 8),
            p2: u32_at(bytes, 12),
        };
        if !extended || header.size != MARK {
            return Some((header, Self::SHORT));
        }
        if bytes.len() < Self::EXTENDED {
            return None;
        }
        header.size = u32_at(bytes, 16);
        header.count = u32_at(bytes, 20);
        Some((header, Self::EXTENDED))
    }

    /// True when size or count needs the extended form.
    pub const fn is_extended(&self) -> bool {
        self.size >= MARK || self.count >= MARK
    }

    /// Appends the header to `out`, in the short form when it fits.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let extended = self.is_extended();
        let (size, count) = if extended { (MARK, 0) } else { (self.size, self.count) };
        let mut bytes = [0; Self::EXTENDED];
        bytes[0..2].copy_from_slice(&self.command.to_be_bytes());
        bytes[2..4].copy_from_slice(&(size as u16).to_be_bytes());
        bytes[4..6].copy_from_slice(&self.data_type.to_be_bytes());
        bytes[6..8].copy_from_slice(&(count as u16).to_be_bytes());
        bytes[8..12].copy_from_slice(&self.p1.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.p2.to_be_bytes());
        if extended {
            bytes[16..20].copy_from_slice(&self.size.to_be_bytes());
            bytes[20..24].copy_from_slice(&self.count.to_be_bytes());
            out.extend_from_slice(&bytes);
        } else {
            out.extend_from_slice(&bytes[..Self::SHORT]);
        }
    }
}
