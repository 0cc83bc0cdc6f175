//! What a panel has done, for `/metrics` and the server page.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts up.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Counts what is there now.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// One more, until what is returned is dropped.
    pub(crate) fn enter(&self) -> Inside<'_> {
        self.0.fetch_add(1, Relaxed);
        Inside(self)
    }

    pub(crate) fn set(&self, before: usize, now: usize) {
        // Two steps of one owner: others only add and take their own.
        self.0.fetch_add(now as u64, Relaxed);
        self.0.fetch_sub(before as u64, Relaxed);
    }
}

/// A place in a [`Gauge`].
pub(crate) struct Inside<'a>(&'a Gauge);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

/// Counters of a panel.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sockets: Gauge,
    pub(crate) pages: Gauge,
    pub(crate) subscriptions: Gauge,
    pub(crate) requests: Counter,
    pub(crate) updates: Counter,
    pub(crate) squashed: Counter,
    pub(crate) puts_done: Counter,
    pub(crate) puts_failed: Counter,
    pub(crate) pictures: Counter,
    /// Requests of foreign hosts or origins.
    pub(crate) foreign: Counter,
    pub(crate) wrong_tokens: Counter,
    /// Puts of pages that may not.
    pub(crate) not_granted: Counter,
    /// Sockets, pages, subscriptions or puts that were too many.
    pub(crate) too_many: Counter,
}
