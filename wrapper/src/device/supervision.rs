//! What is done about a device that fails, and what its health PVs show.

use std::time::Duration;

use crate::device::DevicePort;
use crate::group::{GroupBuilder, GroupError};
use crate::hooks::PutHook;
use crate::pv::Pv;

/// The longest time between a failure and the next start.
const LONGEST: Duration = Duration::from_secs(30);
/// A device that was up for so long has recovered: its failures are counted from 0 again.
pub(super) const RECOVERED: Duration = Duration::from_secs(60);

/// When a device that has failed is started again.
///
/// It has failed when it does not start, panics, or its loop ends.
///
/// ```
/// use std::time::Duration;
/// use wrapper::RestartPolicy;
/// let policy = RestartPolicy::default().limit(3).back_off(Duration::from_secs(1));
/// assert_ne!(policy, RestartPolicy::never());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    limit: Option<u32>,
    back_off: Duration,
}

impl Default for RestartPolicy {
    /// After 0.2 s, then after twice the time, 30 s at most; without end.
    fn default() -> Self {
        Self { limit: None, back_off: Duration::from_millis(200) }
    }
}

impl RestartPolicy {
    /// It stays down, until somebody puts 1 to `health.RESTART`.
    pub fn never() -> Self {
        Self::default().limit(0)
    }

    /// At most so many times in a row; a device that was up for a minute has recovered.
    #[must_use]
    pub fn limit(mut self, times: u32) -> Self {
        self.limit = Some(times);
        self
    }

    /// Time from the first failure to the next start; it doubles with each failure in a row, up to 30 s.
    #[must_use]
    pub fn back_off(mut self, time: Duration) -> Self {
        self.back_off = time;
        self
    }

    /// Time to wait after so many failures in a row, from 1; none when it stays down.
    pub(super) fn wait(&self, failures: u32) -> Option<Duration> {
        if self.limit.is_some_and(|limit| failures > limit) {
            return None;
        }
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1).min(20));
        Some(self.back_off.saturating_mul(doubled).min(LONGEST.max(self.back_off)))
    }
}

crate::pv_enum! {
    /// Whether a device is up.
    pub(crate) enum Alive {
        /// It is down.
        Down = "Down",
        /// It is up.
        Up = "Up",
    }
}

crate::pv_enum! {
    /// Whether a restart is asked for.
    pub(crate) enum Restart {
        /// No.
        Idle = "Idle",
        /// Yes.
        Restart = "Restart",
    }
}

/// The health PVs of a device.
pub(crate) struct Health {
    alive: Pv<Alive>,
    seen: Pv<f64>,
    restarts: Pv<i32>,
    queue_age: Pv<f64>,
}

impl Health {
    pub(crate) fn build(g: &mut GroupBuilder, port: &DevicePort) -> Result<Self, GroupError> {
        let alive = g.pv("ALIVE", Alive::Up).read_only().doc("whether the device is up").add()?;
        let seen = g.pv("SEEN", 0.0).units("s").precision(0).read_only();
        let seen = seen.doc("since when a busy device has shown no sign of life, 0 while it waits").add()?;
        let restarts =
            g.pv("RESTARTS", 0).read_only().doc("times that the device was started again").add()?;
        let queue_age = g.pv("QUEUE_AGE", 0.0).units("s").precision(0).read_only();
        let queue_age = queue_age.doc("how long the oldest waiting command has waited").add()?;
        let restart = g
            .pv("RESTART", Restart::Idle)
            .doc("1 ends the running command and starts the device again; a put completes when it is up");
        restart.hook(PutHook::Restart { port: port.clone() }).add()?;
        Ok(Self { alive, seen, restarts, queue_age })
    }

    pub(super) fn alive(&self, up: bool) {
        self.alive.post(if up { Alive::Up } else { Alive::Down });
    }

    pub(super) fn restarted(&self) {
        self.restarts.post(self.restarts.get().wrapping_add(1));
    }

    pub(super) fn ages(&self, seen: Duration, queue: Duration) {
        self.seen.post(seen.as_secs() as f64);
        self.queue_age.post(queue.as_secs() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_doubles_up_to_half_a_minute_and_ends_at_the_limit() {
        let policy = RestartPolicy::default();
        let waits =
            [1, 2, 3, 8, 9, u32::MAX].map(|failures| policy.wait(failures).map(|wait| wait.as_millis()));
        assert_eq!(waits, [200, 400, 800, 25_600, 30_000, 30_000].map(Some));
        let limited = policy.limit(2);
        assert_eq!([2, 3].map(|failures| limited.wait(failures).is_some()), [true, false]);
        assert_eq!(RestartPolicy::never().wait(1), None);
        let slow = policy.back_off(Duration::from_secs(60));
        assert_eq!(slow.wait(4), Some(Duration::from_secs(60)), "never shorter than what was asked for");
    }
}
