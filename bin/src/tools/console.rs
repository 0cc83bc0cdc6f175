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
    /// Standard error may have colours.
    pub(crate) colour: bool,
}

impl Console<'_> {
    /// Now.
    pub(crate) fn now(&self) -> Stamp {
        Stamp::from_system((self.clock)())
    }

    /// Says what went wrong.
    pub(crate) fn error(&mut self, what: &str) -> io::Result<()> {
        let error = if self.colour { "\x1b[31;1mERROR\x1b[0m" } else { "ERROR" };
        writeln!(self.err, "{error} {what}")
    }

    /// Writes to standard output and lets it be seen.
    pub(crate) fn print(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }
}
