//! The options of the four tools, with the meaning and the complaints of base.

use std::io;
use std::time::Duration;

use ca_proto::EventMask;
use ca_proto::dbr::{CLASS_NAME, NativeType, type_name};

use super::console::Console;
use super::getopt::{Found, Getopt};
use super::number::{FloatFormat, Radix};
use super::{Call, Tool, scan};

/// Most digits that a double has.
const MOST_DIGITS: i32 = 18;
/// Highest priority of a channel.
const MOST_PRIORITY: u64 = 99;
/// Wait time in seconds without `-w`.
const TIMEOUT: f64 = 1.0;
/// Stands for a wait without end: 20 years.
const FOREVER: Duration = Duration::from_secs(20 * 365 * 24 * 60 * 60);

/// What is printed of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Plain,
    /// Without name.
    Terse,
    /// With time stamp and alarm.
    Wide,
    /// Everything that the DBR type of `-d` carries.
    Typed,
}

/// What the time stamps of a monitor are measured from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum StampKind {
    #[default]
    Absolute,
    /// To the start of the program, or to the first update.
    Relative,
    /// To the last update.
    Incremental,
    /// To the last update of the same channel.
    IncrementalByChannel,
}

/// A command line, read.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Wait time in seconds; see [`Self::wait`].
    pub(crate) timeout: f64,
    pub(crate) priority: u16,
    /// Wait for the callback: `-c`.
    pub(crate) callback: bool,
    pub(crate) format: Format,
    /// The DBR type of `-d`, 0..=38; `-0x` sets it too, as in base.
    pub(crate) data_type: u16,
    /// Elements asked for; 0: all of them.
    pub(crate) count: u64,
    /// Enums as numbers.
    pub(crate) enum_as_number: bool,
    /// A put takes the value of an enum for a label only.
    pub(crate) enum_as_text: bool,
    /// CHAR arrays as text.
    pub(crate) chars_as_text: bool,
    /// Floating values are read as STRING.
    pub(crate) float_as_text: bool,
    /// A put takes its values for elements.
    pub(crate) array: bool,
    pub(crate) float_format: FloatFormat,
    /// Floating values are rounded and written as integers, unless decimal.
    pub(crate) float_radix: Radix,
    pub(crate) integer_radix: Radix,
    pub(crate) separator: u8,
    pub(crate) stamp_kind: StampKind,
    pub(crate) server_stamps: bool,
    pub(crate) client_stamps: bool,
    pub(crate) mask: EventMask,
    /// Interest level of `cainfo -s`.
    pub(crate) level: u32,
    /// How often `-v` was given.
    pub(crate) verbose: u8,
    /// PV names; a put's name and values.
    pub(crate) operands: Vec<Vec<u8>>,
}

/// Whether there is something to do.
pub(crate) enum Parsed {
    Run(Box<Options>),
    /// All is said; the exit status.
    Done(u8),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: TIMEOUT,
            priority: 0,
            callback: false,
            format: Format::Plain,
            data_type: 0,
            count: 0,
            enum_as_number: false,
            enum_as_text: false,
            chars_as_text: false,
            float_as_text: false,
            array: false,
            float_format: FloatFormat::GENERAL,
            float_radix: Radix::Decimal,
            integer_radix: Radix::Decimal,
            separator: b' ',
            stamp_kind: StampKind::Absolute,
            server_stamps: true,
            client_stamps: false,
            mask: EventMask::VALUE | EventMask::ALARM,
            level: 0,
            verbose: 0,
            operands: Vec::new(),
        }
    }
}

impl Options {
    /// The wait time; 0 means forever, as in libca.
    pub(crate) fn wait(&self) -> Duration {
        if self.timeout == 0.0 { FOREVER } else { self.short_wait() }
    }

    /// The wait time where 0 means not to wait.
    pub(crate) fn short_wait(&self) -> Duration {
        Duration::try_from_secs_f64(self.timeout.clamp(0.0, FOREVER.as_secs_f64())).unwrap_or_default()
    }
}

/// What `seqioc get` and the like have beside base's options.
pub(crate) const OURS: &str = "Words on standard error:
  -v: What happens; -vv: also what is received; -vvv: every message decoded

Exit status: 0 done, 1 not found in time, or a read or write failed, or the
  command line is wrong

";

impl Call {
    /// The letters of the options, in the form of C's `getopt`; base's tools know no `-v`.
    pub(crate) fn letters(&self) -> String {
        format!("{}{}", self.tool.letters(), if self.strict { "v" } else { "" })
    }

    /// Base's help with the name that was called, and our own.
    pub(crate) fn help(&self) -> String {
        let text = self.tool.help().replace(self.tool.base_name(), &self.program);
        if self.strict { text + OURS } else { text }
    }
}

impl Tool {
    /// The letters of base's options.
    fn letters(self) -> &'static str {
        match self {
            Self::Get => "taicnhsSVe:f:g:l:#:d:0:w:p:F:",
            Self::Put => "cnlhatsVS#:w:p:F:",
            Self::Monitor => "nhVm:sSe:f:g:l:#:0:w:t:p:F:",
            Self::Info => "nhVw:s:p:",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Get => include_str!("help/caget.txt"),
            Self::Put => include_str!("help/caput.txt"),
            Self::Monitor => include_str!("help/camonitor.txt"),
            Self::Info => include_str!("help/cainfo.txt"),
        }
    }
}

/// Reads a command line; `timeout` is EPICS_CLI_TIMEOUT.
pub(crate) fn parse(
    call: &Call,
    words: &[Vec<u8>],
    timeout: Option<&[u8]>,
    console: &mut Console<'_>,
) -> io::Result<Parsed> {
    let mut parser = Parser { call, options: Options::default(), data_type: None, console };
    if call.strict && words.first().is_some_and(|word| word == b"--help") {
        parser.console.out.write_all(call.help().as_bytes())?;
        return Ok(Parsed::Done(0));
    }
    if let Some(text) = timeout {
        parser.preset_timeout(text)?;
    }
    // base's caput reads its values as they are, so "-5" is one
    let letters = call.letters();
    let mut getopt = Getopt::new(&letters, call.tool != Tool::Put, words);
    for found in getopt.by_ref() {
        let done = match found {
            Found::Option(letter, argument) => parser.option(letter, argument)?,
            Found::Unknown(letter) => Some(parser.refuse(b"Unrecognized option: '-", letter, b"'.")?),
            Found::Missing(letter) => {
                Some(parser.refuse(b"Option '-", letter, b"' requires an argument.")?)
            }
        };
        if let Some(status) = done {
            return Ok(Parsed::Done(status));
        }
    }
    let operands = getopt.operands.iter().map(|operand| operand.to_vec()).collect();
    parser.finish(operands)
}

struct Parser<'a, 'b> {
    call: &'a Call,
    options: Options,
    /// The number of `-d`, not yet known to be a type.
    data_type: Option<i32>,
    console: &'a mut Console<'b>,
}

impl Parser<'_, '_> {
    /// Says something on standard error; `parts` are joined.
    fn say(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.console.err.write_all(&parts.concat())
    }

    /// Says something and points to the help.
    fn complain(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let hint = format!(" ('{} -h' for help.)\n", self.call.program);
        self.say(&[&parts.concat(), hint.as_bytes()])
    }

    fn refuse(&mut self, before: &[u8], letter: u8, after: &[u8]) -> io::Result<u8> {
        self.complain(&[before, &[letter], after])?;
        Ok(1)
    }

    fn preset_timeout(&mut self, text: &[u8]) -> io::Result<()> {
        match scan::whole_double(text) {
            Some(seconds) => self.options.timeout = seconds,
            None => self.say(&[
                b"'",
                text,
                b"' is not a valid timeout value (from 'EPICS_CLI_TIMEOUT' in the environment) - ignored. ",
                b"(use '-h' for help.)\n",
            ])?,
        }
        Ok(())
    }

    /// Takes one option; the exit status, if it ends the program.
    fn option(&mut self, letter: u8, argument: &[u8]) -> io::Result<Option<u8>> {
        let tool = self.call.tool;
        match (tool, letter) {
            (_, b'h') => return self.help().map(|()| Some(0)),
            (_, b'V') => return self.version(Tool::Get).map(|()| Some(0)),
            (_, b'v') => self.options.verbose = self.options.verbose.saturating_add(1),
            (_, b'w') => self.timeout(argument)?,
            (_, b'p') => self.priority(argument)?,
            (_, b'#') => self.count(argument)?,
            (_, b'F') => self.options.separator = argument.first().copied().unwrap_or(0),
            (_, b'e' | b'f' | b'g') => self.digits(letter, argument)?,
            (_, b'0') | (Tool::Get | Tool::Monitor, b'l') => self.radix(letter, argument)?,
            (Tool::Get, b'd') => self.dbr_type(argument)?,
            (Tool::Get, b't') => self.format(Format::Terse)?,
            (Tool::Get, b'a') => self.format(Format::Wide)?,
            (Tool::Put, b'l') => self.options.format = Format::Wide,
            (Tool::Put, b't') => self.options.format = Format::Terse,
            (Tool::Monitor, b't') => self.stamps(argument)?,
            (Tool::Monitor, b'm') => self.mask(argument)?,
            (Tool::Get | Tool::Put, b'c') => self.options.callback = true,
            (Tool::Put, b'a') => (self.options.array, self.options.chars_as_text) = (true, false),
            (Tool::Put, b'S') => (self.options.array, self.options.chars_as_text) = (false, true),
            (_, b'S') => self.options.chars_as_text = true,
            (Tool::Put, b's') => (self.options.enum_as_text, self.options.enum_as_number) = (true, false),
            (Tool::Info, b's') => self.level(argument)?,
            (_, b's') => self.options.float_as_text = true,
            (Tool::Get | Tool::Put | Tool::Monitor, b'n') => {
                (self.options.enum_as_text, self.options.enum_as_number) = (false, true);
            }
            // letters that base announces and does not know
            _ => return self.help().map(|()| Some(1)),
        }
        Ok(None)
    }

    fn help(&mut self) -> io::Result<()> {
        self.console.err.write_all(self.call.help().as_bytes())?;
        if self.call.tool == Tool::Info { self.version(Tool::Info) } else { Ok(()) }
    }

    /// The version; `cainfo -h` says it on standard error.
    fn version(&mut self, tool: Tool) -> io::Result<()> {
        let text =
            concat!("\nEPICS Version seqioc ", env!("CARGO_PKG_VERSION"), ", CA Protocol version 4.13\n");
        if tool == Tool::Info {
            self.console.err.write_all(text.as_bytes())
        } else {
            self.console.out.write_all(text.as_bytes())
        }
    }

    fn timeout(&mut self, argument: &[u8]) -> io::Result<()> {
        if let Some(seconds) = scan::whole_double(argument) {
            self.options.timeout = seconds;
            return Ok(());
        }
        let used = format!("{:.1}", self.options.timeout);
        self.complain(&[
            b"'",
            argument,
            b"' is not a valid timeout value - ignored, using '",
            used.as_bytes(),
            b"'.",
        ])
    }

    fn priority(&mut self, argument: &[u8]) -> io::Result<()> {
        // C reads 32 bits
        let number = scan::unsigned(argument).map(|number| number & 0xffff_ffff);
        self.options.priority = number.map_or(0, |number| number.min(MOST_PRIORITY) as u16);
        if number.is_none() {
            self.complain(&[b"'", argument, b"' is not a valid CA priority - ignored."])?;
        }
        Ok(())
    }

    fn count(&mut self, argument: &[u8]) -> io::Result<()> {
        let number = match self.call.tool {
            Tool::Monitor => scan::unsigned(argument),
            // a negative number becomes a huge one
            _ => scan::int(argument).map(|number| i64::from(number) as u64),
        };
        self.options.count = number.unwrap_or(0);
        if number.is_none() {
            self.complain(&[b"'", argument, b"' is not a valid array element count - ignored."])?;
        }
        Ok(())
    }

    fn level(&mut self, argument: &[u8]) -> io::Result<()> {
        let number = scan::unsigned(argument);
        self.options.level = number.unwrap_or(0) as u32;
        if number.is_none() {
            self.complain(&[b"'", argument, b"' is not a valid interest level - ignored."])?;
        }
        Ok(())
    }

    fn digits(&mut self, letter: u8, argument: &[u8]) -> io::Result<()> {
        match scan::int(argument) {
            None => self.say(&[
                b"Invalid precision argument '",
                argument,
                b"' for option '-",
                &[letter],
                b"' - ignored.\n",
            ]),
            Some(digits @ 0..=MOST_DIGITS) => {
                self.options.float_format = FloatFormat { letter, digits: digits as usize };
                Ok(())
            }
            Some(digits) => {
                let option = char::from(letter);
                writeln!(
                    self.console.err,
                    "Precision {digits} for option '-{option}' out of range - ignored."
                )
            }
        }
    }

    fn radix(&mut self, letter: u8, argument: &[u8]) -> io::Result<()> {
        let radix = match argument.first() {
            Some(b'x') => Radix::Hexadecimal,
            Some(b'b') => Radix::Binary,
            Some(b'o') => Radix::Octal,
            _ => {
                return self.say(&[
                    b"Invalid argument '",
                    argument,
                    b"' for option '-",
                    &[letter],
                    b"' - ignored.\n",
                ]);
            }
        };
        if letter == b'0' {
            self.options.integer_radix = radix;
            self.data_type = Some(NativeType::Long as i32);
        } else {
            self.options.float_radix = radix;
        }
        Ok(())
    }

    /// A format of `caget`; base complains about a second one and takes it.
    fn format(&mut self, format: Format) -> io::Result<()> {
        if self.options.format != Format::Plain {
            self.complain(&[b"Options t,d,a are mutually exclusive."])?;
        }
        self.options.format = format;
        Ok(())
    }

    fn dbr_type(&mut self, argument: &[u8]) -> io::Result<()> {
        self.format(Format::Typed)?;
        let code = scan::int(argument).or_else(|| type_code(argument)).unwrap_or(-1);
        self.data_type = Some(code);
        if !(0..=i32::from(CLASS_NAME)).contains(&code) || code == 35 || code == 36 {
            self.complain(&[b"Requested dbr type out of range or invalid - ignored."])?;
            self.options.format = Format::Plain;
        }
        Ok(())
    }

    fn stamps(&mut self, argument: &[u8]) -> io::Result<()> {
        (self.options.server_stamps, self.options.client_stamps) = (false, false);
        for &letter in argument {
            match letter {
                b's' => self.options.server_stamps = true,
                b'c' => self.options.client_stamps = true,
                b'n' => {}
                b'r' => self.options.stamp_kind = StampKind::Relative,
                b'i' => self.options.stamp_kind = StampKind::Incremental,
                b'I' => self.options.stamp_kind = StampKind::IncrementalByChannel,
                _ => self.say(&[b"Invalid argument '", &[letter], b"' for option '-t' - ignored.\n"])?,
            }
        }
        Ok(())
    }

    fn mask(&mut self, argument: &[u8]) -> io::Result<()> {
        let mut mask = EventMask::empty();
        for &letter in argument {
            mask |= match letter {
                b'v' => EventMask::VALUE,
                b'a' => EventMask::ALARM,
                b'l' => EventMask::LOG,
                b'p' => EventMask::PROPERTY,
                _ => {
                    self.options.mask = EventMask::VALUE | EventMask::ALARM;
                    return self.say(&[b"Invalid argument '", argument, b"' for option '-m' - ignored.\n"]);
                }
            };
        }
        self.options.mask = mask;
        Ok(())
    }

    /// All options are read; are there names, and values?
    fn finish(mut self, operands: Vec<Vec<u8>>) -> io::Result<Parsed> {
        let missing = match (self.call.tool, operands.len()) {
            (Tool::Info, 0) if self.options.level > 0 => None,
            (_, 0) => Some("No pv name specified."),
            (Tool::Put, 1) => Some("No value specified."),
            _ => None,
        };
        if let Some(missing) = missing {
            self.complain(&[missing.as_bytes()])?;
            return Ok(Parsed::Done(1));
        }
        self.options.data_type = self.data_type.and_then(|code| u16::try_from(code).ok()).unwrap_or(0);
        self.options.operands = operands;
        Ok(Parsed::Run(Box::new(self.options)))
    }
}

/// The code of a DBR type's name, with or without `DBR_`.
fn type_code(name: &[u8]) -> Option<i32> {
    (0..=i32::from(CLASS_NAME)).rev().find(|&code| {
        let known = type_name(code as u16).unwrap_or_default();
        known.as_bytes() == name || known.strip_prefix("DBR_").is_some_and(|known| known.as_bytes() == name)
    })
}
