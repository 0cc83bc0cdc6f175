//! PVs that share the worst of their alarms.

use std::sync::{Arc, Weak};

use ca::proto::{Alarm, AlarmSeverity};
use ca::server::batch;
use parking_lot::Mutex;

use super::core::PvCore;
use crate::device::PutQueue;
use crate::log_limit::LogLimit;

/// Alarms that come and go.
static TURNS: LogLimit = LogLimit::new(10);

/// An alarm with its text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Raised {
    pub(super) alarm: Alarm,
    pub(super) message: Option<Box<str>>,
}

/// The alarms of a group.
#[derive(Debug, Default)]
struct Pages {
    posted: Raised,
    /// Of the members, in the order in which they joined.
    own: Vec<Raised>,
    /// The members do not know yet.
    changed: bool,
}

impl Pages {
    fn worst(&self) -> &Raised {
        self.own.iter().fold(&self.posted, |worst, next| {
            if next.alarm.severity > worst.alarm.severity { next } else { worst }
        })
    }

    fn turn(&mut self, change: impl FnOnce(&mut Self)) {
        let before = self.worst().clone();
        change(self);
        self.changed |= *self.worst() != before;
    }
}

/// The alarms of a group, and who shows them.
///
/// Lock order: a PV, then the pages; the list of members alone.
pub(crate) struct AlarmBook {
    /// Full name of the group.
    name: Box<str>,
    pages: Mutex<Pages>,
    members: Mutex<Vec<Weak<PvCore>>>,
}

impl std::fmt::Debug for AlarmBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlarmBook").finish_non_exhaustive()
    }
}

impl AlarmBook {
    pub(crate) fn new(name: String) -> Self {
        Self { name: name.into(), pages: Mutex::default(), members: Mutex::default() }
    }

    /// A new member with the alarm that it has.
    pub(crate) fn join(self: &Arc<Self>, pv: &Arc<PvCore>) {
        let index = {
            let mut pages = self.pages.lock();
            pages.own.push(Raised::default());
            pages.own.len() - 1
        };
        self.members.lock().push(Arc::downgrade(pv));
        pv.join(Membership { book: self.clone(), index });
    }

    /// Shows the alarm of the group on all members, if it has changed.
    pub(super) fn spread(&self) {
        if !std::mem::take(&mut self.pages.lock().changed) {
            return;
        }
        let members: Vec<_> = self.members.lock().iter().filter_map(Weak::upgrade).collect();
        batch(|| members.iter().for_each(|member| member.show_group_alarm()));
    }

    /// Posts to the group alone; when the alarm is another one than before, the log says so.
    pub(crate) fn post(&self, alarm: Alarm, message: Option<Box<str>>) {
        if self.pages.lock().posted.alarm != alarm {
            TURNS.log(|left_out| self.tell(alarm, message.as_deref().unwrap_or_default(), left_out));
        }
        self.pages.lock().turn(|pages| pages.posted = Raised { alarm, message });
        self.spread();
    }

    fn tell(&self, alarm: Alarm, text: &str, left_out: &str) {
        let Alarm { status, severity } = alarm;
        let colon = if text.is_empty() { "" } else { ": " };
        match severity {
            AlarmSeverity::NoAlarm => tracing::info!("{}: alarm is over{left_out}", self.name),
            _ => tracing::warn!("{}: alarm {status} {severity}{colon}{text}{left_out}", self.name),
        }
    }
}

/// A PV's place in its group.
#[derive(Debug)]
pub(super) struct Membership {
    book: Arc<AlarmBook>,
    index: usize,
}

impl Membership {
    /// Notes the member's own alarm; what it is to show.
    pub(super) fn note(&self, own: Raised) -> Raised {
        let mut pages = self.book.pages.lock();
        pages.turn(|pages| pages.own[self.index] = own);
        pages.worst().clone()
    }

    /// What the member is to show.
    pub(super) fn shown(&self) -> Raised {
        self.book.pages.lock().worst().clone()
    }

    pub(super) fn book(&self) -> Arc<AlarmBook> {
        self.book.clone()
    }
}

/// The common alarm of some PVs: each shows the worst of their own alarms and of what is posted here.
///
/// Of equal severities what is posted here comes first, then the members in the order of their declaration.
///
/// ```
/// use wrapper::{Alarm, AlarmSeverity, GroupBuilder, Post};
/// let mut group = GroupBuilder::new("magnet:");
/// let current = group.pv("current", 0.0).units("A").alarm_group("supply").add()?;
/// let voltage = group.pv("voltage", 0.0).units("V").alarm_group("supply").add()?;
/// let supply = group.alarm_group("supply");
/// supply.post(Alarm::COMM, "no answer");
/// assert_eq!([current.alarm(), voltage.alarm()], [Alarm::COMM; 2]);
/// supply.clear();
/// assert_eq!(voltage.alarm().severity, AlarmSeverity::NoAlarm);
/// # Ok::<(), wrapper::GroupError>(())
/// ```
#[derive(Clone)]
pub struct AlarmGroup {
    pub(crate) book: Arc<AlarmBook>,
    pub(crate) outlet: Option<Arc<PutQueue>>,
}

impl std::fmt::Debug for AlarmGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlarmGroup").field("shown", self.book.pages.lock().worst()).finish_non_exhaustive()
    }
}

impl AlarmGroup {
    /// Posts an alarm of the group itself, with the text that clients read in `AMSG` of the members; values stay as
    /// they are.
    ///
    /// The log tells when the alarm has become another one, with the text. In a group of a device it goes through the put
    /// queue, in order with the device's posts.
    pub fn post(&self, alarm: Alarm, message: &str) {
        let message = Some(message).filter(|text| !text.is_empty()).map(Box::from);
        match &self.outlet {
            Some(outlet) => outlet.put_alarm(self.book.clone(), alarm, message),
            None => self.book.post(alarm, message),
        }
    }

    /// Takes the group's own alarm back.
    pub fn clear(&self) {
        self.post(Alarm::NONE, "");
    }
}
