//! A client and its channels.

use std::fmt;
use std::time::Duration;

use ca::{ClientConfig, Error};
use tracing::warn;

use super::pending::PendingAll;
use super::raw::{self, Batch};
use super::wanted::asked;
use super::{Channel, FromData, IntoPut};

/// How long a request may take unless something else is said.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A client: its channels share one search and one circuit for each server.
///
/// Clones are handles of the same one, and each channel has one: it lives as long as any of them.
///
/// ```
/// use wrapper::client::{ClientConfig, Context};
/// # let ioc = wrapper::Ioc::builder()
/// #     .group({ let mut g = wrapper::GroupBuilder::new("lab:"); g.pv("x", 1.5).add()?; g })
/// #     .start(wrapper::Config::isolated())?;
/// # let config = ClientConfig::isolated(ioc.udp_addresses()[0].port());
/// let client = Context::new(config)?;
/// assert_eq!(client.pv("lab:x").get_as::<f64>().wait()?, 1.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Context {
    raw: raw::Context,
    timeout: Duration,
}

impl Context {
    /// A client with these settings.
    ///
    /// # Errors
    /// When no socket or thread can be had.
    pub fn new(config: ClientConfig) -> Result<Self, Error> {
        Ok(Self { raw: raw::Context::new(config)?, timeout: TIMEOUT })
    }

    /// A client with the settings of the environment (`EPICS_CA_*`); what cannot be used of it is logged.
    ///
    /// # Errors
    /// When no socket or thread can be had.
    pub fn from_env() -> Result<Self, Error> {
        let (config, warnings) = ClientConfig::from_env();
        warnings.iter().for_each(|warning| warn!("{warning}"));
        Self::new(config)
    }

    /// The same client; requests of the channels that are made from now on may take so long. 5 s at first.
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// A channel to the PV of this name; returns at once, and connects by itself.
    pub fn pv(&self, name: &str) -> Channel {
        Channel::new(self.raw.channel(name), self.raw.clone(), self.timeout)
    }

    /// Channels to PVs; returns at once.
    pub fn pvs<const N: usize>(&self, names: [&str; N]) -> [Channel; N] {
        names.map(|name| self.pv(name))
    }

    /// Gets the values of many channels at once; the results are in their order.
    pub fn get_all<'a, T: FromData>(&self, channels: impl IntoIterator<Item = &'a Channel>) -> PendingAll<T> {
        let mut batch = Batch::default();
        let (data_type, count) = asked::<T>();
        let mut names = Vec::new();
        for channel in channels {
            batch.get(channel.raw(), data_type, count);
            names.push(channel.raw().clone());
        }
        PendingAll::got(batch.send(self.timeout), names)
    }

    /// Puts values to many channels at once, and is done when all their servers are.
    pub fn put_all<'a, T: IntoPut>(
        &self,
        puts: impl IntoIterator<Item = (&'a Channel, T)>,
    ) -> PendingAll<()> {
        let mut batch = Batch::default();
        for (channel, value) in puts {
            let put = value.into_put();
            batch.put_notify(channel.raw(), put.data_type, put.count, put.payload);
        }
        PendingAll::done(batch.send(self.timeout))
    }

    /// The client without types: its report, refused puts, circuit priorities.
    pub fn raw(&self) -> &raw::Context {
        &self.raw
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.fmt(f)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.raw, f)
    }
}
