//! Who is there: the repeater of this host, servers on a port.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use ca_proto::repeater::register;
use ca_proto::wire::msg::circuit::version;
use ca_proto::wire::{Command, Header};

/// How long somebody of this host may take to answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// Registrations that are tried: the first may be lost.
const TRIES: u32 = 2;

/// The IPv4 addresses of this host's interfaces that are up.
pub fn own_addresses() -> Vec<Ipv4Addr> {
    let ipv4 = |interface: if_addrs::Interface| match interface.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    };
    if_addrs::get_if_addrs().unwrap_or_default().into_iter().filter_map(ipv4).collect()
}

/// Who has the repeater's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeaterPresence {
    /// A repeater, which confirms registrations.
    Running,
    /// Somebody who does not.
    Other,
    /// Nobody.
    Absent,
}

/// Who has the repeater's port on this host; blocks for a second at most.
///
/// ```
/// let free = std::net::UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
/// assert_eq!(ca::presence::repeater(free), ca::presence::RepeaterPresence::Absent);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn repeater(port: u16) -> RepeaterPresence {
    if port == 0 || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
        return RepeaterPresence::Absent;
    }
    match is_confirmed(port) {
        Ok(true) => RepeaterPresence::Running,
        Ok(false) | Err(_) => RepeaterPresence::Other,
    }
}

fn is_confirmed(port: u16) -> std::io::Result<bool> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut buffer = [0; 1024];
    for _ in 0..TRIES {
        socket.send_to(&register(Ipv4Addr::LOCALHOST), (Ipv4Addr::LOCALHOST, port))?;
        let until = Instant::now() + PATIENCE;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            socket.set_read_timeout(Some(left))?;
            // Nothing came in time, or nobody has the port.
            let Ok(length) = socket.recv(&mut buffer) else { break };
            if buffer[..length].starts_with(&[0, Command::RepeaterConfirm as u8]) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Who accepts circuits at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerPresence {
    /// A server of this minor version.
    Running(u16),
    /// Somebody who does not speak Channel Access.
    Other,
    /// Nobody.
    Absent,
}

/// Who accepts circuits at an address; blocks for a second at most.
pub fn server(address: SocketAddrV4) -> ServerPresence {
    let Ok(mut stream) = TcpStream::connect_timeout(&SocketAddr::V4(address), PATIENCE) else {
        return ServerPresence::Absent;
    };
    let mut greeting = || -> std::io::Result<[u8; Header::SHORT]> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let (mut hello, mut answer) = (Vec::new(), [0; Header::SHORT]);
        version().encode(&mut hello);
        stream.write_all(&hello)?;
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    match greeting().map(|answer| Header::decode(&answer, false)) {
        Ok(Ok(Some((header, _)))) if header.command == Command::Version as u16 => {
            ServerPresence::Running(header.count as u16)
        }
        _ => ServerPresence::Other,
    }
}

/// Sockets of this host that share a UDP port on one address: servers that searches by unicast reach in turn. `None`
/// where the system does not tell.
pub fn sharers(port: u16) -> Option<usize> {
    Some(sharers_in(&std::fs::read_to_string("/proc/net/udp").ok()?, port))
}

fn sharers_in(table: &str, port: u16) -> usize {
    let mut sockets: HashMap<&str, HashSet<&str>> = HashMap::new();
    for line in table.lines().skip(1) {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (Some(local), Some(inode)) = (fields.get(1), fields.get(9)) else { continue };
        let own = local.split_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
        if own == Some(port) {
            // The table changes while it is read, and may then have a socket twice: the inode tells.
            sockets.entry(local).or_default().insert(inode);
        }
    }
    sockets.into_values().map(|inodes| inodes.len()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::repeater::Repeater;

    #[test]
    fn sockets_that_share_an_address_and_port_are_counted() {
        let table =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   1: 00000000:13C8 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 101 2
   2: 0100007F:13C8 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 102 2
   3: 0100007F:13C8 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 103 2
   3: 0100007F:13C8 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 103 2
   4: 0100007F:13C9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 104 2
";
        assert_eq!([5064, 5065, 5066].map(|port| sharers_in(table, port)), [2, 1, 0]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_socket_of_this_host_is_seen() {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        assert_eq!(sharers(socket.local_addr().expect("bound").port()), Some(1));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_repeater_is_told_from_somebody_else_and_from_nobody() {
        let repeater = Repeater::bind(0, &[]).expect("a port");
        let port = repeater.port();
        let running = tokio::spawn(repeater.run(std::future::pending()));
        let asked = tokio::task::spawn_blocking(move || super::repeater(port)).await.expect("asked");
        assert_eq!(asked, RepeaterPresence::Running);
        running.abort();
        let other = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = other.local_addr().expect("bound").port();
        assert_eq!(super::repeater(port), RepeaterPresence::Other);
        drop(other);
        assert_eq!(super::repeater(port), RepeaterPresence::Absent);
    }

    #[test]
    fn who_does_not_greet_is_no_server() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let SocketAddr::V4(address) = listener.local_addr().expect("bound") else { panic!("IPv6") };
        assert_eq!(server(address), ServerPresence::Other);
        drop(listener);
        assert_eq!(server(address), ServerPresence::Absent);
    }
}
