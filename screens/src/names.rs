//! Names of files, and of things in Python.

use std::collections::HashSet;

/// What Python keeps for itself.
const KEYWORDS: &[&str] = &[
    "and", "as", "assert", "async", "await", "break", "case", "class", "continue", "def", "del", "elif",
    "else", "except", "false", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda",
    "match", "none", "nonlocal", "not", "or", "pass", "raise", "return", "true", "try", "type", "while",
    "with", "yield",
];

/// Gives each name once; names that differ in case only are the same, as they are on some file systems.
#[derive(Debug, Default)]
pub(crate) struct Unique(HashSet<String>);

impl Unique {
    /// With names that are taken from the start.
    pub(crate) fn without(taken: &[&str]) -> Self {
        Self(taken.iter().map(|name| name.to_lowercase()).collect())
    }

    /// The name, with a number when it is taken.
    pub(crate) fn give(&mut self, name: &str) -> String {
        let mut given = name.to_owned();
        let mut number = 2;
        while !self.0.insert(given.to_lowercase()) {
            given = format!("{name}_{number}");
            number += 1;
        }
        given
    }
}

/// A name that is safe as a file's, whatever the device is called.
pub(crate) fn file(name: &str) -> String {
    let safe: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(60).collect();
    if safe.is_empty() { "device".to_owned() } else { safe }
}

/// An attribute or module name of Python.
pub(crate) fn python(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let safe: String =
        lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(60).collect();
    let safe = safe.trim_matches('_');
    match safe.chars().next() {
        None => "pv".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("n{safe}"),
        Some(_) if KEYWORDS.contains(&safe) => format!("{safe}_"),
        Some(_) => safe.to_owned(),
    }
}

/// A class name of Python.
pub(crate) fn class(name: &str) -> String {
    python(name).split('_').map(capital).collect()
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_the_folder_or_needs_quotes() {
        for (name, safe) in [
            ("../etc/passwd", "___etc_passwd"),
            ("a b:c", "a_b_c"),
            ("", "device"),
            ("mo-1", "mo-1"),
            ("größe", "gr__e"),
        ] {
            assert_eq!(file(name), safe);
        }
    }

    #[test]
    fn python_takes_every_name() {
        for (name, safe) in [
            ("CMD", "cmd"),
            ("2theta", "n2theta"),
            ("Class", "class_"),
            ("_x", "x"),
            ("", "pv"),
            ("a.b", "a_b"),
        ] {
            assert_eq!(python(name), safe);
        }
        assert_eq!((class("mock_motor"), class("x")), ("MockMotor".to_owned(), "X".to_owned()));
    }

    #[test]
    fn a_taken_name_gets_a_number() {
        let mut names = Unique::without(&["overview"]);
        let given: Vec<_> = ["a", "A", "overview", "a"].map(|name| names.give(name)).into();
        assert_eq!(given, ["a", "A_2", "overview_2", "a_3"]);
    }
}
