//! What a post may say beside its value.

use std::time::SystemTime;

use ca::proto::Alarm;
use ca::proto::dbr::Stamp;

/// What goes with a posted value: an alarm, its text, the time at which the value was taken.
///
/// ```
/// use wrapper::{Alarm, AlarmSeverity, AlarmStatus, GroupBuilder, Post};
/// let mut group = GroupBuilder::new("x:");
/// let field = group.pv("field", 0.0).units("T").add()?;
/// let open = Alarm::new(AlarmStatus::HwLimit, AlarmSeverity::Major);
/// field.post_with(0.2, Post::new().alarm(open).message("coil open").at(std::time::SystemTime::now()));
/// assert_eq!(field.alarm(), open);
/// field.post(0.0);
/// assert_eq!(field.alarm(), Alarm::NONE);
/// # Ok::<(), wrapper::GroupError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it goes with a value: pv.post_with(value, post)"]
pub struct Post {
    pub(crate) alarm: Option<Alarm>,
    pub(crate) message: Option<Box<str>>,
    pub(crate) stamp: Option<Stamp>,
}

impl Post {
    /// A post with the alarm that the value has by the rules of the PV, and the present time.
    pub fn new() -> Self {
        Self::default()
    }

    /// The alarm, in place of the one by the rules of the PV.
    pub fn alarm(mut self, alarm: Alarm) -> Self {
        self.alarm = Some(alarm);
        self
    }

    /// What clients read in `AMSG`, until the next post; they see 39 bytes, `AMSG$` gives all.
    pub fn message(mut self, text: &str) -> Self {
        self.message = Some(text).filter(|text| !text.is_empty()).map(Box::from);
        self
    }

    /// The time at which the value was taken.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.stamp = Some(Stamp::from_system(time));
        self
    }
}
