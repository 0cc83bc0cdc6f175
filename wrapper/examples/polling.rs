//! An instrument that tells all it knows at once: one question per period, several PVs, a rate that clients choose by `SCAN`,
//! and an alarm while it does not answer. The instrument is simulated.

use std::process::ExitCode;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use std::time::Duration;

use wrapper::{Alarm, AlarmSeverity, AlarmStatus};
use wrapper::{AlarmGroup, Launcher, Post, Pv, PvGroup, Scan};

/// One answer of the instrument.
struct Status {
    pressure: f64,
    temperature: f64,
    pump: bool,
}

/// Pumps down; without power there is no answer.
fn query(number: i32, power: bool) -> Result<Status, &'static str> {
    if !power {
        return Err("the gauge does not answer");
    }
    Ok(Status {
        pressure: 1000.0 / f64::from(number),
        temperature: 20.0 + f64::from(number % 10) / 10.0,
        pump: true,
    })
}

#[derive(PvGroup)]
struct Gauge {
    #[init(AtomicI32::new(0))]
    asked: AtomicI32,
    #[group(with = |group| Ok(group.alarm_group("gauge")), prefix = "")]
    link: AlarmGroup,
    /// A switch of the simulation: Off, and the instrument does not answer
    #[pv(value = true)]
    power: Pv<bool>,
    /// Pressure in the chamber
    #[pv(units = "mbar", precision = 3, read_only, alarm_group = "gauge")]
    pressure: Pv<f64>,
    /// Temperature of the pump; changes of less than 0.3 C are no news
    #[pv(units = "C", precision = 1, read_only, deadbands(0.3, 0.3), alarm_group = "gauge")]
    temperature: Pv<f64>,
    /// Whether the pump runs
    #[pv(read_only, alarm_group = "gauge")]
    pump: Pv<bool>,
    /// Answers so far; its SCAN is how often the instrument is asked
    #[pv(
        value = 0,
        record = "longin",
        read_only,
        scan(Scan::by_field(Duration::from_millis(500)), Self::poll)
    )]
    update: Pv<i32>,
}

impl Gauge {
    fn poll(&self, update: &Pv<i32>) -> Result<(), &'static str> {
        let number = self.asked.fetch_add(1, Relaxed) + 1;
        let answer = query(number, self.power.get());
        match &answer {
            Ok(_) => self.link.clear(),
            Err(error) => self.link.post(Alarm::new(AlarmStatus::Comm, AlarmSeverity::Major), error),
        }
        let status = answer?;
        let now = std::time::SystemTime::now();
        self.pressure.post_with(status.pressure, Post::new().at(now));
        self.temperature.post_with(status.temperature, Post::new().at(now));
        self.pump.post_with(status.pump, Post::new().at(now));
        update.post(update.get().wrapping_add(1));
        Ok(())
    }
}

fn main() -> ExitCode {
    Launcher::new("A vacuum gauge").prefix("gauge:").group(Gauge::build).run()
}
