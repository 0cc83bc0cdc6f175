//! The example itself.

use std::time::Duration;

use wrapper::{
    Arg, ArgType, Command, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError, Reply, SystemDevice,
};

use wrapper::sequence::follow::{FollowSettings, Follower};

use crate::pvs::Pvs;
use crate::trajectory::{MAX_POINTS, linear};

/// Steps of a move per second.
const STEPS: f64 = 20.0;

/// A device that keeps a trajectory and can move.
pub struct Example {
    commands: Vec<CommandSpec>,
    pvs: Option<Pvs>,
    follower: Follower,
    trajectory: Vec<f64>,
}

impl Example {
    /// An example that follows the demo sequencer.
    pub fn new() -> Self {
        Self::with(FollowSettings::default())
    }

    /// An example that follows another sequencer.
    pub fn with(settings: FollowSettings) -> Self {
        let commands = vec![
            CommandSpec::new("", "stores the list as trajectory").arg("values", ArgType::List, ""),
            CommandSpec::new("linear", "stores a trajectory of even steps, end excluded")
                .arg("start", ArgType::Number, "")
                .arg("end", ArgType::Number, "")
                .arg("step", ArgType::Number, ""),
            CommandSpec::new("move", "moves VAL, with progress; can be aborted")
                .arg("to", ArgType::Number, "")
                .optional_arg("velocity", ArgType::Number, "1/s", 1.0),
            CommandSpec::new("fail", "fails with the reason given").optional_arg(
                "reason",
                ArgType::Text,
                "",
                "told to fail",
            ),
            CommandSpec::new("panic", "panics, for tests: the device starts again"),
            CommandSpec::new("hang", "never returns, for tests: even the stop of the IOC leaves it behind"),
        ];
        Self { commands, pvs: None, follower: Follower::new(settings), trajectory: Vec::new() }
    }

    fn store(&mut self, values: Vec<f64>) -> Result<Reply, DeviceError> {
        if values.len() > MAX_POINTS {
            return Err(DeviceError::new(format!("{} points, at most {MAX_POINTS} fit", values.len())));
        }
        let message = format!("{} points stored", values.len());
        self.trajectory.clone_from(&values);
        Ok(Reply::values(values).with_message(message))
    }

    fn go(&self, to: f64, velocity: f64, io: &DeviceIo) -> Result<Reply, DeviceError> {
        let pvs = self.pvs.as_ref().ok_or("the example has no PVs")?;
        let from = pvs.val.get();
        if !(to.is_finite() && velocity.is_finite() && velocity > 0.0) {
            return Err(DeviceError::new(format!(
                "move to {to} at {velocity}: both must be finite, velocity above 0"
            )));
        }
        let steps = ((to - from).abs() / velocity * STEPS).ceil().max(1.0);
        for step in 1..=steps as u64 {
            io.sleep(Duration::from_secs_f64(1.0 / STEPS))?;
            let part = step as f64 / steps;
            io.batch(|| {
                pvs.val.post(from + (to - from) * part);
                io.progress(100.0 * part);
            });
        }
        Ok(Reply::values(vec![to]).with_message(format!("at {to}")))
    }
}

impl Default for Example {
    fn default() -> Self {
        Self::new()
    }
}

impl SystemDevice for Example {
    fn kind(&self) -> &'static str {
        "example"
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        self.pvs = Some(Pvs::build(group)?);
        self.follower.pvs(group)
    }

    fn startup(&mut self, io: &DeviceIo) -> Result<(), DeviceError> {
        self.follower.startup(io)
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        if command.is_watched() {
            let val = &self.pvs.as_ref().ok_or("the example has no PVs")?.val;
            return self.follower.execute(&command, &self.trajectory, io, |to| {
                val.post(to);
                Ok(())
            });
        }
        match command.name() {
            "" => self.store(command.get("values").and_then(Arg::numbers).unwrap_or_default()),
            "linear" => {
                self.store(linear(command.number("start")?, command.number("end")?, command.number("step")?)?)
            }
            "move" => self.go(command.number("to")?, command.number("velocity")?, io),
            "fail" => {
                Err(DeviceError::new(command.get("reason").and_then(Arg::as_text).unwrap_or("told to fail")))
            }
            "panic" => panic!("told to panic"),
            "hang" => loop {
                std::thread::park();
            },
            other => Err(DeviceError::new(format!("no command {other:?}"))),
        }
    }
}
