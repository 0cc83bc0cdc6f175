//! How many names are looked up per second.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A token bucket that holds one second's worth.
pub(super) struct SearchRate {
    per_second: f64,
    bucket: Mutex<Bucket>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
    /// Datagrams were dropped since the bucket was last half full; keeps a steady flood to one line of log.
    dropping: bool,
}

/// What is to be done with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is looked at.
    Admit,
    /// It is looked at, and there is room again after others were dropped.
    AdmitAgain,
    /// It is dropped, the first one.
    DropFirst,
    /// It is dropped, as others before.
    Drop,
}

impl SearchRate {
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, bucket: Mutex::new(Bucket { tokens: per_second, at: now, dropping: false }) }
    }

    /// Whether a datagram that came at `now` is looked at.
    pub(super) fn admit(&self, now: Instant) -> Admission {
        let mut bucket = self.bucket.lock();
        let gone = now.checked_duration_since(bucket.at).unwrap_or(Duration::ZERO);
        bucket.at = now.max(bucket.at);
        bucket.tokens = (bucket.tokens + gone.as_secs_f64() * self.per_second).min(self.per_second);
        let was = bucket.dropping;
        if bucket.tokens <= 0.0 {
            bucket.dropping = true;
            return if was { Admission::Drop } else { Admission::DropFirst };
        }
        bucket.dropping = was && bucket.tokens < self.per_second / 2.0;
        if was && !bucket.dropping { Admission::AdmitAgain } else { Admission::Admit }
    }

    /// Takes what was looked up; a datagram is never cut, so that the bucket may go below empty.
    pub(super) fn spend(&self, names: u32) {
        self.bucket.lock().tokens -= f64::from(names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_second_at_once_then_none_until_time_has_passed() {
        let start = Instant::now();
        let rate = SearchRate::new(10, start);
        for _ in 0..2 {
            assert_eq!(rate.admit(start), Admission::Admit);
            rate.spend(6);
        }
        assert_eq!(rate.admit(start), Admission::DropFirst);
        assert_eq!(rate.admit(start + Duration::from_millis(100)), Admission::Drop);
        assert_eq!(rate.admit(start + Duration::from_millis(300)), Admission::Admit);
        assert_eq!(rate.admit(start + Duration::from_millis(900)), Admission::AdmitAgain);
        assert_eq!(rate.admit(start + Duration::from_millis(900)), Admission::Admit);
    }

    #[test]
    fn what_is_saved_is_one_second_at_most() {
        let start = Instant::now();
        let rate = SearchRate::new(10, start);
        let later = start + Duration::from_secs(3600);
        assert_eq!(rate.admit(later), Admission::Admit);
        rate.spend(10);
        assert_eq!(rate.admit(later), Admission::DropFirst);
    }
}
