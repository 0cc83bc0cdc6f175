//! The commands of a device as clients read them, in the template's `COMMANDS`.

use serde::{Deserialize, Serialize};

use super::spec::CommandSpec;

/// One command that a device knows, as lists, `COMMANDS`, screens and the panel have it.
///
/// ```
/// use wrapper::CommandListing;
/// let text = r#"[{"name": "stop", "call": "stop()", "doc": "stops", "args": []}]"#;
/// let commands = CommandListing::read(text).unwrap();
/// assert_eq!(commands[0].call, "stop()");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandListing {
    /// Its name; the empty one is the command that a bare list or mapping is.
    pub name: String,
    /// Its signature, `move(to: number mm)`.
    pub call: String,
    /// What it does.
    pub doc: String,
    /// Seconds that it should take at most, where that is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<f64>,
    /// Its arguments in their order.
    pub args: Vec<ArgListing>,
}

/// One argument of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArgListing {
    /// Its name.
    pub name: String,
    /// Its type, units and default, `number mm = 1.0`.
    pub what: String,
    /// True when it must be given.
    pub required: bool,
}

impl CommandListing {
    /// Reads what `COMMANDS` has; nothing stands for no list.
    ///
    /// # Errors
    /// When it is no list of commands.
    pub fn read(text: &str) -> Result<Vec<Self>, serde_json::Error> {
        if text.is_empty() { Ok(Vec::new()) } else { serde_json::from_str(text) }
    }

    pub(crate) fn of(spec: &CommandSpec) -> Self {
        let args = spec.args().iter().map(|arg| ArgListing {
            name: arg.name.clone(),
            what: arg.to_string().split_once(": ").map_or_else(String::new, |(_, what)| what.to_owned()),
            required: arg.default.is_none(),
        });
        Self {
            name: spec.name().to_owned(),
            call: spec.to_string(),
            doc: spec.doc().to_owned(),
            within: spec.stated_time().map(|time| time.as_secs_f64()),
            args: args.collect(),
        }
    }
}

/// What `COMMANDS` has: JSON, empty for a device that takes any text.
pub(crate) fn text(commands: &[CommandSpec]) -> String {
    if commands.is_empty() {
        return String::new();
    }
    let listed: Vec<_> = commands.iter().map(CommandListing::of).collect();
    serde_json::to_string(&listed).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sequence::spec::ArgType;

    #[test]
    fn what_is_written_is_read_again() {
        let spec = CommandSpec::new("move", "moves: far").arg("to", ArgType::Number, "mm").optional_arg(
            "velocity",
            ArgType::Number,
            "mm/s",
            1.0,
        );
        let listed = CommandListing::read(&text(&[spec])).expect("JSON");
        assert_eq!(listed[0].call, "move(to: number mm, velocity: number mm/s = 1.0)");
        assert_eq!((listed[0].name.as_str(), listed[0].doc.as_str()), ("move", "moves: far"));
        let args: Vec<_> =
            listed[0].args.iter().map(|a| (a.name.as_str(), a.what.as_str(), a.required)).collect();
        assert_eq!(args, [("to", "number mm", true), ("velocity", "number mm/s = 1.0", false)]);
        let timed = CommandSpec::new("open", "opens").within(std::time::Duration::from_secs(3));
        assert_eq!(CommandListing::read(&text(&[timed])).expect("JSON")[0].within, Some(3.0));
        assert_eq!(CommandListing::read(&text(&[])).expect("nothing"), []);
    }
}
