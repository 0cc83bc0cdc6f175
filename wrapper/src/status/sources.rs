//! Where the status PVs have their values from.

use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant, SystemTime};

use ca::server::{Report, Reporter};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::os;
use crate::device::{Port, ThreadState};
use crate::table::Table;

/// A load is measured over so long at least.
const MEASURED: Duration = Duration::from_millis(500);

/// The IOC that serves.
pub(super) struct Serving {
    pub(super) table: Weak<Table>,
    pub(super) reporter: Reporter,
    pub(super) ports: Vec<Weak<Port>>,
}

/// What is asked for values, and what it needs to remember.
pub(super) struct Sources {
    serving: Arc<OnceLock<Serving>>,
    started: SystemTime,
    uptime: Instant,
    ioc: Load,
    system: Load,
}

impl Sources {
    pub(super) fn new(serving: Arc<OnceLock<Serving>>) -> Self {
        Self {
            serving,
            started: SystemTime::now(),
            uptime: Instant::now(),
            ioc: Load::new(own_ticks()),
            system: Load::new(os::system_ticks()),
        }
    }

    pub(super) fn report(&self) -> Option<Report> {
        self.serving.get().map(|serving| serving.reporter.report())
    }

    pub(super) fn pvs(&self) -> Option<f64> {
        self.serving.get()?.table.upgrade().map(|table| table.listed().len() as f64)
    }

    /// The sum over the devices.
    pub(super) fn devices(&self, count: impl Fn(&Port) -> f64) -> Option<f64> {
        let ports = self.serving.get()?.ports.iter().filter_map(Weak::upgrade);
        Some(ports.map(|port| count(&port)).sum())
    }

    pub(super) fn started(&self) -> String {
        local(self.started)
    }

    pub(super) fn uptime(&self) -> Duration {
        self.uptime.elapsed()
    }

    /// Percent of one CPU that this process took.
    pub(super) fn ioc_load(&mut self) -> Option<f64> {
        self.ioc.percent(own_ticks())
    }

    /// Percent of all CPUs that all processes took.
    pub(super) fn system_load(&mut self) -> Option<f64> {
        self.system.percent(os::system_ticks())
    }
}

/// CPU time of this process, and the time that passed, in ticks of 10 ms.
fn own_ticks() -> Option<os::Ticks> {
    static SINCE: OnceLock<Instant> = OnceLock::new();
    let since = SINCE.get_or_init(Instant::now);
    let busy = os::own_ticks()?;
    Some(os::Ticks { busy, all: (since.elapsed().as_secs_f64() * os::TICKS_PER_SECOND) as u64 })
}

/// A load between two looks.
struct Load {
    at: Instant,
    ticks: Option<os::Ticks>,
    percent: f64,
}

impl Load {
    fn new(ticks: Option<os::Ticks>) -> Self {
        Self { at: Instant::now(), ticks, percent: 0.0 }
    }

    /// Percent since the last look; looks that follow soon see the same.
    fn percent(&mut self, now: Option<os::Ticks>) -> Option<f64> {
        let (now, before) = (now?, self.ticks?);
        if self.at.elapsed() >= MEASURED && now.all > before.all {
            let busy = now.busy.saturating_sub(before.busy) as f64;
            self.percent = 100.0 * busy / (now.all - before.all) as f64;
            (self.at, self.ticks) = (Instant::now(), Some(now));
        }
        Some(self.percent)
    }
}

/// A time as people of the place read it.
pub(super) fn local(time: SystemTime) -> String {
    let stamp = Timestamp::try_from(time).unwrap_or_default();
    stamp.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `1 day, 02:03:04`.
pub(super) fn days(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let clock = format!("{hours:02}:{minutes:02}:{:02}", seconds % 60);
    match days {
        0 => clock,
        1 => format!("1 day, {clock}"),
        days => format!("{days} days, {clock}"),
    }
}

/// A device whose thread does not take commands as it should.
pub(super) fn is_suspended(port: &Port) -> bool {
    matches!(port.thread_state(), ThreadState::Late | ThreadState::Down)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uptime_is_days_and_a_clock() {
        let told = [0, 61, 86_399, 86_400, 200_000].map(|seconds| days(Duration::from_secs(seconds)));
        assert_eq!(told, ["00:00:00", "00:01:01", "23:59:59", "1 day, 00:00:00", "2 days, 07:33:20"]);
    }

    #[test]
    fn a_load_is_that_of_the_time_between_two_looks() {
        let ticks = |busy, all| Some(os::Ticks { busy, all });
        let mut load = Load::new(ticks(100, 1000));
        assert_eq!(load.percent(ticks(200, 1100)), Some(0.0), "too soon to tell");
        load.at = Instant::now().checked_sub(2 * MEASURED).expect("the machine runs for longer");
        assert_eq!(load.percent(ticks(150, 1200)), Some(25.0));
        assert_eq!(load.percent(ticks(900, 1300)), Some(25.0), "the same for those who follow soon");
        assert_eq!(load.percent(None), None);
    }
}
