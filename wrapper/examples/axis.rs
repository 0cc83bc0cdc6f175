//! A motor with a controller of its own: a put to `VAL` completes when it is there, a newer target replaces one that waits,
//! `STOP` is seen at once. The controller is simulated.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use wrapper::{
    ArgType, Command, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError, Interrupted, Launcher,
    Policy, Pv, Reply, SystemDevice,
};

const LOOK: Duration = Duration::from_millis(50);

/// A controller that moves by itself once it is told where to.
struct Controller {
    from: f64,
    to: f64,
    started: Instant,
    speed: f64,
}

impl Controller {
    fn new() -> Self {
        Self { from: 0.0, to: 0.0, started: Instant::now(), speed: 2.0 }
    }

    fn position(&self) -> f64 {
        let way = self.speed * self.started.elapsed().as_secs_f64();
        if way >= (self.to - self.from).abs() {
            self.to
        } else {
            self.from + way * (self.to - self.from).signum()
        }
    }

    fn go(&mut self, to: f64) {
        (self.from, self.to, self.started) = (self.position(), to, Instant::now());
    }

    fn stop(&mut self) {
        let here = self.position();
        (self.from, self.to) = (here, here);
    }

    fn is_moving(&self) -> bool {
        self.position() != self.to
    }
}

struct Pvs {
    setpoint: Pv<f64>,
    readback: Pv<f64>,
    done: Pv<i32>,
}

struct Axis {
    commands: Vec<CommandSpec>,
    controller: Controller,
    pvs: Option<Pvs>,
}

impl Axis {
    fn new() -> Self {
        let commands = vec![
            CommandSpec::new("move", "moves").arg("to", ArgType::Number, "mm"),
            CommandSpec::new("stop", "ends a move where it is"),
        ];
        Self { commands, controller: Controller::new(), pvs: None }
    }

    /// Follows the move to its end. STOP, ABORT and the end of the IOC stop the motor first.
    fn follow(&mut self, pvs: &Pvs, io: &DeviceIo) -> Result<(), DeviceError> {
        while self.controller.is_moving() {
            pvs.readback.post(self.controller.position());
            if let Err(reason) = io.sleep(LOOK) {
                self.controller.stop();
                pvs.setpoint.post(self.controller.position());
                if let (Interrupted::Urgent, Some(stop)) = (reason, io.urgent()) {
                    stop.finish(Ok(Reply::done()));
                    return Err("stopped".into());
                }
                return Err(reason.into());
            }
        }
        Ok(())
    }
}

impl SystemDevice for Axis {
    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        let go = |to| Command::new("move").arg("to", to);
        let stop = |_| Command::new("stop");
        let setpoint = group.pv("VAL", 0.0).units("mm").precision(3).control_limits(-10.0..=10.0);
        let setpoint = setpoint.command_with(&port, Policy::Replace, go).add()?;
        group.pv("STOP", 0).command_with(&port, Policy::Urgent, stop).add()?;
        let readback = group.pv("RBV", 0.0).units("mm").precision(3).read_only().add()?;
        // A client that waits for 0 and then 1 must see both, also for a move of no length.
        let done = group.pv("DMOV", 1).read_only().add()?;
        self.pvs = Some(Pvs { setpoint, readback, done });
        Ok(())
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        let pvs = self.pvs.take().ok_or("no PVs")?;
        let result = if command.name() == "stop" {
            Ok(())
        } else {
            command.number("to").and_then(|to| {
                pvs.done.post(0);
                self.controller.go(to);
                self.follow(&pvs, io)
            })
        };
        let position = self.controller.position();
        pvs.readback.post(position);
        pvs.done.post(1);
        self.pvs = Some(pvs);
        result.map(|()| Reply::values(vec![position]))
    }
}

fn main() -> ExitCode {
    Launcher::new("A motor").prefix("axis:").device(|| Box::new(Axis::new())).run()
}
