//! The PVs of others, as a device sees them: watched through its get queue, put with completion.

use std::collections::HashMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::Duration;

use ca::ClientConfig;
use parking_lot::Mutex;

use super::command::{Command, DeviceError};
use super::io::DeviceIo;
use super::port::{Port, Slot, TICK};
use crate::client::{Channel, Context, Error, FromData, IntoPut, Monitor, Pending};

/// How long a remote PV may take to be found when it is put.
const FOUND: Duration = Duration::from_secs(5);
/// Longer than any equipment takes.
const EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The client that all devices of an IOC share; made when the first one asks for it.
#[derive(Default)]
pub(crate) struct Remote {
    config: Mutex<Option<ClientConfig>>,
    /// Where this IOC itself answers searches.
    own: Mutex<Vec<SocketAddrV4>>,
    made: Mutex<Option<Context>>,
}

impl Remote {
    /// Settings other than those of the environment.
    pub(crate) fn set_config(&self, config: ClientConfig) {
        *self.config.lock() = Some(config);
    }

    /// This IOC's PVs are found too, on whatever port and interface it serves.
    pub(crate) fn set_own(&self, addresses: Vec<SocketAddrV4>) {
        let here = |a: SocketAddrV4| if a.ip().is_unspecified() { Ipv4Addr::LOCALHOST } else { *a.ip() };
        *self.own.lock() = addresses.into_iter().map(|a| SocketAddrV4::new(here(a), a.port())).collect();
    }

    fn context(&self) -> Result<Context, Error> {
        let mut made = self.made.lock();
        if let Some(context) = &*made {
            return Ok(context.clone());
        }
        let mut config = self.config.lock().clone().unwrap_or_else(|| {
            let (config, warnings) = ClientConfig::from_env();
            warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            config
        });
        for own in &*self.own.lock() {
            if !config.addresses.contains(own) {
                config.addresses.push(*own);
            }
        }
        Ok(made.insert(Context::new(config)?).clone())
    }
}

/// A PV of another IOC that a device watches; dropping it ends that.
#[must_use = "dropping it ends the updates"]
pub struct Watch {
    name: String,
    slot: Slot,
    port: Weak<Port>,
    /// Ends before the slot is emptied.
    end: Option<Box<dyn Send>>,
}

impl Watch {
    /// The name of the PV.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Watch").field(&self.name).finish()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end.take();
        if let Some(port) = self.port.upgrade() {
            port.end_watch(&self.name);
            port.forget_watched(&self.slot);
        }
    }
}

/// Wakes a device that waits for an answer.
struct Nudge(Weak<Port>);

impl Wake for Nudge {
    fn wake(self: Arc<Self>) {
        if let Some(port) = self.0.upgrade() {
            port.nudge();
        }
    }
}

impl DeviceIo {
    /// The client that all devices of this IOC share.
    ///
    /// It is set up from the environment (`EPICS_CA_*`), and finds the PVs of its own IOC in any case.
    ///
    /// # Errors
    /// When no socket or thread can be had.
    pub fn client(&self) -> Result<Context, DeviceError> {
        self.port.remote().context().map_err(DeviceError::from)
    }

    /// Follows a PV of any IOC, this one included: `command` makes commands of its updates, and of the error when it is
    /// lost; it resumes by itself.
    ///
    /// They come through the get queue with policy replace, ahead of no other: while one waits, the next takes its place.
    /// They leave no trace in the template, so that BUSY, ACK and `values` are those of commands that people gave, unless
    /// `command` makes them [`Command::shown`]. ABORT does not drop them.
    /// `command` runs on the client's thread of callbacks: it only looks. An update for which it gives `None` is left out.
    ///
    /// ```
    /// # use wrapper::{Command, DeviceError, DeviceIo, Watch};
    /// fn startup(io: &DeviceIo) -> Result<Watch, DeviceError> {
    ///     io.watch("BEAMLINE:motor.RBV", |update: Result<f64, _>| {
    ///         Some(match update {
    ///             Ok(mm) => Command::new("moved").arg("to", mm),
    ///             Err(_) => Command::new("lost"),
    ///         })
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// When no client can be had.
    pub fn watch<T: FromData>(
        &self,
        name: &str,
        mut command: impl FnMut(Result<T, Error>) -> Option<Command> + Send + 'static,
    ) -> Result<Watch, DeviceError> {
        let (slot, port) = (Slot::default(), Arc::downgrade(&self.port));
        let (place, to) = (slot.clone(), port.clone());
        let monitor: Monitor<T> = self.client()?.pv(name).on_update(move |update| {
            if let (Some(command), Some(port)) = (command(update), to.upgrade()) {
                port.submit_watched(command, &place);
            }
        });
        self.port.note_watch(name);
        Ok(Watch { name: name.to_owned(), slot, port, end: Some(Box::new(monitor)) })
    }

    /// Puts to a PV of any IOC and waits until its server is done with all that follows from it.
    ///
    /// It may take as long as the equipment behind it does; ABORT, an urgent command and the stop of the IOC end the wait,
    /// not what was put. A PV that is not found within 5 s fails.
    ///
    /// # Errors
    /// When the PV is not found, lost meanwhile, or refuses the value; when the command should end.
    pub fn put_remote(&self, name: &str, value: impl IntoPut) -> Result<(), DeviceError> {
        let channel = self.remote_channel(name)?;
        self.wait_for(channel.within(FOUND).connected())?;
        self.wait_for(channel.within(EVER).put_notify(value))
    }

    /// Puts to a PV of any IOC and does not wait for what follows from it.
    ///
    /// # Errors
    /// When the PV is not found within 5 s; when the command should end.
    pub fn post_remote(&self, name: &str, value: impl IntoPut) -> Result<(), DeviceError> {
        self.wait_for(self.remote_channel(name)?.within(FOUND).put(value))
    }

    /// One channel for each name, kept: finding it takes longer than a put.
    fn remote_channel(&self, name: &str) -> Result<Channel, DeviceError> {
        let mut channels = self.channels.lock();
        if let Some(channel) = channels.get(name) {
            return Ok(channel.clone());
        }
        let channel = self.client()?.pv(name);
        channels.insert(name.to_owned(), channel.clone());
        Ok(channel)
    }

    /// Waits for a request of a client, unless the command should end.
    ///
    /// # Errors
    /// Those of the request, and the reason when the command should end.
    pub fn wait_for<T>(&self, mut request: Pending<T>) -> Result<T, DeviceError> {
        let waker = Waker::from(Arc::new(Nudge(Arc::downgrade(&self.port))));
        let mut context = TaskContext::from_waker(&waker);
        loop {
            if let Poll::Ready(answer) = Pin::new(&mut request).poll(&mut context) {
                return answer.map_err(DeviceError::from);
            }
            if let Some(reason) = self.interrupted() {
                return Err(reason.into());
            }
            let _ = self.port.nudged().recv_timeout(TICK);
            self.port.show_elapsed();
        }
    }
}

/// Channels to remote PVs by name.
pub(super) type Channels = Arc<Mutex<HashMap<String, Channel>>>;

impl From<Error> for DeviceError {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
    }
}
