//! When the next batch of updates may go out.

use std::time::Duration;

use tokio::time::Instant;

/// Time between batches.
const PERIOD: Duration = Duration::from_millis(50);
/// Batches that a page has not drawn.
const UNDRAWN: u64 = 2;

/// Counts batches: no more than a page draws, and 20 a second.
#[derive(Debug)]
pub(crate) struct Batches {
    sent: u64,
    drawn: u64,
    next: Instant,
}

impl Batches {
    pub(crate) fn new() -> Self {
        Self { sent: 0, drawn: 0, next: Instant::now() }
    }

    /// True while the page has drawn enough of what was sent.
    pub(crate) const fn may_send(&self) -> bool {
        self.sent - self.drawn < UNDRAWN
    }

    /// Waits until the time has come.
    pub(crate) async fn due(&self) {
        if self.next > Instant::now() {
            tokio::time::sleep_until(self.next).await;
        }
    }

    /// The number of a batch that goes out now.
    pub(crate) fn send(&mut self) -> u64 {
        self.next = Instant::now() + PERIOD;
        self.sent += 1;
        self.sent
    }

    /// The page has drawn a batch; what it was never sent does not count.
    pub(crate) fn drawn(&mut self, number: u64) {
        self.drawn = self.drawn.max(number.min(self.sent));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_batches_may_be_undrawn_and_no_lie_makes_more_of_them() {
        let mut batches = Batches::new();
        assert_eq!(
            (batches.send(), batches.may_send(), batches.send(), batches.may_send()),
            (1, true, 2, false)
        );
        batches.drawn(0);
        assert!(!batches.may_send());
        batches.drawn(1);
        assert!(batches.may_send());
        batches.drawn(u64::MAX);
        assert_eq!((batches.send(), batches.send(), batches.may_send()), (3, 4, false));
        batches.drawn(1);
        assert!(!batches.may_send(), "an old word changes nothing");
        let before = Instant::now();
        batches.due().await;
        assert!(Instant::now() - before <= PERIOD * 20);
    }
}
