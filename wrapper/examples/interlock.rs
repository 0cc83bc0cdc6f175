//! An interlock between other IOCs: it watches a PV, and closes a valve by another one when the value is too high.

use std::process::ExitCode;

use wrapper::{
    Alarm, Command, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError, Launcher, Post, Pv, Reply,
    SystemDevice, Watch,
};

struct Pvs {
    limit: Pv<f64>,
    seen: Pv<f64>,
    tripped: Pv<bool>,
}

struct Interlock {
    commands: Vec<CommandSpec>,
    /// Names of the PV to watch and of the valve.
    watched: String,
    valve: String,
    pvs: Option<Pvs>,
    watch: Option<Watch>,
}

impl Interlock {
    fn new() -> Self {
        let commands = vec![CommandSpec::new("reset", "clears a trip, if the value is good again")];
        Self { commands, watched: String::new(), valve: String::new(), pvs: None, watch: None }
    }

    fn own(&self) -> Result<&Pvs, DeviceError> {
        self.pvs.as_ref().ok_or_else(|| "no PVs".into())
    }

    /// A new value; above the limit the valve is told once.
    fn seen(&self, value: f64, io: &DeviceIo) -> Result<Reply, DeviceError> {
        let pvs = self.own()?;
        pvs.seen.post(value);
        if value > pvs.limit.get() && !pvs.tripped.get() {
            pvs.tripped.post(true);
            io.message(format!("{} is {value}, above {}", self.watched, pvs.limit.get()));
            io.put_remote(&self.valve, 0)?;
        }
        Ok(Reply::done())
    }

    fn reset(&self) -> Result<Reply, DeviceError> {
        let pvs = self.own()?;
        let (value, limit) = (pvs.seen.get(), pvs.limit.get());
        if value > limit || pvs.seen.alarm() == Alarm::LINK {
            return Err(format!("{} must be there and at most {limit}, it is {value}", self.watched).into());
        }
        pvs.tripped.post(false);
        Ok(Reply::message("reset"))
    }
}

impl SystemDevice for Interlock {
    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        let name = |option| group.macro_value(option).unwrap_or_default().to_owned();
        (self.watched, self.valve) = (name("watch"), name("valve"));
        group.pv("reset", false).command(&port, |_| Command::new("reset")).add()?;
        self.pvs = Some(Pvs {
            limit: group.pv("limit", 50.0).precision(1).add()?,
            seen: group.pv_undefined("seen").precision(1).read_only().add()?,
            tripped: group.pv("tripped", false).labels(&["No", "Yes"]).read_only().add()?,
        });
        Ok(())
    }

    fn startup(&mut self, io: &DeviceIo) -> Result<(), DeviceError> {
        let command = |update: Result<f64, _>| {
            Some(match update {
                Ok(value) => Command::new("seen").arg("value", value),
                Err(_) => Command::new("lost"),
            })
        };
        self.watch = Some(io.watch(&self.watched, command)?);
        Ok(())
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        match command.name() {
            "seen" => self.seen(command.number("value")?, io),
            "lost" => {
                let pvs = self.own()?;
                pvs.seen.post_with(pvs.seen.get(), Post::new().alarm(Alarm::LINK).message("not connected"));
                Ok(Reply::done())
            }
            _ => self.reset(),
        }
    }
}

fn main() -> ExitCode {
    Launcher::new("An interlock")
        .prefix("lock:")
        .option("watch", Some("gauge:temperature"), "PV to watch")
        .option("valve", Some("supply:output"), "PV that is put to 0 when the value is above the limit")
        .device(|| Box::new(Interlock::new()))
        .run()
}
