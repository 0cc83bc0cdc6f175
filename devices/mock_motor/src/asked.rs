//! Commands as what they ask for.

use wrapper::{Arg, ArgType, Command, CommandSpec, DeviceError};

use crate::faults::{FOLLOWING_LIMIT, Faults};
use crate::fields::Field;
use crate::record::Record;

/// What a command asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Asked {
    Put(Field, f64),
    Fault(Fault),
}

/// A fault to be injected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Stall,
    LoseSteps(f64),
    Limit { high: bool },
    Lag(f64),
    Repair,
}

/// The commands that the motor knows.
pub(crate) fn specs() -> Vec<CommandSpec> {
    vec![
        CommandSpec::new("move", "moves to a position, as a put to VAL").arg("to", ArgType::Number, "mm"),
        CommandSpec::new("move_by", "moves by a distance, as a put to RLV").arg(
            "distance",
            ArgType::Number,
            "mm",
        ),
        CommandSpec::new("stop", "slows down to rest, as STOP"),
        CommandSpec::new("home", "looks for the home switch, forward or reverse").optional_arg(
            "direction",
            ArgType::Text,
            "",
            "forward",
        ),
        CommandSpec::new("jog", "runs forward or reverse until stop()").optional_arg(
            "direction",
            ArgType::Text,
            "",
            "forward",
        ),
        CommandSpec::new("set", "puts a field of the record, a choice by its index")
            .arg("field", ArgType::Text, "")
            .arg("value", ArgType::Number, ""),
        CommandSpec::new("stall", "fault: from now on the motor does not turn"),
        CommandSpec::new("lose_steps", "fault: the next motion ends so many steps short").arg(
            "count",
            ArgType::Number,
            "steps",
        ),
        CommandSpec::new("limit", "fault: the limit switch, high or low, is stuck").arg(
            "side",
            ArgType::Text,
            "",
        ),
        CommandSpec::new("following_error", "fault: at full speed the motor lags behind by so much").arg(
            "lag",
            ArgType::Number,
            "mm",
        ),
        CommandSpec::new("repair", "ends all faults"),
    ]
}

impl Asked {
    /// What a command asks for.
    ///
    /// # Errors
    /// When an argument is none of those that its name allows.
    pub(crate) fn of(command: &Command) -> Result<Self, DeviceError> {
        Ok(match command.name() {
            "move" => Self::Put(Field::Val, command.number("to")?),
            "move_by" => Self::Put(Field::Rlv, command.number("distance")?),
            "stop" => Self::Put(Field::Stop, 1.0),
            "home" if is_first(command, "direction", "forward", "reverse")? => Self::Put(Field::Homf, 1.0),
            "home" => Self::Put(Field::Homr, 1.0),
            "jog" if is_first(command, "direction", "forward", "reverse")? => Self::Put(Field::Jogf, 1.0),
            "jog" => Self::Put(Field::Jogr, 1.0),
            "set" => Self::Put(field(command)?, command.number("value")?),
            "stall" => Self::Fault(Fault::Stall),
            "lose_steps" => Self::Fault(Fault::LoseSteps(at_least_0(command, "count")?)),
            "limit" => Self::Fault(Fault::Limit { high: is_first(command, "side", "high", "low")? }),
            "following_error" => Self::Fault(Fault::Lag(at_least_0(command, "lag")?)),
            "repair" => Self::Fault(Fault::Repair),
            other => return Err(DeviceError::new(format!("no command {other:?}"))),
        })
    }
}

impl Fault {
    /// Makes it so; what is to be told about it.
    pub(crate) fn inject(self, record: &mut Record) -> String {
        let step = record.value(Field::Mres).abs();
        let faults = record.faults_mut();
        match self {
            Self::Stall => {
                faults.stalled = true;
                "the motor does not turn until repair()".to_owned()
            }
            Self::LoseSteps(count) => {
                faults.lost = count * step;
                format!("the next motion loses {count} steps")
            }
            Self::Limit { high } => {
                *(if high { &mut faults.high } else { &mut faults.low }) = true;
                format!("the {} limit switch is stuck until repair()", if high { "high" } else { "low" })
            }
            Self::Lag(lag) => {
                faults.lag = lag;
                format!(
                    "the motor lags behind by {lag} mm at full speed; beyond {FOLLOWING_LIMIT} it is stopped"
                )
            }
            Self::Repair => {
                *faults = Faults::default();
                "all faults are repaired".to_owned()
            }
        }
    }
}

fn field(command: &Command) -> Result<Field, DeviceError> {
    let name = command.get("field").and_then(Arg::as_text).unwrap_or_default();
    Field::find(name).ok_or_else(|| DeviceError::new(format!("no field {name:?} that does something")))
}

/// Which of two words an argument is.
fn is_first(command: &Command, name: &str, first: &str, second: &str) -> Result<bool, DeviceError> {
    match command.get(name).and_then(Arg::as_text) {
        Some(word) if word == first => Ok(true),
        Some(word) if word == second => Ok(false),
        word => {
            let word = word.unwrap_or_default();
            Err(DeviceError::new(format!("{name} {word:?} must be {first:?} or {second:?}")))
        }
    }
}

fn at_least_0(command: &Command, name: &str) -> Result<f64, DeviceError> {
    let value = command.number(name)?;
    if value.is_finite() && value >= 0.0 {
        return Ok(value);
    }
    Err(DeviceError::new(format!("{name} {value} must be at least 0 and finite")))
}
