//! Hooks that run again and again.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ca::proto::{Alarm, AlarmSeverity, AlarmStatus};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::lane::Lane;
use super::plan::{DoneFlow, ScanHook};
use crate::log_limit::LogLimit;

/// Failed scans in the log.
static FAILURES: LogLimit = LogLimit::new(10);
/// No period is shorter: a period of 0 would leave no time for anything else.
const SHORTEST: Duration = Duration::from_micros(100);

/// When a scan hook runs, and what its failures do.
///
/// ```
/// use std::time::Duration;
/// use wrapper::Scan;
/// let scan = Scan::every(Duration::from_millis(500)).stop_on_error();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Scan {
    period: Duration,
    /// The field SCAN says how often.
    by_field: bool,
    subtract_elapsed: bool,
    stop_on_error: bool,
    severity: AlarmSeverity,
}

impl Scan {
    /// Runs in this rhythm, from the start of the IOC on; a run that takes longer leaves the missed ones out.
    /// At least 0.1 ms.
    pub const fn every(period: Duration) -> Self {
        let severity = AlarmSeverity::Major;
        Self { period, by_field: false, subtract_elapsed: true, stop_on_error: false, severity }
    }

    /// Runs as often as the field SCAN of the PV says, which clients may write: `10 second` to `.1 second`, or not at
    /// all for the other choices. `period` is what it starts with, one of 10, 5, 2, 1, 0.5, 0.2, 0.1 s.
    pub const fn by_field(period: Duration) -> Self {
        Self { by_field: true, ..Self::every(period) }
    }

    /// What SCAN starts with, where it says how often.
    pub(crate) fn field_period(&self) -> Option<Duration> {
        self.by_field.then_some(self.period)
    }

    /// Waits the whole period after each run, however long it took.
    pub const fn pause(mut self) -> Self {
        self.subtract_elapsed = false;
        self
    }

    /// Ends after the first failure; without it the scan goes on.
    pub const fn stop_on_error(mut self) -> Self {
        self.stop_on_error = true;
        self
    }

    /// Severity of the SCAN alarm of a failed run, MAJOR without it.
    pub const fn failure_severity(mut self, severity: AlarmSeverity) -> Self {
        self.severity = severity;
        self
    }

    /// The time of the next run.
    fn next(&self, due: Instant, period: Duration) -> Instant {
        let (now, period) = (Instant::now(), period.max(SHORTEST));
        if !self.subtract_elapsed {
            return now + period;
        }
        let late = now.saturating_duration_since(due);
        let missed = (late.as_nanos() / period.as_nanos()) as u32;
        due + period.saturating_mul(missed.saturating_add(1))
    }
}

/// Runs a scan until it stops itself or is dropped; `changed` tells that the period may be another.
pub(super) async fn run(mut scan: ScanHook, lane: Arc<Lane>, changed: Rc<Notify>) {
    let failure = Alarm::new(AlarmStatus::Scan, scan.scan.severity);
    let (mut due, mut failed) = (Instant::now(), None);
    loop {
        let period = if scan.scan.by_field { scan.pv.scan_period() } else { Some(scan.scan.period) };
        let Some(period) = period else {
            changed.notified().await;
            due = Instant::now();
            continue;
        };
        let next = scan.scan.next(due, period);
        tokio::select! {
            () = changed.notified() => {
                due = Instant::now();
                continue;
            }
            () = tokio::time::sleep_until(next) => due = next,
        }
        let run = || super::guard::guarded(|| Ok((scan.hook)()));
        let result = match lane.run("scan", (&scan.pv, 0), run) {
            Ok(DoneFlow::Done(result)) => result,
            Ok(DoneFlow::Later(future)) => super::guard::guarded_async(future).await,
            Err(panic) => Err(panic),
        };
        let pv = &scan.pv;
        match result {
            Ok(()) => {
                if failed.take().is_some() {
                    tracing::info!("{}: the scan works again", pv.name);
                }
                if pv.read(false).update.alarm.status == failure.status {
                    pv.reset_alarm();
                }
            }
            Err(reason) => {
                pv.raise(failure, &reason);
                // The same failure is told once, however often it comes.
                if failed.as_ref() != Some(&reason) {
                    FAILURES.log(|left_out| tracing::error!("{}: scan failed: {reason}{left_out}", pv.name));
                    failed = Some(reason);
                }
                if scan.scan.stop_on_error {
                    tracing::error!("{}: the scan has stopped", pv.name);
                    return;
                }
            }
        }
    }
}
