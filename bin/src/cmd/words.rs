//! The command that words of a command line are.

use clap::error::ErrorKind;
use wrapper::sequence::text::parse;

/// The text for `CMD`: one word as it is, more as name and arguments.
///
/// # Errors
/// When the first of more words is no name.
pub(super) fn command(words: &[String]) -> Result<String, clap::Error> {
    let [name, arguments @ ..] = words else { return Ok(String::new()) };
    if arguments.is_empty() {
        return Ok(name.clone());
    }
    if !is_name(name) {
        let reason = format!("{name:?} is not the name of a command: a command of one word needs quotes\n");
        return Err(clap::Error::raw(ErrorKind::InvalidValue, reason));
    }
    let arguments: Vec<_> = arguments.iter().map(|word| argument(word)).collect();
    Ok(format!("{name}({})", arguments.join(", ")))
}

fn is_name(word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    word.starts_with(|c: char| c.is_alphabetic() || c == '_') && word.chars().all(is_part)
}

fn argument(word: &str) -> String {
    match word.split_once('=') {
        Some((name, value)) if is_name(name) => format!("{name}={}", literal(value)),
        _ => literal(word),
    }
}

/// The word when it is a value by itself, else as a text in quotes: the shell has taken those that were there.
fn literal(word: &str) -> String {
    let alone = parse(&format!("x({word})"));
    let is_value = alone.is_ok_and(|call| call.args.len() == 1 && call.named.is_empty());
    if is_value { word.to_owned() } else { serde_json::Value::from(word).to_string() }
}

#[cfg(test)]
mod tests {
    use super::command;

    fn of(words: &[&str]) -> String {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        command(&words).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn words_become_a_call() {
        assert_eq!(of(&["move(5)"]), "move(5)");
        assert_eq!(of(&["stop"]), "stop");
        assert_eq!(of(&["move", "-5", "velocity=2"]), "move(-5, velocity=2)");
        assert_eq!(of(&["points", "[1, 2]", "(3, 4)"]), "points([1, 2], (3, 4))");
        assert_eq!(of(&["fail", "no air"]), r#"fail("no air")"#);
        assert_eq!(of(&["fail", "reason=it is \"hot\""]), r#"fail(reason="it is \"hot\"")"#);
        assert_eq!(
            of(&["say", "'quoted'", "true", "x) (y", "1, 2", ""]),
            r#"say('quoted', true, "x) (y", "1, 2", "")"#
        );
    }

    #[test]
    fn more_words_begin_with_a_name() {
        assert!(of(&["[1,", "2]"]).contains("\"[1,\" is not the name of a command"));
    }
}
