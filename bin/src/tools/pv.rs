//! A PV of the command line, and its wide line: name, time stamp, value, alarm.

use ca_proto::Eca;
use ca_proto::dbr::{NativeType, Reply, Stamp};

use super::access::ChannelInfo;
use super::console::Console;
use super::facts::{severity_name, status_name};
use super::options::{Options, StampKind};
use super::{message, stamp, value};

/// A PV and what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Pv {
    pub(crate) name: Vec<u8>,
    pub(crate) native: Option<NativeType>,
    /// The DBR type that is asked for.
    pub(crate) data_type: u16,
    /// Elements of the value, or those asked for while there is none.
    pub(crate) elements: u32,
    pub(crate) status: Eca,
    pub(crate) value: Option<Reply>,
    pub(crate) once_connected: bool,
    /// A time stamp has been printed in full.
    stamped: bool,
    /// Stamps of its last update.
    previous: Pair,
}

/// The stamps of an update: the server's, and when it came.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    server: Stamp,
    client: Stamp,
}

/// What the time stamps of all PVs are measured from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    start: Stamp,
    first: Option<Stamp>,
    previous: Pair,
}

impl Marks {
    /// The program starts now.
    pub(crate) fn new(start: Stamp) -> Self {
        Self { start, ..Self::default() }
    }
}

impl Pv {
    /// Nothing is known yet.
    pub(crate) fn new(name: &[u8]) -> Self {
        Self {
            name: name.to_vec(),
            native: None,
            data_type: 0,
            elements: 0,
            status: Eca::NORMAL,
            value: None,
            once_connected: false,
            stamped: false,
            previous: Pair::default(),
        }
    }

    /// Takes type and count from the channel, and the TIME type that shows it best.
    pub(crate) fn prepare(&mut self, info: &ChannelInfo, options: &Options) {
        self.native = info.native;
        self.elements = info.count;
        self.data_type = info.native.map_or(0, |native| time_type(native, options));
    }

    /// Appends the name, padded for a scalar, and the separator.
    pub(crate) fn name_column(&self, options: &Options, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.name);
        if self.elements <= 1 && options.separator == b' ' {
            out.resize(out.len().max(start + 30), b' ');
        }
        out.push(options.separator);
    }

    /// Why there is no value to print.
    pub(crate) fn trouble(&self) -> Option<String> {
        Some(match self.status {
            Eca::DISCONN => "*** not connected".to_owned(),
            Eca::NORDACCESS => "*** no read access".to_owned(),
            Eca::NORMAL if self.value.is_some() => return None,
            Eca::NORMAL => "*** no data available (timeout)".to_owned(),
            status => format!("*** CA error {}", message::text(status)),
        })
    }

    /// The wide line.
    pub(crate) fn wide_line(
        &mut self,
        marks: &mut Marks,
        requested: u64,
        options: &Options,
        console: &Console<'_>,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        let now = console.now();
        self.name_column(options, &mut out);
        if !self.once_connected {
            out.extend_from_slice(b"*** Not connected (PV not found)\n");
            return out;
        }
        let trouble = match self.status {
            Eca::DISCONN => Some("*** disconnected".to_owned()),
            _ => self.trouble(),
        };
        if let Some(trouble) = trouble {
            let now = stamp::local(now, &console.zone);
            out.extend_from_slice(format!("{now} {trouble}\n").as_bytes());
            return out;
        }
        if let Some(reply) = self.value.take() {
            let new = Pair { server: reply.stamp.unwrap_or_default(), client: now };
            self.stamps(new, marks, options, console, &mut out);
            value_and_alarm(&reply, requested, options, &mut out);
            self.value = Some(reply);
        }
        out
    }

    /// Appends the time stamps that were asked for.
    fn stamps(
        &mut self,
        new: Pair,
        marks: &mut Marks,
        options: &Options,
        console: &Console<'_>,
        out: &mut Vec<u8>,
    ) {
        let first = *marks.first.get_or_insert(new.server);
        let reference = match options.stamp_kind {
            StampKind::Absolute => None,
            StampKind::Relative => Some(Pair { server: first, client: marks.start }),
            StampKind::Incremental => Some(marks.previous),
            StampKind::IncrementalByChannel => Some(self.previous),
        };
        let (server, client) = match reference.filter(|_| self.stamped) {
            None => {
                self.stamped = true;
                let local = |moment| stamp::local(moment, &console.zone);
                (local(new.server), format!("({})", local(new.client)))
            }
            Some(old) => {
                let server = stamp::seconds_between(old.server, new.server);
                let client = stamp::seconds_between(old.client, new.client);
                (format!("{:14}{server:+12.6}", ""), format!("{:14}({client:+12.6})", ""))
            }
        };
        if options.server_stamps {
            out.extend_from_slice(server.as_bytes());
        }
        if options.client_stamps {
            out.extend_from_slice(client.as_bytes());
        }
        (self.previous, marks.previous) = (new, new);
    }
}

/// Appends the value, and the alarm if there is one.
fn value_and_alarm(reply: &Reply, requested: u64, options: &Options, out: &mut Vec<u8>) {
    let separator = options.separator;
    if value::is_text(reply, requested, options) {
        out.push(separator);
        value::text(reply, out);
    } else {
        if requested > 0 || reply.count > 1 {
            out.push(separator);
            out.extend_from_slice(reply.count.to_string().as_bytes());
        }
        for index in 0..reply.elements.len() {
            out.push(separator);
            value::element(reply, index, options, out);
        }
    }
    let alarm = reply.status != 0 || reply.severity != 0;
    for code in [status_name(reply.status), severity_name(reply.severity)] {
        out.push(separator);
        out.extend_from_slice(if alarm { code } else { "" }.as_bytes());
    }
    out.push(b'\n');
}

/// The TIME type: enums as text or number, floating values as text on demand.
fn time_type(native: NativeType, options: &Options) -> u16 {
    use ca_proto::dbr::DbrClass::Time;
    let shown = match native {
        NativeType::Enum if options.enum_as_number => NativeType::Short,
        NativeType::Enum => NativeType::String,
        NativeType::Float | NativeType::Double if options.float_as_text => NativeType::String,
        native => native,
    };
    shown.with(Time).code()
}
