//! What was found, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::Findings;
use super::measure::Measurement;

/// The percentiles that are told.
const PERCENTS: [(&str, f64); 4] = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("max", 100.0)];

fn micros(time: Duration) -> f64 {
    // To a tenth: what is below is noise.
    (time.as_secs_f64() * 1e7).round() / 10.0
}

/// A table; empty when nothing was measured.
pub(super) fn table(found: &Findings) -> String {
    let mut text = String::new();
    if found.measurements.is_empty() {
        return text;
    }
    let heads = PERCENTS.map(|(name, _)| format!("{:>10}", format!("{name} us"))).concat();
    line(
        &mut text,
        &format!("{:<22}{:>12}{:>10}{:>8}{heads}", "measurement", "per second", "count", "errors"),
    );
    for measured in &found.measurements {
        let times = PERCENTS.map(|(_, percent)| {
            let time =
                measured.percentile(percent).map_or("-".to_owned(), |time| format!("{:.1}", micros(time)));
            format!("{time:>10}")
        });
        let Measurement { name, count, errors, .. } = measured;
        let rate = measured.per_second();
        line(&mut text, &format!("{name:<22}{rate:>12.1}{count:>10}{errors:>8}{}", times.concat()));
    }
    text
}

fn line(text: &mut String, words: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{}", words.trim_end());
}

/// All of it.
pub(super) fn json(found: &Findings) -> Value {
    json!({
        "pvs": found.pvs,
        "not_connected": found.not_connected,
        "not_put": found.not_put,
        "failures": found.failures,
        "measurements": found.measurements.iter().map(measurement).collect::<Vec<_>>(),
    })
}

fn measurement(measured: &Measurement) -> Value {
    let time =
        |(name, percent): (&str, f64)| Some((name.to_owned(), json!(micros(measured.percentile(percent)?))));
    let times: serde_json::Map<_, _> = PERCENTS.into_iter().filter_map(time).collect();
    json!({
        "name": measured.name,
        "count": measured.count,
        "errors": measured.errors,
        "seconds": measured.time.as_secs_f64(),
        "per_second": measured.per_second(),
        "microseconds": if times.is_empty() { Value::Null } else { Value::Object(times) },
    })
}

/// Names on standard error what was not as it should be.
pub(super) fn complain(found: &Findings) {
    for name in &found.not_connected {
        eprintln!("seqioc bench: {name}: not connected");
    }
    for name in &found.not_put {
        eprintln!("seqioc bench: {name}: not put, clients may not write or read it, or it is empty");
    }
    for (name, reason) in &found.failures {
        eprintln!("seqioc bench: {name}: {reason}");
    }
}
