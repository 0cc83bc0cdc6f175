//! The values a command carries, and the command they belong to.

use std::fmt;

/// One value in a command: what JSON can say, and nan and inf beside it.
///
/// `Display` writes text that [`parse`](super::text::parse) reads back to the same value.
///
/// ```
/// use wrapper::sequence::arg::Arg;
/// let arg = Arg::from(vec![Arg::from(1), Arg::from(2.0), Arg::from("a\"b")]);
/// assert_eq!(arg.to_string(), r#"[1, 2.0, "a\"b"]"#);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// `null` or `None`.
    None,
    /// `true` or `false`.
    Bool(bool),
    /// A number written without point or exponent that fits in 64 bits.
    Int(i64),
    /// Any other number, nan and the infinities included.
    Float(f64),
    /// A quoted text.
    Text(String),
    /// A list or a tuple.
    List(Vec<Arg>),
    /// A mapping in the order written, each key once.
    Map(Vec<(String, Arg)>),
}

impl Arg {
    /// The literals that look like names; they are never commands.
    pub(super) fn constant(name: &str) -> Option<Self> {
        Some(match name {
            "true" | "True" => Self::Bool(true),
            "false" | "False" => Self::Bool(false),
            "null" | "None" => Self::None,
            "nan" | "NaN" => Self::Float(f64::NAN),
            "inf" | "Infinity" => Self::Float(f64::INFINITY),
            _ => return None,
        })
    }

    /// The number these digits are, unless it is too big for a double.
    pub(super) fn number(digits: &str, is_float: bool) -> Option<Self> {
        let int = if is_float { None } else { digits.parse().ok().map(Self::Int) };
        int.or_else(|| digits.parse().ok().filter(|value: &f64| value.is_finite()).map(Self::Float))
    }

    /// The number, be it written as integer or as float; a bool is no number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, also when it is written as a whole float within the range of 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Float(value) => whole(*value),
            _ => None,
        }
    }

    /// The bool; a number is no bool.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of the list.
    pub fn as_list(&self) -> Option<&[Arg]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of the mapping, in the order written.
    pub fn as_map(&self) -> Option<&[(String, Arg)]> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Arg> {
        find(self.as_map()?, key)
    }

    /// A list of numbers as numbers, or one number as a list of one.
    ///
    /// ```
    /// use wrapper::sequence::arg::Arg;
    /// assert_eq!(Arg::List(vec![Arg::Int(1), Arg::Float(2.5)]).numbers(), Some(vec![1.0, 2.5]));
    /// assert_eq!(Arg::from("1").numbers(), None);
    /// ```
    pub fn numbers(&self) -> Option<Vec<f64>> {
        match self {
            Self::List(items) => items.iter().map(Self::as_f64).collect(),
            _ => self.as_f64().map(|number| vec![number]),
        }
    }

    /// What it is, in the words of error messages: none, bool, number, text, list or mapping.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Float(_) => "number",
            Self::Text(_) => "text",
            Self::List(_) => "list",
            Self::Map(_) => "mapping",
        }
    }
}

fn whole(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0; // 2^63, the first double above i64::MAX
    (value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value)).then_some(value as i64)
}

fn find<'a>(entries: &'a [(String, Arg)], name: &str) -> Option<&'a Arg> {
    entries.iter().find(|(key, _)| key == name).map(|(_, arg)| arg)
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) if value.is_nan() => f.write_str("nan"),
            // Debug, because it keeps the point or the exponent and with it the type.
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(text) => write_text(f, text),
            Self::List(items) => {
                f.write_str("[")?;
                write_joined(f, items, |f, item| item.fmt(f))?;
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                write_joined(f, entries, |f, (key, value)| {
                    write_text(f, key)?;
                    write!(f, ": {value}")
                })?;
                f.write_str("}")
            }
        }
    }
}

fn write_joined<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write(f, item)?;
    }
    Ok(())
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    use fmt::Write;
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

impl From<f64> for Arg {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Arg {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Arg {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<f64>> for Arg {
    fn from(numbers: Vec<f64>) -> Self {
        Self::List(numbers.into_iter().map(Self::Float).collect())
    }
}

impl From<Vec<Arg>> for Arg {
    fn from(items: Vec<Arg>) -> Self {
        Self::List(items)
    }
}

/// One parsed command; a bare literal, lists and mappings too, is the one argument of the empty name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    /// The command's name, empty for a bare literal.
    pub name: String,
    /// The arguments given by position.
    pub args: Vec<Arg>,
    /// The arguments given by name, in the order written, each name once.
    pub named: Vec<(String, Arg)>,
}

impl Call {
    /// The command with this name and no arguments yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The command with the empty name whose one argument is `literal`.
    pub fn bare(literal: Arg) -> Self {
        Self { args: vec![literal], ..Self::default() }
    }

    /// Reads a mapping with exactly one key as the command of that name; anything else comes back as it was.
    ///
    /// Under the key, a mapping holds named arguments, a list positional ones, all else is the one argument.
    ///
    /// # Errors
    /// The unchanged `arg` when it is not a mapping with exactly one key.
    ///
    /// ```
    /// use wrapper::sequence::arg::{Arg, Call};
    /// let map = Arg::Map(vec![("move".into(), Arg::Map(vec![("to".into(), Arg::Int(5))]))]);
    /// assert_eq!(Call::from_single_key_map(map).unwrap().to_string(), "move(to=5)");
    /// ```
    pub fn from_single_key_map(arg: Arg) -> Result<Self, Arg> {
        let (name, value) = match arg {
            Arg::Map(mut entries) if entries.len() == 1 => entries.remove(0),
            other => return Err(other),
        };
        Ok(match value {
            Arg::Map(named) => Self { name, args: Vec::new(), named },
            Arg::List(args) => Self { name, args, named: Vec::new() },
            single => Self { name, args: vec![single], named: Vec::new() },
        })
    }

    /// The argument at this position, or else the one of this name.
    pub fn arg(&self, index: usize, name: &str) -> Option<&Arg> {
        self.args.get(index).or_else(|| find(&self.named, name))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let ("", [literal], []) = (self.name.as_str(), self.args.as_slice(), self.named.as_slice()) {
            return literal.fmt(f);
        }
        write!(f, "{}(", self.name)?;
        write_joined(f, &self.args, |f, arg| arg.fmt(f))?;
        if !self.args.is_empty() && !self.named.is_empty() {
            f.write_str(", ")?;
        }
        write_joined(f, &self.named, |f, (name, arg)| write!(f, "{name}={arg}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::{parse, parse_for};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bool_is_no_number_and_a_number_no_bool() {
        assert_eq!(Arg::Bool(true).as_f64(), None);
        assert_eq!(Arg::Bool(true).as_i64(), None);
        assert_eq!(Arg::Int(1).as_bool(), None);
        assert_eq!(Arg::Bool(true).as_bool(), Some(true));
    }

    #[test]
    fn only_whole_floats_within_64_bits_are_integers() {
        assert_eq!(Arg::Float(-5.0).as_i64(), Some(-5));
        assert_eq!(Arg::Float(i64::MIN as f64).as_i64(), Some(i64::MIN));
        for value in [0.5, f64::NAN, f64::INFINITY, i64::MAX as f64, -1e19] {
            assert_eq!(Arg::Float(value).as_i64(), None, "{value}");
        }
    }

    #[test]
    fn accessors_answer_only_for_their_own_kind() {
        let map = Arg::Map(vec![("a".into(), Arg::from(1)), ("b".into(), Arg::from("x"))]);
        assert_eq!(map.get("b").and_then(Arg::as_text), Some("x"));
        assert_eq!(map.get("c"), None);
        assert_eq!(map.as_list(), None);
        assert_eq!(Arg::from("x").get("a"), None);
        assert_eq!(Arg::from(vec![1.0]).as_list(), Some(&[Arg::Float(1.0)][..]));
    }

    #[test]
    fn numbers_takes_a_list_of_numbers_or_one_number() {
        assert_eq!(Arg::Int(3).numbers(), Some(vec![3.0]));
        assert_eq!(Arg::List(vec![]).numbers(), Some(vec![]));
        assert_eq!(Arg::List(vec![Arg::Int(1), Arg::Bool(true)]).numbers(), None);
    }

    #[test]
    fn display_keeps_the_type_visible() {
        let shown = |arg: Arg| arg.to_string();
        assert_eq!(shown(Arg::Float(5.0)), "5.0");
        assert_eq!(shown(Arg::Float(1e300)), "1e300");
        assert_eq!(shown(Arg::Float(-f64::NAN)), "nan");
        assert_eq!(shown(Arg::Float(f64::NEG_INFINITY)), "-inf");
        assert_eq!(shown(Arg::None), "null");
        assert_eq!(shown(Arg::from("a\n\u{1}é")), "\"a\\n\\u0001é\"");
        assert_eq!(shown(Arg::Map(vec![("k".into(), Arg::Bool(true))])), "{\"k\": true}");
    }

    #[test]
    fn a_call_is_shown_as_it_is_typed() {
        let call = Call { name: "go".into(), args: vec![1.into()], named: vec![("v".into(), 2.5.into())] };
        assert_eq!(call.to_string(), "go(1, v=2.5)");
        assert_eq!(Call::new("stop").to_string(), "stop()");
        assert_eq!(Call::bare(vec![1.0].into()).to_string(), "[1.0]");
    }

    #[test]
    fn an_argument_is_found_by_position_or_by_name() {
        let call = Call { name: "go".into(), args: vec![1.into()], named: vec![("v".into(), 2.into())] };
        assert_eq!(call.arg(0, "to"), Some(&Arg::Int(1)));
        assert_eq!(call.arg(1, "v"), Some(&Arg::Int(2)));
        assert_eq!(call.arg(1, "w"), None);
    }

    #[test]
    fn one_key_is_a_command_only_when_it_is_known() {
        let for_move = |text| parse_for(text, &|name| name == "move").unwrap().to_string();
        assert_eq!(for_move(r#"{"move": {"to": 5}}"#), "move(to=5)");
        assert_eq!(for_move(r#"{"move": [1, 2]}"#), "move(1, 2)");
        assert_eq!(for_move(r#"{"move": 5}"#), "move(5)");
        for same in [r#"{"jump": 5}"#, r#"{"move": 5, "x": 1}"#, r#"f({"move": 5})"#, "stop(1, 2)"] {
            assert_eq!(for_move(same), same);
        }
    }

    fn any_arg() -> impl Strategy<Value = Arg> {
        let leaf = prop_oneof![
            Just(Arg::None),
            any::<bool>().prop_map(Arg::Bool),
            any::<i64>().prop_map(Arg::Int),
            (proptest::num::f64::ANY).prop_map(Arg::Float),
            any::<String>().prop_map(Arg::Text),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            let map = proptest::collection::btree_map(any::<String>(), inner.clone(), 0..6);
            prop_oneof![
                proptest::collection::vec(inner, 0..6).prop_map(Arg::List),
                map.prop_map(|map| Arg::Map(map.into_iter().collect())),
            ]
        })
    }

    fn same(a: &Arg, b: &Arg) -> bool {
        match (a, b) {
            (Arg::Float(a), Arg::Float(b)) => a.is_nan() && b.is_nan() || a.to_bits() == b.to_bits(),
            (Arg::List(a), Arg::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
            (Arg::Map(a), Arg::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same(&a.1, &b.1))
            }
            (a, b) => a == b,
        }
    }

    proptest! {
        #[test]
        fn what_display_writes_is_read_back(arg in any_arg(), name in "[g-m_][a-z0-9_.]{0,8}_") {
            let bare = parse(&arg.to_string()).unwrap();
            prop_assert!(bare.name.is_empty() && same(&bare.args[0], &arg));
            let call = Call { name: name.clone(), args: vec![arg.clone()], named: vec![(name, arg)] };
            let back = parse(&call.to_string()).unwrap();
            prop_assert_eq!(&back.name, &call.name);
            prop_assert!(same(&back.args[0], &call.args[0]) && same(&back.named[0].1, &call.named[0].1));
        }
    }
}
