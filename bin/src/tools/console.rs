//! Where a tool's words go, and what time it is.

use std::io::{self, Write};
use std::time::SystemTime;

use ca_proto::dbr::Stamp;
use jiff::tz::TimeZone;

/// Standard output and error, a clock, and the local time zone.
pub(crate) struct Console<'a> {
    pub(crate) out: &'a mut dyn Write,
    pub(crate) err: &'a mut dyn Write,
    pub(crate) clock: fn() -> SystemTime,
    pub(crate) zone: TimeZone,
}

impl Console<'_> {
    /// Now.
    pub(crate) fn now(&self) -> Stamp {
        Stamp::from_system((self.clock)())
    }

    /// Writes to standard output and lets it be seen.
    pub(crate) fn print(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }
}
