//! Standard output.

use std::io::{self, ErrorKind, Write};

/// Writes a text; that the reader, a pager perhaps, has seen enough is no error.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
