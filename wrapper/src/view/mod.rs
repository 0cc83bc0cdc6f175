//! What another way to serve PVs than Channel Access may see and do.
//!
//! A [`View`] lists PVs, [`ViewChannel`] gets and puts with the checks and hooks that a client on a circuit meets, and
//! [`Feeds`] brings updates through the same bounded queues.
//!
//! ```
//! use wrapper::{Config, GroupBuilder, Ioc};
//! let mut group = GroupBuilder::new("lab:");
//! let pv = group.pv("v", 1.0).units("mm").control_limits(0.0..=5.0).add()?;
//! let ioc = Ioc::builder().group(group).start(Config::isolated())?;
//! let view = ioc.handle().view();
//! let channel = view.open("lab:v").expect("it is served");
//! assert!(channel.put_text("2.5", "somebody").wait().is_ok());
//! assert!(channel.put_text("7", "somebody").wait().is_err());
//! assert_eq!((pv.get(), channel.get().value), (2.5, wrapper::Scalar::Double(2.5).into()));
//! # ioc.stop();
//! # Ok::<(), wrapper::IocError>(())
//! ```

mod devices;
mod feeds;

use std::sync::{Arc, Weak};
use std::time::SystemTime;

use ca::proto::Alarm;
use ca::proto::dbr::{Meta, NativeType, Value, WireArray};
use ca::server::{AccessRights, Report, Update};

pub use ca::host_name;
pub use ca::proto::dbr::text_from_bytes;
pub use devices::{DeviceDescription, GroupDescription};
pub(crate) use devices::{Known, by_device};
pub use feeds::{FeedKey, Feeds};

use crate::answer::Putting;
use crate::channel::Channel;
pub use crate::describe::PvDescription;
use crate::handle::Served;
use crate::pv::on_the_wire;
pub use crate::status::Process;

/// The PVs of a running IOC. Clones are the same; it does not keep the IOC running.
#[derive(Clone)]
pub struct View(Weak<Served>);

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("running", &(self.0.strong_count() > 0)).finish()
    }
}

impl View {
    pub(crate) const fn new(served: Weak<Served>) -> Self {
        Self(served)
    }

    /// All PVs in the order of declaration, with type, access, units and description.
    pub fn pvs(&self) -> Vec<PvDescription> {
        let Some(served) = self.0.upgrade() else { return Vec::new() };
        served.table.listed().iter().map(|pv| PvDescription::of(pv)).collect()
    }

    /// The devices with their commands and PVs; the last one, without a name, has the PVs of no device.
    pub fn devices(&self) -> Vec<DeviceDescription> {
        let Some(served) = self.0.upgrade() else { return Vec::new() };
        by_device(&served.devices, &served.table.listed(), DeviceDescription::of, DeviceDescription::add)
    }

    /// Circuits and what happened on them.
    pub fn report(&self) -> Report {
        self.0.upgrade().map(|served| served.reporter.report()).unwrap_or_default()
    }

    /// True while the IOC runs.
    pub fn is_running(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Opens what a client finds by this name: a PV, a field, with filters or without.
    pub fn open(&self, name: &str) -> Option<ViewChannel> {
        let channel = self.0.upgrade()?.table.open(name)?;
        Some(ViewChannel { name: name.into(), channel: Arc::new(channel) })
    }

    /// Feeds that hold up to `depth` updates of each channel; 1 keeps the latest only.
    pub fn feeds(&self, depth: usize) -> Feeds {
        Feeds::new(depth)
    }
}

/// Value, alarm and time of one instant.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The value.
    pub value: Value,
    /// Its alarm.
    pub alarm: Alarm,
    /// When it was taken.
    pub time: SystemTime,
}

impl From<Update> for Snapshot {
    fn from(update: Update) -> Self {
        Self { value: update.value, alarm: update.alarm, time: update.stamp.to_system() }
    }
}

/// A PV or a field of it. Clones are the same channel.
#[derive(Clone, Debug)]
pub struct ViewChannel {
    name: Box<str>,
    channel: Arc<Channel>,
}

impl ViewChannel {
    /// The name by which it was opened.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Element type and capacity.
    pub fn shape(&self) -> (NativeType, u32) {
        self.channel.shape()
    }

    /// True when puts are taken now.
    pub fn is_writable(&self) -> bool {
        self.channel.rights().is_some_and(|rights| rights.contains(AccessRights::WRITE))
    }

    /// False once the PV is no longer served.
    pub fn is_served(&self) -> bool {
        self.channel.rights().is_some()
    }

    /// The PV, also when this is one of its fields.
    pub fn describe(&self) -> PvDescription {
        PvDescription::of(self.channel.pv())
    }

    /// The reason of the alarm of the PV, where one was given (AMSG).
    pub fn alarm_message(&self) -> Option<String> {
        self.channel.pv().alarm_message()
    }

    /// Units, precision, limits, labels.
    pub fn meta(&self) -> Arc<Meta> {
        self.channel.meta()
    }

    /// The current state; a get hook does not run.
    pub fn get(&self) -> Snapshot {
        self.channel.read(false).update.into()
    }

    /// Puts a value as a client does; `by` says in the log who it was.
    pub fn put(&self, value: &Value, by: &str) -> Putting {
        on_the_wire(value, |wire| self.channel.put_by(wire, by))
    }

    /// Puts what somebody has typed: a text, a number, the label or the index of a choice.
    pub fn put_text(&self, text: &str, by: &str) -> Putting {
        let (native, capacity) = self.shape();
        let (ty, count) = match native {
            NativeType::Char if capacity > 1 => (NativeType::Char, text.len() as u32),
            _ => (NativeType::String, 1),
        };
        self.channel.put_by(WireArray { ty, count, bytes: text.as_bytes() }, by)
    }
}
