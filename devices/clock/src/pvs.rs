//! The clock's PVs.

use wrapper::{Command, GroupBuilder, GroupError, Pv};

use crate::device::Settings;

/// What the clock publishes, and what it is told.
#[derive(Clone, Debug)]
pub(crate) struct Pvs {
    pub(crate) response: Pv<f64>,
    pub(crate) delay: Pv<f64>,
}

impl Pvs {
    pub(crate) fn build(group: &mut GroupBuilder, settings: Settings) -> Result<Self, GroupError> {
        let port = group.port()?;
        group
            .pv("request", 0.0)
            .doc("a put asks for the time; it completes when response is there")
            .command(&port, |_| Command::new("request"))
            .add()?;
        Ok(Self {
            response: group.pv("response", 0.0).units("s").precision(3).read_only().doc("Unix time").add()?,
            delay: group
                .pv("delay", settings.delay)
                .units("s")
                .precision(3)
                .control_limits(0.0..=3600.0)
                .doc("time that the equipment takes")
                .autosave()
                .add()?,
        })
    }
}
