//! The tools against a client that answers from memory.

mod behaviour;
mod database;
mod fake;
mod golden;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;

use super::Call;
use super::console::Console;
use fake::Fake;

/// What a tool said, and its exit status.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    out: String,
    err: String,
    status: u8,
}

/// The moment at which all tests happen: 2026-11-20 13:02:11.865242912 UTC.
fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::new(1_795_179_731, 865_242_912)
}

/// Runs a command line against `fake`.
fn run_in(fake: &mut Fake, line: &[&str], timeout: Option<&str>) -> Said {
    let call = Call::of(line.iter().map(Into::into)).expect("a tool");
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console =
        Console { out: &mut out, err: &mut err, clock, zone: TimeZone::UTC, colour: !call.strict };
    let status = call
        .run_with(timeout.map(str::as_bytes), |_| Ok(&mut *fake), &mut console)
        .expect("a console that takes all");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { out: text(out), err: text(err), status }
}
