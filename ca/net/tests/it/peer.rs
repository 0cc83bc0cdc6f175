//! The client's end: blocking sockets with deadlines.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddrV4, TcpStream, UdpSocket};

use ca::proto::wire::Header;

use crate::rig::{DEADLINE, Rig};

/// A message with its payload padded to 8.
pub(crate) fn message(command: u16, data_type: u16, count: u32, ids: [u32; 2], payload: &[u8]) -> Vec<u8> {
    let mut payload = payload.to_vec();
    payload.resize(payload.len().next_multiple_of(8), 0);
    let size = payload.len() as u32;
    let mut bytes = Vec::new();
    Header { command, size, data_type, count, p1: ids[0], p2: ids[1] }.encode(&mut bytes);
    bytes.extend(payload);
    bytes
}

pub(crate) fn version() -> Vec<u8> {
    message(0, 0, 13, [0, 0], &[])
}

/// What a client's datagram begins with.
pub(crate) fn hello() -> Vec<u8> {
    message(0, 1, 13, [7, 0], &[])
}

pub(crate) fn get(count: u32, sid: u32, ioid: u32) -> Vec<u8> {
    message(15, 6, count, [sid, ioid], &[])
}

pub(crate) fn put(command: u16, sid: u32, id: u32, value: f64) -> Vec<u8> {
    message(command, 6, 1, [sid, id], &value.to_be_bytes())
}

pub(crate) fn monitor(sid: u32, id: u32) -> Vec<u8> {
    message(1, 6, 0, [sid, id], &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0])
}

pub(crate) fn search(reply: u16, cid: u32, name: &str) -> Vec<u8> {
    message(6, reply, 13, [cid, cid], &[name.as_bytes(), &[0]].concat())
}

/// A TCP circuit.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
}

impl Peer {
    /// Connects and exchanges greetings.
    pub(crate) fn new(rig: &Rig) -> Self {
        let mut peer = Self::silent(rig);
        assert_eq!(peer.read().0.command, 0, "the server greets first");
        peer.send(&version());
        peer
    }

    /// Connects without a word.
    pub(crate) fn silent(rig: &Rig) -> Self {
        let stream = TcpStream::connect(rig.tcp()).expect("a circuit");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        stream.set_write_timeout(Some(DEADLINE)).expect("a deadline");
        Self { stream }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("sent");
    }

    pub(crate) fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).expect("shut down");
    }

    /// Reads one message.
    pub(crate) fn read(&mut self) -> (Header, Vec<u8>) {
        let mut bytes = vec![0; 16];
        self.stream.read_exact(&mut bytes).expect("a message in time");
        if bytes[2..4] == [0xFF, 0xFF] {
            bytes.resize(24, 0);
            self.stream.read_exact(&mut bytes[16..]).expect("a long header");
        }
        let (header, _) = Header::decode(&bytes, true).expect("aligned").expect("complete");
        let mut payload = vec![0; header.size as usize];
        self.stream.read_exact(&mut payload).expect("a payload in time");
        (header, payload)
    }

    pub(crate) fn ask(&mut self, request: &[u8]) -> (Header, Vec<u8>) {
        self.send(request);
        self.read()
    }

    /// Opens a channel and returns its sid.
    pub(crate) fn open(&mut self, name: &str) -> u32 {
        let request = message(18, 0, 0, [1, 13], &[name.as_bytes(), &[0]].concat());
        assert_eq!(self.ask(&request).0.command, 22);
        let (created, _) = self.read();
        assert_eq!(created.command, 18);
        created.p2
    }

    /// The value of a channel, as a number.
    pub(crate) fn number(&mut self, sid: u32) -> f64 {
        let (header, payload) = self.ask(&get(1, sid, 9));
        assert_eq!((header.command, header.p1, header.p2), (15, 1, 9));
        f64::from_be_bytes(payload.try_into().expect("8 bytes"))
    }

    /// Reads to the end of the stream, which must come in time; returns the rest.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("not closed: {error}"),
            _ => rest,
        }
    }
}

/// A UDP socket that searches.
pub(crate) struct Searcher(pub(crate) UdpSocket);

impl Searcher {
    pub(crate) fn at(address: &str) -> Self {
        let socket = UdpSocket::bind(address).expect("a socket");
        socket.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        Self(socket)
    }

    pub(crate) fn new() -> Self {
        Self::at("127.0.0.1:0")
    }

    pub(crate) fn send(&self, datagram: &[u8], to: SocketAddrV4) {
        self.0.send_to(datagram, to).expect("sent");
    }

    /// One datagram and where it came from.
    pub(crate) fn read(&self) -> (Vec<u8>, std::net::SocketAddr) {
        let mut buffer = vec![0; 2048];
        let (length, from) = self.0.recv_from(&mut buffer).expect("a datagram in time");
        buffer.truncate(length);
        (buffer, from)
    }

    /// Searches one name; returns the TCP port in the answer.
    pub(crate) fn port_of(&self, name: &str, server: SocketAddrV4) -> u16 {
        let hello = message(0, 1, 13, [7, 0], &[]);
        self.send(&[hello.clone(), search(5, 3, name)].concat(), server);
        let (answer, from) = self.read();
        assert_eq!(from, server.into(), "answers leave from the search port");
        assert_eq!(answer[..16], hello);
        assert_eq!(answer[22..], message(6, 0, 0, [u32::MAX, 3], &[0, 13, 0, 0, 0, 0, 0, 0])[6..]);
        u16::from_be_bytes([answer[20], answer[21]])
    }

    pub(crate) fn has_nothing(&self) -> bool {
        self.0.set_nonblocking(true).expect("non-blocking");
        let nothing = self.0.recv_from(&mut [0; 16]).is_err_and(|e| e.kind() == ErrorKind::WouldBlock);
        self.0.set_nonblocking(false).expect("blocking");
        nothing
    }
}
