//! A scripted server: answers searches, and on TCP says what the test wants.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use ca::ClientConfig;
use ca::client::Context;
use ca::proto::wire::Header;

use crate::peer::{message, version};
use crate::rig::DEADLINE;

/// The server's end of one circuit.
pub(crate) struct Circuit {
    pub(crate) stream: TcpStream,
}

impl Circuit {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("sent");
    }

    /// The next message; `None` when the client has closed.
    pub(crate) fn read(&mut self) -> Option<(Header, Vec<u8>)> {
        let mut head = [0; 16];
        if let Err(error) = self.stream.read_exact(&mut head) {
            let gone = matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset);
            assert!(gone, "a message in time: {error}");
            return None;
        }
        let (header, _) = Header::decode(&head, false).expect("aligned").expect("whole");
        let mut payload = vec![0; header.size as usize];
        self.stream.read_exact(&mut payload).expect("the rest");
        Some((header, payload))
    }

    /// Reads up to a message of this command.
    pub(crate) fn expect(&mut self, command: u16) -> Header {
        let start = Instant::now();
        loop {
            // Messages of other kinds may come without end.
            assert!(start.elapsed() < 2 * DEADLINE, "{command} never came");
            let (header, _) = self.read().unwrap_or_else(|| panic!("closed before {command}"));
            if header.command == command {
                return header;
            }
        }
    }

    /// Greets, and opens the next channel that is asked for as a DOUBLE.
    pub(crate) fn open(&mut self) -> Header {
        self.send(&version());
        let asked = self.expect(18);
        self.created(asked.p1);
        asked
    }

    pub(crate) fn created(&mut self, cid: u32) {
        self.send(&[message(22, 0, 0, [cid, 3], &[]), message(18, 6, 1, [cid, cid + 1000], &[])].concat());
    }

    /// Answers gets, puts and subscriptions with one number until the client closes.
    pub(crate) fn serve(&mut self, number: f64) {
        while let Some((asked, _)) = self.read() {
            let payload = number.to_be_bytes();
            match asked.command {
                1 | 15 => self.send(&message(asked.command, 6, 1, [1, asked.p2], &payload)),
                18 => self.created(asked.p1),
                19 => self.send(&message(19, 6, 1, [1, asked.p2], &[])),
                23 => self.send(&message(23, 0, 0, [0; 2], &[])),
                _ => {}
            }
        }
    }
}

/// A scripted server.
pub(crate) struct Fake {
    udp: UdpSocket,
    tcp: TcpListener,
    /// Searches that came.
    pub(crate) searched: Arc<AtomicUsize>,
}

impl Fake {
    pub(crate) fn new() -> Self {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        Self { udp, tcp, searched: Arc::default() }
    }

    /// A server whose searches are answered on a thread of their own.
    pub(crate) fn found() -> Self {
        let fake = Self::new();
        fake.answer_searches(fake.port());
        fake
    }

    pub(crate) fn port(&self) -> u16 {
        self.tcp.local_addr().expect("bound").port()
    }

    pub(crate) fn address(&self) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port())
    }

    pub(crate) fn udp(&self) -> u16 {
        self.udp.local_addr().expect("bound").port()
    }

    pub(crate) fn context(&self) -> Context {
        Context::new(self.config()).expect("a socket")
    }

    pub(crate) fn config(&self) -> ClientConfig {
        ClientConfig::isolated(self.udp())
    }

    /// Tells who searches that all names are at a port; ends with the test's process.
    pub(crate) fn answer_searches(&self, port: u16) {
        let (socket, searched) = (self.udp.try_clone().expect("cloned"), self.searched.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                for cid in searches(&buffer[..length]) {
                    searched.fetch_add(1, SeqCst);
                    let reply = message(6, port, 0, [u32::MAX, cid], &[0, 13, 0, 0, 0, 0, 0, 0]);
                    let _ = socket.send_to(&reply, from);
                }
            }
        });
    }

    /// The next search, and whom it came from.
    pub(crate) fn hear(&self) -> (u32, SocketAddr) {
        self.udp.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        let mut buffer = [0; 2048];
        loop {
            let (length, from) = self.udp.recv_from(&mut buffer).expect("a search in time");
            if let Some(cid) = searches(&buffer[..length]).first() {
                return (*cid, from);
            }
        }
    }

    pub(crate) fn send_to(&self, datagram: &[u8], to: SocketAddr) {
        self.udp.send_to(datagram, to).expect("sent");
    }

    pub(crate) fn accept(&self) -> Circuit {
        self.try_accept(DEADLINE).expect("a circuit in time")
    }

    /// The next circuit, if one comes in time.
    pub(crate) fn try_accept(&self, time: Duration) -> Option<Circuit> {
        self.tcp.set_nonblocking(true).expect("a socket");
        let start = Instant::now();
        while start.elapsed() < time {
            if let Ok((stream, _)) = self.tcp.accept() {
                stream.set_nonblocking(false).expect("a socket");
                stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
                return Some(Circuit { stream });
            }
            std::thread::yield_now();
        }
        None
    }
}

/// The ids in a datagram of searches.
fn searches(mut bytes: &[u8]) -> Vec<u32> {
    let mut all = Vec::new();
    while let Ok(Some((header, length))) = Header::decode(bytes, false) {
        if header.command == 6 {
            all.push(header.p2);
        }
        bytes = bytes.get(length + header.size as usize..).unwrap_or_default();
    }
    all
}
