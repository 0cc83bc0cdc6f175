//! Names to connected channels.

use std::io;

use ca_proto::Eca;

use super::access::Access;
use super::console::Console;
use super::message;
use super::options::Options;

/// The names as text.
pub(crate) fn names(options: &Options, count: usize) -> Vec<String> {
    options.operands.iter().take(count).map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// False, and said so, if a name cannot be a channel's.
pub(crate) fn names_are_good(names: &[String], console: &mut Console<'_>) -> io::Result<bool> {
    let bad: Vec<_> = names.iter().filter(|name| name.is_empty()).collect();
    for name in &bad {
        let why = message::text(Eca::BADSTR);
        writeln!(console.err, "CA error {why} occurred while trying to create channel '{name}'.")?;
    }
    Ok(bad.is_empty())
}

/// Connects the first `count` operands; `None`, and said so, unless all of them connect in time.
pub(crate) fn connect<A: Access>(
    access: &mut A,
    options: &Options,
    count: usize,
    console: &mut Console<'_>,
) -> io::Result<Option<Vec<A::Channel>>> {
    let names = names(options, count);
    if !names_are_good(&names, console)? {
        return Ok(None);
    }
    let borrowed: Vec<_> = names.iter().map(String::as_str).collect();
    let channels = access.connect(&borrowed, options.priority, options.wait());
    if channels.iter().all(|&channel| access.info(channel).connected()) {
        return Ok(Some(channels));
    }
    match &names[..] {
        [name] => writeln!(console.err, "Channel connect timed out: '{name}' not found.")?,
        _ => writeln!(console.err, "Channel connect timed out: some PV(s) not found.")?,
    }
    Ok(None)
}
