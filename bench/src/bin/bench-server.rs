//! Our server as the load programs meet it: plain PVs of every kind, a device, images and a scalar posted on command.
//!
//! Lines on standard input start and stop posting: `start NAME BYTES RATE` (0 bytes: a scalar; rate 0: as fast as it goes), `start all N RATE`
//! those of the first N plain PVs, and `stop`, which is answered with the number of the last post of each. The program ends with its standard input.

use std::collections::HashMap;
use std::io::{Write as _, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde_json::{Map, json};
use wrapper::{
    Bytes, Command, Config, DeviceError, DeviceIo, FixedString, Frame, Frames, GroupBuilder, GroupError, Ioc,
    Pv, Reply, SystemDevice,
};

/// Serves PVs named `BENCH:...` on loopback until its standard input closes
#[derive(Parser)]
struct Args {
    /// Plain double PVs p0, p1, ...
    #[arg(long, default_value_t = 0)]
    pvs: usize,
    /// Also a1k and a1m, arrays of doubles
    #[arg(long)]
    arrays: bool,
    /// Also img1, img4 and img16, of so many million bytes
    #[arg(long)]
    images: bool,
}

/// Its `request` is a command that stamps `response`.
#[derive(Default)]
struct Stamper {
    response: Option<Pv<f64>>,
}

impl SystemDevice for Stamper {
    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        group.pv("request", 0).command(&port, |_: i32| Command::new("stamp")).add()?;
        self.response = Some(group.pv("response", 0.0).add()?);
        Ok(())
    }

    fn execute(&mut self, _: Command, _: &DeviceIo) -> Result<Reply, DeviceError> {
        if let Some(response) = &self.response {
            response.post(now().as_secs_f64());
        }
        Ok(Reply::done())
    }
}

/// What can be posted, by name.
struct Posted {
    images: HashMap<&'static str, Pv<Bytes>>,
    scalar: Pv<f64>,
    /// p0, p1, ...
    plain: Vec<Pv<f64>>,
    /// The number of the last post of each: numbers go on rising when posting starts again.
    numbers: HashMap<String, u64>,
    running: Vec<(String, JoinHandle<u64>)>,
    stop: Arc<AtomicBool>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut group = GroupBuilder::new("BENCH:");
    let mut posted = plain(&args, &mut group)?;
    let (config, _) = Config::from_env();
    let stamper = Box::new(Stamper::default());
    let ioc = Ioc::builder().device("stamper", "BENCH:", stamper)?.group(group).start(config)?;
    let tcp = ioc.tcp_addresses().first().context("no address")?.port();
    let udp = ioc.udp_addresses().first().context("no address")?.port();
    say(&json!({"ready": true, "tcp": tcp, "udp": udp}).to_string())?;
    for line in stdin().lines() {
        match line?.split_whitespace().collect::<Vec<_>>()[..] {
            ["start", name, bytes, rate] => posted.start(name, bytes.parse()?, rate.parse()?)?,
            ["stop"] => say(&posted.stop().to_string())?,
            ref other => anyhow::bail!("no such command: {other:?}"),
        }
    }
    ioc.stop();
    Ok(())
}

/// One line, at once.
fn say(line: &str) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn plain(args: &Args, group: &mut GroupBuilder) -> Result<Posted> {
    group.pv("double", 0.0f64).add()?;
    group.pv("float", 0.0f32).add()?;
    group.pv("long", 0i32).add()?;
    group.pv("string", FixedString::cut("0")).add()?;
    let scalar = group.pv("scalar", 0.0f64).add()?;
    let plain = (0..args.pvs).map(|i| group.pv(&format!("p{i}"), i as f64).add());
    let plain = plain.collect::<Result<Vec<_>, _>>()?;
    if args.arrays {
        group.pv("a1k", vec![0.0f64; 1000]).add()?;
        group.pv("a1m", vec![0.0f64; 1_000_000]).add()?;
    }
    let mut images = HashMap::new();
    if args.images {
        for (name, bytes) in [("img1", 1_000_000), ("img4", 4_000_000), ("img16", 16_000_000)] {
            images.insert(name, group.pv(name, Bytes::from(vec![0; bytes])).add()?);
        }
    }
    Ok(Posted { images, scalar, plain, numbers: HashMap::new(), running: Vec::new(), stop: Arc::default() })
}

impl Posted {
    fn start(&mut self, name: &str, bytes: usize, rate: f64) -> Result<()> {
        let stop = self.stop.clone();
        let from = self.numbers.get(name).copied().unwrap_or(0);
        let handle = if name == "all" {
            let pvs = self.plain.iter().take(bytes).cloned().collect::<Vec<_>>();
            ensure!(pvs.len() == bytes, "{bytes} PVs to post, there are {}", pvs.len());
            thread::spawn(move || {
                repeat(from, rate, &stop, |n, _| pvs.iter().for_each(|pv| pv.post(n as f64)))
            })
        } else if bytes == 0 {
            let pv = self.scalar.clone();
            ensure!(name == "scalar", "no scalar {name}");
            thread::spawn(move || repeat(from, rate, &stop, |_, last| pv.post(stamp(last))))
        } else {
            let pv = self.images.get(name).with_context(|| format!("no image {name}"))?.clone();
            let frame = vec![0u8; bytes];
            let frames = Frames::new();
            thread::spawn(move || {
                repeat(from, rate, &stop, |n, last| pv.post(image(frames.take(), &frame, n, last).into()))
            })
        };
        self.running.push((name.to_owned(), handle));
        Ok(())
    }

    fn stop(&mut self) -> serde_json::Value {
        self.stop.store(true, Ordering::Relaxed);
        let mut counts = Map::new();
        for (name, thread) in self.running.drain(..) {
            // a poster that panicked has said so, and its count is missing
            if let Ok(number) = thread.join() {
                self.numbers.insert(name.clone(), number);
                counts.insert(name, json!(number));
            }
        }
        self.stop.store(false, Ordering::Relaxed);
        json!({"posted": counts})
    }
}

/// Calls `post` with rising numbers until told to stop, and once more, as the last one; returns the last number.
fn repeat(from: u64, rate: f64, stop: &AtomicBool, post: impl Fn(u64, bool)) -> u64 {
    let start = Instant::now();
    let mut n = from;
    loop {
        n += 1;
        let last = stop.load(Ordering::Relaxed);
        post(n, last);
        if last {
            return n;
        }
        if rate > 0.0 {
            let due = Duration::from_secs_f64((n - from) as f64 / rate);
            thread::sleep(due.saturating_sub(start.elapsed()));
        }
    }
}

/// A frame: number, time in ns, 1 if it is the last one; and its number again at the end.
fn image(mut frame: Frame, content: &[u8], n: u64, last: bool) -> Frame {
    frame.clear();
    frame.extend_from_slice(content);
    let time = now().as_nanos() as u64;
    for (at, word) in [n, time, u64::from(last)].into_iter().enumerate() {
        frame[8 * at..8 * at + 8].copy_from_slice(&word.to_be_bytes());
    }
    let end = frame.len() - 8;
    frame[end..].copy_from_slice(&n.to_be_bytes());
    frame
}

/// The Unix time; negative in the last post.
fn stamp(last: bool) -> f64 {
    let time = now().as_secs_f64();
    if last { -time } else { time }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
