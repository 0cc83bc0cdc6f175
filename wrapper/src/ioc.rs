//! An IOC: its devices, their PVs, and the order in which all of it starts and stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ca::Config;
use ca::server::{Report, Server};
#[cfg(feature = "launch")]
use tokio::runtime::Handle;
use tokio::runtime::Runtime;

use crate::autosave::{AutosaveError, Opened};
use crate::describe::{self, DeviceListing, PvDescription};
use crate::device::{DevicePort, DeviceThread, Health, Port, Remote, RestartPolicy, SystemDevice, Watchdog};
use crate::fallback::Fallback;
use crate::group::{Built, GroupBuilder, GroupError};
use crate::handle::{IocHandle, Served};
use crate::hooks::{HookThread, Plan};
use crate::pv::PvCore;
use crate::sequence::template::Template;
use crate::services::Services;
use crate::table::Table;
use crate::view::Known;

/// Where the template's PVs stand behind the device's prefix.
const TEMPLATE: &str = "seq.";
/// Where the PVs about the device's thread stand.
const HEALTH: &str = "health.";
/// Time for devices to leave their commands when the IOC stops.
const DEVICES_STOP: Duration = Duration::from_millis(500);
/// Time for circuits to send their last bytes.
const CIRCUITS_STOP: Duration = Duration::from_millis(300);

/// Why an IOC could not start.
#[derive(Debug, thiserror::Error)]
pub enum IocError {
    /// A PV could not be built.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// A variable of the environment is wrong in a way that must not be ignored.
    #[error(transparent)]
    Config(ca::ConfigWarning),
    /// The network could not be had.
    #[error(transparent)]
    Network(#[from] ca::Error),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// Another IOC saves into the folder of autosave.
    #[error(transparent)]
    Autosave(#[from] AutosaveError),
}

/// Collects the devices and groups of an IOC.
#[derive(Default)]
pub struct IocBuilder {
    devices: Vec<(Box<dyn SystemDevice>, Arc<Port>, RestartPolicy)>,
    pvs: Vec<Arc<PvCore>>,
    plans: Vec<Plan>,
    known: Vec<Known>,
    remote: Arc<Remote>,
    pub(crate) services: Services,
    fallback: Option<Fallback>,
}

impl IocBuilder {
    /// An IOC without PVs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a device: its own PVs behind `prefix`, the template behind `<prefix>seq.`.
    ///
    /// # Errors
    /// When one of its PVs cannot be built.
    pub fn device(self, name: &str, prefix: &str, device: Box<dyn SystemDevice>) -> Result<Self, GroupError> {
        self.device_with(name, prefix, device, RestartPolicy::default())
    }

    /// As [`IocBuilder::device`], with a policy for its restarts.
    ///
    /// # Errors
    /// Those of [`IocBuilder::device`].
    pub fn device_with(
        self,
        name: &str,
        prefix: &str,
        device: Box<dyn SystemDevice>,
        policy: RestartPolicy,
    ) -> Result<Self, GroupError> {
        self.device_in(GroupBuilder::new(prefix), name, device, policy)
    }

    /// As [`IocBuilder::device_with`], with the prefix and the macros of an empty group.
    ///
    /// ```
    /// use wrapper::{Command, Config, DeviceError, DeviceIo, GroupBuilder, GroupError, Ioc, Reply, RestartPolicy, SystemDevice};
    ///
    /// struct Gauge(String);
    ///
    /// impl SystemDevice for Gauge {
    ///     fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
    ///         self.0 = group.macro_value("address").unwrap_or_default().to_owned();
    ///         Ok(())
    ///     }
    ///
    ///     fn execute(&mut self, _: Command, _: &DeviceIo) -> Result<Reply, DeviceError> {
    ///         Ok(Reply::message(&self.0))
    ///     }
    /// }
    ///
    /// let group = GroupBuilder::with_macros("g:", [("address", "10.0.0.7:4001")])?;
    /// let gauge = Box::new(Gauge(String::new()));
    /// let ioc = Ioc::builder().device_in(group, "gauge", gauge, RestartPolicy::default())?;
    /// ioc.start(Config::isolated())?.stop();
    /// # Ok::<(), wrapper::IocError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`IocBuilder::device`].
    pub fn device_in(
        mut self,
        group: GroupBuilder,
        name: &str,
        mut device: Box<dyn SystemDevice>,
        policy: RestartPolicy,
    ) -> Result<Self, GroupError> {
        let prefix = &group.prefix().to_owned();
        if self.known.iter().any(|other| other.name == name) {
            return Err(GroupError::new(prefix, format!("two devices are called {name:?}")));
        }
        let port = Port::new(name, &self.remote);
        self.services.note_prefix(prefix);
        let handle = DevicePort::new(&port);
        let mut group = group.of_device(handle.clone(), port.outlet().clone());
        device.pvs(&mut group)?;
        let commands = device.commands().to_vec();
        let template = group.group(TEMPLATE, |group| Template::build(group, Some(&handle), &commands))?;
        if let Some(twice) =
            commands.iter().enumerate().find(|(i, c)| commands[..*i].iter().any(|o| o.name() == c.name()))
        {
            return Err(GroupError::new(prefix, format!("command {:?} is listed twice", twice.1.name())));
        }
        port.attach(template, commands, group.built().to_vec());
        // Beside the device's PVs: what it shows of the device stays when that is down.
        let mut health = GroupBuilder::new(format!("{prefix}{HEALTH}"));
        port.set_health(Health::build(&mut health, &handle)?);
        self.known.push(Known {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            template: format!("{prefix}{TEMPLATE}"),
            kind: device.kind(),
            port: Arc::downgrade(&port),
            pvs: group.built().iter().chain(health.built()).map(|pv| pv.id).collect(),
        });
        self.devices.push((device, port, policy));
        Ok(self.group(group).group(health))
    }

    /// Settings of the client of the devices, for [`DeviceIo::watch`](crate::DeviceIo::watch) and the like, instead of those of
    /// the environment.
    pub fn client(self, config: ca::ClientConfig) -> Self {
        self.remote.set_config(config);
        self
    }

    /// Adds a group of PVs with its hooks.
    pub fn group(mut self, group: GroupBuilder) -> Self {
        self.services.note_prefix(group.prefix());
        self.add_group(group);
        self
    }

    pub(crate) fn add_group(&mut self, group: GroupBuilder) {
        let Built { pvs, plan } = group.finish();
        self.pvs.extend(pvs);
        self.plans.extend(plan);
    }

    /// Makes a PV when a client opens a name that no PV has: `make` adds it to the group, or nothing when the name stands for none.
    ///
    /// The PV may have another name: then the one that the client asked for is one more name of it. For `X.EGU` it is asked for
    /// `X` first, whose field that may be. `most` PVs are made at most, without those that are removed again; further names are
    /// not found, and logged. A search makes nothing that stays, so names that are only searched for take no room.
    ///
    /// `make` runs on a network thread, at each search too: it waits for nothing. Its PVs have no hooks of their group; checks are
    /// possible. An error, more than one PV, or a panic is logged, and the name not found.
    ///
    /// ```
    /// use wrapper::client::{ClientConfig, Context};
    /// use wrapper::{Config, Ioc};
    /// let ioc = Ioc::builder()
    ///     .fallback(100, |name, group| match name.strip_prefix("zero:") {
    ///         Some(_) => group.pv(name, 0).add().map(drop),
    ///         None => Ok(()),
    ///     })
    ///     .start(Config::isolated())?;
    /// let client = Context::new(ClientConfig::isolated(ioc.udp_addresses()[0].port()))?;
    /// assert_eq!(client.pv("zero:anything").get_as::<i32>().wait()?, 0);
    /// assert_eq!(ioc.names(), ["zero:anything"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fallback(
        mut self,
        most: usize,
        make: impl Fn(&str, &mut GroupBuilder) -> Result<(), GroupError> + Send + Sync + 'static,
    ) -> Self {
        self.fallback = Some(Fallback::new(most, make));
        self
    }

    /// Adds a template that no device stands behind: it shows Offline and refuses CMD.
    ///
    /// # Errors
    /// When a name is too long.
    pub fn template_without_device(mut self, prefix: &str) -> Result<Self, GroupError> {
        let mut group = GroupBuilder::new(prefix);
        group.group(TEMPLATE, |group| Template::build(group, None, &[]))?;
        self = self.group(group);
        Ok(self)
    }

    /// The names of all PVs, in the order of declaration.
    pub fn names(&self) -> Vec<&str> {
        self.pvs.iter().filter(|pv| pv.fixed.listed).map(|pv| &*pv.name).collect()
    }

    /// The ports of the devices so far.
    pub(crate) fn ports(&self) -> Vec<Arc<Port>> {
        self.devices.iter().map(|(_, port, _)| port.clone()).collect()
    }

    /// Each PV with its type, access and description, for tables.
    pub fn describe(&self) -> Vec<PvDescription> {
        let listed = self.pvs.iter().filter(|pv| pv.fixed.is_listed());
        listed.map(|pv| PvDescription::of(pv)).collect()
    }

    /// Each device with its commands and PVs; PVs without a device come last, under the name `pvs`.
    ///
    /// ```
    /// let mut group = wrapper::GroupBuilder::new("lab:");
    /// group.pv("x", 1.5).units("mm").control_limits(0.0..=5.0).add()?;
    /// let devices = wrapper::Ioc::builder().group(group).describe_devices();
    /// assert_eq!((devices[0].name.as_str(), devices[0].pvs[0].control_limits), ("pvs", Some([0.0, 5.0])));
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn describe_devices(&self) -> Vec<DeviceListing> {
        describe::devices(&self.known, &self.pvs)
    }

    /// Starts the devices, then serves.
    ///
    /// # Errors
    /// When two PVs have one name, a port cannot be had, or a thread cannot be started.
    pub fn start(self, config: Config) -> Result<Ioc, IocError> {
        let table = Arc::new(Table::new(self.fallback));
        table.add(self.pvs)?;
        let Services { autosave, shown, status, .. } = self.services;
        let opened = autosave
            .map(|(settings, wiring)| Opened::restore(&settings, wiring, shown, &table.all()))
            .transpose()?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().thread_name("ca-server").enable_all().build()?;
        let server = runtime.block_on(Server::start(config, table.clone()))?;
        self.remote.set_own(server.udp_addresses());
        table.set_bell(&server.rights_bell());
        if let Some(status) = status {
            status.attach(&table, server.reporter());
        }
        let mut ioc = Ioc {
            served: Arc::new(Served::new(table, self.known, server.reporter())),
            devices: Vec::new(),
            watchdog: None,
            server: Some(server),
            #[cfg(feature = "launch")]
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        };
        match ioc.start_threads(self.plans, self.devices).and_then(|()| ioc.served.save(opened)) {
            Ok(()) => Ok(ioc),
            Err(error) => {
                ioc.stop();
                Err(error.into())
            }
        }
    }
}

/// A running IOC.
///
/// Dropping it tells everything to stop and waits for nothing; [`Ioc::stop`] waits.
pub struct Ioc {
    served: Arc<Served>,
    devices: Vec<DeviceThread>,
    /// Ends when the IOC is dropped.
    watchdog: Option<Watchdog>,
    /// Both are there until the IOC stops.
    server: Option<Server<Table>>,
    runtime: Option<Runtime>,
    #[cfg(feature = "launch")]
    handle: Handle,
}

impl Ioc {
    /// An empty builder.
    pub fn builder() -> IocBuilder {
        IocBuilder::new()
    }

    /// A handle to look at the PVs, and to add and remove some while the IOC serves.
    pub fn handle(&self) -> IocHandle {
        IocHandle::new(&self.served)
    }

    /// The names of all PVs.
    pub fn names(&self) -> Vec<String> {
        self.served.table.names()
    }

    /// True when a PV of this name is served.
    pub fn serves(&self, name: &str) -> bool {
        self.served.table.contains(name)
    }

    fn start_threads(
        &mut self,
        plans: Vec<Plan>,
        devices: Vec<(Box<dyn SystemDevice>, Arc<Port>, RestartPolicy)>,
    ) -> std::io::Result<()> {
        for plan in plans {
            self.served.start(plan)?;
        }
        if !devices.is_empty() {
            let ports = devices.iter().map(|(_, port, _)| Arc::downgrade(port)).collect();
            self.watchdog = Some(Watchdog::spawn(ports)?);
        }
        for (device, port, policy) in devices {
            self.devices.push(DeviceThread::spawn(device, port, policy)?);
        }
        Ok(())
    }

    /// Serves more PVs, with their hooks.
    ///
    /// # Errors
    /// Those of [`IocHandle::add`].
    pub fn add(&self, group: GroupBuilder) -> Result<(), IocError> {
        self.served.add(group)
    }

    /// Serves a PV no longer, as [`IocHandle::remove`].
    pub fn remove(&self, name: &str) -> bool {
        self.served.table.remove(name)
    }

    /// Where circuits are accepted.
    pub fn tcp_addresses(&self) -> Vec<std::net::SocketAddrV4> {
        self.server.as_ref().map(Server::tcp_addresses).unwrap_or_default()
    }

    /// Where searches are answered.
    pub fn udp_addresses(&self) -> Vec<std::net::SocketAddrV4> {
        self.server.as_ref().map(Server::udp_addresses).unwrap_or_default()
    }

    /// Circuits and what happened on them.
    pub fn report(&self) -> Report {
        self.server.as_ref().map(Server::report).unwrap_or_default()
    }

    /// The runtime of the circuits.
    #[cfg(feature = "launch")]
    pub(crate) fn runtime(&self) -> &Handle {
        &self.handle
    }

    /// Stops devices, then circuits, all in less than a second.
    ///
    /// Returns the number of devices that were stuck in a command and left behind.
    pub fn stop(mut self) -> usize {
        let deadline = Instant::now() + DEVICES_STOP;
        let hooks = self.served.end();
        hooks.iter().for_each(HookThread::stop);
        self.devices.iter().for_each(DeviceThread::stop);
        // Those that hang are named in the log.
        hooks.into_iter().for_each(|thread| _ = thread.join(deadline));
        let stuck = self.devices.drain(..).map(|device| device.join(deadline)).filter(|ended| !ended).count();
        if let (Some(server), Some(runtime)) = (self.server.take(), self.runtime.take()) {
            if !runtime.block_on(server.stop(CIRCUITS_STOP)) {
                tracing::warn!("some circuits did not close in {CIRCUITS_STOP:?}");
            }
            runtime.shutdown_timeout(Duration::from_millis(50));
        }
        // What was acknowledged on the last circuit is in the last file.
        self.served.save_last();
        stuck
    }
}

impl Drop for Ioc {
    fn drop(&mut self) {
        self.served.end().iter().for_each(HookThread::stop);
        self.devices.iter().for_each(DeviceThread::stop);
        drop(self.server.take());
        self.served.stop_saving();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
