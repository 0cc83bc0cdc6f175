//! `seqioc get`, `put`, `monitor` and `info`: base's `caget`, `caput`, `camonitor` and `cainfo`.
//!
//! One parser and one behaviour for both names of each tool. The output is that of base, byte for byte; the exit
//! status too when a tool is called by base's name, while `seqioc get` and `seqioc put` also fail when a read or a
//! write failed that base passes over.

mod access;
mod client;
mod connect;
mod console;
pub(crate) mod describe;
mod escape;
mod facts;
mod get;
mod getopt;
mod info;
mod message;
mod monitor;
mod number;
mod options;
mod put;
mod pv;
mod read;
mod scan;
mod stamp;
mod value;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use access::Access;
use console::Console;
use jiff::tz::TimeZone;
use options::{Options, Parsed};
use wrapper::launch::is_colourful;

/// The wait time of all tools, where `-w` does not give one.
pub(crate) const TIMEOUT_VARIABLE: &str = "EPICS_CLI_TIMEOUT";

/// One of the four tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Get,
    Put,
    Monitor,
    Info,
}

impl Tool {
    const ALL: [Self; 4] = [Self::Get, Self::Put, Self::Monitor, Self::Info];

    /// What base calls it.
    const fn base_name(self) -> &'static str {
        match self {
            Self::Get => "caget",
            Self::Put => "caput",
            Self::Monitor => "camonitor",
            Self::Info => "cainfo",
        }
    }

    /// The subcommand of `seqioc`.
    const fn subcommand(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::Monitor => "monitor",
            Self::Info => "info",
        }
    }
}

/// How a tool was called.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    tool: Tool,
    /// The name that messages use: `caget`, or `seqioc get`.
    program: String,
    /// Any failed read or write makes the exit status one.
    strict: bool,
    /// The words behind the name.
    words: Vec<Vec<u8>>,
}

impl Call {
    /// The tool that a command line names, by the program's own name or by the first argument.
    pub(crate) fn of(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.into_iter();
        let program = arguments.next()?;
        let stem = Path::new(&program).file_stem()?.to_str()?;
        let (tool, program, strict) = match Tool::ALL.into_iter().find(|tool| tool.base_name() == stem) {
            Some(tool) => (tool, tool.base_name().to_owned(), false),
            None => {
                let first = arguments.next()?;
                let tool = Tool::ALL.into_iter().find(|tool| first == tool.subcommand())?;
                (tool, format!("seqioc {}", tool.subcommand()), true)
            }
        };
        Some(Self { tool, program, strict, words: arguments.map(OsString::into_encoded_bytes).collect() })
    }

    /// Runs the tool to its end.
    pub(crate) fn run(&self) -> ExitCode {
        let timeout = std::env::var_os(TIMEOUT_VARIABLE).map(OsString::into_encoded_bytes);
        // not locked: the client's threads may have something to say too
        let mut console = Console {
            out: &mut io::stdout(),
            err: &mut io::stderr(),
            clock: SystemTime::now,
            zone: TimeZone::system(),
            // base colours always
            colour: !self.strict || is_colourful(&io::stderr()),
        };
        match self.run_with(timeout.as_deref(), client::open_access, &mut console) {
            Ok(status) => ExitCode::from(status),
            // the reader, a pager perhaps, has seen enough
            Err(error) if error.downcast_ref().is_some_and(is_broken_pipe) => ExitCode::SUCCESS,
            Err(error) => {
                // there is nobody else to tell
                let _ = writeln!(console.err, "{}: {error:#}", self.program);
                ExitCode::FAILURE
            }
        }
    }

    /// Runs the tool with a client that `open` opens, told how often `-v` was given, once there is something to do; the
    /// exit status.
    fn run_with<A: Access>(
        &self,
        timeout: Option<&[u8]>,
        open: impl FnOnce(u8) -> anyhow::Result<A>,
        console: &mut Console<'_>,
    ) -> anyhow::Result<u8> {
        let options = match options::parse(self, &self.words, timeout, console)? {
            Parsed::Run(options) => options,
            Parsed::Done(status) => return Ok(status),
        };
        let verdict = self.dispatch(&options, &mut open(options.verbose)?, console)?;
        Ok(if self.strict && verdict.failed { verdict.status.max(1) } else { verdict.status })
    }

    fn dispatch<A: Access>(
        &self,
        options: &Options,
        access: &mut A,
        console: &mut Console<'_>,
    ) -> io::Result<Verdict> {
        match self.tool {
            Tool::Get => get::run(options, access, console),
            Tool::Put => put::run(options, access, console),
            Tool::Monitor => monitor::run(options, access, console),
            Tool::Info => info::run(options, access, console),
        }
    }
}

fn is_broken_pipe(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

/// How a tool ended.
#[derive(Clone, Copy, Debug)]
struct Verdict {
    /// The exit status of base.
    status: u8,
    /// A read or a write failed, be it that base passes over it.
    failed: bool,
}

impl Verdict {
    const DONE: Self = Self { status: 0, failed: false };
    const FAILED: Self = Self { status: 1, failed: true };
}
