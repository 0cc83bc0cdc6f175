//! Command text into a [`Call`]: JSON, the call form and Python literals, in linear time, never evaluated.

use std::collections::HashSet;

use super::arg::{Arg, Call};

/// How deep lists, tuples and mappings may nest.
pub const MAX_DEPTH: usize = 32;

const END_OF_TEXT: &str = "end of text";
const EXCERPT_CHARS: usize = 12;

/// Why and where a text is not a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {position}: expected {expected}, found {}", quoted(.found))]
pub struct ParseError {
    /// The character at which reading stopped, counted from 1.
    pub position: usize,
    /// What could have stood there.
    pub expected: String,
    /// What stands there, at most 12 characters, or `end of text`.
    pub found: String,
}

fn quoted(found: &str) -> String {
    if found == END_OF_TEXT { found.to_owned() } else { format!("{found:?}") }
}

/// Reads one command: JSON, a call such as `move(to=5)`, a bare name, or a Python literal.
///
/// A number that no double can hold (`1e999`) is refused; an integer beyond 64 bits becomes a float.
///
/// # Errors
/// The first place where the text leaves the grammar or nests deeper than [`MAX_DEPTH`].
///
/// ```
/// use wrapper::sequence::text::parse;
/// assert_eq!(parse("linear(start=0, end=10.)").unwrap().to_string(), "linear(start=0, end=10.0)");
/// assert_eq!(parse("(1, 'a', None,)").unwrap().to_string(), r#"[1, "a", null]"#);
/// let error = parse("import os").unwrap_err();
/// assert_eq!(error.to_string(), r#"at character 8: expected end of text, found "o""#);
/// ```
pub fn parse(text: &str) -> Result<Call, ParseError> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    let call = reader.command()?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.unexpected(END_OF_TEXT));
    }
    Ok(call)
}

/// Like [`parse`], and reads `{"move": {"to": 5}}` as `move(to=5)` when `is_command` knows the one key.
///
/// # Errors
/// Those of [`parse`].
///
/// ```
/// use wrapper::sequence::text::parse_for;
/// let call = parse_for(r#"{"move": {"to": 5}}"#, &|name| name == "move").unwrap();
/// assert_eq!(call.to_string(), "move(to=5)");
/// ```
pub fn parse_for(text: &str, is_command: &dyn Fn(&str) -> bool) -> Result<Call, ParseError> {
    let mut call = parse(text)?;
    let is_keyed = match (call.name.as_str(), call.args.as_slice()) {
        ("", [Arg::Map(entries)]) => entries.len() == 1 && is_command(&entries[0].0),
        _ => false,
    };
    match call.args.pop() {
        Some(map) if is_keyed => Ok(Call::from_single_key_map(map).unwrap_or_else(Call::bare)),
        last => {
            call.args.extend(last);
            Ok(call)
        }
    }
}

/// `at` is a byte index, always on a character boundary; it only goes back to re-read one name.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn command(&mut self) -> Result<Call, ParseError> {
        let start = self.at;
        match self.name() {
            Some(name) if Arg::constant(name).is_none() => self.call(name),
            _ => {
                self.at = start;
                self.value("a command", 0).map(Call::bare)
            }
        }
    }

    fn call(&mut self, name: &str) -> Result<Call, ParseError> {
        let mut call = Call::new(name);
        self.skip_space();
        if self.eat(b'(') {
            let mut names = HashSet::new();
            self.items(b')', |reader| reader.argument(&mut call, &mut names))?;
        }
        Ok(call)
    }

    fn argument(&mut self, call: &mut Call, names: &mut HashSet<&'a str>) -> Result<(), ParseError> {
        let start = self.at;
        let Some(name) = self.argument_name() else {
            if !call.named.is_empty() {
                return Err(self.unexpected_word(start, "name=value, as after every named argument"));
            }
            call.args.push(self.value("a value", 0)?);
            return Ok(());
        };
        if !names.insert(name) {
            return Err(self.unexpected_word(start, "an argument that is not yet given"));
        }
        self.skip_space();
        let value = self.value("a value", 0)?;
        call.named.push((name.to_owned(), value));
        Ok(())
    }

    /// Takes `name =`, or nothing.
    fn argument_name(&mut self) -> Option<&'a str> {
        let start = self.at;
        let name = self.name();
        self.skip_space();
        if name.is_some() && self.eat(b'=') {
            return name;
        }
        self.at = start;
        None
    }

    fn value(&mut self, expected: &str, depth: usize) -> Result<Arg, ParseError> {
        match self.peek() {
            Some(b'[' | b'(' | b'{') => self.nested(depth),
            Some(b'"' | b'\'') => self.string().map(Arg::Text),
            Some(b'0'..=b'9' | b'.' | b'+' | b'-') => self.number(),
            _ => {
                let start = self.at;
                let constant = self.name().and_then(Arg::constant);
                constant.ok_or_else(|| self.unexpected_word(start, expected))
            }
        }
    }

    fn nested(&mut self, depth: usize) -> Result<Arg, ParseError> {
        if depth == MAX_DEPTH {
            return Err(self.unexpected(&format!("at most {MAX_DEPTH} levels")));
        }
        if self.eat(b'{') {
            return self.map(depth + 1);
        }
        let is_list = !self.eat(b'(') && self.eat(b'[');
        let close = if is_list { b']' } else { b')' };
        let mut items = Vec::new();
        let commas = self.items(close, |reader| {
            items.push(reader.value("a value", depth + 1)?);
            Ok(())
        })?;
        match items.pop() {
            Some(only) if !is_list && commas == 0 => Ok(only),
            last => {
                items.extend(last);
                Ok(Arg::List(items))
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Arg, ParseError> {
        let mut entries = Vec::new();
        let mut keys = HashSet::new();
        self.items(b'}', |reader| {
            let key = reader.key(&mut keys)?;
            reader.skip_space();
            reader.expect(b':', "\":\"")?;
            reader.skip_space();
            entries.push((key, reader.value("a value", depth)?));
            Ok(())
        })?;
        Ok(Arg::Map(entries))
    }

    fn key(&mut self, keys: &mut HashSet<String>) -> Result<String, ParseError> {
        if !matches!(self.peek(), Some(b'"' | b'\'')) {
            return Err(self.unexpected_word(self.at, "a quoted key"));
        }
        let start = self.at;
        let key = self.string()?;
        if !keys.insert(key.clone()) {
            return Err(self.unexpected_word(start, "a key that is not yet given"));
        }
        Ok(key)
    }

    /// Reads items up to and with `close`, a trailing comma allowed, and returns the number of commas.
    fn items(
        &mut self,
        close: u8,
        mut item: impl FnMut(&mut Self) -> Result<(), ParseError>,
    ) -> Result<usize, ParseError> {
        let mut commas = 0;
        loop {
            self.skip_space();
            if self.eat(close) {
                return Ok(commas);
            }
            item(self)?;
            self.skip_space();
            if self.eat(b',') {
                commas += 1;
            } else {
                self.expect(close, &format!("\",\" or \"{}\"", char::from(close)))?;
                return Ok(commas);
            }
        }
    }

    fn number(&mut self) -> Result<Arg, ParseError> {
        let start = self.at;
        self.number_or_rule().map_err(|rule| self.unexpected_word(start, rule))
    }

    fn number_or_rule(&mut self) -> Result<Arg, &'static str> {
        let start = self.at;
        let is_negative = self.eat(b'-');
        let _is_positive = !is_negative && self.eat(b'+');
        if let Some(name) = self.name() {
            let value = Arg::constant(name).and_then(|arg| arg.as_f64()).ok_or("a number")?;
            return Ok(Arg::Float(if is_negative { -value } else { value }));
        }
        let first = self.peek();
        let digits = self.skip_digits();
        let has_point = self.eat(b'.');
        if digits == 0 && !(has_point && self.skip_digits() > 0) {
            return Err("a number");
        }
        self.skip_digits();
        let is_float = self.skip_exponent() || has_point;
        if first == Some(b'0') && digits > 1 && !is_float {
            return Err("an integer without a zero in front");
        }
        Arg::number(&self.text[start..self.at], is_float).ok_or("a number that fits in a double")
    }

    fn skip_digits(&mut self) -> usize {
        self.skip_while(|byte| byte.is_ascii_digit())
    }

    fn skip_exponent(&mut self) -> bool {
        let start = self.at;
        if self.eat(b'e') || self.eat(b'E') {
            let _signed = self.eat(b'+') || self.eat(b'-');
            if self.skip_digits() > 0 {
                return true;
            }
        }
        self.at = start;
        false
    }

    fn string(&mut self) -> Result<String, ParseError> {
        let quote = self.text.as_bytes()[self.at];
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            self.skip_while(|byte| byte != quote && byte != b'\\' && byte != b'\n' && byte != b'\r');
            out.push_str(&self.text[start..self.at]);
            if self.eat(quote) {
                return Ok(out);
            }
            if self.peek() != Some(b'\\') {
                return Err(self.unexpected(&format!("closing {}", char::from(quote))));
            }
            out.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let start = self.at;
        self.at += 1;
        let plain = match self.peek() {
            Some(byte @ (b'"' | b'\'' | b'\\' | b'/')) => char::from(byte),
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'x') => return self.hex(2).map(|code| char::from_u32(code).unwrap_or_default()),
            Some(b'u') => return self.unicode_escape(start),
            _ => return Err(self.unexpected("an escape: one of \" ' \\ / b f n r t x u")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, ParseError> {
        let first = self.hex(4)?;
        let mut code = first;
        if (0xD800..0xDC00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            self.at += 1;
            let second = self.hex(4)?;
            if (0xDC00..0xE000).contains(&second) {
                code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            }
        }
        char::from_u32(code).ok_or_else(|| self.unexpected_word(start, "both halves of a surrogate pair"))
    }

    /// Skips the escape's letter and reads exactly `count` hexadecimal digits.
    fn hex(&mut self, count: usize) -> Result<u32, ParseError> {
        self.at += 1;
        let mut code = 0;
        for _ in 0..count {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let digit = digit.ok_or_else(|| self.unexpected("a hexadecimal digit"))?;
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn name(&mut self) -> Option<&'a str> {
        let start = self.at;
        if !self.peek().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
            return None;
        }
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
        Some(&self.text[start..self.at])
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8, expected: &str) -> Result<(), ParseError> {
        if self.eat(byte) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn skip_space(&mut self) {
        self.skip_while(|byte| byte.is_ascii_whitespace());
    }

    fn skip_while(&mut self, goes_on: impl Fn(u8) -> bool) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().position(|&byte| !goes_on(byte)).unwrap_or(rest.len());
        self.at += count;
        count
    }

    /// The character here is wrong.
    fn unexpected(&self, expected: &str) -> ParseError {
        self.error(self.at, 1, expected)
    }

    /// The word that starts there is wrong.
    fn unexpected_word(&self, start: usize, expected: &str) -> ParseError {
        let ends = |c: char| c.is_whitespace() || ",()[]{}=:".contains(c);
        let word = self.text[start..].chars().take(EXCERPT_CHARS).take_while(|&c| !ends(c)).count();
        self.error(start, word.max(1), expected)
    }

    fn error(&self, at: usize, chars: usize, expected: &str) -> ParseError {
        let (before, after) = self.text.split_at(at);
        let found =
            if after.is_empty() { END_OF_TEXT.to_owned() } else { after.chars().take(chars).collect() };
        ParseError { position: before.chars().count() + 1, expected: expected.to_owned(), found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    /// Each `text => what it is read as, or the error`, divided by `;;` or a new line.
    #[track_caller]
    fn check(table: &str) {
        for entry in table.lines().flat_map(|line| line.split(" ;; ")) {
            let (text, expected) = entry.split_once(" => ").unwrap();
            let shown = parse(text.trim()).map_or_else(|error| error.to_string(), |call| call.to_string());
            assert_eq!(shown, expected.trim(), "{text}");
        }
    }

    #[track_caller]
    fn all_refused(texts: &str) {
        texts.split(' ').for_each(|text| assert!(parse(text).is_err(), "{text}"));
    }

    #[test]
    fn json_call_form_and_python_are_read_alike() {
        check(
            r#"[0, 1.5, 2] => [0, 1.5, 2] ;; {"move": {"to": 5}} => {"move": {"to": 5}}
            {'a': 1,} => {"a": 1} ;; f({'a': {}}) => f({"a": {}})
            move(5) => move(5) ;; stop => stop() ;; stop ( ) => stop() ;; nano => nano() ;; nan => nan
            _a.b2(x.y = 1,) => _a.b2(x.y=1) ;; linear(0, end=10, step=.5) => linear(0, end=10, step=0.5)
            f(True, None, x=(1, 'a')) => f(true, null, x=[1, "a"]) ;; f(None=1) => f(None=1)
            (1,) => [1] ;; (1) => 1 ;; () => [] ;; {} => {} ;; ( 1 , 2 ) => [1, 2]
            [-inf, NaN, +Infinity, true, null, False] => [-inf, nan, inf, true, null, false]"#,
        );
        assert_eq!(parse(" \n f (\r\n 1 )\t").unwrap(), parse("f(1)").unwrap());
    }

    #[test]
    fn numbers_keep_their_type_and_big_integers_become_floats() {
        check(
            "1e3 => 1000.0 ;; .5 => 0.5 ;; 5. => 5.0 ;; +3 => 3 ;; -3 => -3 ;; 0 => 0 ;; 1.E-2 => 0.01
            9223372036854775807 => 9223372036854775807 ;; -9223372036854775808 => -9223372036854775808
            9223372036854775808 => 9.223372036854776e18 ;; -0.0 => -0.0 ;; 1e-999 => 0.0",
        );
        all_refused("1_000 --1 . - +e3 1e 0x10 007 1e999 1.2.3 5a -true -+1 1e+ 0b1 1j");
        assert!(parse("- 1").is_err() && parse(&"9".repeat(400)).is_err());
    }

    #[test]
    fn escapes_of_json_and_python_are_read() {
        let text = |source: &str| parse(source).unwrap().args[0].as_text().map(str::to_owned).unwrap();
        assert_eq!(text(r#""\"\\\/\b\f\n\r\t\u00e9""#), "\"\\/\u{8}\u{c}\n\r\té");
        assert_eq!(text(r#""\ud83d\ude00""#), "😀");
        assert_eq!(text(r#"'it\'s "\x41\xe9" é'"#), "it's \"Aé\" é");
        all_refused(
            r"'\ud83d' '\ude00' '\ud83dA' '\ud83d\u0041' '\q' '\x4' '\u00g0' 'abc 'a\ '\u+123' '\ué'",
        );
        assert!(parse("'a\nb'").is_err() && parse("\"a'").is_err());
    }

    #[test]
    fn errors_say_where_what_was_expected_and_what_is_there() {
        assert_eq!(parse(" \n").unwrap_err().position, 3);
        check(
            r#"import os => at character 8: expected end of text, found "o"
            [1, 2 => at character 6: expected "," or "]", found end of text
            [1_0] => at character 3: expected "," or "]", found "_"
            é => at character 1: expected a command, found "é"
            f('é', fast) => at character 8: expected a value, found "fast"
            f(x=abcdefghijklmnop) => at character 5: expected a value, found "abcdefghijkl"
            {a: 1} => at character 2: expected a quoted key, found "a"
            {'a' 1} => at character 6: expected ":", found "1"
            f('x => at character 5: expected closing ', found end of text
            f(x=1, 2) => at character 8: expected name=value, as after every named argument, found "2"
            f(x=1, x=2) => at character 8: expected an argument that is not yet given, found "x"
            {'a':1,"a":2} => at character 8: expected a key that is not yet given, found "\"a\"""#,
        );
        assert!(parse("[1 2]").is_err() && parse("").is_err());
        all_refused("f(,) [,] f(x=) f(x==1) f(g(1)) f) nan(1) [1]] (1;2) (,) f(1,,2) 'a''b'");
    }

    #[test]
    fn depth_32_is_read_and_depth_33_is_refused() {
        for (open, close) in [("[", "]"), ("(", ",)"), ("{'a':", "}")] {
            let nested = |depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert!(parse(&nested(32)).is_ok(), "{open}");
            assert!(parse(&format!("f(x={})", nested(32))).is_ok(), "{open}");
            let error = parse(&nested(33)).unwrap_err();
            assert_eq!(error.position, 32 * open.len() + 1);
            assert_eq!(error.expected, "at most 32 levels");
        }
    }

    #[test]
    fn long_texts_take_linear_time() {
        let begin = Instant::now();
        for open in ["[", "(", "{\"a\":", "'", "'\\u", "a", "f(a,", "-", "9", "é", " ", "[1,", "f(a "] {
            assert!(parse(&open.repeat(1_000_000 / open.len())).is_err() || open == "a", "{open}");
        }
        let keys: String = (0..100_000).map(|n| format!("'{n}':0,")).collect();
        assert!(parse(&format!("{{{keys}}}")).is_ok());
        let names: String = (0..100_000).map(|n| format!("a{n}=0,")).collect();
        assert!(parse(&format!("f({names})")).is_ok());
        assert!(begin.elapsed() < Duration::from_secs(10));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = parse_for(&text, &|_| true);
        }

        #[test]
        fn near_commands_never_panic(text in r#"([a-fux0-9._+\-\[\](){},:=\\'"é😀 ]|nan){0,60}"#) {
            if let Err(error) = parse_for(&text, &|_| true) {
                prop_assert!(error.position <= text.chars().count() + 1);
                prop_assert!(error.found.chars().count() <= 12);
            }
        }
    }
}
