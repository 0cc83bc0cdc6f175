//! Servers of one host that share the search port hand each other the unicast searches they cannot answer.
//!
//! The system gives a unicast datagram to one of the sockets bound to the port. The server that gets it sends
//! it once to a multicast group on loopback that all of them have joined; each answers for its own names,
//! straight to the client. What was handed on is never handed on again.
//!
//! The message starts with a CA header of an unknown command that spans all of it, which every CA
//! implementation drops without a word; then come, big-endian, 8 bytes of the sender's id, 4 of the
//! client's address, 2 of its port, 2 of nothing, 4 of the address it searched at, 4 of the length of its
//! datagram, the datagram, and zeros up to a multiple of 8.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::{Buf, BufMut};
use ca_proto::wire::Header;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tracing::debug;

use super::{Service, Shared, udp};

/// Of the block for use within one organisation; with 0 hops, on loopback, it stays in this host.
pub(super) const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 53, 64);
const COMMAND: u16 = 0x4F48;
const VERSION: u16 = 1;
const MAGIC: u32 = 0x6361_6E64;
/// Bytes of the fields behind the CA header.
const FIELDS: usize = 24;
/// Longest client datagram that is handed on, in bytes; no client sends more than 1024 or so.
const LONGEST: usize = 16 * 1024;

/// The sending side.
pub(super) struct HandOn {
    socket: UdpSocket,
    group: SocketAddrV4,
    id: u64,
}

/// A client's datagram as one server gives it to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HandedOn<'a> {
    from: u64,
    peer: SocketAddrV4,
    destination: Ipv4Addr,
    datagram: &'a [u8],
}

impl HandedOn<'_> {
    fn encode(&self) -> Vec<u8> {
        let length = self.datagram.len();
        let size = FIELDS + length.next_multiple_of(8);
        let mut bytes = Vec::with_capacity(16 + size);
        let header_size = size as u32;
        Header { command: COMMAND, size: header_size, data_type: VERSION, count: 0, p1: MAGIC, p2: 0 }
            .encode(&mut bytes);
        bytes.put_u64(self.from);
        bytes.put_u32((*self.peer.ip()).into());
        bytes.put_u16(self.peer.port());
        bytes.put_u16(0);
        bytes.put_u32(self.destination.into());
        bytes.put_u32(length as u32);
        bytes.put_slice(self.datagram);
        bytes.resize(16 + size, 0);
        bytes
    }
}

impl<'a> HandedOn<'a> {
    /// `None` for whatever is not a whole message of ours from and to addresses of single hosts.
    fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (header, length) = Header::decode(bytes, false).ok()??;
        let mut fields = bytes.get(length..)?;
        let ours = (header.command, header.data_type, header.p1) == (COMMAND, VERSION, MAGIC);
        if !ours || header.size as usize != fields.len() || fields.len() < FIELDS {
            return None;
        }
        let from = fields.get_u64();
        let peer = SocketAddrV4::new(fields.get_u32().into(), fields.get_u16());
        fields.advance(2);
        let destination = Ipv4Addr::from(fields.get_u32());
        let length = fields.get_u32() as usize;
        let datagram = fields.get(..length).filter(|_| length.next_multiple_of(8) == fields.len())?;
        let single = |ip: &Ipv4Addr| !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast();
        let sound = single(peer.ip()) && peer.port() != 0 && single(&destination);
        sound.then_some(Self { from, peer, destination, datagram })
    }
}

impl HandOn {
    /// Gives a client's datagram to the other servers of this host; true when it was sent.
    pub(super) fn send(&self, peer: SocketAddrV4, destination: Ipv4Addr, datagram: &[u8]) -> bool {
        if datagram.len() > LONGEST {
            return false;
        }
        let message = HandedOn { from: self.id, peer, destination, datagram }.encode();
        match self.socket.try_send_to(&message, self.group.into()) {
            Ok(_) => true,
            Err(error) => {
                debug!("search of {peer} not handed on: {error}");
                false
            }
        }
    }
}

/// Both ends for a search port: the one that sends, and the socket that hears the others.
///
/// # Errors
/// When the group cannot be joined on loopback, or the system cannot bind to a group.
pub(super) fn open(port: u16) -> io::Result<(HandOn, UdpSocket)> {
    let group = SocketAddrV4::new(GROUP, port);
    let listener = listen(group)?;
    let sender = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    sender.set_nonblocking(true)?;
    sender.bind(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0).into())?;
    sender.set_multicast_if_v4(&Ipv4Addr::LOCALHOST)?;
    sender.set_multicast_ttl_v4(0)?;
    sender.set_multicast_loop_v4(true)?;
    let id = RandomState::new().build_hasher().finish();
    Ok((HandOn { socket: UdpSocket::from_std(sender.into())?, group, id }, listener))
}

/// Bound to the group itself, so that it takes no client's datagram away from a search socket.
#[cfg(unix)]
fn listen(group: SocketAddrV4) -> io::Result<UdpSocket> {
    let socket = udp::bind_shared(group)?;
    socket.join_multicast_v4(GROUP, Ipv4Addr::LOCALHOST)?;
    Ok(socket)
}

#[cfg(not(unix))]
fn listen(_group: SocketAddrV4) -> io::Result<UdpSocket> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Answers what other servers hand on until the server stops. No error ends it.
pub(super) async fn serve<S: Service>(listener: UdpSocket, shared: Arc<Shared<S>>) {
    let mut buffer = vec![0; 65536];
    loop {
        let received = tokio::select! {
            () = shared.stop.cancelled() => return,
            received = listener.recv_from(&mut buffer) => received,
        };
        match received {
            Ok((length, SocketAddr::V4(from))) if from.ip().is_loopback() => {
                answer(&buffer[..length], &shared);
            }
            Ok(_) => {}
            Err(error) => {
                debug!("hand-on: {error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn answer<S: Service>(bytes: &[u8], shared: &Shared<S>) {
    let Some(message) = HandedOn::decode(bytes) else { return };
    if shared.hand_on.as_ref().is_none_or(|own| own.id == message.from) {
        return;
    }
    let Some(answers) = shared.places.lock().answers_for(message.destination) else { return };
    udp::search(message.datagram, message.peer, &answers, shared);
    shared.registry.hand_ons.fetch_add(1, Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(datagram: &[u8]) -> HandedOn<'_> {
        let peer = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 7), 40_000);
        HandedOn { from: 0x0102_0304_0506_0708, peer, destination: Ipv4Addr::new(192, 0, 2, 1), datagram }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for datagram in [&b""[..], b"odd", &[7; 1024]] {
            assert_eq!(HandedOn::decode(&message(datagram).encode()), Some(message(datagram)));
        }
    }

    #[test]
    fn to_any_ca_server_it_is_one_message_of_an_unknown_command() {
        let mut inner = vec![0, 0, 0, 0, 0, 1, 0, 13, 0, 0, 0, 0, 0, 0, 0, 0];
        Header { command: 6, size: 8, data_type: 5, count: 13, p1: 1, p2: 1 }.encode(&mut inner);
        inner.extend(b"double\0\0");
        let bytes = message(&inner).encode();
        let (header, length) = Header::decode(&bytes, false).expect("sound").expect("whole");
        assert!(ca_proto::wire::Command::from_code(header.command).is_none());
        assert_eq!(length + header.size as usize, bytes.len());
        let searched = ca_proto::server::search::handle_datagram(
            &bytes,
            1,
            |_| panic!("no search in it"),
            |_| panic!("no answer to it"),
        );
        assert_eq!((searched.found, searched.missing), (0, 0));
    }

    #[test]
    fn no_prefix_and_no_other_header_is_taken_for_one() {
        let whole = message(b"datagram").encode();
        for length in 0..whole.len() {
            assert_eq!(HandedOn::decode(&whole[..length]), None);
        }
        for byte in [0, 1, 2, 3, 4, 5, 8, 11, 36, 39] {
            let mut forged = whole.clone();
            forged[byte] ^= 0x7F;
            assert_eq!(HandedOn::decode(&forged), None, "byte {byte}");
        }
        assert_eq!(HandedOn::decode(&[&whole[..], b"more"].concat()), None);
    }

    #[test]
    fn addresses_that_are_no_single_host_are_refused() {
        let bad = [Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, Ipv4Addr::new(224, 0, 0, 1)];
        for ip in bad {
            let peer = SocketAddrV4::new(ip, 40_000);
            assert_eq!(HandedOn::decode(&HandedOn { peer, ..message(b"") }.encode()), None);
            assert_eq!(HandedOn::decode(&HandedOn { destination: ip, ..message(b"") }.encode()), None);
        }
        let peer = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        assert_eq!(HandedOn::decode(&HandedOn { peer, ..message(b"") }.encode()), None);
    }
}
