//! Whether the server of a circuit lives: silence, then an ECHO, then no answer.

use std::time::{Duration, Instant};

/// How long the answer to an ECHO may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Whether the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It has said something lately, or is being asked.
    Responsive,
    /// It did not answer an ECHO: its channels count as disconnected until it does.
    Unresponsive,
}

/// The watchdog of one circuit.
#[derive(Debug)]
pub(super) struct Watchdog {
    silence: Duration,
    due: Instant,
    /// An ECHO was sent and not answered.
    asked: bool,
    health: Health,
    /// A beacon told that the server may have been replaced: beacons count as life no more.
    anomaly: bool,
}

impl Watchdog {
    pub(super) fn new(silence: Duration, now: Instant) -> Self {
        Self { silence, due: now + silence, asked: false, health: Health::Responsive, anomaly: false }
    }

    pub(super) fn timeout(&self) -> Instant {
        self.due
    }

    pub(super) fn health(&self) -> Health {
        self.health
    }

    /// True when an ECHO is to be sent.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> bool {
        if now < self.due {
            return false;
        }
        if self.asked {
            self.health = Health::Unresponsive;
        }
        self.asked = true;
        self.due = now + ANSWER;
        true
    }

    /// Any byte of the server is a sign of life, but only an ECHO answers an ECHO.
    pub(super) fn handle_bytes(&mut self, now: Instant) {
        self.anomaly = false;
        if !self.asked {
            self.due = now + self.silence;
        }
    }

    /// What was to be sent was not taken for too long; true when an ECHO is to be sent.
    pub(super) fn handle_stuck(&mut self, now: Instant) -> bool {
        if self.health == Health::Unresponsive {
            return false;
        }
        (self.health, self.due) = (Health::Unresponsive, now + ANSWER);
        !std::mem::replace(&mut self.asked, true)
    }

    /// The server answered, however late: it lives. True when it had been given up.
    pub(super) fn handle_echo(&mut self, now: Instant) -> bool {
        self.due = now + self.silence;
        self.asked = false;
        std::mem::replace(&mut self.health, Health::Responsive) == Health::Unresponsive
    }

    pub(super) fn handle_beacon(&mut self, healthy: bool, now: Instant) {
        if !healthy {
            self.anomaly = true;
        } else if !self.anomaly && !self.asked {
            self.due = now + self.silence;
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any moment will do")]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_secs(30);

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn silence_is_asked_about_once_and_given_up_five_seconds_later() {
        let start = Instant::now();
        let mut dog = Watchdog::new(SILENCE, start);
        assert!(!dog.handle_timeout(at(start, 29)));
        assert!(dog.handle_timeout(at(start, 30)));
        assert_eq!((dog.health(), dog.timeout()), (Health::Responsive, at(start, 35)));
        dog.handle_bytes(at(start, 34));
        assert!(dog.handle_timeout(at(start, 35)), "other bytes do not answer an ECHO");
        assert_eq!(dog.health(), Health::Unresponsive);
        dog.handle_echo(at(start, 37));
        assert_eq!((dog.health(), dog.timeout()), (Health::Responsive, at(start, 67)));
    }

    #[test]
    fn bytes_and_healthy_beacons_put_the_question_off() {
        let start = Instant::now();
        let mut dog = Watchdog::new(SILENCE, start);
        dog.handle_bytes(at(start, 20));
        assert_eq!(dog.timeout(), at(start, 50));
        dog.handle_beacon(true, at(start, 30));
        assert_eq!(dog.timeout(), at(start, 60));
        dog.handle_beacon(false, at(start, 40));
        dog.handle_beacon(true, at(start, 45));
        assert_eq!(dog.timeout(), at(start, 60), "after an anomaly beacons do not count");
        dog.handle_bytes(at(start, 50));
        dog.handle_beacon(true, at(start, 55));
        assert_eq!(dog.timeout(), at(start, 85));
    }
}
