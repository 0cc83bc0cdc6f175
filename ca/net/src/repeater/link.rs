//! The way to one client of the repeater.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

/// What became of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The system has it.
    Done,
    /// The system did not take it; the client may live.
    Lost,
    /// Nobody has the client's port any more.
    Gone,
}

/// A socket connected to a client, as base has it: the system tells this socket, and no other, that nobody has the
/// client's port any more. One socket for all would learn it from Linux's error queue only.
#[derive(Debug)]
pub(super) struct Link {
    socket: UdpSocket,
    port: u16,
}

impl Link {
    /// The way to a client of this host.
    ///
    /// # Errors
    /// When the client's address is not one of this host: the link itself is bound to it. Or without a socket.
    pub(super) fn open(client: SocketAddrV4) -> io::Result<Self> {
        let ip = *client.ip();
        if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() || client.port() == 0 {
            return Err(ErrorKind::AddrNotAvailable.into());
        }
        let socket = UdpSocket::bind((ip, 0))?;
        socket.connect(client)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, port: client.port() })
    }

    /// Sends without waiting.
    pub(super) fn send(&self, datagram: &[u8]) -> Sent {
        match self.socket.send(datagram) {
            Ok(_) => Sent::Done,
            Err(error) if self.tells_death(&error) => Sent::Gone,
            Err(_) => Sent::Lost,
        }
    }

    /// Whether the system has heard by now that the client is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.socket.recv(&mut [0; 16]).is_err_and(|error| self.tells_death(&error))
    }

    fn tells_death(&self, error: &io::Error) -> bool {
        match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => true,
            ErrorKind::WouldBlock | ErrorKind::OutOfMemory => false,
            // The way may be gone while the client lives: who can have its port knows that it does not.
            _ => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, self.port)).is_ok(),
        }
    }
}
