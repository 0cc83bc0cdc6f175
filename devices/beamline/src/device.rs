//! The middle man itself.

use wrapper::{
    Command, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError, Reply, SystemDevice, Watch,
};

use crate::pvs::{Place, Pvs};

/// How far a jog goes, in the motor's units.
const JOG: f64 = 0.5;

/// What a middle man is made with.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Prefix of the motor's PVs.
    pub motor: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { motor: "BEAMLINE:motor.".to_owned() }
    }
}

/// Stands between operators and a motor.
pub struct Beamline {
    settings: Settings,
    commands: Vec<CommandSpec>,
    pvs: Option<Pvs>,
    /// VAL of the motor.
    position: Option<f64>,
    watches: Vec<Watch>,
}

impl Beamline {
    /// A middle man of this motor.
    pub fn with(settings: Settings) -> Self {
        let commands = vec![
            CommandSpec::new("insert", "moves the motor into the beam"),
            CommandSpec::new("retract", "moves the motor out of the beam"),
            CommandSpec::new("choose", "as a put to choices").arg("place", wrapper::ArgType::Integer, ""),
            CommandSpec::new("jog", "goes up and back").optional_arg(
                "value",
                wrapper::ArgType::Number,
                "",
                1,
            ),
        ];
        Self { settings, commands, pvs: None, position: None, watches: Vec::new() }
    }

    fn served(&self) -> Result<&Pvs, DeviceError> {
        self.pvs.as_ref().ok_or_else(|| "the middle man has no PVs".into())
    }

    fn val(&self) -> String {
        format!("{}VAL", self.settings.motor)
    }

    /// Where the motor is told to be; without the motor nothing can be done.
    fn there(&self) -> Result<f64, DeviceError> {
        self.position.ok_or_else(|| DeviceError::new(format!("{} is not there", self.val())))
    }

    fn go(&self, place: Place, io: &DeviceIo) -> Result<Reply, DeviceError> {
        let at = self.there()?;
        let Some(to) = place.position() else {
            self.served()?.at(at);
            return Ok(Reply::message("this choice is no place to go to"));
        };
        io.message(format!("{} goes to {to}", self.val()));
        io.put_remote(&self.val(), to)?;
        Ok(Reply::values(vec![to]).with_message(format!("{} is at {to}", self.val())))
    }

    fn jog(&self, value: f64, io: &DeviceIo) -> Result<Reply, DeviceError> {
        let jog = &self.served()?.jog;
        let result = if value == 1.0 {
            let from = self.there()?;
            let way = [from + JOG, from];
            way.into_iter().try_for_each(|to| io.put_remote(&self.val(), to))
        } else {
            Ok(())
        };
        jog.post(0.0);
        result.map(|()| Reply::done())
    }

    fn told(&mut self, command: &Command) -> Result<(), DeviceError> {
        let pvs = self.pvs.as_ref().ok_or("the middle man has no PVs")?;
        match command.name() {
            "at" => {
                let position = command.number("position")?;
                self.position = Some(position);
                pvs.at(position);
            }
            "running" => pvs.running.post(command.number("running")? as i32),
            _ => {
                self.position = None;
                pvs.lost();
            }
        }
        Ok(())
    }
}

impl SystemDevice for Beamline {
    fn kind(&self) -> &'static str {
        "beamline"
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        self.pvs = Some(Pvs::build(group, &self.settings.motor)?);
        Ok(())
    }

    fn startup(&mut self, io: &DeviceIo) -> Result<(), DeviceError> {
        self.watches.clear();
        self.position = None;
        self.served()?.lost();
        let (pvs, val) = (self.served()?.clone(), self.val());
        let position = io.watch(&val, move |update: Result<f64, _>| match update {
            Ok(position) => Some(Command::new("at").arg("position", position)),
            Err(_) => {
                // Puts are refused from now on, not from when the running command has ended.
                pvs.lost();
                Some(Command::new("lost"))
            }
        })?;
        let name = format!("{}running", self.settings.motor);
        let running = io.watch(&name, |update: Result<i32, _>| {
            update.ok().map(|running| Command::new("running").arg("running", i64::from(running)))
        })?;
        self.watches = vec![position, running];
        Ok(())
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        if command.is_watched() {
            return self.told(&command).map(|()| Reply::done());
        }
        match command.name() {
            "insert" => self.go(Place::Insert, io),
            "retract" => self.go(Place::Retract, io),
            "choose" => {
                let index = command.number("place")?;
                let places = [Place::Insert, Place::Retract, Place::Elsewhere];
                let place = places.into_iter().find(|place| f64::from(*place as u8) == index);
                self.go(place.ok_or_else(|| DeviceError::new(format!("place {index} is outside 0..=2")))?, io)
            }
            _ => self.jog(command.number("value")?, io),
        }
    }
}
