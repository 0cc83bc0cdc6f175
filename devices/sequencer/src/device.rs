//! The sequencer itself.

use std::time::{Duration, Instant};

use wrapper::{
    Alarm, AlarmSeverity, AlarmStatus, Command, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError,
    Interrupted, Post, Reply, SystemDevice,
};

use crate::followers::{FollowerSettings, Followers, Late};
use crate::pvs::{MAPPING, Pvs, STATUS};

/// A follower that is late for so long is told as a fault.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the state of a long wait is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What a sequencer is made with.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whose keys it publishes, and whom it waits for in lock step.
    pub followers: Vec<FollowerSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { followers: vec![FollowerSettings::Prefix("TEST:SERVER.".to_owned())] }
    }
}

/// Publishes indices, one after the other.
pub struct Sequencer {
    commands: Vec<CommandSpec>,
    followers: Followers,
    pvs: Option<Pvs>,
}

/// How a wait has ended.
enum Ended {
    /// What was waited for is there.
    Done,
    /// `start` was put 0.
    Stopped,
}

impl Sequencer {
    /// A sequencer of these followers.
    pub fn with(settings: Settings) -> Self {
        let commands = vec![
            CommandSpec::new("start", "runs through all indices, as a put of 1 to start"),
            CommandSpec::new("stop", "ends the run; to end one while it runs put 0 to start"),
            CommandSpec::new("pause", "takes over what was put to pause"),
            CommandSpec::new("step", "goes one index on while the run is paused"),
        ];
        Self { commands, followers: Followers::new(settings.followers), pvs: None }
    }

    fn served(&self) -> Result<&Pvs, DeviceError> {
        self.pvs.as_ref().ok_or_else(|| "the sequencer has no PVs".into())
    }

    /// All runs of one start.
    fn start(&self, io: &DeviceIo) -> Result<Reply, DeviceError> {
        let pvs = self.served()?;
        let (steps, runs) = (pvs.steps.get(), pvs.repeat.get());
        let mut done = 0_i64;
        let mut run = 0;
        while runs == 0 || run < runs {
            if let Ended::Stopped = self.begin(io)? {
                return Ok(ended("stopped", done));
            }
            for index in 0..steps {
                self.publish(index)?;
                if let Ended::Stopped = self.wait(index, io)? {
                    return Ok(ended("stopped", done));
                }
                done += 1;
                io.progress(100.0 * f64::from(index + 1) / f64::from(steps));
            }
            run = run.saturating_add(1);
        }
        Ok(ended("done", done))
    }

    /// Tells all followers that a run begins: without it, the first index may be one that they show already.
    fn begin(&self, io: &DeviceIo) -> Result<Ended, DeviceError> {
        let pvs = self.served()?;
        pvs.indices.post("{}".to_owned());
        pvs.index.post(-1);
        if pvs.period.get() > 0.0 { Ok(Ended::Done) } else { self.wait(-1, io) }
    }

    fn publish(&self, index: i32) -> Result<(), DeviceError> {
        let pvs = self.served()?;
        let mapping = self.followers.mapping(index);
        if mapping.len() > MAPPING {
            let length = mapping.len();
            return Err(DeviceError::new(format!(
                "the mapping has {length} bytes, {MAPPING} fit: fewer followers"
            )));
        }
        pvs.indices.post(mapping);
        pvs.index.post(index);
        Ok(())
    }

    /// Waits until the next index may be published.
    fn wait(&self, index: i32, io: &DeviceIo) -> Result<Ended, DeviceError> {
        let pvs = self.served()?;
        let begun = Instant::now();
        let mut single = false;
        loop {
            single |= match self.urgent(io)? {
                Urgent::Stop => return Ok(Ended::Stopped),
                Urgent::Step => true,
                Urgent::Nothing => false,
            };
            let period = pvs.period.get();
            let waited = begun.elapsed();
            let late = if period > 0.0 { Vec::new() } else { self.followers.late(index) };
            let left = Duration::from_secs_f64(period).saturating_sub(waited);
            let ready = late.is_empty() && left.is_zero();
            if ready && (!pvs.pause.get() || single) {
                self.show(&[], "run")?;
                return Ok(Ended::Done);
            }
            if pvs.pause.get() && ready {
                self.show(&[], "pause")?;
            } else if !late.is_empty() && waited >= PATIENCE {
                self.show(&late, "wait")?;
            }
            let longest = if left.is_zero() { LOOK } else { left.min(LOOK) };
            match io.wait(longest) {
                Ok(()) | Err(Interrupted::Urgent) => {}
                Err(reason) => return Err(reason.into()),
            }
        }
    }

    /// Shows what the run does, and who is late; only what changes is told.
    fn show(&self, late: &[Late], status: &str) -> Result<(), DeviceError> {
        let pvs = self.served()?;
        let text = late.iter().map(|one| format!("{}: {}", one.key, one.why)).collect::<Vec<_>>().join(", ");
        let status = if text.is_empty() { status.to_owned() } else { format!("{status}: {text}") };
        // A character has up to four bytes.
        let status: String = status.chars().take(STATUS / 4).collect();
        let text: String = text.chars().take(MAPPING / 4).collect();
        if pvs.status.get() == status {
            return Ok(());
        }
        let behind = late.iter().map(|one| one.behind).max().unwrap_or_default();
        let overdue = Alarm::new(AlarmStatus::Timeout, AlarmSeverity::Minor);
        let alarm = if late.is_empty() { Alarm::NONE } else { overdue };
        pvs.status.post_with(status, Post::new().alarm(alarm));
        pvs.late.post(text);
        pvs.behind.post(behind);
        Ok(())
    }

    /// What was put to `start`, `pause` and `step` while a run is on.
    fn urgent(&self, io: &DeviceIo) -> Result<Urgent, DeviceError> {
        let mut found = Urgent::Nothing;
        while let Some(command) = io.urgent() {
            match command.name() {
                "stop" => found = Urgent::Stop,
                "step" if found != Urgent::Stop => found = Urgent::Step,
                "start" => {
                    command.finish(Err("a run is on already".into()));
                    continue;
                }
                _ => {}
            }
            command.finish(Ok(Reply::done()));
        }
        Ok(found)
    }

    /// After a run, however it ended.
    fn end(&self, result: &Result<Reply, DeviceError>) -> Result<(), DeviceError> {
        let pvs = self.served()?;
        let fault = result.as_ref().err().filter(|error| error.to_string() != Interrupted::Abort.to_string());
        self.show(&[], &fault.map_or("stop".to_owned(), |error| format!("fault: {error}")))?;
        pvs.start.post(0);
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Urgent {
    Nothing,
    Step,
    Stop,
}

fn ended(how: &str, steps: i64) -> Reply {
    Reply::values(vec![steps as f64]).with_message(format!("{how} after {steps} steps"))
}

impl SystemDevice for Sequencer {
    fn kind(&self) -> &'static str {
        "sequencer"
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        self.pvs = Some(Pvs::build(group)?);
        Ok(())
    }

    fn startup(&mut self, io: &DeviceIo) -> Result<(), DeviceError> {
        let pvs = self.served()?;
        pvs.status.post("stop".to_owned());
        pvs.start.post(0);
        self.followers.watch(io)
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        match command.name() {
            "start" => {
                let pvs = self.served()?;
                pvs.start.post(1);
                let result = self.start(io);
                self.end(&result)?;
                result
            }
            "step" => Err("no run is on, so there is no next step; put 1 to start".into()),
            // Between runs there is nothing to stop or to hold; what was put stays.
            _ => Ok(Reply::done()),
        }
    }
}
