//! What `caget -d` prints below the value: all that its DBR type tells.

use ca_proto::alarm::{AlarmSeverity, AlarmStatus};
use ca_proto::dbr::{DbrClass, DbrType, LimitPair, Meta, NativeType, Reply};
use jiff::tz::TimeZone;

use super::number::FloatFormat;
use super::stamp;

/// The name of an alarm status.
pub(crate) fn status_name(code: u16) -> &'static str {
    AlarmStatus::from_code(code).map_or("??", AlarmStatus::name)
}

/// The name of an alarm severity.
pub(crate) fn severity_name(code: u16) -> &'static str {
    AlarmSeverity::from_code(code).map_or("??", AlarmSeverity::name)
}

/// The lines, each with its end; none for the plain types.
pub(crate) fn lines(reply: &Reply, zone: &TimeZone) -> Vec<u8> {
    let mut lines = Lines(Vec::new());
    let class = DbrType::from_code(reply.data_type).map(|ty| ty.class);
    if class == Some(DbrClass::Plain) {
        return lines.0;
    }
    if let Some(stamp) = reply.stamp {
        lines.line("Timestamp:", stamp::local(stamp, zone));
    }
    lines.line("Status:", status_name(reply.status));
    lines.line("Severity:", severity_name(reply.severity));
    if let Some((transient, severity)) = reply.acknowledge {
        lines.line("Ack transient?:", if transient == 0 { "NO" } else { "YES" });
        lines.line("Ack severity:", severity_name(severity));
    }
    if let Some(meta) = &reply.meta {
        match reply.native() {
            NativeType::Enum => lines.labels(reply, meta),
            native => lines.numeric(reply, meta, native, class == Some(DbrClass::Ctrl)),
        }
    }
    lines.0
}

struct Lines(Vec<u8>);

impl Lines {
    fn line(&mut self, label: &str, value: impl AsRef<[u8]>) {
        self.0.extend_from_slice(format!("    {label:<18}").as_bytes());
        self.0.extend_from_slice(value.as_ref());
        self.0.push(b'\n');
    }

    fn labels(&mut self, reply: &Reply, meta: &Meta) {
        self.line("Enums:", format!("({:2})", meta.labels.len()));
        for index in 0..meta.labels.len() as u16 {
            self.0.extend_from_slice(format!("{:22}[{index:2}] ", "").as_bytes());
            self.0.extend_from_slice(reply.label_bytes(index).unwrap_or_default());
            self.0.push(b'\n');
        }
    }

    fn numeric(&mut self, reply: &Reply, meta: &Meta, native: NativeType, control: bool) {
        self.line("Units:", reply.units_bytes());
        if matches!(native, NativeType::Float | NativeType::Double) {
            self.line("Precision:", meta.precision.to_string());
        }
        let Meta { display, alarm, warning, .. } = meta;
        self.pair("disp", display, native);
        self.limit("Lo alarm", alarm.low, native);
        self.limit("Lo warn", warning.low, native);
        self.limit("Hi warn", warning.high, native);
        self.limit("Hi alarm", alarm.high, native);
        if control {
            self.pair("ctrl", &meta.control, native);
        }
    }

    fn pair(&mut self, what: &str, pair: &LimitPair, native: NativeType) {
        self.limit(&format!("Lo {what}"), pair.low, native);
        self.limit(&format!("Hi {what}"), pair.high, native);
    }

    fn limit(&mut self, what: &str, value: f64, native: NativeType) {
        let text = match native {
            NativeType::Float | NativeType::Double => FloatFormat::GENERAL.text(value),
            // C's char has a sign
            NativeType::Char => format!("{:8}", value as u8 as i8),
            _ => format!("{:8}", value as i64),
        };
        self.line(&format!("{what} limit:"), text);
    }
}
