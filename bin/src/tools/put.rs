//! `caput`: writes a value, and prints the one before and the one after.

use std::io;

use ca_proto::Eca;
use ca_proto::dbr::{FixedString, NativeType, Reply};

use super::Verdict;
use super::access::{Access, GetRequest, PutRequest};
use super::connect::connect;
use super::console::Console;
use super::escape::unescape;
use super::message::{self, Exception};
use super::options::{Format, Options};
use super::pv::{Marks, Pv};
use super::read::{read, say_unread, value_line};
use super::scan::leading_double;

/// Bytes of a DBR_STRING, the NUL included.
const CELL: usize = NativeType::String.width();
/// Elements, ready to be sent.
struct Elements {
    native: NativeType,
    count: u32,
    payload: Vec<u8>,
}

/// Runs the tool.
pub(crate) fn run<A: Access>(
    options: &Options,
    access: &mut A,
    console: &mut Console<'_>,
) -> io::Result<Verdict> {
    let Some(channel) = connect(access, options, 1, console)?.and_then(|channels| channels.first().copied())
    else {
        return Ok(Verdict::FAILED);
    };
    let (name, values) = options.operands.split_first().unwrap_or((EMPTY, &[]));
    let mut put = Put { options, access, console, channel, name, failed: false, ever_connected: false };
    let Some(elements) = put.elements(values)? else { return Ok(Verdict::FAILED) };
    if options.format != Format::Terse {
        put.show("Old : ")?;
    }
    if !put.write(elements)? {
        return Ok(Verdict::FAILED);
    }
    let status = put.show(if options.format == Format::Terse { "" } else { "New : " })?;
    Ok(Verdict { status, failed: put.failed })
}

const EMPTY: &Vec<u8> = &Vec::new();

struct Put<'a, 'b, A: Access> {
    options: &'a Options,
    access: &'a mut A,
    console: &'a mut Console<'b>,
    channel: A::Channel,
    name: &'a [u8],
    /// A read or a write failed that base passes over.
    failed: bool,
    ever_connected: bool,
}

impl<A: Access> Put<'_, '_, A> {
    /// The values of the command line as elements; `None`, and said why, if they are none.
    fn elements(&mut self, values: &[Vec<u8>]) -> io::Result<Option<Elements>> {
        let joined;
        let values = if self.options.array {
            // the first one tells how many there are; base counts them
            values.get(1..).unwrap_or_default()
        } else {
            joined = [values.join(&b' ')];
            &joined
        };
        if self.access.info(self.channel).native == Some(NativeType::Enum) {
            let Some(labels) = self.labels()? else { return Ok(None) };
            return if self.options.enum_as_number {
                self.indices(values, &labels)
            } else {
                self.states(values, &labels)
            };
        }
        if self.options.chars_as_text {
            let mut payload = unescape(&values[0], usize::MAX);
            payload.push(0);
            return Ok(Some(Elements { native: NativeType::Char, count: payload.len() as u32, payload }));
        }
        let cells: Vec<_> = values.iter().map(|value| cell(value)).collect();
        Ok(Some(texts(&cells)))
    }

    /// The labels of an enum, as bytes.
    fn labels(&mut self) -> io::Result<Option<Vec<Vec<u8>>>> {
        let (data_type, count) = (24, 1);
        let request = GetRequest { channel: self.channel, data_type, count };
        let reply = self.access.get(&[request], self.options.wait()).pop().unwrap_or(Err(Eca::TIMEOUT));
        let status = match reply {
            Ok(reply) => return Ok(Some(label_bytes(&reply))),
            Err(status) => status,
        };
        if status != Eca::TIMEOUT {
            let (name, context) = (self.name, "read failed");
            Exception { status, name, data_type, count, context, write: false }.report(self.console)?;
        }
        say_unread("ENUM data was", self.console)?;
        Ok(None)
    }

    /// Values as numbers of states.
    fn indices(&mut self, values: &[Vec<u8>], labels: &[Vec<u8>]) -> io::Result<Option<Elements>> {
        let mut numbers = Vec::new();
        for value in values {
            let Some(number) = leading_double(value) else {
                self.say(&[b"Enum index value '", value, b"' is not a number.\n"])?;
                return Ok(None);
            };
            self.check_index(number, value, labels)?;
            numbers.push(number);
        }
        Ok(Some(doubles(&numbers)))
    }

    /// Values as labels, else as numbers; base lets the last value decide what all are sent as.
    fn states(&mut self, values: &[Vec<u8>], labels: &[Vec<u8>]) -> io::Result<Option<Elements>> {
        let mut cells = Vec::new();
        let mut numbers = Vec::new();
        let mut numeric = false;
        for value in values {
            let text = cell(value);
            numeric = !labels.contains(&text);
            let mut number = 0.0;
            if numeric {
                let read = leading_double(&text).filter(|_| !self.options.enum_as_text);
                let Some(read) = read else {
                    self.say(&[b"Enum string value '", &text, b"' invalid.\n"])?;
                    return Ok(None);
                };
                self.check_index(read, &text, labels)?;
                number = read;
            }
            numbers.push(number);
            cells.push(text);
        }
        Ok(Some(if numeric { doubles(&numbers) } else { texts(&cells) }))
    }

    fn check_index(&mut self, number: f64, text: &[u8], labels: &[Vec<u8>]) -> io::Result<()> {
        if number >= labels.len() as f64 {
            self.say(&[b"Warning: enum index value '", text, b"' may be too large.\n"])?;
        }
        Ok(())
    }

    fn say(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.console.err.write_all(&parts.concat())
    }

    /// Writes; false, and said why, if base ends here.
    fn write(&mut self, elements: Elements) -> io::Result<bool> {
        let info = self.access.info(self.channel);
        let refused = match () {
            () if !info.connected() => Some(Eca::DISCONN),
            () if !info.write_access => Some(Eca::NOWTACCESS),
            () if elements.count > info.count => Some(Eca::BADCOUNT),
            () => None,
        };
        if let Some(status) = refused {
            self.console.error(&format!("from put operation: {}", message::text(status)))?;
            return Ok(false);
        }
        let Elements { native, count, payload } = elements;
        let put = PutRequest { channel: self.channel, data_type: native as u16, count, payload };
        let wait = if self.options.callback { self.options.short_wait() } else { self.options.wait() };
        let result = self.access.put(&[put], self.options.callback, wait).pop();
        match result.unwrap_or(Err(Eca::TIMEOUT)) {
            Ok(()) => Ok(true),
            Err(Eca::TIMEOUT) if self.options.callback => {
                self.failed = true;
                writeln!(self.console.err, "Write callback operation timed out")?;
                Ok(true)
            }
            Err(status) if self.options.callback => {
                self.console.error(&format!("occured writing data: {}", message::text(status)))?;
                Ok(false)
            }
            Err(status) => {
                self.console.error(&format!("from put operation: {}", message::text(status)))?;
                Ok(false)
            }
        }
    }

    /// Reads and prints the value; the exit status of base.
    fn show(&mut self, label: &str) -> io::Result<u8> {
        let mut pv = Pv::new(self.name);
        pv.prepare(&self.access.info(self.channel), self.options);
        let mut pvs = [(self.channel, pv)];
        self.console.print(label.as_bytes())?;
        let outcome = read(self.access, &mut pvs, false, self.options, self.console)?;
        self.report_write_errors()?;
        self.failed |= outcome.failed > 0;
        self.ever_connected |= outcome.connected > 0;
        if !self.ever_connected {
            return Ok(1);
        }
        if outcome.unread > 0 {
            say_unread("PV data was", self.console)?;
        }
        let [(_, pv)] = &mut pvs;
        let mut out = Vec::new();
        match self.options.format {
            Format::Wide => out = pv.wide_line(&mut Marks::default(), 0, self.options, self.console),
            Format::Terse => value_line(pv, 0, self.options, &mut out),
            _ => {
                pv.name_column(self.options, &mut out);
                value_line(pv, 0, self.options, &mut out);
            }
        }
        self.console.print(&out)?;
        Ok(0)
    }

    /// Reports what the server said of a put without answer.
    fn report_write_errors(&mut self) -> io::Result<()> {
        for error in self.access.write_errors() {
            self.failed = true;
            Exception {
                status: error.status,
                name: self.name,
                data_type: error.data_type,
                count: error.count,
                context: &error.context,
                write: true,
            }
            .report(self.console)?;
        }
        Ok(())
    }
}

fn label_bytes(reply: &Reply) -> Vec<Vec<u8>> {
    (0..).map_while(|index| reply.label_bytes(index).map(<[u8]>::to_vec)).collect()
}

/// A value as text of at most 39 bytes, up to the first NUL; base looks at its first 40 bytes only.
fn cell(value: &[u8]) -> Vec<u8> {
    let raw = unescape(&value[..value.len().min(CELL)], FixedString::MAX);
    FixedString::from_bytes(&raw).as_bytes().to_vec()
}

/// A single text ends behind its NUL, as libca sends it.
fn texts(cells: &[Vec<u8>]) -> Elements {
    let payload = match cells {
        [one] => [&one[..], b"\0"].concat(),
        all => all.iter().flat_map(|text| *FixedString::from_bytes(text).cell()).collect(),
    };
    Elements { native: NativeType::String, count: cells.len() as u32, payload }
}

fn doubles(numbers: &[f64]) -> Elements {
    let payload = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    Elements { native: NativeType::Double, count: numbers.len() as u32, payload }
}
