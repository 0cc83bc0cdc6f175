//! What a web service says, as PVs: JSON over HTTP, asked for every period, with an alarm after six time-outs in a row.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use tracing::warn;
use wrapper::{
    Alarm, AlarmGroup, AlarmSeverity, AlarmStatus, GroupBuilder, GroupError, Launcher, Pv, PvGroup, Scan,
};

/// Time-outs in a row that are an alarm.
const MOST_TIMEOUTS: u32 = 6;
const SILENT: Alarm = Alarm::new(AlarmStatus::Comm, AlarmSeverity::Major);

/// What the service answers.
#[derive(serde::Deserialize)]
struct Report {
    temperature: f64,
    humidity: f64,
}

#[derive(PvGroup)]
struct Weather {
    #[arg]
    url: String,
    #[arg]
    agent: ureq::Agent,
    #[arg]
    period: Duration,
    #[init(AtomicU32::new(0))]
    timeouts: AtomicU32,
    #[group(with = |group| Ok(group.alarm_group("service")), prefix = "")]
    service: AlarmGroup,
    /// Temperature outside
    #[pv(units = "C", precision = 1, read_only, alarm_group = "service")]
    temperature: Pv<f64>,
    /// Relative humidity
    #[pv(units = "%", precision = 0, read_only, alarm_group = "service")]
    humidity: Pv<f64>,
    /// Answers so far
    #[pv(value = 0, read_only, scan(Scan::every(period), Self::ask))]
    answers: Pv<i32>,
}

impl Weather {
    /// An error is the alarm of `answers`, with its reason, and of all that comes from the service.
    fn ask(&self, answers: &Pv<i32>) -> Result<(), String> {
        let result = match self.fetch() {
            Ok(report) => {
                self.timeouts.store(0, Relaxed);
                self.temperature.post(report.temperature);
                self.humidity.post(report.humidity);
                self.service.clear();
                answers.post(answers.get().wrapping_add(1));
                Ok(())
            }
            Err(ureq::Error::Timeout(_)) => self.timed_out(),
            Err(error) => Err(format!("{}: {error}", self.url)),
        };
        if let Err(reason) = &result {
            self.service.post(SILENT, reason);
        }
        result
    }

    fn fetch(&self) -> Result<Report, ureq::Error> {
        let text = self.agent.get(&self.url).call()?.body_mut().read_to_string()?;
        serde_json::from_str(&text).map_err(|error| ureq::Error::Other(error.into()))
    }

    fn timed_out(&self) -> Result<(), String> {
        let count = self.timeouts.fetch_add(1, Relaxed) + 1;
        warn!("{}: time-out, {count} in a row", self.url);
        if count < MOST_TIMEOUTS { Ok(()) } else { Err(format!("{count} time-outs in a row")) }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is not a number of seconds"))?;
    if !(0.01..=3600.0).contains(&seconds) {
        return Err(format!("{seconds} s is outside 0.01..=3600"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn build(group: &mut GroupBuilder) -> Result<Arc<Weather>, GroupError> {
    let value = |name| group.macro_value(name).unwrap_or_default().to_owned();
    let [period, timeout] =
        ["period", "timeout"].map(|name| seconds(&value(name)).unwrap_or(Duration::from_secs(5)));
    let agent = ureq::Agent::config_builder().timeout_global(Some(timeout)).build();
    let url = value("url");
    Weather::build(group, url, agent.into(), period)
}

fn main() -> ExitCode {
    let check = |text: &str| seconds(text).map(drop);
    Launcher::new("A weather report")
        .prefix("weather:")
        .option("url", Some("http://127.0.0.1:8000/report.json"), "Where the report is")
        .checked_option("period", Some("5"), "Seconds between two questions", check)
        .checked_option("timeout", Some("2"), "Seconds to wait for an answer", check)
        .group(build)
        .run()
}
