//! Memory that all circuits together may hold of messages that are not complete yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The bytes of one server.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    fn take(&self, bytes: usize) -> bool {
        let taken = self.used.fetch_update(Relaxed, Relaxed, |used| {
            used.checked_add(bytes).filter(|used| *used <= self.limit)
        });
        taken.is_ok()
    }
}

/// What one circuit holds of it; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Share {
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: budget.clone(), bytes: 0 }
    }

    /// Holds this many bytes from now on; false, with nothing changed, when there are not so many.
    pub(super) fn hold(&mut self, bytes: usize) -> bool {
        if bytes > self.bytes && !self.budget.take(bytes - self.bytes) {
            return false;
        }
        if bytes < self.bytes {
            self.budget.used.fetch_sub(self.bytes - bytes, Relaxed);
        }
        self.bytes = bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.hold(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_hold_no_more_than_the_budget_and_give_back_what_they_held() {
        let budget = Budget::new(100);
        let (mut one, mut two) = (Share::new(&budget), Share::new(&budget));
        assert!(one.hold(60) && two.hold(40) && one.hold(60));
        assert!(!two.hold(41) && !one.hold(usize::MAX));
        assert!(one.hold(10) && two.hold(90));
        drop(two);
        assert!(one.hold(100));
        drop(one);
        assert_eq!(budget.used.load(Relaxed), 0);
    }
}
