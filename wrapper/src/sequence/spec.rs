//! What commands a device knows, and the check of a call against that.

use std::fmt;
use std::time::Duration;

use super::arg::{Arg, Call};

/// The name under which [`Bound`] holds the arguments that [`CommandSpec::rest`] takes.
pub const REST: &str = "rest";

const SHOWN_CHARS: usize = 40;
const CLOSE_ENOUGH: usize = 2;

/// What an argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgType {
    /// Any number, nan and inf included.
    Number,
    /// A whole number within 64 bits.
    Integer,
    /// True or false.
    Bool,
    /// A text.
    Text,
    /// A list of numbers, maybe empty.
    List,
    /// Whatever is given.
    Any,
}

impl ArgType {
    /// Whether a value is of this type.
    pub fn accepts(self, arg: &Arg) -> bool {
        match self {
            Self::Number => arg.as_f64().is_some(),
            Self::Integer => arg.as_i64().is_some(),
            Self::Bool => arg.as_bool().is_some(),
            Self::Text => arg.as_text().is_some(),
            Self::List => arg.as_list().is_some_and(|items| items.iter().all(|item| item.as_f64().is_some())),
            Self::Any => true,
        }
    }

    /// Its name in a signature, and what a value must be.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Number => ("number", "a number"),
            Self::Integer => ("integer", "a whole number"),
            Self::Bool => ("bool", "true or false"),
            Self::Text => ("text", "a text in quotes"),
            Self::List => ("list", "a list of numbers"),
            Self::Any => ("any", "a value"),
        }
    }
}

impl fmt::Display for ArgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words().0)
    }
}

/// One argument a command takes.
#[derive(Clone, Debug, PartialEq)]
pub struct ArgSpec {
    /// Its name.
    pub name: String,
    /// What it must be.
    pub arg_type: ArgType,
    /// Its units, empty when it has none.
    pub units: String,
    /// What it is when not given; `None` when it must be given.
    pub default: Option<Arg>,
}

impl ArgSpec {
    /// A value that equals the default is accepted whatever its type: `None` can stand for "not given".
    fn accepts(&self, arg: &Arg) -> bool {
        self.arg_type.accepts(arg) || self.default.as_ref() == Some(arg)
    }
}

impl fmt::Display for ArgSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.arg_type)?;
        if !self.units.is_empty() {
            write!(f, " {}", self.units)?;
        }
        self.default.as_ref().map_or(Ok(()), |default| write!(f, " = {default}"))
    }
}

/// One command a device knows: its name, its arguments, what it does and how long it may take.
///
/// ```
/// use wrapper::sequence::arg::Arg;
/// use wrapper::sequence::spec::{ArgType, CommandSpec};
/// use wrapper::sequence::text::parse;
/// let spec = CommandSpec::new("move", "moves the stage")
///     .arg("to", ArgType::Number, "mm")
///     .optional_arg("velocity", ArgType::Number, "mm/s", 1.0);
/// assert_eq!(spec.to_string(), "move(to: number mm, velocity: number mm/s = 1.0)");
///
/// let bound = spec.check(parse("move(5)").unwrap()).unwrap();
/// assert_eq!(bound.get("to"), Some(&Arg::Int(5)));
/// assert_eq!(bound.get("velocity"), Some(&Arg::Float(1.0)));
///
/// let error = spec.check(parse("move('fast')").unwrap()).unwrap_err();
/// assert_eq!(error.to_string(), r#"move: argument "to" is text "fast", must be a number (mm)"#);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CommandSpec {
    name: String,
    doc: String,
    args: Vec<ArgSpec>,
    rest: Option<ArgType>,
    stated_time: Option<Duration>,
}

impl CommandSpec {
    /// A command without arguments; the empty name is the command that a bare list, mapping or literal is.
    pub fn new(name: impl Into<String>, doc: impl Into<String>) -> Self {
        Self { name: name.into(), doc: doc.into(), args: Vec::new(), rest: None, stated_time: None }
    }

    /// Adds an argument that must be given.
    pub fn arg(self, name: impl Into<String>, arg_type: ArgType, units: impl Into<String>) -> Self {
        self.with(ArgSpec { name: name.into(), arg_type, units: units.into(), default: None })
    }

    /// Adds an argument that may be left out and then has its default.
    pub fn optional_arg(
        self,
        name: impl Into<String>,
        arg_type: ArgType,
        units: impl Into<String>,
        default: impl Into<Arg>,
    ) -> Self {
        let default = Some(default.into());
        self.with(ArgSpec { name: name.into(), arg_type, units: units.into(), default })
    }

    fn with(mut self, arg: ArgSpec) -> Self {
        self.args.push(arg);
        self
    }

    /// Takes any number of further positional arguments of this type, bound as one list called [`REST`].
    pub fn rest(mut self, arg_type: ArgType) -> Self {
        self.rest = Some(arg_type);
        self
    }

    /// States how long the command takes at most; one that overruns is named in the log, not ended.
    pub fn within(mut self, time: Duration) -> Self {
        self.stated_time = Some(time);
        self
    }

    /// The command's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the command does.
    pub fn doc(&self) -> &str {
        &self.doc
    }

    /// The arguments in their order.
    pub fn args(&self) -> &[ArgSpec] {
        &self.args
    }

    /// The type of further positional arguments, if any are taken.
    pub fn rest_type(&self) -> Option<ArgType> {
        self.rest
    }

    /// How long the command takes at most, if that is stated.
    pub fn stated_time(&self) -> Option<Duration> {
        self.stated_time
    }

    /// Binds the call's arguments, whatever its name: each named, in order, defaults filled in.
    ///
    /// # Errors
    /// An argument that is missing, unknown, given twice, of the wrong type or one too many.
    pub fn check(&self, call: Call) -> Result<Bound, SpecError> {
        let mut positional = call.args;
        let extra = positional.split_off(positional.len().min(self.args.len()));
        let mut given: Vec<Option<Arg>> = positional.into_iter().map(Some).collect();
        given.resize(self.args.len(), None);
        for (name, arg) in call.named {
            self.place(&mut given, name, arg)?;
        }
        let bound = self.args.iter().zip(given).map(|(spec, arg)| self.bind(spec, arg));
        let mut args: Vec<_> = bound.collect::<Result<_, _>>()?;
        args.extend(self.bind_rest(extra)?);
        Ok(Bound { name: self.name.clone(), args })
    }

    fn place(&self, given: &mut [Option<Arg>], name: String, arg: Arg) -> Result<(), SpecError> {
        let Some(index) = self.args.iter().position(|spec| spec.name == name) else {
            let name = shortened(&name);
            return Err(self.refusal(format!("unknown argument {name:?}, must fit {self}")));
        };
        if given[index].is_some() {
            return Err(self.refusal(format!("argument {name:?} is given twice, must be given once")));
        }
        given[index] = Some(arg);
        Ok(())
    }

    fn bind(&self, spec: &ArgSpec, arg: Option<Arg>) -> Result<(String, Arg), SpecError> {
        let is = match arg.or_else(|| spec.default.clone()) {
            Some(arg) if spec.accepts(&arg) => return Ok((spec.name.clone(), arg)),
            Some(arg) => described(&arg),
            None => "missing".to_owned(),
        };
        let rule = rule(spec.arg_type, &spec.units);
        Err(self.refusal(format!("argument {:?} is {is}, must be {rule}", spec.name)))
    }

    fn bind_rest(&self, extra: Vec<Arg>) -> Result<Option<(String, Arg)>, SpecError> {
        let limit = self.args.len();
        let wrong = extra.iter().position(|arg| !self.rest.is_some_and(|arg_type| arg_type.accepts(arg)));
        let Some(index) = wrong else {
            return Ok(self.rest.map(|_| (REST.to_owned(), Arg::List(extra))));
        };
        let (number, is) = (limit + index + 1, described(&extra[index]));
        Err(self.refusal(match self.rest {
            Some(arg_type) => format!("argument {number} is {is}, must be {}", rule(arg_type, "")),
            None => format!("argument {number} is {is}, must be at most {limit} arguments"),
        }))
    }

    fn refusal(&self, problem: String) -> SpecError {
        SpecError { message: format!("{}: {problem}", self.label()), is_unknown_command: false }
    }

    fn label(&self) -> &str {
        if self.name.is_empty() { "bare value" } else { &self.name }
    }
}

impl fmt::Display for CommandSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let args = self.args.iter().map(ArgSpec::to_string);
        let rest = self.rest.iter().map(|arg_type| format!("{arg_type}..."));
        write!(f, "{}({})", self.name, args.chain(rest).collect::<Vec<_>>().join(", "))
    }
}

/// A call that passed its command's check: every argument is there, named, in the command's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// The command's name.
    pub name: String,
    /// The arguments, as they were given or by default.
    pub args: Vec<(String, Arg)>,
}

impl Bound {
    /// The argument of this name.
    pub fn get(&self, name: &str) -> Option<&Arg> {
        self.args.iter().find(|(key, _)| key == name).map(|(_, arg)| arg)
    }

    /// The further positional arguments of a command with [`CommandSpec::rest`], else nothing.
    pub fn rest(&self) -> &[Arg] {
        match self.args.last() {
            Some((name, Arg::List(items))) if name == REST => items,
            _ => &[],
        }
    }
}

/// Why a call is not one of the device's commands; the message names command, argument, value and rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SpecError {
    message: String,
    is_unknown_command: bool,
}

impl SpecError {
    /// Whether no command has the name, as against a known command with wrong arguments.
    pub fn is_unknown_command(&self) -> bool {
        self.is_unknown_command
    }
}

/// The command that a call names.
///
/// # Errors
/// No command has the name (a bare literal has the empty one); the message lists the known ones and the closest.
pub fn find<'a>(specs: &'a [CommandSpec], call: &Call) -> Result<&'a CommandSpec, SpecError> {
    specs.iter().find(|spec| spec.name == call.name).ok_or_else(|| unknown(specs, call))
}

fn unknown(specs: &[CommandSpec], call: &Call) -> SpecError {
    let known = specs.iter().map(CommandSpec::label).collect::<Vec<_>>().join(", ");
    let message = match asked_name(call) {
        Some(name) => {
            let closest =
                closest(specs, name).map(|name| format!(" (closest is {name:?})")).unwrap_or_default();
            format!("unknown command {:?}{closest}, known: {known}", shortened(name))
        }
        None => {
            let given = call.args.first().map_or_else(|| "nothing".to_owned(), described);
            format!("{given} is no command, must be one of: {known}")
        }
    };
    SpecError { message, is_unknown_command: true }
}

/// The name in `mvoe(5)`, and in `{"mvoe": 5}`, which was meant as a command too.
fn asked_name(call: &Call) -> Option<&str> {
    match (call.name.as_str(), call.args.as_slice()) {
        ("", [Arg::Map(entries)]) if entries.len() == 1 => Some(&entries[0].0),
        ("", _) => None,
        (name, _) => Some(name),
    }
}

fn closest<'a>(specs: &'a [CommandSpec], name: &str) -> Option<&'a str> {
    let near = specs.iter().filter_map(|spec| {
        let edits = edit_distance(&spec.name, name)?;
        (edits < spec.name.chars().count()).then_some((edits, spec.name()))
    });
    near.min_by_key(|(edits, _)| *edits).map(|(_, name)| name)
}

/// Levenshtein's distance if it is at most [`CLOSE_ENOUGH`]; a name of another length costs nothing.
fn edit_distance(known: &str, name: &str) -> Option<usize> {
    let known: Vec<char> = known.chars().collect();
    let name: Vec<char> = name.chars().take(known.len() + CLOSE_ENOUGH + 1).collect();
    if known.len().abs_diff(name.len()) > CLOSE_ENOUGH {
        return None;
    }
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (i, a) in known.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in name.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().filter(|&edits| edits <= CLOSE_ENOUGH)
}

fn rule(arg_type: ArgType, units: &str) -> String {
    let (_, rule) = arg_type.words();
    if units.is_empty() { rule.to_owned() } else { format!("{rule} ({units})") }
}

fn described(arg: &Arg) -> String {
    match arg {
        Arg::None => arg.kind().to_owned(),
        _ => format!("{} {}", arg.kind(), shortened(&arg.to_string())),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::{parse, parse_for};
    use super::*;
    use proptest::prelude::*;

    fn specs() -> Vec<CommandSpec> {
        vec![
            CommandSpec::new("move", "moves the stage")
                .arg("to", ArgType::Number, "mm")
                .optional_arg("velocity", ArgType::Number, "mm/s", Arg::None)
                .within(Duration::from_secs(60)),
            CommandSpec::new("stop", "stops at once"),
            CommandSpec::new("sum", "adds up").arg("label", ArgType::Text, "").rest(ArgType::Number),
            CommandSpec::new("", "follows a trajectory").arg("points", ArgType::List, "mm"),
        ]
    }

    fn bind(text: &str) -> Result<Bound, SpecError> {
        let call = parse_for(text, &|name| specs().iter().any(|spec| spec.name() == name)).unwrap();
        find(&specs(), &call)?.check(call)
    }

    #[track_caller]
    fn refused(text: &str) -> String {
        bind(text).unwrap_err().to_string()
    }

    #[test]
    fn arguments_are_bound_in_the_order_of_the_command() {
        let expected = vec![("to".to_owned(), Arg::Int(5)), ("velocity".to_owned(), Arg::Float(0.5))];
        for text in ["move(5, 0.5)", "move(velocity=0.5, to=5)", r#"{"move": {"to": 5, "velocity": 0.5}}"#] {
            assert_eq!(bind(text).unwrap(), Bound { name: "move".into(), args: expected.clone() }, "{text}");
        }
        assert_eq!(bind("move(5)").unwrap().get("velocity"), Some(&Arg::None));
        assert_eq!(bind("move(5, None)").unwrap(), bind("move(5)").unwrap());
        assert_eq!(bind("[1, 2.5]").unwrap().get("points").and_then(Arg::numbers), Some(vec![1.0, 2.5]));
        assert!(bind("stop").unwrap().args.is_empty());
    }

    #[test]
    fn further_positional_arguments_are_one_list() {
        assert_eq!(bind("sum('a', 1, 2)").unwrap().rest(), [Arg::Int(1), Arg::Int(2)]);
        assert_eq!(bind("sum(label='a')").unwrap().get(REST), Some(&Arg::List(vec![])));
        assert_eq!(refused("sum('a', 1, 'b')"), r#"sum: argument 3 is text "b", must be a number"#);
        assert!(bind("stop").unwrap().rest().is_empty());
    }

    #[test]
    fn a_refusal_names_command_argument_value_and_rule() {
        assert!(!bind("move").unwrap_err().is_unknown_command());
        assert!(bind("jump").unwrap_err().is_unknown_command());
        for (text, message) in [
            ("move('fast')", r#"move: argument "to" is text "fast", must be a number (mm)"#),
            ("move(True)", r#"move: argument "to" is bool true, must be a number (mm)"#),
            ("move(None)", r#"move: argument "to" is none, must be a number (mm)"#),
            ("move", r#"move: argument "to" is missing, must be a number (mm)"#),
            ("move(1, to=2)", r#"move: argument "to" is given twice, must be given once"#),
            ("stop(7)", "stop: argument 1 is number 7, must be at most 0 arguments"),
            ("stop(now=1)", r#"stop: unknown argument "now", must fit stop()"#),
            ("[1, 'a']", r#"bare value: argument "points" is list [1, "a"], must be a list of numbers (mm)"#),
        ] {
            assert_eq!(refused(text), message, "{text}");
        }
    }

    #[test]
    fn an_unknown_command_is_told_the_known_ones_and_the_closest() {
        let known = "known: move, stop, sum, bare value";
        assert_eq!(refused("mvoe(5)"), format!(r#"unknown command "mvoe" (closest is "move"), {known}"#));
        assert_eq!(refused("import"), format!(r#"unknown command "import", {known}"#));
        let named = [CommandSpec::new("go", "")];
        let message = |text| find(&named, &parse(text).unwrap()).unwrap_err().to_string();
        assert_eq!(message("{'goo': 5}"), r#"unknown command "goo" (closest is "go"), known: go"#);
        assert_eq!(message("up"), r#"unknown command "up", known: go"#);
        assert_eq!(message("[1]"), "list [1] is no command, must be one of: go");
    }

    #[test]
    fn long_values_are_shortened_in_messages() {
        assert!(refused(&format!("move('{}')", "é".repeat(9000))).chars().count() < 120);
        assert!(refused(&"x".repeat(9000)).chars().count() < 120);
    }

    #[test]
    fn every_type_takes_its_own_and_nothing_else() {
        let values = ["1", "1.5", "True", "'a'", "[1, nan]", "[]", "['a']", "{}", "None"];
        let accepted = |arg_type: ArgType| {
            let takes = |text: &&str| arg_type.accepts(&parse(text).unwrap().args[0]);
            values.into_iter().filter(takes).collect::<Vec<_>>()
        };
        assert_eq!(accepted(ArgType::Number), ["1", "1.5"]);
        assert_eq!(accepted(ArgType::Integer), ["1"]);
        assert_eq!(accepted(ArgType::Bool), ["True"]);
        assert_eq!(accepted(ArgType::Text), ["'a'"]);
        assert_eq!(accepted(ArgType::List), ["[1, nan]", "[]"]);
        assert_eq!(accepted(ArgType::Any), values);
    }

    #[test]
    fn the_signature_says_name_type_units_and_default() {
        let shown: Vec<String> = specs().iter().map(CommandSpec::to_string).collect();
        assert_eq!(shown[0], "move(to: number mm, velocity: number mm/s = null)");
        assert_eq!(shown[1..], ["stop()", "sum(label: text, number...)", "(points: list mm)"]);
        assert_eq!(specs()[0].stated_time(), Some(Duration::from_secs(60)));
    }

    proptest! {
        #[test]
        fn edit_distance_is_symmetric_and_bounded(a in "[ab]{0,6}", b in "[ab]{0,6}") {
            prop_assert_eq!(edit_distance(&a, &b), edit_distance(&b, &a));
            prop_assert_eq!(edit_distance(&a, &b) == Some(0), a == b);
        }

        #[test]
        fn no_call_panics(text in r#"(move|stop|sum)\((to=|label=|[0-9]|'a'|,|\[\]){0,6}\)"#) {
            if let Ok(call) = parse(&text) {
                let _ = find(&specs(), &call).and_then(|spec| spec.check(call));
            }
        }
    }
}
