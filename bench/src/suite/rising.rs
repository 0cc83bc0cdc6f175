//! Puts to one PV at a rising rate, a monitor beside them: what arrives, and how old it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use serde_json::json;

use super::{Done, Lab, RSRV, Row, Side, measure, now};
use crate::ca::{Channel, Circuit};
use crate::peer::Server;
use crate::stats::Sample;
use crate::wire::{DBR_DOUBLE, DBR_TIME_DOUBLE, TIME_DOUBLE_VALUE};

/// Puts per second.
const RATES: [u32; 8] = [1000, 5000, 20_000, 50_000, 100_000, 300_000, 1_000_000, 3_000_000];
/// The writer sleeps this long between looks at the clock.
const TICK: Duration = Duration::from_micros(50);

struct State {
    reader: Circuit,
    subid: u32,
    writer: Circuit,
    target: Channel,
}

/// A row of ages for each rate.
pub fn rows(lab: &Lab) -> Result<Vec<Row>> {
    let mut sides =
        [Side::new(lab.ours(&[])?, State::open)?, Side::new(lab.softioc(RSRV, &[])?, State::open)?];
    let seconds = lab.pick(1.0, 0.5);
    let rates = RATES.into_iter().filter(|r| !lab.quick || *r > 1000);
    Ok(rates
        .map(|rate| {
            let row = Row::new(format!("monitor at {rate} puts/s, age p50"), "us", None);
            let row = measure(row, lab.pick(3, 1), &mut sides, |side| side.state.round(rate, seconds));
            let squashed = row.sides.iter().map(|s| format!("{} {}", s.name, last_of(s)));
            let note = squashed.collect::<Vec<_>>().join("; ");
            row.note(note)
        })
        .collect())
}

fn last_of(series: &super::row::Series) -> String {
    let more = series.more.last().cloned().unwrap_or_default();
    let of = |key: &str| more[key].as_f64().unwrap_or(f64::NAN);
    format!(
        "{:.0} puts/s, {:.0} delivered/s, {:.1} % squashed, age p99 {:.0} us",
        of("puts_per_s"),
        of("delivered_per_s"),
        100.0 * of("squashed"),
        more["age_us"]["p99"].as_f64().unwrap_or(f64::NAN)
    )
}

impl State {
    fn open(server: &Server) -> Result<Self> {
        let (mut reader, mut writer) = (server.circuit()?, server.circuit()?);
        let (watched, target) = (reader.create("BENCH:double")?, writer.create("BENCH:double")?);
        let subid = reader.id();
        reader.push_monitor(&watched, DBR_TIME_DOUBLE, 1, subid);
        reader.flush()?;
        reader.next()?.update(subid, DBR_TIME_DOUBLE, 1)?;
        Ok(Self { reader, subid, writer, target })
    }

    /// Values are Unix times, the last one negative; the value's age is known when it arrives.
    fn round(&mut self, rate: u32, seconds: f64) -> Result<Done> {
        let Self { reader, subid, writer, target } = self;
        let start = Instant::now();
        let broken = AtomicBool::new(false);
        let (ages, puts, written) = thread::scope(|scope| {
            let writing = scope.spawn(|| write(writer, target, rate, seconds, &broken));
            let ages = read(reader, *subid);
            broken.store(ages.is_err(), Ordering::Relaxed);
            let (puts, written) = writing.join().map_err(|_| anyhow!("the writer panicked"))??;
            anyhow::Ok((ages?, puts, written))
        })?;
        let (wall, delivered) = (start.elapsed().as_secs_f64(), ages.len() as f64);
        let ages = Sample::new(ages);
        let more = json!({
            "puts_per_s": puts as f64 / written, "delivered_per_s": delivered / wall,
            "squashed": 1.0 - delivered / puts as f64, "age_us": ages.to_json(),
        });
        Ok(Done { ops: puts, value: Some(ages.median()), more: Some(more), ..Done::default() })
    }
}

/// The number of puts and the seconds they took.
fn write(
    circuit: &mut Circuit,
    target: &Channel,
    rate: u32,
    seconds: f64,
    broken: &AtomicBool,
) -> Result<(u64, f64)> {
    let (start, mut sent, mut value) = (Instant::now(), 0, 0.0f64);
    let mut put = |circuit: &mut Circuit, last: bool| {
        value = now().as_secs_f64().max(value.next_up());
        let value = if last { -value } else { value };
        circuit.push_put(target, DBR_DOUBLE, 1, &value.to_be_bytes());
        value
    };
    loop {
        let passed = start.elapsed().as_secs_f64();
        if passed >= seconds || broken.load(Ordering::Relaxed) {
            break;
        }
        // at most so many at once: a writer that is late does not flood
        let due = (passed * f64::from(rate)) as u64;
        let upto = due.min(sent + 1000);
        while sent < upto {
            put(circuit, false);
            sent += 1;
        }
        circuit.flush()?;
        if sent >= due {
            thread::sleep(TICK);
        }
    }
    let last = put(circuit, true);
    let value = circuit.get_f64(target)?;
    ensure!(value == last, "the get behind the puts returned {value}");
    Ok((sent + 1, start.elapsed().as_secs_f64()))
}

/// The ages of all updates in microseconds, until the negative one.
fn read(circuit: &mut Circuit, subid: u32) -> Result<Vec<f64>> {
    let (mut ages, mut seen) = (Vec::new(), f64::NEG_INFINITY);
    loop {
        let value = circuit.next()?.update(subid, DBR_TIME_DOUBLE, 1)?.f64_at(TIME_DOUBLE_VALUE)?;
        ensure!(value.abs() > seen, "got {value} behind {seen}");
        seen = value.abs();
        ages.push((now().as_secs_f64() - seen) * 1e6);
        if value < 0.0 {
            return Ok(ages);
        }
    }
}
