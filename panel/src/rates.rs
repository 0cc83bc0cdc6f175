//! How fast counters of circuits go.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;

/// Time between looks at least: all who ask within share one.
const LEAST: Duration = Duration::from_millis(900);

/// Per second, of all circuits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct PerSecond {
    requests: f64,
    updates: f64,
    received: f64,
    sent: f64,
}

/// Requests, updates, bytes received and sent.
pub(crate) type Counts = [u64; 4];

#[derive(Default)]
struct Last {
    at: Option<Instant>,
    circuits: HashMap<SocketAddr, Counts>,
    rates: PerSecond,
}

/// The rates since the last look.
#[derive(Default)]
pub(crate) struct Rates(Mutex<Last>);

impl Rates {
    /// `circuits` are those that are open, with requests, updates, bytes received and sent.
    pub(crate) fn of(&self, circuits: impl Iterator<Item = (SocketAddr, Counts)>, now: Instant) -> PerSecond {
        let mut last = self.0.lock();
        let elapsed = last.at.map(|at| now.saturating_duration_since(at));
        if elapsed.is_some_and(|elapsed| elapsed < LEAST) {
            return last.rates;
        }
        let circuits: HashMap<_, _> = circuits.collect();
        let mut sums = Counts::default();
        for (peer, counts) in &circuits {
            let before = last.circuits.get(peer).copied().unwrap_or_default();
            for (sum, (now, before)) in sums.iter_mut().zip(counts.iter().zip(before)) {
                *sum += now.saturating_sub(before);
            }
        }
        let rate = |sum: u64| elapsed.map_or(0.0, |elapsed| sum as f64 / elapsed.as_secs_f64());
        let [requests, updates, received, sent] = sums.map(rate);
        *last = Last { at: Some(now), circuits, rates: PerSecond { requests, updates, received, sent } };
        last.rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_circuits_that_are_open_since_the_last_look() {
        let peer = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let open = |circuits: &[(u16, u64)]| {
            let circuits: Vec<_> = circuits.iter().map(|(port, count)| (peer(*port), [*count; 4])).collect();
            circuits.into_iter()
        };
        let (rates, start) = (Rates::default(), Instant::now());
        assert_eq!(rates.of(open(&[(1, 100)]), start), PerSecond::default(), "since when?");
        let later = rates.of(open(&[(1, 300), (2, 50)]), start + Duration::from_secs(2));
        assert_eq!(later.requests, 125.0);
        assert_eq!(rates.of(open(&[(1, 900)]), start + Duration::from_millis(2100)), later, "too soon");
        let gone = rates.of(open(&[(2, 50)]), start + Duration::from_secs(4));
        assert_eq!(gone.requests, 0.0);
    }
}
