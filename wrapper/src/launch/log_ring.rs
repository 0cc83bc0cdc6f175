//! The newest lines of the log, for those who show them.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines that are kept.
const KEPT: usize = 1000;
/// Bytes of a line that are kept.
const LONGEST: usize = 4000;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogLine {
    /// Its number, from 1.
    pub number: u64,
    /// When it was logged, in seconds since 1970.
    pub time: f64,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub level: &'static str,
    /// Who logged it.
    pub target: String,
    /// What it says.
    pub text: String,
}

/// One for the process, as the log.
static RING: Mutex<Ring> = Mutex::new(Ring { lines: VecDeque::new(), last: 0 });

struct Ring {
    lines: VecDeque<LogLine>,
    last: u64,
}

impl Ring {
    fn push(&mut self, line: LogLine) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.last += 1;
        self.lines.push_back(LogLine { number: self.last, ..line });
    }
}

/// The newest lines of the log of [`start_log`](super::start_log), behind the one of this number, at most 1000; 0 for all.
pub fn log_lines(after: u64) -> Vec<LogLine> {
    let ring = RING.lock();
    let new = usize::try_from(ring.last.saturating_sub(after)).unwrap_or(usize::MAX).min(ring.lines.len());
    ring.lines.range(ring.lines.len() - new..).cloned().collect()
}

/// Keeps lines of the log.
pub(super) struct Keep;

impl<S: Subscriber> Layer<S> for Keep {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let meta = event.metadata();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        RING.lock().push(LogLine {
            number: 0,
            time: since.as_secs_f64(),
            level: meta.level().as_str(),
            target: meta.target().to_owned(),
            text: text.cut(),
        });
    }
}

/// The message, and the other fields behind it.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn cut(mut self) -> String {
        self.message.push_str(&self.fields);
        if self.message.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|end| self.message.is_char_boundary(*end));
            self.message.truncate(end.unwrap_or_default());
            self.message.push_str("...");
        }
        self.message
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // A String takes all.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn the_newest_lines_are_kept_with_their_numbers() {
        let log = tracing_subscriber::registry().with(Keep);
        tracing::subscriber::with_default(log, || {
            tracing::warn!(target: "lab", pumps = 2, "pressure {}", 1.5);
            let first = log_lines(0).pop().expect("a line");
            assert_eq!((first.level, &*first.target, &*first.text), ("WARN", "lab", "pressure 1.5 pumps=2"));
            tracing::info!("{}", "é".repeat(LONGEST));
            let long = log_lines(first.number);
            assert!(long.len() == 1 && long[0].text.len() == LONGEST + 3, "{}", long[0].text.len());
            (0..KEPT + 5).for_each(|number| tracing::info!("line {number}"));
            let all = log_lines(0);
            assert_eq!((all.len(), all[0].text.as_str()), (KEPT, "line 5"));
            let newest = all[KEPT - 1].number;
            assert_eq!(log_lines(newest - 1), all[KEPT - 1..]);
            assert_eq!(log_lines(newest), []);
            assert_eq!(log_lines(u64::MAX), []);
        });
    }
}
