//! More images than can be delivered to one client, and a scalar beside them.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};

use super::{Done, Goal, Lab, PYTHON_SOFT_IOC, Row, Side, measure, now};
use crate::ca::{Circuit, Message};
use crate::peer::Server;
use crate::stats::Sample;
use crate::wire::{DBR_CHAR, DBR_TIME_DOUBLE, TIME_DOUBLE_VALUE};

const SIZES: [(&str, u32); 3] = [("img1", 1_000_000), ("img4", 4_000_000), ("img16", 16_000_000)];
/// Posts of the scalar per second.
const SCALARS: u32 = 200;
/// Bytes posted per second, for all servers alike and more than any of them delivers on two cores.
const OFFERED: u32 = 4_000_000_000;
/// A small receive buffer of a client; the kernel's own grows to several frames.
const SMALL_BUFFER: usize = 256 * 1024;
/// Memory counts as flat when the last third's highest is at most so many MB, two frames, above the second third's.
const FLAT: f64 = 8.0;

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

/// Where the scalar is monitored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scalar {
    /// Nowhere.
    No,
    /// On the circuit of the image.
    Beside,
    /// The same, with a small receive buffer.
    BesideBounded,
    /// On a circuit of its own.
    Apart,
}

struct State {
    circuit: Circuit,
    /// Name, bytes, subscription.
    image: (&'static str, u32, u32),
    /// The scalar's subscription, and its circuit where it has one.
    scalar: Option<u32>,
    apart: Option<Circuit>,
    /// Number and time of the last ones of the round before.
    before: (u64, f64),
}

/// All rows of images.
pub fn rows(lab: &Lab) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, bytes) in SIZES {
        let open = |server: Server| Side::new(server, |server| State::open(server, name, bytes, Scalar::No));
        let mut sides = [open(lab.ours(&["--images"])?)?, open(lab.softioc(PYTHON_SOFT_IOC, &["images"])?)?];
        let case = format!("images of {} MB to one client", bytes / 1_000_000);
        let row = Row::new(case, "MB/s", Some(Goal::PartAtLeast(PYTHON_SOFT_IOC, 1.0)));
        let rounds = (lab.pick(3, 1), lab.pick(3, 1));
        let row = measure(row, rounds.0, &mut sides, |side| State::round(side, rounds.1));
        rows.push(told(row, "frames"));
    }
    rows.extend(beside(lab)?);
    rows.push(memory(lab)?);
    Ok(rows)
}

fn beside(lab: &Lab) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (scalar, case, goal) in [
        (Scalar::Beside, "on one circuit", Some(Goal::Limit(5.0))),
        (Scalar::BesideBounded, "on one circuit, client buffer 256 KiB", None),
        (Scalar::Apart, "on a circuit of its own", None),
    ] {
        let open =
            |server: Server| Side::new(server, |server| State::open(server, "img4", 4_000_000, scalar));
        let mut sides = [open(lab.ours(&["--images"])?)?, open(lab.softioc(PYTHON_SOFT_IOC, &["images"])?)?];
        let row = Row::new(format!("scalar beside images of 4 MB, {case}, age p99"), "ms", goal);
        let row = measure(row, lab.pick(3, 1), &mut sides, |side| State::round(side, lab.pick(4, 1)));
        rows.push(told(row, "scalars"));
    }
    Ok(rows)
}

/// The resident memory of our server during a long run.
fn memory(lab: &Lab) -> Result<Row> {
    let seconds = lab.pick(60, 6);
    let server = lab.ours(&["--images"])?;
    let mut side = Side::new(server, |server| State::open(server, "img4", 4_000_000, Scalar::No))?;
    let (done, mb) = side.watched(seconds).map_err(|e| side.server.explain(e))?;
    let third = mb.len() / 3;
    let highest = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    let growth = highest(&mb[2 * third..]) - highest(&mb[third..2 * third]);
    let case = format!("growth of memory, images of 4 MB for {seconds} s");
    let mut row = Row::of(case, "MB", Some(Goal::Limit(FLAT)), &[(super::OURS, growth)]);
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
    fn open(server: &Server, name: &'static str, bytes: u32, scalar: Scalar) -> Result<Self> {
        let mut circuit = match scalar {
            Scalar::BesideBounded => server.circuit_with_buffer(SMALL_BUFFER)?,
            _ => server.circuit()?,
        };
        let image = circuit.create(&format!("BENCH:{name}"))?;
        ensure!((image.dbr, image.count) == (DBR_CHAR, bytes), "{name} is {image:?}");
        let subid = circuit.id();
        // count 0: as many elements as there are
        circuit.push_monitor(&image, DBR_CHAR, 0, subid);
        circuit.flush()?;
        circuit.next()?.update(subid, DBR_CHAR, 0)?;
        let image = (name, bytes, subid);
        let mut state = Self { circuit, image, scalar: None, apart: None, before: (0, 0.0) };
        if scalar == Scalar::Apart {
            let apart = state.apart.insert(server.circuit()?);
            state.scalar = Some(watch_scalar(apart)?);
        } else if scalar != Scalar::No {
            state.scalar = Some(watch_scalar(&mut state.circuit)?);
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

    /// Reads on one circuit or on two at once; what arrived and how long it took.
    fn read(&mut self) -> Result<(Seen, f64)> {
        let start = Instant::now();
        let Self { circuit, image, scalar, apart, before } = self;
        let image = Some((image.1, image.2));
        let seen = match apart {
            None => read(circuit, image, *scalar, *before)?,
            Some(apart) => thread::scope(|scope| {
                let scalars = scope.spawn(|| read(apart, None, *scalar, *before));
                let seen = read(circuit, image, None, *before);
                let scalars = scalars.join().map_err(|_| anyhow!("the reader panicked"))??;
                let (scalar, scalar_ages) = (scalars.scalar, scalars.scalar_ages);
                anyhow::Ok(Seen { scalar, scalar_ages, ..seen? })
            })?,
        };
        self.before = (seen.frame, seen.scalar);
        Ok((seen, start.elapsed().as_secs_f64()))
    }
}

fn watch_scalar(circuit: &mut Circuit) -> Result<u32> {
    let channel = circuit.create("BENCH:scalar")?;
    let subid = circuit.id();
    circuit.push_monitor(&channel, DBR_TIME_DOUBLE, 1, subid);
    circuit.flush()?;
    circuit.next()?.update(subid, DBR_TIME_DOUBLE, 1)?;
    Ok(subid)
}

/// Until the last frame, of so many bytes, and the last scalar have come, where they are watched.
fn read(
    circuit: &mut Circuit,
    image: Option<(u32, u32)>,
    scalar: Option<u32>,
    before: (u64, f64),
) -> Result<Seen> {
    let mut seen = Seen { frame: before.0, scalar: before.1, ..Seen::default() };
    let (mut last_image, mut last_scalar) = (image.is_none(), scalar.is_none());
    while !last_image || !last_scalar {
        let message = circuit.next()?;
        match (image, scalar) {
            (_, Some(subid)) if message.head.p2 == subid => {
                let value = message.update(subid, DBR_TIME_DOUBLE, 1)?.f64_at(TIME_DOUBLE_VALUE)?;
                last_scalar |= value.abs() > before.1 && seen.scalar(value)?;
            }
            (Some((bytes, subid)), _) => {
                let update = message.update(subid, DBR_CHAR, bytes)?;
                last_image |= word(&update, 0)? > before.0 && seen.image(&update)?;
            }
            _ => bail!("unexpected {}", message.head),
        }
    }
    Ok(seen)
}

impl Side<State> {
    /// Starts posting, reads in a thread of its own, does `meanwhile`, and stops.
    fn posting<R>(&mut self, meanwhile: impl FnOnce(&Server) -> Result<R>) -> Result<(Done, R)> {
        let Self { server, state } = self;
        let ((name, bytes, _), before) = (state.image, state.before.0);
        server.tell(&format!("start {name} {bytes} {}", OFFERED / bytes))?;
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
