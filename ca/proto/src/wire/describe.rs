//! Messages in words, one line each, for logs.

use std::fmt;

use bytes::Bytes;

use super::msg::monitor::mask;
use super::{Command, Header, terminated};
use crate::Eca;
use crate::dbr::{ArrayData, Reply, Scalar, WireArray, text_from_bytes, type_name};
use crate::dbr::{DbrType, NativeType};

/// Elements of a value that are shown.
const SHOWN: usize = 4;
/// Characters of a text that are shown.
const TEXT: usize = 60;
/// Elements that are decoded: more than are shown, so that it shows when there are more.
const MOST: u32 = 64;

/// The messages of a buffer or datagram, each as one line.
///
/// `from_client` tells the direction, because a request and its answer share a code. What is left of an incomplete
/// message is the last line; nothing is decoded behind bytes that are no message.
///
/// ```
/// use ca_proto::wire::describe;
/// let bytes = b"\0\x12\0\x08\0\0\0\0\0\0\0\x01\0\0\0\x0dm:VAL\0\0\0\0\x17\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// let lines: Vec<_> = describe(bytes, true).collect();
/// assert_eq!(lines, [r#"CREATE_CHAN "m:VAL" cid 1 minor 13"#, "ECHO"]);
/// ```
pub fn describe(bytes: &[u8], from_client: bool) -> impl Iterator<Item = String> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (header, length) = match Header::decode(rest, true) {
            Ok(Some(found)) => found,
            Ok(None) => return last(&mut rest, "an incomplete header"),
            Err(error) => return last(&mut rest, &error.to_string()),
        };
        let Some(payload) = rest[length..].get(..header.size as usize) else {
            let missing = header.size as usize - (rest.len() - length);
            return last(&mut rest, &format!("{}, {missing} bytes to come", name(header.command)));
        };
        rest = &rest[length + payload.len()..];
        Some(Message { header, payload, from_client }.to_string())
    })
}

/// The last line; what it is about is taken.
fn last(rest: &mut &[u8], what: &str) -> Option<String> {
    let count = std::mem::take(rest).len();
    Some(format!("{count} bytes: {what}"))
}

/// The name of a command, as base has it.
fn name(command: u16) -> &'static str {
    match Command::from_code(command) {
        Some(Command::Version) => "VERSION",
        Some(Command::EventAdd) => "EVENT_ADD",
        Some(Command::EventCancel) => "EVENT_CANCEL",
        Some(Command::Read) => "READ",
        Some(Command::Write) => "WRITE",
        Some(Command::Search) => "SEARCH",
        Some(Command::EventsOff) => "EVENTS_OFF",
        Some(Command::EventsOn) => "EVENTS_ON",
        Some(Command::ReadSync) => "READ_SYNC",
        Some(Command::Error) => "ERROR",
        Some(Command::ClearChannel) => "CLEAR_CHANNEL",
        Some(Command::Beacon) => "RSRV_IS_UP",
        Some(Command::NotFound) => "NOT_FOUND",
        Some(Command::ReadNotify) => "READ_NOTIFY",
        Some(Command::RepeaterConfirm) => "REPEATER_CONFIRM",
        Some(Command::CreateChannel) => "CREATE_CHAN",
        Some(Command::WriteNotify) => "WRITE_NOTIFY",
        Some(Command::ClientName) => "CLIENT_NAME",
        Some(Command::HostName) => "HOST_NAME",
        Some(Command::AccessRights) => "ACCESS_RIGHTS",
        Some(Command::Echo) => "ECHO",
        Some(Command::RepeaterRegister) => "REPEATER_REGISTER",
        Some(Command::CreateChannelFail) => "CREATE_CH_FAIL",
        Some(Command::ServerDisconnect) => "SERVER_DISCONN",
        None => "unknown command",
    }
}

struct Message<'a> {
    header: Header,
    payload: &'a [u8],
    from_client: bool,
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header { command, data_type, count, p1, p2, size } = self.header;
        f.write_str(name(command))?;
        let Some(command) = Command::from_code(command) else {
            return write!(f, " {command} type {data_type} count {count} p1 {p1} p2 {p2} size {size}");
        };
        match command {
            Command::Version if p1 == 0 => write!(f, " minor {count} priority {data_type}"),
            Command::Version => write!(f, " minor {count} sequence {p1}"),
            Command::Read | Command::ReadNotify if self.from_client => {
                write!(f, " sid {p1} ioid {p2}{}", self.request())
            }
            Command::Read => write!(f, " cid {p1} ioid {p2}{}", self.value(Eca::NORMAL)),
            Command::ReadNotify => write!(f, " ioid {p2}{}", self.value(Eca(p1))),
            Command::EventAdd if self.from_client => {
                write!(f, " sid {p1} subscription {p2}{}", self.request())?;
                mask(self.payload).map_or(Ok(()), |mask| write!(f, " mask {mask}"))
            }
            Command::EventAdd if size == 0 => write!(f, " cancelled, sid {p1} subscription {p2}"),
            Command::EventAdd => write!(f, " subscription {p2}{}", self.value(Eca(p1))),
            Command::EventCancel => write!(f, " sid {p1} subscription {p2}{}", self.request()),
            Command::Write => write!(f, " sid {p1} cid {p2}{}{}", self.request(), self.put()),
            Command::WriteNotify if self.from_client => {
                write!(f, " sid {p1} ioid {p2}{}{}", self.request(), self.put())
            }
            Command::WriteNotify => write!(f, " ioid {p2}: {}", Eca(p1)),
            Command::Search if self.from_client => {
                write!(f, " {} cid {p2} minor {count}", self.text())?;
                f.write_str(if data_type == super::msg::search::DO_REPLY { " reply wanted" } else { "" })
            }
            Command::Search => write!(f, " found: cid {p2} at {} port {data_type}", Address(p1)),
            Command::NotFound => write!(f, " cid {p2}"),
            Command::Beacon => write!(f, " {p1} of {} port {count} minor {data_type}", Address(p2)),
            Command::RepeaterRegister | Command::RepeaterConfirm => write!(f, " {}", Address(p2)),
            Command::CreateChannel if self.from_client => {
                write!(f, " {} cid {p1} minor {p2}", self.text())
            }
            Command::CreateChannel => write!(f, " cid {p1} sid {p2}{}", self.request()),
            Command::ClearChannel => write!(f, " sid {p1} cid {p2}"),
            Command::CreateChannelFail | Command::ServerDisconnect => write!(f, " cid {p1}"),
            Command::AccessRights => write!(f, " cid {p1}{}", rights(p2)),
            Command::ClientName | Command::HostName => write!(f, " {}", self.text()),
            Command::Error => self.error(f),
            Command::EventsOff | Command::EventsOn | Command::ReadSync | Command::Echo => Ok(()),
        }
    }
}

impl Message<'_> {
    /// The text of the payload, in quotes.
    fn text(&self) -> String {
        quoted(terminated(self.payload))
    }

    /// Type and count.
    fn request(&self) -> String {
        let Header { data_type, count, .. } = self.header;
        match type_name(data_type) {
            Some(name) => format!(" {name} x {count}"),
            None => format!(" DBR type {data_type} x {count}"),
        }
    }

    /// Type, count, and the value or why there is none.
    fn value(&self, status: Eca) -> String {
        let request = self.request();
        if status != Eca::NORMAL {
            return format!("{request}: {status}");
        }
        let Header { data_type, count, .. } = self.header;
        let complete = Reply::size(data_type, count).is_some_and(|size| size <= self.payload.len() as u64);
        // an image is not decoded for its first few elements
        let few = if complete { count.min(MOST) } else { count };
        let size = Reply::size(data_type, few).map_or(0, |size| self.payload.len().min(size as usize));
        match Reply::decode(data_type, few, &Bytes::copy_from_slice(&self.payload[..size])) {
            Err(error) => format!("{request}: {error}"),
            Ok(reply) if reply.status == 0 && reply.severity == 0 => {
                format!("{request} = {}", shown(&reply.elements))
            }
            Ok(reply) => {
                let alarm = reply.alarm();
                format!("{request} = {} {} {}", shown(&reply.elements), alarm.status, alarm.severity)
            }
        }
    }

    /// The elements of a put.
    fn put(&self) -> String {
        let Header { data_type, count, .. } = self.header;
        let Some(ty) = DbrType::from_code(data_type) else { return format!(" = {:?}", self.payload) };
        let Ok(wire) = WireArray::from_put(ty, count, self.payload) else {
            return format!(": {} bytes are too few", self.payload.len());
        };
        if ty.native == NativeType::Char && count > 1 {
            return format!(" = {}", quoted(wire.bytes));
        }
        format!(" = {}", listed(count as usize, |index| wire.element(index)))
    }

    /// What failed, why, and the server's words.
    fn error(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = Eca(self.header.p2);
        let Some((request, length)) = Header::parse(self.payload, true) else {
            return write!(f, ": {status}");
        };
        let words = quoted(terminated(&self.payload[length..]));
        write!(f, " of {} p1 {} p2 {}: {status}, {words}", name(request.command), request.p1, request.p2)
    }
}

/// An IPv4 address, or that of the sender.
struct Address(u32);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | super::msg::search::SENDER_ADDRESS => f.write_str("the sender"),
            address => {
                let [a, b, c, d] = address.to_be_bytes();
                write!(f, "{a}.{b}.{c}.{d}")
            }
        }
    }
}

fn rights(bits: u32) -> &'static str {
    [" none", " read", " write", " read write"][(bits & 3) as usize]
}

/// A text in quotes, cut where it is long.
fn quoted(bytes: &[u8]) -> String {
    let text = text_from_bytes(bytes.split(|&b| b == 0).next().unwrap_or_default());
    match text.char_indices().nth(TEXT) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}...", &text[..end]),
    }
}

fn shown(elements: &ArrayData) -> String {
    match elements {
        ArrayData::Char(bytes) if bytes.len() > 1 => quoted(bytes),
        elements => listed(elements.len(), |index| elements.get(index)),
    }
}

/// The first few elements.
fn listed(count: usize, element: impl Fn(usize) -> Option<Scalar>) -> String {
    let mut texts: Vec<_> = (0..count.min(SHOWN))
        .map(|index| match element(index) {
            Some(Scalar::String(text)) => quoted(text.as_bytes()),
            Some(number) => number.as_f64().unwrap_or_default().to_string(),
            None => "?".to_owned(),
        })
        .collect();
    if count > SHOWN {
        texts.push("...".to_owned());
    }
    texts.join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(header: Header, payload: &[u8], from_client: bool, wanted: &str) {
        let mut bytes = Vec::new();
        Header { size: payload.len() as u32, ..header }.encode(&mut bytes);
        bytes.extend_from_slice(payload);
        assert_eq!(describe(&bytes, from_client).collect::<Vec<_>>(), [wanted]);
    }

    fn header(command: Command, data_type: u16, count: u32, p1: u32, p2: u32) -> Header {
        Header { command: command as u16, size: 0, data_type, count, p1, p2 }
    }

    #[test]
    fn requests_and_answers_are_told_apart() {
        let sts = [0, 3, 0, 2, 0, 7, 0, 0];
        check(
            header(Command::ReadNotify, 8, 1, 5, 6),
            &[],
            true,
            "READ_NOTIFY sid 5 ioid 6 DBR_STS_SHORT x 1",
        );
        check(
            header(Command::ReadNotify, 8, 1, 1, 6),
            &sts,
            false,
            "READ_NOTIFY ioid 6 DBR_STS_SHORT x 1 = 7 HIHI MAJOR",
        );
        check(
            header(Command::ReadNotify, 8, 1, 152, 6),
            &sts,
            false,
            "READ_NOTIFY ioid 6 DBR_STS_SHORT x 1: channel read request failed (152)",
        );
        let mut mask = [0; 16];
        mask[13] = 5;
        let add = "EVENT_ADD sid 5 subscription 6 DBR_SHORT x 0 mask 5";
        check(header(Command::EventAdd, 1, 0, 5, 6), &mask, true, add);
        check(header(Command::EventAdd, 1, 0, 5, 6), &[], false, "EVENT_ADD cancelled, sid 5 subscription 6");
        check(
            header(Command::Write, 0, 1, 5, 6),
            b"on\0\0\0\0\0\0",
            true,
            r#"WRITE sid 5 cid 6 DBR_STRING x 1 = "on""#,
        );
        let text = b"move(5)\0";
        check(
            header(Command::WriteNotify, 4, 8, 5, 6),
            text,
            true,
            r#"WRITE_NOTIFY sid 5 ioid 6 DBR_CHAR x 8 = "move(5)""#,
        );
        check(header(Command::AccessRights, 0, 0, 5, 3), &[], false, "ACCESS_RIGHTS cid 5 read write");
        check(
            header(Command::Search, 5064, 0, u32::MAX, 6),
            &[],
            false,
            "SEARCH found: cid 6 at the sender port 5064",
        );
        check(
            header(Command::Beacon, 13, 5064, 9, 0x7f00_0001),
            &[],
            false,
            "RSRV_IS_UP 9 of 127.0.0.1 port 5064 minor 13",
        );
    }

    #[test]
    fn an_error_tells_what_failed() {
        let mut payload = Vec::new();
        header(Command::Write, 0, 1, 5, 6).encode(&mut payload);
        payload.extend_from_slice(b"m:VAL\0\0\0");
        check(
            header(Command::Error, 0, 0, 6, 160),
            &payload,
            false,
            r#"ERROR of WRITE p1 5 p2 6: channel write request failed (160), "m:VAL""#,
        );
        check(header(Command::Error, 0, 0, 6, 160), &[], false, "ERROR: channel write request failed (160)");
    }

    #[test]
    fn what_is_no_message_is_the_last_line() {
        let whole = b"\0\x17\0\x08\0\0\0\0\0\0\0\0\0\0\0\0abcdefgh";
        assert_eq!(describe(&whole[..3], true).collect::<Vec<_>>(), ["3 bytes: an incomplete header"]);
        assert_eq!(describe(&whole[..20], true).collect::<Vec<_>>(), ["20 bytes: ECHO, 4 bytes to come"]);
        let odd = b"\0\x17\0\x07\0\0\0\0\0\0\0\0\0\0\0\0abcdefg";
        let lines: Vec<_> = describe(odd, true).collect();
        assert_eq!(lines, ["23 bytes: payload of 7 bytes is not a multiple of 8"]);
        check(
            Header { command: 99, ..Header::default() },
            &[],
            true,
            "unknown command 99 type 0 count 0 p1 0 p2 0 size 0",
        );
    }

    #[test]
    fn long_values_are_cut() {
        let many = [0, 1].repeat(8);
        check(
            header(Command::ReadNotify, 1, 8, 1, 6),
            &many,
            false,
            "READ_NOTIFY ioid 6 DBR_SHORT x 8 = 1 1 1 1 ...",
        );
        let wanted = format!("CLIENT_NAME \"{}\"...", "x".repeat(60));
        check(header(Command::ClientName, 0, 0, 0, 0), &[b'x'; 80], true, &wanted);
    }

    proptest! {
        #[test]
        fn any_bytes_are_described(
            messages in prop::collection::vec((0u16..30, 0u16..40, any::<u16>(), any::<u32>(), any::<Vec<u8>>()), 0..4),
            tail: Vec<u8>,
            from_client: bool,
        ) {
            let mut bytes = Vec::new();
            for (command, data_type, count, p1, mut payload) in messages {
                payload.resize(payload.len().next_multiple_of(8), 0);
                let (count, size) = (u32::from(count % 50), payload.len() as u32);
                Header { command, size, data_type, count, p1, p2: p1 }.encode(&mut bytes);
                bytes.extend(payload);
            }
            bytes.extend(tail);
            prop_assert!(describe(&bytes, from_client).all(|line| !line.is_empty() && !line.contains('\n')));
        }
    }
}
