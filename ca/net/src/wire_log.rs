//! Every message in words, one line each: at TRACE, under the target `ca::wire`.
//!
//! Whether anybody wants them is asked once for a datagram, and once when a circuit opens: one that is open already
//! stays silent.

use std::fmt;
use std::io::IoSlice;
use std::net::SocketAddr;

use ca_proto::wire::{Header, describe};
use tracing::{Level, enabled, trace};

/// Bytes of the longest payload that is decoded; of a longer one the header is told.
const LONGEST: usize = 1 << 20;

/// What we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Sent,
    Received,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sent => "sent to",
            Self::Received => "received from",
        })
    }
}

/// The messages of a datagram.
pub(crate) fn datagram(role: Role, way: Way, peer: impl Into<SocketAddr>, bytes: &[u8]) {
    if is_wanted() {
        let peer = peer.into();
        describe(bytes, is_from_client(role, way)).for_each(|line| tell(way, peer, &line));
    }
}

fn is_wanted() -> bool {
    enabled!(target: "ca::wire", Level::TRACE)
}

/// A request and its answer share a code.
fn is_from_client(role: Role, way: Way) -> bool {
    (role == Role::Client) == (way == Way::Sent)
}

fn tell(way: Way, peer: SocketAddr, line: &str) {
    trace!(target: "ca::wire", "{way} {peer}: {line}");
}

/// The bytes that go one way on a circuit, put together to messages.
#[derive(Debug)]
pub(crate) struct Stream {
    from_client: bool,
    way: Way,
    peer: SocketAddr,
    /// The message that is not complete.
    rest: Vec<u8>,
    /// Bytes to come that are not told.
    skip: usize,
}

impl Stream {
    /// `None` when nobody wants its messages.
    pub(crate) fn open(role: Role, way: Way, peer: impl Into<SocketAddr>) -> Option<Box<Self>> {
        is_wanted().then(|| Box::new(Self::new(role, way, peer.into())))
    }

    fn new(role: Role, way: Way, peer: SocketAddr) -> Self {
        Self { from_client: is_from_client(role, way), way, peer, rest: Vec::new(), skip: 0 }
    }

    /// Tells the messages that are complete with these bytes.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        let (way, peer) = (self.way, self.peer);
        self.split(bytes, |line| tell(way, peer, &line));
    }

    /// The same for the first `count` bytes of these.
    pub(crate) fn take_slices(&mut self, slices: &[IoSlice<'_>], mut count: usize) {
        for slice in slices {
            let part = &slice[..count.min(slice.len())];
            self.take(part);
            count -= part.len();
        }
    }

    fn split(&mut self, bytes: &[u8], mut line: impl FnMut(String)) {
        self.rest.extend_from_slice(bytes);
        loop {
            let over = self.skip.min(self.rest.len());
            self.rest.drain(..over);
            self.skip -= over;
            let (told, skip) = self.complete();
            if told == 0 {
                return;
            }
            describe(&self.rest[..told], self.from_client).for_each(&mut line);
            self.rest.drain(..told);
            self.skip = skip;
        }
    }

    /// Bytes that can be told now, and how many behind them are not told.
    fn complete(&self) -> (usize, usize) {
        let mut told = 0;
        loop {
            let rest = &self.rest[told..];
            match Header::decode(rest, true) {
                Ok(Some((header, length))) => {
                    let size = header.size as usize;
                    if size > LONGEST {
                        return (told + length, size);
                    }
                    if rest.len() < length + size {
                        return (told, 0);
                    }
                    told += length + size;
                }
                Ok(None) => return (told, 0),
                // What follows cannot be told apart any more.
                Err(_) => return (self.rest.len(), usize::MAX),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: [u8; 16] = [0, 23, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const WRITE: u8 = 4;

    fn stream() -> Stream {
        Stream::new(Role::Server, Way::Received, ([127, 0, 0, 1], 5064).into())
    }

    fn split(stream: &mut Stream, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        stream.split(bytes, |line| lines.push(line));
        lines
    }

    /// A WRITE of CHAR elements.
    fn write(size: u32) -> Vec<u8> {
        let mut bytes = vec![0, WRITE, 0xFF, 0xFF, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
        bytes.extend([size, size].map(u32::to_be_bytes).concat());
        bytes.resize(24 + size as usize, 7);
        bytes
    }

    #[test]
    fn messages_are_told_when_they_are_complete_however_the_bytes_come() {
        let bytes = [&ECHO[..], &write(16), &ECHO].concat();
        let wanted = split(&mut stream(), &bytes);
        assert_eq!(wanted.len(), 3, "{wanted:?}");
        assert!(wanted[0] == "ECHO" && wanted[1].starts_with("WRITE sid 1 cid 2"), "{wanted:?}");
        for at in 1..bytes.len() {
            let mut stream = stream();
            let (first, second) = bytes.split_at(at);
            assert_eq!([split(&mut stream, first), split(&mut stream, second)].concat(), wanted, "{at}");
            assert!(stream.rest.is_empty());
        }
    }

    #[test]
    fn of_a_long_message_the_header_is_told_and_nothing_is_kept() {
        let size = LONGEST as u32 + 8;
        let bytes = [&ECHO[..], &write(size), &ECHO].concat();
        let mut stream = stream();
        let lines: Vec<_> = bytes
            .chunks(1000)
            .flat_map(|chunk| {
                let lines = split(&mut stream, chunk);
                assert!(stream.rest.len() < 24);
                lines
            })
            .collect();
        assert_eq!(lines, ["ECHO", &format!("24 bytes: WRITE, {size} bytes to come"), "ECHO"]);
    }

    #[test]
    fn nothing_is_told_behind_bytes_that_are_no_message() {
        let mut stream = stream();
        let lines = split(&mut stream, &[&ECHO[..], &[0, WRITE, 0, 3], &[0; 12]].concat());
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(split(&mut stream, &ECHO), [""; 0]);
    }

    #[test]
    fn a_request_is_known_by_who_sends_it() {
        let all =
            [Role::Client, Role::Server].map(|r| [Way::Sent, Way::Received].map(|w| is_from_client(r, w)));
        assert_eq!(all, [[true, false], [false, true]]);
    }
}
