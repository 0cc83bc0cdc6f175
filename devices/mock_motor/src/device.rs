//! The motor on its thread: commands in, motions on, PVs out.

use std::time::{Duration, Instant};

use wrapper::{
    Command, CommandInbox, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError, Interrupted, Next,
    Reply, SystemDevice,
};

use crate::asked::{self, Asked};
use crate::fields::Field;
use crate::pvs::Pvs;
use crate::record::{End, Put, Record};

/// Time between two updates of RBV while the motor moves.
pub const UPDATE_PERIOD: Duration = Duration::from_millis(100);

/// A command that is answered when the motion has ended.
#[derive(Debug)]
struct Waiting {
    command: Command,
    /// What was put; STOP and the release of a button wait too, and ask for no motion.
    field: Field,
}

/// A simulated motor.
#[derive(Debug)]
pub struct MockMotor {
    commands: Vec<CommandSpec>,
    pvs: Option<Pvs>,
    record: Record,
    started: Instant,
    waiting: Vec<Waiting>,
    /// The number of the last STOP, which ends what was accepted before it.
    stopped: Option<i32>,
    /// Where the motion began, in dial coordinates.
    origin: f64,
}

impl MockMotor {
    /// A motor at 0.
    pub fn new() -> Self {
        Self {
            commands: asked::specs(),
            pvs: None,
            record: Record::new(),
            started: Instant::now(),
            waiting: Vec::new(),
            stopped: None,
            origin: 0.0,
        }
    }

    fn now(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Takes over the settings that autosave has brought into the PVs.
    fn restore(&mut self, io: &DeviceIo) {
        let Some(pvs) = &mut self.pvs else { return };
        let (restored, now) = (pvs.restored(&self.record), self.now());
        // A limit may have to wait for its other end, a speed for the highest one.
        let last = restored.iter().filter(|(field, value)| self.record.put(*field, *value, now).is_err());
        for (field, value) in last.copied().collect::<Vec<_>>() {
            if let Err(reason) = self.record.put(field, value, now) {
                io.message(format!("not restored: {reason}"));
            }
        }
        self.show(io);
    }

    fn show(&mut self, io: &DeviceIo) {
        if let Some(pvs) = &mut self.pvs {
            io.batch(|| pvs.show(&self.record));
        }
    }

    fn take(&mut self, command: Command, io: &DeviceIo) {
        match Asked::of(&command) {
            Ok(Asked::Put(field, value)) => self.put(command, field, value, io),
            Ok(Asked::Fault(fault)) => {
                let told = fault.inject(&mut self.record);
                self.show(io);
                command.finish(Ok(Reply::message(told)));
            }
            Err(error) => command.finish(Err(error)),
        }
    }

    fn put(&mut self, command: Command, field: Field, value: f64, io: &DeviceIo) {
        if self.pvs.as_mut().is_some_and(Pvs::take_refused) {
            self.record.note_violation();
        }
        if let Some(pvs) = self.pvs.as_mut().filter(|_| command.text().is_none()) {
            pvs.note_put(field, value);
        }
        if field == Field::Stop {
            self.stopped = Some(command.count());
        }
        if field.moves() && self.is_before_stop(&command) {
            self.show(io);
            let waiting = Waiting { command, field };
            return waiting.answer(&End::Stopped, &self.record, io);
        }
        let origin = self.record.value(Field::Drbv);
        let put = self.record.put(field, value, self.now());
        if put == Ok(Put::Moves) {
            self.supersede();
            self.origin = origin;
        }
        self.show(io);
        match put {
            Ok(Put::Done) => command.finish(Ok(Reply::done())),
            Ok(Put::Moves | Put::Joins) => self.waiting.push(Waiting { command, field }),
            Err(reason) => command.finish(Err(DeviceError::new(reason))),
        }
    }

    /// A STOP overtakes the commands that wait; those accepted before it are stopped too.
    fn is_before_stop(&self, command: &Command) -> bool {
        self.stopped.is_some_and(|stop| stop.wrapping_sub(command.count()) > 0)
    }

    fn supersede(&mut self) {
        for Waiting { command, field } in self.waiting.drain(..) {
            command.finish(if field.moves() {
                Err(DeviceError::new("superseded by a newer target"))
            } else {
                Ok(Reply::done())
            });
        }
    }

    /// Goes on to the present; answers what has ended.
    fn go_on(&mut self, io: &DeviceIo) {
        if io.interrupted() == Some(Interrupted::Abort) {
            self.record.stop(self.now());
        }
        loop {
            let now = self.now();
            let end = self.record.tick(now);
            self.show(io);
            if let Some(end) = end {
                let record = &self.record;
                self.waiting.drain(..).for_each(|waiting| waiting.answer(&end, record, io));
            }
            if self.record.next_event().is_none_or(|at| at > now) {
                break;
            }
        }
        self.show_progress(io);
    }

    fn show_progress(&self, io: &DeviceIo) {
        let (way, left) = (self.record.value(Field::Dval) - self.origin, self.record.value(Field::Diff));
        let aims = |waiting: &Waiting| !matches!(waiting.field, Field::Jogf | Field::Jogr);
        if way != 0.0 && self.waiting.iter().any(aims) {
            io.progress((100.0 * (1.0 - left / way)).clamp(0.0, 100.0));
        }
    }

    /// When there is something to do without a command.
    fn wake(&self) -> Option<Instant> {
        if !self.record.is_busy() {
            return None;
        }
        let update = Instant::now() + UPDATE_PERIOD;
        let event = self.record.next_event().map(|at| self.started + Duration::from_secs_f64(at));
        Some(event.map_or(update, |event| event.min(update)))
    }
}

impl Waiting {
    fn answer(self, end: &End, record: &Record, io: &DeviceIo) {
        let at = record.value(Field::Rbv);
        let aborted = io.interrupted() == Some(Interrupted::Abort);
        let by_text = self.command.text().is_some();
        let jogs = matches!(self.field, Field::Jogf | Field::Jogr);
        let done = |what: &str| Ok(Reply::values(vec![at]).with_message(format!("{what} at {at:.3}")));
        let result = match end {
            _ if !self.field.moves() => Ok(Reply::done()),
            _ if aborted => Err(DeviceError::from(Interrupted::Abort)),
            End::Reached => done("arrived"),
            // A record completes a put that was stopped; somebody who asked in words is told that it is not done.
            End::Stopped if by_text && !jogs => Err(DeviceError::new(format!("stopped at {at:.3}"))),
            End::Stopped => done("stopped"),
            End::Failed(reason) => Err(DeviceError::new(reason.clone())),
        };
        self.command.finish(result);
    }
}

impl Default for MockMotor {
    fn default() -> Self {
        Self::new()
    }
}

impl SystemDevice for MockMotor {
    fn kind(&self) -> &'static str {
        "motor"
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        self.pvs = Some(Pvs::build(group, &self.record)?);
        Ok(())
    }

    fn startup(&mut self, io: &DeviceIo) -> Result<(), DeviceError> {
        // After a restart: those who wait are answered, and nothing moves on by itself.
        self.waiting.clear();
        self.record.stop(self.now());
        self.restore(io);
        Ok(())
    }

    fn execute(&mut self, command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        Err(DeviceError::new(format!("{:?} came outside of the motor's own loop", command.name())))
    }

    fn run(&mut self, inbox: &CommandInbox, io: &DeviceIo) {
        loop {
            self.go_on(io);
            match inbox.next(self.wake()) {
                Next::Command(command) => self.take(command, io),
                Next::Idle => {}
                Next::Stop => break,
            }
        }
        let waiting = self.waiting.drain(..);
        waiting.for_each(|waiting| waiting.command.finish(Err(Interrupted::Stop.into())));
    }
}
