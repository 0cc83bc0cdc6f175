//! The word that allows to put.

use std::fmt;
use std::path::Path;

/// Fewest characters of a token from a file.
const LEAST: usize = 16;
/// Bytes of chance in a token that is made.
const CHANCE: usize = 24;

/// The word that allows to put; it is compared in a time that tells nothing of it.
#[derive(Clone)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// A new one that nobody can guess.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> std::io::Result<Self> {
        chance::<CHANCE>().map(Self)
    }

    /// This text.
    ///
    /// # Errors
    /// When it has fewer than 16 characters, or others than visible ASCII.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() < LEAST {
            return Err(format!("a token of {} characters, must have {LEAST} at least", text.len()));
        }
        if let Some(wrong) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(format!("a token with {wrong:?}, must be letters, digits and signs of ASCII"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The first line of a file that nobody else can read.
    ///
    /// # Errors
    /// When it cannot be read, others can read or write it, or it has no token.
    pub fn from_file(path: &Path) -> Result<Self, String> {
        let name = path.display();
        check_mode(path).map_err(|rule| format!("{name}: {rule}"))?;
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        Self::new(text.lines().next().unwrap_or_default().trim()).map_err(|rule| format!("{name}: {rule}"))
    }

    /// The text, to be shown once.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// True for the same text.
    pub(crate) fn is(&self, given: &str) -> bool {
        let (own, given) = (self.0.as_bytes(), given.as_bytes());
        // As many steps for a wrong token as for the right one; its length is no secret.
        let differ = own
            .iter()
            .enumerate()
            .fold(0, |differ, (at, byte)| std::hint::black_box(differ | byte ^ given.get(at).unwrap_or(&0)));
        differ == 0 && own.len() == given.len()
    }
}

/// Random hexadecimal digits, two for each byte.
pub(crate) fn chance<const N: usize>() -> std::io::Result<String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let mode = std::fs::metadata(path).map_err(|error| error.to_string())?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "others can use it (mode {mode:04o}), must be 0600: chmod 600 {}",
            path.display()
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_path: &Path) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_is_the_token() {
        let token = Token::new("0123456789abcdef").expect("a token");
        assert!(token.is("0123456789abcdef"));
        for wrong in ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF", "0123456789abcde\0"] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{token:?}"), "Token(..)");
    }

    #[test]
    fn random_tokens_differ_and_are_tokens() {
        let (a, b) = (Token::random().expect("chance"), Token::random().expect("chance"));
        assert!(a.text() != b.text() && a.text().len() == 2 * CHANCE && Token::new(a.text()).is_ok());
    }

    #[test]
    fn a_short_or_odd_token_is_refused() {
        assert!(Token::new("short").is_err_and(|rule| rule.contains("5 characters")));
        assert!(Token::new("0123456789abcde f").is_err_and(|rule| rule.contains("' '")));
    }
}
