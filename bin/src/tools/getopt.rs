//! Options as C's `getopt` finds them: letters may be joined, an argument may follow its letter directly.

/// What stands at the place that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// An option; the argument is empty for one that takes none.
    Option(u8, &'a [u8]),
    /// A letter that is no option.
    Unknown(u8),
    /// An option whose argument is missing.
    Missing(u8),
}

/// Goes through a command line; what is no option is collected.
pub(crate) struct Getopt<'a> {
    /// Letters, each followed by a colon if it takes an argument.
    letters: &'a str,
    /// Options may follow operands.
    permute: bool,
    rest: std::slice::Iter<'a, Vec<u8>>,
    /// The rest of a word of joined letters.
    joined: &'a [u8],
    /// The operands seen so far; all of them once the options are at their end.
    pub(crate) operands: Vec<&'a [u8]>,
}

impl<'a> Getopt<'a> {
    /// Looks at the words behind the program's name.
    pub(crate) fn new(letters: &'a str, permute: bool, words: &'a [Vec<u8>]) -> Self {
        Self { letters, permute, rest: words.iter(), joined: &[], operands: Vec::new() }
    }

    /// Takes words until one has letters; false at the end of the options.
    fn advance(&mut self) -> bool {
        while self.joined.is_empty() {
            let Some(word) = self.rest.next() else { return false };
            match &word[..] {
                b"--" => break,
                [b'-', letters @ ..] if !letters.is_empty() => self.joined = letters,
                operand => {
                    self.operands.push(operand);
                    if !self.permute {
                        break;
                    }
                }
            }
        }
        if self.joined.is_empty() {
            self.operands.extend(self.rest.by_ref().map(Vec::as_slice));
        }
        !self.joined.is_empty()
    }

    /// Whether a letter takes an argument; `None` if it is no option.
    fn takes_argument(&self, letter: u8) -> Option<bool> {
        let letters = self.letters.as_bytes();
        let at = letters.iter().position(|&known| known == letter && letter != b':')?;
        Some(letters.get(at + 1) == Some(&b':'))
    }
}

impl<'a> Iterator for Getopt<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        if !self.advance() {
            return None;
        }
        let (&letter, joined) = self.joined.split_first()?;
        self.joined = joined;
        Some(match self.takes_argument(letter) {
            None => Found::Unknown(letter),
            Some(false) => Found::Option(letter, b""),
            Some(true) if !joined.is_empty() => {
                self.joined = &[];
                Found::Option(letter, joined)
            }
            Some(true) => match self.rest.next() {
                Some(argument) => Found::Option(letter, argument),
                None => Found::Missing(letter),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split_whitespace().map(|word| word.as_bytes().to_vec()).collect()
    }

    /// The options as text, then the operands.
    fn parse(permute: bool, line: &str) -> String {
        let words = words(line);
        let mut getopt = Getopt::new("ab#:0:w:", permute, &words);
        let mut seen: Vec<String> = getopt
            .by_ref()
            .map(|found| match found {
                Found::Option(letter, argument) => {
                    format!("{}={}", char::from(letter), String::from_utf8_lossy(argument))
                }
                Found::Unknown(letter) => format!("{}?", char::from(letter)),
                Found::Missing(letter) => format!("{}:", char::from(letter)),
            })
            .collect();
        seen.push("|".into());
        seen.extend(getopt.operands.iter().map(|word| String::from_utf8_lossy(word).into_owned()));
        seen.join(" ")
    }

    #[test]
    fn words_are_read_as_getopt_reads_them() {
        for (line, wanted) in [
            ("-ab x", "a= b= | x"),
            ("-w2 -#5 -0x n", "w=2 #=5 0=x | n"),
            ("-w 2 n", "w=2 | n"),
            ("-w -a n", "w=-a | n"),
            ("-abw2", "a= b= w=2 |"),
            ("n -a m", "a= | n m"),
            ("n -- -a", "| n -a"),
            ("- -a", "a= | -"),
            ("-w", "w: |"),
            ("-az -b", "a= z? b= |"),
            ("--help", "-? h? e? l? p? |"),
            ("-:", ":? |"),
        ] {
            assert_eq!(parse(true, line), wanted, "{line}");
        }
    }

    #[test]
    fn without_permutation_the_first_operand_ends_the_options() {
        assert_eq!(parse(false, "-a n -b -5"), "a= | n -b -5");
        assert_eq!(parse(false, "-a -- -b"), "a= | -b");
    }
}
