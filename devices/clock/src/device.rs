//! The clock itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wrapper::{
    Command, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError, Post, Reply, SystemDevice,
};

use crate::pvs::Pvs;

/// Equipment that needs `delay` seconds to tell the time.
pub struct Clock {
    commands: Vec<CommandSpec>,
    pvs: Option<Pvs>,
}

impl Clock {
    /// A clock.
    pub fn new() -> Self {
        Self {
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
    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        self.pvs = Some(Pvs::build(group)?);
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
