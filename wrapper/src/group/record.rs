//! Record types, alarm rules and the scan field of a PV on its way into a group.

use std::sync::Arc;
use std::time::Duration;

use ca::proto::AlarmSeverity;
use ca::proto::dbr::NativeType;

use super::{GroupBuilder, PRECISION, PvBuilder, UNDECLARED};
use crate::pv::{AlarmBook, AlarmGroup, StateAlarms, is_range};
use crate::pv_type::{PvType, Shape};
use crate::record::{ControlRule, RecordType};

impl GroupBuilder {
    /// The alarm group of this name, whose members are declared with [`PvBuilder::alarm_group`].
    ///
    /// Each group, also one within a group, has alarm groups of its own. See [`AlarmGroup`].
    pub fn alarm_group(&mut self, name: &str) -> AlarmGroup {
        let name = format!("{}{name}", self.prefix);
        let new = || Arc::new(AlarmBook::new(name.clone()));
        let book = self.alarm_groups.entry(name.clone()).or_insert_with(new).clone();
        AlarmGroup { book, outlet: self.outlet.clone() }
    }
}

impl<T: PvType> PvBuilder<'_, T> {
    /// Serves all fields of a record type of EPICS base, or of asyn and motor, with their types, access and first
    /// values.
    ///
    /// The value keeps its own type. Fields that describe the value or its alarms act on it; the others keep what
    /// is written to them. `ao`, `longout` and `int64out` clamp puts to DRVH and DRVL, the control limits. Other
    /// records show HOPR and LOPR, the display limits, as control limits too, and refuse no put by them, unless
    /// control limits are declared.
    ///
    /// ```
    /// use wrapper::GroupBuilder;
    /// let mut group = GroupBuilder::new("lab:");
    /// let temperature = group.pv("temperature", 21.5).units("C").record("ai").add()?;
    /// let error = group.pv("pressure", 1.0).record("aii").add().unwrap_err();
    /// assert!(error.to_string().contains("lab:pressure"));
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn record(mut self, record_type: &str) -> Self {
        match RecordType::find(record_type) {
            Some(record) => self.fixed.record = record,
            None => {
                let known = RecordType::names().collect::<Vec<_>>().join(", ");
                self.faults.push(format!("no record type is called {record_type:?}; there are {known}"));
            }
        }
        self
    }

    /// Ends an alarm of a limit only when the value has come back behind the limit by more than `width` (HYST), in
    /// the units of the value.
    ///
    /// ```
    /// use wrapper::{AlarmSeverity, GroupBuilder};
    /// let mut group = GroupBuilder::new("x:");
    /// let level = group.pv("level", 0.0).units("mm").alarm_limits(0.0..=10.0).hysteresis(1.0);
    /// let level = level.add()?;
    /// level.post(10.0);
    /// level.post(9.0);
    /// assert_eq!(level.alarm().severity, AlarmSeverity::Major);
    /// level.post(8.9);
    /// assert_eq!(level.alarm().severity, AlarmSeverity::NoAlarm);
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn hysteresis(mut self, width: f64) -> Self {
        if T::SHAPE != Shape::Scalar || matches!(T::NATIVE, NativeType::String | NativeType::Enum) {
            self.faults.push("hysteresis needs a number".to_owned());
        }
        if !(width.is_finite() && width >= 0.0) {
            self.faults.push(format!("hysteresis {width} is not a number from 0 on"));
        }
        self.hysteresis = width;
        self
    }

    /// The severity of each state of an ENUM, in the order of its labels (ZSV, OSV; ZRSV to FFSV); states without
    /// one are no alarm.
    ///
    /// ```
    /// use wrapper::{AlarmSeverity, AlarmStatus, GroupBuilder};
    /// let mut group = GroupBuilder::new("x:");
    /// let shutter = group.pv("open", false);
    /// let shutter = shutter.state_severities(&[AlarmSeverity::NoAlarm, AlarmSeverity::Minor]).add()?;
    /// shutter.post(true);
    /// assert_eq!(shutter.alarm().status, AlarmStatus::State);
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn state_severities(mut self, severities: &[AlarmSeverity]) -> Self {
        let states = self.states();
        match states.severities.get_mut(..severities.len()) {
            Some(known) => known.copy_from_slice(severities),
            None => self.faults.push(format!("{} severities of states, 16 fit", severities.len())),
        }
        self
    }

    /// The severity of a change of state of an ENUM (COSV); it ends with the next post of the same state.
    ///
    /// ```
    /// use wrapper::{Alarm, AlarmSeverity, AlarmStatus, GroupBuilder};
    /// let mut group = GroupBuilder::new("x:");
    /// let door = group.pv("door", false).change_severity(AlarmSeverity::Minor).add()?;
    /// door.post(true);
    /// assert_eq!(door.alarm(), Alarm::new(AlarmStatus::Cos, AlarmSeverity::Minor));
    /// door.post(true);
    /// assert_eq!(door.alarm(), Alarm::NONE);
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn change_severity(mut self, severity: AlarmSeverity) -> Self {
        self.states().change = severity;
        self
    }

    fn states(&mut self) -> &mut StateAlarms {
        if T::SHAPE != Shape::Scalar || T::NATIVE != NativeType::Enum {
            self.faults.push("severities of states need an ENUM".to_owned());
        }
        self.states.get_or_insert_default()
    }

    /// Shares the alarm of a group of PVs of this builder: each member shows the worst of all members' alarms and of
    /// what is posted to the group.
    ///
    /// See [`AlarmGroup`].
    pub fn alarm_group(mut self, name: &str) -> Self {
        self.fixed.alarm_group = Some(self.group.alarm_group(name).book);
        self
    }

    /// Calls `hook` with the new period when a client writes the field SCAN, `None` for Passive, Event and I/O Intr.
    ///
    /// It runs on a network thread: it sets a timer or wakes somebody, and waits for nothing.
    pub fn on_scan(mut self, hook: impl Fn(Option<Duration>) + Send + Sync + 'static) -> Self {
        self.fixed.on_scan = Some(Box::new(hook));
        self
    }

    /// What the record type makes of control limits and decimals, now that all is declared.
    pub(super) fn settle(&mut self) {
        if self.meta.precision == UNDECLARED {
            self.meta.precision = if self.fixed.record.is_plain() { PRECISION } else { 0 };
        }
        let declared = is_range(self.meta.control);
        self.fixed.control = match self.fixed.record.control_rule() {
            _ if self.fixed.control == ControlRule::Show => ControlRule::Show,
            ControlRule::Show if declared => ControlRule::Refuse,
            ControlRule::Show => {
                self.meta.control = self.meta.display;
                ControlRule::Show
            }
            rule => rule,
        };
        self.settle_saved();
    }
}
