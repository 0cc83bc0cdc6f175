//! Images as fast as they go to one client, and a scalar beside them on the same circuit.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};

use super::{Done, Goal, Lab, PYTHON_SOFT_IOC, Row, Side, measure, now};
use crate::ca::{Circuit, Message};
use crate::peer::Server;
use crate::stats::Sample;
use crate::wire::{DBR_CHAR, DBR_TIME_DOUBLE, TIME_DOUBLE_VALUE};

const SIZES: [(&str, u32); 3] = [("img1", 1_000_000), ("img4", 4_000_000), ("img16", 16_000_000)];
/// Posts of the scalar per second.
const SCALARS: u32 = 200;
/// Memory counts as flat when it does not grow by more than this part between the second third and the last one.
const FLAT: f64 = 0.02;

/// What has arrived in one round.
#[derive(Default)]
struct Seen {
    frames: u64,
    distinct: u64,
    /// Number of the last frame, time of the last scalar; what is not newer than the round before is left over from it.
    frame: u64,
    scalar: f64,
    image_ages: Vec<f64>,
    scalar_ages: Vec<f64>,
}

struct State {
    circuit: Circuit,
    image: (&'static str, u32, u32),
    scalar: Option<u32>,
    /// Number and time of the last ones of the round before.
    before: (u64, f64),
}

/// All rows of images.
pub fn rows(lab: &Lab) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, bytes) in SIZES {
        let open = |server: Server| Side::new(server, |server| State::open(server, name, bytes, false));
        let mut sides = [open(lab.ours(&["--images"])?)?, open(lab.softioc(PYTHON_SOFT_IOC, &["images"])?)?];
        let case = format!("images of {} MB to one client", bytes / 1_000_000);
        let row = Row::new(case, "MB/s", Some(Goal::AtLeastOf(PYTHON_SOFT_IOC, 1.0)));
        let rounds = (lab.pick(3, 1), lab.pick(3, 1));
        let row = measure(row, rounds.0, &mut sides, |side| State::round(side, rounds.1));
        rows.push(told(row, "frames"));
    }
    rows.extend(beside(lab)?);
    rows.push(memory(lab)?);
    Ok(rows)
}

fn beside(lab: &Lab) -> Result<[Row; 1]> {
    let open = |server: Server| Side::new(server, |server| State::open(server, "img4", 4_000_000, true));
    let mut sides = [open(lab.ours(&["--images"])?)?, open(lab.softioc(PYTHON_SOFT_IOC, &["images"])?)?];
    let row = Row::new("scalar beside images of 4 MB, age p99", "ms", Some(Goal::AtMost(5.0)));
    let row = measure(row, lab.pick(3, 1), &mut sides, |side| State::round(side, lab.pick(5, 1)));
    Ok([told(row, "scalars")])
}

/// The resident memory of our server during a long run.
fn memory(lab: &Lab) -> Result<Row> {
    let seconds = lab.pick(60, 6);
    let server = lab.ours(&["--images"])?;
    let mut side = Side::new(server, |server| State::open(server, "img4", 4_000_000, false))?;
    let (done, mb) = side.watched(seconds).map_err(|e| side.server.explain(e))?;
    let third = mb.len() / 3;
    let highest = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    let growth = highest(&mb[2 * third..]) / highest(&mb[third..2 * third]) - 1.0;
    let case = format!("growth of memory, images of 4 MB for {seconds} s");
    let mut row = Row::of(case, "part", Some(Goal::AtMost(FLAT)), &[(super::OURS, growth)]);
    row.sides[0].rss_mb = highest(&mb);
    row.sides[0].work = vec![done.ops];
    row.sides[0].more = vec![json!({"rss_mb": mb})];
    Ok(row.note("highest of the last third beside highest of the second third"))
}

/// Adds what else there is to say about the last round of each side.
fn told(row: Row, what: &str) -> Row {
    let text = row.sides.iter().filter_map(|s| Some((s.name, s.more.last()?))).map(|(name, more)| {
        let of = |key: &str, of: &str| more[key][of].as_f64().unwrap_or(f64::NAN);
        let ages = if what == "frames" { "frame_age_ms" } else { "scalar_age_ms" };
        let (frames, distinct, posted) = (&more["frames"], &more["distinct"], &more["posted"]);
        let (p50, p99) = (of(ages, "p50"), of(ages, "p99"));
        format!("{name}: {frames} frames, {distinct} distinct, posted {posted}, age of {what} p50 {p50:.2} p99 {p99:.2} ms")
    });
    let note = text.collect::<Vec<_>>().join("; ");
    row.note(note)
}

impl State {
    fn open(server: &Server, name: &'static str, bytes: u32, scalar: bool) -> Result<Self> {
        let mut circuit = server.circuit()?;
        let image = circuit.create(&format!("BENCH:{name}"))?;
        ensure!((image.dbr, image.count) == (DBR_CHAR, bytes), "{name} is {image:?}");
        let subid = circuit.id();
        // count 0: as many elements as there are
        circuit.push_monitor(&image, DBR_CHAR, 0, subid);
        circuit.flush()?;
        circuit.next()?.update(subid, DBR_CHAR, 0)?;
        let mut state = Self { circuit, image: (name, bytes, subid), scalar: None, before: (0, 0.0) };
        if scalar {
            let channel = state.circuit.create("BENCH:scalar")?;
            let subid = state.circuit.id();
            state.circuit.push_monitor(&channel, DBR_TIME_DOUBLE, 1, subid);
            state.circuit.flush()?;
            state.circuit.next()?.update(subid, DBR_TIME_DOUBLE, 1)?;
            state.scalar = Some(subid);
        }
        Ok(state)
    }

    /// Posts for some seconds; ends when the last frame, and the last scalar, have arrived.
    fn round(side: &mut Side<Self>, seconds: u64) -> Result<Done> {
        side.posting(|_| {
            thread::sleep(Duration::from_secs(seconds));
            Ok(())
        })
        .map(|(done, ())| done)
    }

    fn read(&mut self) -> Result<(Seen, f64)> {
        let (frame, scalar) = self.before;
        let (mut seen, start) = (Seen { frame, scalar, ..Seen::default() }, Instant::now());
        let (mut image, mut scalar) = (false, self.scalar.is_none());
        while !image || !scalar {
            let message = self.circuit.next()?;
            if self.scalar == Some(message.head.p2) {
                let update = message.update(self.scalar.unwrap_or(0), DBR_TIME_DOUBLE, 1)?;
                let value = update.f64_at(TIME_DOUBLE_VALUE)?;
                scalar |= value.abs() > self.before.1 && seen.scalar(value)?;
            } else {
                let (before, update) = (self.before.0, message.update(self.image.2, DBR_CHAR, self.image.1)?);
                image |= word(&update, 0)? > before && seen.image(&update)?;
            }
        }
        self.before = (seen.frame, seen.scalar);
        Ok((seen, start.elapsed().as_secs_f64()))
    }
}

impl Side<State> {
    /// Starts posting, reads in a thread of its own, does `meanwhile`, and stops.
    fn posting<R>(&mut self, meanwhile: impl FnOnce(&Server) -> Result<R>) -> Result<(Done, R)> {
        let Self { server, state } = self;
        let ((name, bytes, _), before) = (state.image, state.before.0);
        server.tell(&format!("start {name} {bytes} 0"))?;
        if state.scalar.is_some() {
            server.tell(&format!("start scalar 0 {SCALARS}"))?;
        }
        let (read, posted, other) = thread::scope(|scope| {
            let reading = scope.spawn(|| state.read());
            let other = meanwhile(server)?;
            server.tell("stop")?;
            let posted = server.wait_line("posted")?;
            let read = reading.join().map_err(|_| anyhow!("the reader panicked"))?;
            anyhow::Ok((read?, posted["posted"].clone(), other))
        })?;
        Ok((done(&read, &posted, name, bytes, before)?, other))
    }

    /// The same for a long time, with the resident MB of each second.
    fn watched(&mut self, seconds: u64) -> Result<(Done, Vec<f64>)> {
        self.posting(|server| {
            let mb = (0..seconds).map(|_| {
                thread::sleep(Duration::from_secs(1));
                server.rss().map(|bytes| bytes / 1e6)
            });
            mb.collect()
        })
    }
}

fn done((seen, wall): &(Seen, f64), posted: &Value, name: &str, bytes: u32, before: u64) -> Result<Done> {
    let count = posted[name].as_u64().context("the server does not say how many frames it posted")?;
    ensure!(seen.frame == count, "the last frame is {}, posted were {count}", seen.frame);
    let scalar = !seen.scalar_ages.is_empty();
    let ages = Sample::new(seen.scalar_ages.clone());
    let rate = seen.frames as f64 * f64::from(bytes) / wall / 1e6;
    let more = json!({
        "mb_per_s": rate, "frames": seen.frames, "distinct": seen.distinct, "posted": count - before,
        "frame_age_ms": Sample::new(seen.image_ages.clone()).to_json(), "scalar_age_ms": ages.to_json(),
        "scalars_posted": posted["scalar"],
    });
    let value = if scalar { ages.quantile(0.99) } else { rate };
    Ok(Done { ops: seen.frames, value: Some(value), more: Some(more), ..Done::default() })
}

fn word(message: &Message<'_>, at: usize) -> Result<u64> {
    let bytes = message.payload.get(at..at + 8).context("a short frame")?;
    Ok(u64::from_be_bytes(bytes.try_into()?))
}

impl Seen {
    /// Checks a frame; true of the last one. rsrv may send a frame twice: its queue holds no copies.
    fn image(&mut self, message: &Message<'_>) -> Result<bool> {
        let (number, end) = (word(message, 0)?, word(message, message.head.count as usize - 8)?);
        ensure!(number == end, "frame {number} is torn, its end is that of {end}");
        ensure!(number >= self.frame, "frame {number} came behind {}", self.frame);
        self.frames += 1;
        self.distinct += u64::from(number > self.frame);
        self.frame = number;
        self.image_ages.push((now().as_nanos() as f64 - word(message, 8)? as f64) / 1e6);
        Ok(word(message, 16)? == 1)
    }

    /// The same of a scalar, which is the Unix time of its post.
    fn scalar(&mut self, value: f64) -> Result<bool> {
        ensure!(value.abs() >= self.scalar, "scalar {value} came behind {}", self.scalar);
        self.scalar = value.abs();
        self.scalar_ages.push((now().as_secs_f64() - self.scalar) * 1e3);
        Ok(value < 0.0)
    }
}
