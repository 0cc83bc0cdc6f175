//! Subscriptions, with the type of what they tell.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ca::Error;
use futures_core::Stream;

use super::raw::{self, MonitorEvent};
use super::wanted::{FromData, read};

/// A subscription; dropping it ends it. It keeps its channel and its client.
///
/// Each update is a value, or the reason why there is none: when the channel is lost ([`Error::is_disconnected`]) it resumes by
/// itself, and a value follows. Up to 64 updates wait; then the newest takes the place of the one before.
pub struct Monitor<T> {
    raw: raw::Monitor,
    _context: raw::Context,
    told: PhantomData<fn() -> T>,
}

impl<T: FromData> Monitor<T> {
    pub(super) fn new(raw: raw::Monitor, context: raw::Context) -> Self {
        Self { raw, _context: context, told: PhantomData }
    }

    /// The next update; waits for it as long as it takes.
    ///
    /// # Errors
    /// When the channel is lost, the server has no value, or the value does not fit `T`; more updates may follow.
    pub async fn next(&mut self) -> Result<T, Error> {
        let event = self.raw.next().await;
        told(event, self.raw.channel().name())
    }

    /// The next update; blocks for `timeout` at most, and is `None` when none has come.
    pub fn wait(&mut self, timeout: Duration) -> Option<Result<T, Error>> {
        let event = self.raw.wait(Instant::now() + timeout)?;
        Some(told(event, self.raw.channel().name()))
    }

    /// The next update if it is there already.
    pub fn try_next(&mut self) -> Option<Result<T, Error>> {
        let event = self.raw.try_next()?;
        Some(told(event, self.raw.channel().name()))
    }

    /// An iterator over the updates that ends when none comes for `timeout`.
    pub fn updates(&mut self, timeout: Duration) -> Updates<'_, T> {
        Updates { monitor: self, timeout }
    }

    /// The subscription without types: its channel, the updates that took another's place.
    pub fn raw(&self) -> &raw::Monitor {
        &self.raw
    }
}

impl<T> fmt::Debug for Monitor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.fmt(f)
    }
}

impl<T: FromData> Stream for Monitor<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.raw.poll_next(context).map(|event| Some(told(event, self.raw.channel().name())))
    }
}

/// The updates of a monitor, one behind the other; made by [`Monitor::updates`].
#[derive(Debug)]
pub struct Updates<'a, T> {
    monitor: &'a mut Monitor<T>,
    timeout: Duration,
}

impl<T: FromData> Iterator for Updates<'_, T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.monitor.wait(self.timeout)
    }
}

pub(super) fn told<T: FromData>(event: MonitorEvent, name: &str) -> Result<T, Error> {
    read(name, &event.into_data(name)?)
}
