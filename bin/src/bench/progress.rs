//! How far a run is, on a terminal.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use crate::bar;

/// The bar is drawn so often.
const PERIOD: Duration = Duration::from_millis(100);

/// A bar on standard error: what is found goes to standard output.
pub(super) struct Progress {
    terminal: bool,
    total: Duration,
    start: Instant,
    drawn: Option<Instant>,
    words: &'static str,
}

impl Progress {
    pub(super) fn new(total: Duration) -> Self {
        let terminal = io::stderr().is_terminal();
        Self { terminal, total, start: Instant::now(), drawn: None, words: "" }
    }

    /// Shows what is done now.
    pub(super) fn show(&mut self, words: &'static str) -> io::Result<()> {
        (self.words, self.drawn) = (words, None);
        self.tick()
    }

    /// Draws it, when the last one is some time ago.
    pub(super) fn tick(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if !self.terminal || self.drawn.is_some_and(|drawn| now - drawn < PERIOD) {
            return Ok(());
        }
        self.drawn = Some(now);
        let part = (now - self.start).as_secs_f64() / self.total.as_secs_f64();
        bar::redraw(&mut io::stderr().lock(), &bar::line(100.0 * part, self.words))
    }

    pub(super) fn clear(&self) -> io::Result<()> {
        if self.terminal { bar::redraw(&mut io::stderr().lock(), "") } else { Ok(()) }
    }
}
