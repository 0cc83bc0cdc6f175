//! Requests on their way, with the type of what they bring.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ca::Error;

use super::raw::{self, Data};
use super::wanted::{FromData, read};

type Answer = Result<Option<Data>, Error>;

/// A request on its way: a future, or something to block for. Dropping it gives the request up.
///
/// Of a channel that is not connected yet nothing leaves until this is polled or waited for.
#[derive(Debug)]
#[must_use = "a request that is dropped is given up"]
pub struct Pending<T> {
    raw: raw::Pending,
    read: fn(&str, Answer) -> Result<T, Error>,
}

impl<T: FromData> Pending<T> {
    pub(super) fn got(raw: raw::Pending) -> Self {
        Self { raw, read: got }
    }
}

impl Pending<()> {
    pub(super) fn done(raw: raw::Pending) -> Self {
        Self { raw, read: done }
    }
}

impl<T> Pending<T> {
    /// Blocks until the answer is there, or the time is over.
    ///
    /// # Errors
    /// [`Error`] says which channel and why: not connected or not answered in time, lost meanwhile, not allowed, refused
    /// by the server, or an answer that does not fit `T`.
    pub fn wait(self) -> Result<T, Error> {
        let name = self.raw.name().to_owned();
        (self.read)(&name, self.raw.wait())
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.raw).poll(context).map(|answer| (self.read)(self.raw.name(), answer))
    }
}

/// Many requests on their way: a future of all results, or something to block for.
#[derive(Debug)]
#[must_use = "requests that are dropped are given up"]
pub struct PendingAll<T> {
    raw: raw::PendingBatch,
    /// Whose results come; none where the results need no name.
    channels: Vec<raw::Channel>,
    read: fn(&str, Answer) -> Result<T, Error>,
}

impl<T: FromData> PendingAll<T> {
    pub(super) fn got(raw: raw::PendingBatch, channels: Vec<raw::Channel>) -> Self {
        Self { raw, channels, read: got }
    }
}

impl PendingAll<()> {
    pub(super) fn done(raw: raw::PendingBatch) -> Self {
        Self { raw, channels: Vec::new(), read: done }
    }
}

impl<T> PendingAll<T> {
    /// Blocks until all is answered or the time is over; each result is as of [`Pending::wait`].
    pub fn wait(self) -> Vec<Result<T, Error>> {
        named(self.raw.wait(), &self.channels, self.read)
    }
}

impl<T> Future for PendingAll<T> {
    type Output = Vec<Result<T, Error>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.raw).poll(context).map(|answers| named(answers, &self.channels, self.read))
    }
}

fn named<T>(
    answers: Vec<Answer>,
    channels: &[raw::Channel],
    read: fn(&str, Answer) -> Result<T, Error>,
) -> Vec<Result<T, Error>> {
    let mut channels = channels.iter();
    answers.into_iter().map(|answer| read(channels.next().map_or("", raw::Channel::name), answer)).collect()
}

fn got<T: FromData>(name: &str, answer: Answer) -> Result<T, Error> {
    match answer? {
        Some(data) => read(name, &data),
        None => Err(Error::unfit(format!("{name}: no data came"))),
    }
}

fn done(_: &str, answer: Answer) -> Result<(), Error> {
    answer.map(|_| ())
}
