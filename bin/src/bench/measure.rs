//! The measurements.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use ca::client::{Batch, Channel, Context, Monitor, MonitorEvent, Status};
use ca::proto::EventMask;

use super::{Bench, Target};

/// Requests that are sent together.
const TOGETHER: usize = 100;
/// Rounds of connecting: each is a client of its own, at servers that have others too.
const ROUNDS: usize = 20;
/// Times of single operations that are kept; further ones are counted only.
const KEPT: usize = 1_000_000;

/// What was measured.
pub(super) struct Measurement {
    pub(super) name: &'static str,
    pub(super) count: u64,
    pub(super) errors: u64,
    pub(super) time: Duration,
    /// Times of single operations in ascending order; empty where only the whole was timed.
    pub(super) times: Vec<Duration>,
}

impl Measurement {
    pub(super) fn per_second(&self) -> f64 {
        if self.time.is_zero() { 0.0 } else { self.count as f64 / self.time.as_secs_f64() }
    }

    /// The time within which this part of the operations was done.
    pub(super) fn percentile(&self, percent: f64) -> Option<Duration> {
        let last = self.times.len().checked_sub(1)?;
        self.times.get((last as f64 * percent / 100.0).round() as usize).copied()
    }
}

/// One measurement under way.
pub(super) struct Meter {
    start: Instant,
    until: Instant,
    done: Measurement,
}

impl Meter {
    pub(super) fn new(name: &'static str, time: Duration) -> Self {
        let start = Instant::now();
        let done = Measurement { name, count: 0, errors: 0, time: Duration::ZERO, times: Vec::new() };
        Self { start, until: start + time, done }
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    fn count(&mut self, good: u64, bad: u64) {
        self.done.count += good;
        self.done.errors += bad;
    }

    /// Of those that were counted, so many were refused.
    fn refused(&mut self, count: u64) {
        self.done.count = self.done.count.saturating_sub(count);
        self.done.errors += count;
    }

    fn took(&mut self, time: Duration) {
        self.done.count += 1;
        if self.done.times.len() < KEPT {
            self.done.times.push(time);
        }
    }

    fn end(mut self) -> Measurement {
        self.done.time = self.start.elapsed();
        self.done.times.sort_unstable();
        self.done
    }
}

impl Bench<'_> {
    /// Clients of their own, one after the other, that connect to all PVs.
    pub(super) fn connect(&mut self, channels: &[Channel]) -> Result<()> {
        let mut meter = self.meter("connect")?;
        for _ in 0..ROUNDS {
            let context = Context::new(self.config.clone())?;
            let start = Instant::now();
            let (sender, connected) = channel();
            let names = channels.iter().map(Channel::name);
            let watches: Vec<_> = names
                .map(|name| {
                    let channel = context.channel(name);
                    let watch = channel.on_status(tells_once(sender.clone()));
                    (channel, watch)
                })
                .collect();
            let deadline = start + self.options.wait;
            let mut missing = watches.len();
            while missing > 0 {
                let left = deadline.saturating_duration_since(Instant::now());
                let Ok(when) = connected.recv_timeout(left) else { break };
                meter.took(when - start);
                missing -= 1;
                self.progress.tick()?;
            }
            meter.count(0, missing as u64);
            if missing > 0 || !meter.goes_on() {
                break;
            }
        }
        let done = meter.end();
        if done.errors > 0 {
            self.found
                .failures
                .insert("connect".to_owned(), format!("{} channels again not in time", done.errors));
        }
        self.found.measurements.push(done);
        Ok(())
    }

    /// One get after the other.
    pub(super) fn get(&mut self, channels: &[Channel]) -> Result<()> {
        let mut meter = self.meter("get")?;
        for channel in channels.iter().cycle() {
            let start = Instant::now();
            let result = channel.get(Channel::PLAIN, 0, self.options.wait).wait();
            match &result {
                Ok(_) => meter.took(start.elapsed()),
                Err(_) => meter.count(0, 1),
            }
            self.progress.tick()?;
            if !self.note(channel, result.map(drop)) || !meter.goes_on() {
                break;
            }
        }
        self.found.measurements.push(meter.end());
        Ok(())
    }

    /// Many gets on the way at once.
    pub(super) fn get_many(&mut self, channels: &[Channel]) -> Result<()> {
        let mut meter = self.meter("get, 100 at once")?;
        let mut turn = channels.iter().cycle();
        let mut on = true;
        while on {
            let asked: Vec<_> = turn.by_ref().take(TOGETHER).collect();
            let mut batch = Batch::default();
            asked.iter().for_each(|channel| _ = batch.get(channel, Channel::PLAIN, 0));
            for (channel, result) in asked.into_iter().zip(batch.send(self.options.wait).wait()) {
                meter.count(u64::from(result.is_ok()), u64::from(result.is_err()));
                on &= self.note(channel, result.map(drop));
            }
            self.progress.tick()?;
            on &= meter.goes_on();
        }
        self.found.measurements.push(meter.end());
        Ok(())
    }

    /// Many puts on the way at once; a get behind them shows that the server has had them.
    pub(super) fn put(&mut self, context: &Context, targets: &[Target]) -> Result<()> {
        let mut meter = self.meter("put, 100 at once")?;
        let mut turn = targets.iter().cycle();
        let mut on = true;
        while on {
            let asked: Vec<_> = turn.by_ref().take(TOGETHER).collect();
            let mut batch = Batch::default();
            for Target { channel, value } in &asked {
                batch.put(channel, value.data_type, value.count, value.payload.to_bytes());
            }
            targets.iter().for_each(|target| _ = batch.get(&target.channel, Channel::PLAIN, 1));
            let mut results = batch.send(self.options.wait).wait().into_iter();
            for (target, result) in asked.iter().zip(results.by_ref()) {
                meter.count(u64::from(result.is_ok()), u64::from(result.is_err()));
                on &= self.note(&target.channel, result.map(drop));
            }
            for (target, result) in targets.iter().zip(results) {
                on &= self.note(&target.channel, result.map(drop));
            }
            // The answers to the gets are behind them.
            let refused = context.failed_puts();
            meter.refused(refused.len() as u64);
            if let Some(first) = refused.into_iter().next() {
                self.found.failures.entry("put".to_owned()).or_insert(first.text);
            }
            self.progress.tick()?;
            on &= meter.goes_on();
        }
        self.found.measurements.push(meter.end());
        Ok(())
    }

    /// One put after the other, each until the server is done with it.
    pub(super) fn put_notify(&mut self, targets: &[Target]) -> Result<()> {
        let mut meter = self.meter("put with completion")?;
        for target in targets.iter().cycle() {
            let start = Instant::now();
            let result = target.put_notify(self.options.wait);
            match &result {
                Ok(_) => meter.took(start.elapsed()),
                Err(_) => meter.count(0, 1),
            }
            self.progress.tick()?;
            if !self.note(&target.channel, result.map(drop)) || !meter.goes_on() {
                break;
            }
        }
        self.found.measurements.push(meter.end());
        Ok(())
    }

    /// Subscriptions: the time to the first value of each, and what comes after it by itself.
    pub(super) fn monitor(&mut self, channels: &[Channel]) -> Result<()> {
        let mut first = self.meter("monitor, first value")?;
        let (sender, firsts) = channel();
        let updates = Arc::new(AtomicU64::new(0));
        let failed = Arc::new(Mutex::new(None));
        let start = Instant::now();
        let subscribe = |channel: &Channel| {
            let (sender, updates, failed) = (sender.clone(), updates.clone(), failed.clone());
            let (name, mut is_first) = (channel.name().to_owned(), true);
            channel.on_update(
                Channel::TIME,
                0,
                EventMask::VALUE | EventMask::ALARM,
                move |event: MonitorEvent| {
                    if let Err(error) = event.into_data(&name) {
                        failed
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .get_or_insert((name.clone(), error));
                    } else if std::mem::take(&mut is_first) {
                        let _nobody_listens = sender.send(Instant::now());
                    } else {
                        updates.fetch_add(1, Relaxed);
                    }
                },
            )
        };
        let monitors: Vec<Monitor> = channels.iter().map(subscribe).collect();
        while first.done.count < monitors.len() as u64 {
            let left = (start + self.options.wait).saturating_duration_since(Instant::now());
            let Ok(when) = firsts.recv_timeout(left) else { break };
            first.took(when - start);
        }
        first.count(0, monitors.len() as u64 - first.done.count);
        self.found.measurements.push(first.end());
        let before = updates.load(Relaxed);
        let mut meter = Meter::new("monitor, updates", self.options.time);
        while meter.goes_on() {
            std::thread::sleep(Duration::from_millis(20).min(self.options.time));
            self.progress.tick()?;
        }
        meter.count(updates.load(Relaxed) - before, 0);
        self.found.measurements.push(meter.end());
        if let Some((name, error)) = failed.lock().unwrap_or_else(PoisonError::into_inner).take()
            && let Some(channel) = channels.iter().find(|channel| channel.name() == name)
        {
            self.note(channel, Err(error));
        }
        Ok(())
    }
}

/// Tells the time of the first connection.
fn tells_once(sender: Sender<Instant>) -> impl FnMut(Status) + Send + 'static {
    let mut sender = Some(sender);
    move |status| {
        if status.connected
            && let Some(sender) = sender.take()
        {
            let _nobody_listens = sender.send(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_kept() {
        let mut meter = Meter::new("x", Duration::ZERO);
        (1..=101).rev().for_each(|ms| meter.took(Duration::from_millis(ms)));
        let mut done = meter.end();
        done.time = Duration::from_millis(500);
        let of = |percent| done.percentile(percent).map(|time| time.as_millis());
        assert_eq!([of(0.0), of(50.0), of(90.0), of(100.0)], [Some(1), Some(51), Some(91), Some(101)]);
        assert_eq!(done.per_second(), 202.0);
        let none = Meter::new("x", Duration::ZERO).end();
        assert_eq!(none.percentile(50.0), None);
    }
}
