//! A served process variable: the typed handle that authors hold, and what is behind it.

mod alarm_group;
mod alarm_rule;
mod any;
mod audit;
mod core;
mod field;
mod flags;
mod post;
mod put;
mod saved;
mod state;
mod tuning;
mod watch;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use ca::proto::Alarm;
use ca::proto::dbr::Meta;
use ca::server::AccessRights;

pub use self::any::AnyPv;
pub(crate) use self::any::on_the_wire;
pub(crate) use self::core::{First, Fixed, PvCore};
use crate::answer::Putting;
use crate::group::{GroupError, check_meta};
use crate::pv_type::PvType;
use crate::record::ControlRule;
pub(crate) use alarm_group::AlarmBook;
pub use alarm_group::AlarmGroup;
pub(crate) use alarm_rule::number_of;
pub(crate) use audit::Entry as AuditEntry;
pub use audit::audit_puts;
pub(crate) use field::Field;
pub(crate) use flags::Active;
pub use post::Post;
pub(crate) use put::MakeAnswer;
pub(crate) use saved::{Saved, can_be_saved};
pub(crate) use tuning::{StateAlarms, is_range};
pub(crate) use watch::Watch;

/// A PV of type `T`; clones are handles of the same PV, usable from any thread.
pub struct Pv<T> {
    core: Arc<PvCore>,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Pv<T> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone(), value: PhantomData }
    }
}

impl<T> std::fmt::Debug for Pv<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pv").field(&self.core.name).finish()
    }
}

impl<T: PvType> Pv<T> {
    pub(crate) fn new(core: Arc<PvCore>) -> Self {
        Self { core, value: PhantomData }
    }

    pub(crate) fn core(&self) -> &Arc<PvCore> {
        &self.core
    }

    /// The full name.
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// The same PV without its type.
    pub fn any(&self) -> AnyPv {
        AnyPv::new(self.core.clone())
    }

    /// The current value.
    ///
    /// A client can put an index beyond the variants of an enum only where none is declared; the first
    /// variant stands for it.
    pub fn get(&self) -> T {
        let value = self.core.read(false).update.value;
        T::from_value(&value)
            .or_else(|| T::from_value(&T::unset()))
            .unwrap_or_else(|| unreachable_type::<T>())
    }

    /// The current alarm.
    pub fn alarm(&self) -> Alarm {
        self.core.read(false).update.alarm
    }

    /// Says what clients may do with the value from now on; they are told at once.
    ///
    /// A PV that is declared read-only takes no puts whatever is allowed. Its fields stay as they are.
    ///
    /// ```
    /// use wrapper::{AccessRights, GroupBuilder};
    /// let pv = GroupBuilder::new("x:").pv("v", 1.0).add()?;
    /// pv.allow(AccessRights::READ);
    /// pv.allow(AccessRights::all());
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn allow(&self, rights: AccessRights) {
        self.core.allow(rights);
    }

    /// Clients that monitor the value now; several subscriptions of one circuit count once.
    ///
    /// See [`PvBuilder::on_watched`](crate::PvBuilder::on_watched) to be told of the first and the last.
    pub fn watched(&self) -> usize {
        self.core.watched()
    }

    /// Changes units, precision, limits or labels; clients that asked for PROPERTY events are told.
    ///
    /// ```
    /// use wrapper::GroupBuilder;
    /// let pv = GroupBuilder::new("x:").pv("v", 1.0).units("mm").add()?;
    /// pv.describe(|meta| {
    ///     meta.units = "um".into();
    ///     meta.alarm.high = 20.0;
    /// })?;
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    ///
    /// # Errors
    /// When labels or limits break the rules of [`PvBuilder::add`](crate::PvBuilder::add); nothing is changed
    /// then.
    pub fn describe(&self, change: impl FnOnce(&mut Meta)) -> Result<(), GroupError> {
        let before = self.core.meta();
        let mut meta = Meta::clone(&before);
        change(&mut meta);
        if self.core.fixed.control == ControlRule::Show && meta.control == before.control {
            meta.control = meta.display;
        }
        check_meta::<T>(&meta).map_err(|rule| GroupError::new(&self.core.name, rule))?;
        self.core.retune(true, |state| state.describe(meta));
        Ok(())
    }

    /// Puts a value as a client would: through limits, checks and hook, or as a command of the device.
    ///
    /// Also where clients may not put. From a hook of the same group the hook of this PV runs at once.
    ///
    /// ```
    /// use wrapper::GroupBuilder;
    /// let pv = GroupBuilder::new("x:").pv("v", 1.0).control_limits(0.0..=5.0).add()?;
    /// assert!(pv.put(2.0).wait().is_ok());
    /// assert_eq!(pv.put(6.0).wait().unwrap_err().to_string(), "6 is outside 0..=5");
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn put(&self, value: T) -> Putting {
        self.core.put_from_code(value.into_value())
    }

    /// Publishes a value, with the alarm that it has by the rules of the PV and the present time.
    ///
    /// Runs no put hook and waits for nobody. PVs of a device go through its put queue, in order. A value
    /// that does not fit the PV is logged and shown as alarm.
    pub fn post(&self, value: T) {
        self.post_with(value, Post::new());
    }

    /// Publishes a value with an alarm, its text, or the time at which it was taken, in one update.
    pub fn post_with(&self, value: T, post: Post) {
        self.core.clone().post(value.into_value(), post);
    }

    /// The period that clients have chosen in the field SCAN; `None` for Passive, Event and I/O Intr.
    ///
    /// See [`PvBuilder::on_scan`](crate::PvBuilder::on_scan) to be told of changes.
    pub fn scan_period(&self) -> Option<Duration> {
        self.core.scan_period()
    }
}

fn unreachable_type<T>() -> T {
    unreachable!("the unset value of a type is of that type")
}
