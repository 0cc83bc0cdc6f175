//! A Channel Access client of a few messages, so that tests see the wire itself.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;

pub(crate) const EVENT_ADD: u16 = 1;
pub(crate) const WRITE_NOTIFY: u16 = 19;
pub(crate) const ERROR: u16 = 11;
pub(crate) const READ_NOTIFY: u16 = 15;
const VERSION: u16 = 0;
const WRITE: u16 = 4;
const CREATE_CHAN: u16 = 18;
const CLIENT_NAME: u16 = 20;
const HOST_NAME: u16 = 21;
const ACCESS_RIGHTS: u16 = 22;
const CREATE_CH_FAIL: u16 = 26;

pub(crate) const DBR_STRING: u16 = 0;
pub(crate) const DBR_ENUM: u16 = 3;
pub(crate) const DBR_CHAR: u16 = 4;
pub(crate) const DBR_LONG: u16 = 5;
pub(crate) const DBR_DOUBLE: u16 = 6;

pub(crate) const NORMAL: u32 = 1;
pub(crate) const PUTFAIL: u32 = 160;

/// Longest silence of a server that owes an answer.
const SILENCE: Duration = Duration::from_secs(15);

/// One message of the server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) command: u16,
    pub(crate) data_type: u16,
    pub(crate) count: u32,
    /// Status, sid or cid.
    pub(crate) p1: u32,
    /// Ioid, subscription id or sid.
    pub(crate) p2: u32,
    pub(crate) payload: Vec<u8>,
}

impl Message {
    pub(crate) fn double(&self, index: usize) -> f64 {
        f64::from_be_bytes(self.payload[8 * index..8 * index + 8].try_into().expect("eight bytes"))
    }

    pub(crate) fn doubles(&self) -> Vec<f64> {
        (0..self.count as usize).map(|index| self.double(index)).collect()
    }

    pub(crate) fn long(&self) -> i32 {
        i32::from_be_bytes(self.payload[..4].try_into().expect("four bytes"))
    }

    pub(crate) fn text(&self) -> String {
        let end = self.payload.iter().position(|b| *b == 0).unwrap_or(self.payload.len());
        String::from_utf8_lossy(&self.payload[..end]).into_owned()
    }
}

/// An open channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel {
    pub(crate) sid: u32,
    pub(crate) cid: u32,
    /// Bit 0 read, bit 1 write.
    pub(crate) rights: u32,
}

/// A circuit; requests are sent at once, or together when pushed.
pub(crate) struct Circuit {
    stream: TcpStream,
    tx: Vec<u8>,
    rx: Vec<u8>,
    last_id: u32,
}

impl Circuit {
    pub(crate) fn open(address: SocketAddrV4) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).expect("a socket option");
        stream.set_read_timeout(Some(SILENCE)).expect("a socket option");
        let mut circuit = Self { stream, tx: Vec::new(), rx: Vec::new(), last_id: 0 };
        circuit.push(VERSION, 0, 13, 0, 0, &[]);
        circuit.push(CLIENT_NAME, 0, 0, 0, 0, b"tester\0");
        circuit.push(HOST_NAME, 0, 0, 0, 0, b"localhost\0");
        circuit.flush();
        circuit
    }

    /// A fresh id.
    pub(crate) fn id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }

    /// Queues a message with a short header.
    fn push(&mut self, command: u16, data_type: u16, count: u16, p1: u32, p2: u32, payload: &[u8]) {
        let size = payload.len().next_multiple_of(8);
        for word in [command, u16::try_from(size).expect("a short message"), data_type, count] {
            self.tx.extend(word.to_be_bytes());
        }
        self.tx.extend(p1.to_be_bytes());
        self.tx.extend(p2.to_be_bytes());
        self.tx.extend(payload);
        self.tx.resize(self.tx.len() + size - payload.len(), 0);
    }

    pub(crate) fn flush(&mut self) {
        self.stream.write_all(&self.tx).expect("the server reads");
        self.tx.clear();
    }

    /// The next message that is not a VERSION.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Message {
        loop {
            if let Some(message) = self.decode() {
                if message.command != VERSION {
                    return message;
                }
                continue;
            }
            let mut bytes = [0; 65536];
            let length = self.stream.read(&mut bytes).expect("the server answers");
            assert!(length > 0, "the server closed the circuit");
            self.rx.extend(&bytes[..length]);
        }
    }

    fn decode(&mut self) -> Option<Message> {
        let short = |at: usize| self.rx.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]));
        let long = |at: usize| {
            self.rx.get(at..at + 4).map(|b| u32::from_be_bytes(b.try_into().expect("four bytes")))
        };
        let (p1, p2) = (long(8)?, long(12)?);
        let (size, count, start) = match short(2)? {
            u16::MAX => (long(16)?, long(20)?, 24),
            size => (u32::from(size), u32::from(short(6)?), 16),
        };
        let end = start + size as usize;
        let payload = self.rx.get(start..end)?.to_vec();
        let message = Message { command: short(0)?, data_type: short(4)?, count, p1, p2, payload };
        self.rx.drain(..end);
        Some(message)
    }

    /// The channel of a name, when the server has it.
    pub(crate) fn try_create(&mut self, name: &str) -> Option<Channel> {
        let cid = self.id();
        self.push(CREATE_CHAN, 0, 0, cid, 13, format!("{name}\0").as_bytes());
        self.flush();
        let mut rights = 0;
        loop {
            let message = self.next();
            match message.command {
                ACCESS_RIGHTS => rights = message.p2,
                CREATE_CHAN => return Some(Channel { sid: message.p2, cid, rights }),
                CREATE_CH_FAIL => return None,
                _ => panic!("{message:?} while {name} is created"),
            }
        }
    }

    #[track_caller]
    pub(crate) fn create(&mut self, name: &str) -> Channel {
        self.try_create(name).unwrap_or_else(|| panic!("the server does not have {name}"))
    }

    pub(crate) fn push_get(&mut self, channel: Channel, data_type: u16, count: u16) -> u32 {
        let ioid = self.id();
        self.push(READ_NOTIFY, data_type, count, channel.sid, ioid, &[]);
        ioid
    }

    pub(crate) fn push_put(&mut self, channel: Channel, data_type: u16, count: u16, data: &[u8]) {
        self.push(WRITE, data_type, count, channel.sid, channel.cid, data);
    }

    pub(crate) fn push_put_notify(
        &mut self,
        channel: Channel,
        data_type: u16,
        count: u16,
        data: &[u8],
    ) -> u32 {
        let ioid = self.id();
        self.push(WRITE_NOTIFY, data_type, count, channel.sid, ioid, data);
        ioid
    }

    /// Queues a put of text with completion.
    pub(crate) fn push_command(&mut self, cmd: Channel, text: &str) -> u32 {
        let count = u16::try_from(text.len()).expect("a short text");
        self.push_put_notify(cmd, DBR_CHAR, count, text.as_bytes())
    }

    /// Subscribes to values and alarms; `count` 0 is the current length.
    pub(crate) fn push_monitor(&mut self, channel: Channel, data_type: u16, count: u16) -> u32 {
        let id = self.id();
        let mut mask = [0; 16];
        mask[13] = 5;
        self.push(EVENT_ADD, data_type, count, channel.sid, id, &mask);
        id
    }

    /// Gets and waits; nothing else may come meanwhile.
    #[track_caller]
    pub(crate) fn get(&mut self, channel: Channel, data_type: u16, count: u16) -> Message {
        let ioid = self.push_get(channel, data_type, count);
        self.flush();
        let message = self.next();
        assert_eq!((message.command, message.p1, message.p2), (READ_NOTIFY, NORMAL, ioid), "{message:?}");
        message
    }

    /// Puts a double and waits for its success.
    #[track_caller]
    pub(crate) fn put_double(&mut self, channel: Channel, value: f64) {
        let ioid = self.push_put_notify(channel, DBR_DOUBLE, 1, &value.to_be_bytes());
        self.flush();
        assert_eq!(self.completion(), (ioid, NORMAL));
    }

    /// Puts a command and waits for its status.
    #[track_caller]
    pub(crate) fn command(&mut self, cmd: Channel, text: &str) -> u32 {
        let ioid = self.push_command(cmd, text);
        self.flush();
        let (answered, status) = self.completion();
        assert_eq!(answered, ioid);
        status
    }

    /// The next message, a put's completion: its ioid and status.
    #[track_caller]
    pub(crate) fn completion(&mut self) -> (u32, u32) {
        let message = self.next();
        assert_eq!(message.command, WRITE_NOTIFY, "{message:?}");
        (message.p2, message.p1)
    }

    /// Reads until the server closes; how many puts were answered on the way.
    pub(crate) fn rest_completions(&mut self) -> usize {
        // A reset instead of a clean end loses nothing that has arrived.
        let _ = self.stream.read_to_end(&mut self.rx);
        std::iter::from_fn(|| self.decode()).filter(|message| message.command == WRITE_NOTIFY).count()
    }
}
