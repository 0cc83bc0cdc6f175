//! The clock itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wrapper::{
    Command, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError, Post, Reply, SystemDevice,
};

use crate::pvs::Pvs;

/// What a clock is made with.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// First value of `delay`, in seconds, 0 to 3600.
    pub delay: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { delay: 0.2 }
    }
}

/// Equipment that needs `delay` seconds to tell the time.
pub struct Clock {
    settings: Settings,
    commands: Vec<CommandSpec>,
    pvs: Option<Pvs>,
}

impl Clock {
    /// A clock.
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    /// A clock with other settings.
    pub fn with(settings: Settings) -> Self {
        Self {
            settings,
            commands: vec![CommandSpec::new("request", "takes delay seconds, then publishes the time")],
            pvs: None,
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl SystemDevice for Clock {
    fn kind(&self) -> &'static str {
        "clock"
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        self.pvs = Some(Pvs::build(group, self.settings)?);
        Ok(())
    }

    fn execute(&mut self, _command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        let pvs = self.pvs.as_ref().ok_or("the clock has no PVs")?;
        io.sleep(Duration::from_secs_f64(pvs.delay.get()))?;
        let now = SystemTime::now();
        let unix = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        pvs.response.post_with(unix, Post::new().at(now));
        Ok(Reply::values(vec![unix]))
    }
}
