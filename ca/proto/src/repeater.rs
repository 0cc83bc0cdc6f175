//! The repeater's decisions: what a datagram to it means, what it sends on, and to whom.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::wire::{Command, Header};

/// A message that says nothing, sent to learn whether a client is still there.
pub const NOOP: [u8; 16] = [0; 16];

/// What a datagram to the repeater asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming<'a> {
    /// Its sender wants to be sent all that comes.
    pub registers: bool,
    /// What goes to all clients but the sender; nothing when empty.
    pub forward: &'a [u8],
}

/// Reads a datagram; a beacon that leaves out its server's address gets the sender's.
///
/// Whatever is no registration is sent on as it is: the repeater need not understand it.
pub fn read(datagram: &mut [u8], from: Ipv4Addr) -> Incoming<'_> {
    if datagram.is_empty() {
        return Incoming { registers: true, forward: &[] };
    }
    let Some((header, _)) = Header::parse(datagram, false) else {
        return Incoming { registers: false, forward: datagram };
    };
    if header.command == Command::RepeaterRegister as u16 {
        return Incoming { registers: true, forward: &datagram[Header::SHORT..] };
    }
    if header.command == Command::Beacon as u16 && header.p2 == 0 {
        datagram[12..16].copy_from_slice(&from.octets());
    }
    Incoming { registers: false, forward: datagram }
}

/// Tells a client that it is registered, and the address under which the repeater sees it.
pub fn confirm(client: Ipv4Addr) -> Vec<u8> {
    let mut message = Vec::with_capacity(Header::SHORT);
    Header { command: Command::RepeaterConfirm as u16, p2: client.into(), ..Header::default() }
        .encode(&mut message);
    message
}

/// Asks the repeater for all that comes.
pub fn register(client: Ipv4Addr) -> Vec<u8> {
    let mut message = Vec::with_capacity(Header::SHORT);
    Header { command: Command::RepeaterRegister as u16, p2: client.into(), ..Header::default() }
        .encode(&mut message);
    message
}

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The client is new.
    New,
    /// It was there, and its link is replaced.
    Again,
}

/// The registered clients, one for each port, each with the link `L` to it.
///
/// A client may register from several addresses of the host; its port tells that it is one.
#[derive(Debug)]
pub struct Clients<L> {
    by_port: BTreeMap<u16, (SocketAddrV4, L)>,
    limit: usize,
}

impl<L> Clients<L> {
    /// Room for `limit` clients.
    pub fn new(limit: usize) -> Self {
        Self { by_port: BTreeMap::new(), limit }
    }

    /// How many are registered.
    pub fn len(&self) -> usize {
        self.by_port.len()
    }

    /// True when nobody is registered.
    pub fn is_empty(&self) -> bool {
        self.by_port.is_empty()
    }

    /// True when there is room for a client, or it has its place already.
    pub fn has_room_for(&self, client: SocketAddrV4) -> bool {
        self.by_port.len() < self.limit || self.by_port.contains_key(&client.port())
    }

    /// Takes a client in; `None` when the table is full.
    pub fn register(&mut self, client: SocketAddrV4, link: L) -> Option<Registered> {
        if !self.has_room_for(client) {
            return None;
        }
        let known = self.by_port.insert(client.port(), (client, link)).is_some();
        Some(if known { Registered::Again } else { Registered::New })
    }

    /// Shows the link of one client.
    pub fn with<R>(&self, client: SocketAddrV4, show: impl FnOnce(&L) -> R) -> Option<R> {
        self.by_port.get(&client.port()).map(|(_, link)| show(link))
    }

    /// Takes a client out.
    pub fn remove(&mut self, client: SocketAddrV4) {
        self.by_port.remove(&client.port());
    }

    /// Shows the link of every client but the sender to `alive`; those it denies are taken out and returned.
    pub fn each_but(&mut self, sender: SocketAddrV4, mut alive: impl FnMut(&L) -> bool) -> Vec<SocketAddrV4> {
        let mut dead = Vec::new();
        self.by_port.retain(|_, (client, link)| {
            let keep = *client == sender || alive(link);
            if !keep {
                dead.push(*client);
            }
            keep
        });
        dead
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::msg::search::beacon;

    const HERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

    fn bytes(header: Header) -> Vec<u8> {
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        bytes
    }

    fn client(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
    }

    #[test]
    fn nothing_and_register_are_registrations_and_what_follows_is_forwarded() {
        assert_eq!(read(&mut [], HERE), Incoming { registers: true, forward: &[] });
        let mut datagram = register(HERE);
        assert_eq!(datagram, [&[0, 24][..], &[0; 10], &[192, 0, 2, 7]].concat());
        assert_eq!(read(&mut datagram, HERE), Incoming { registers: true, forward: &[] });
        datagram.extend(b"more");
        assert_eq!(read(&mut datagram, HERE), Incoming { registers: true, forward: b"more" });
    }

    #[test]
    fn a_beacon_gets_the_address_that_it_leaves_out_and_no_other() {
        let mut datagram = bytes(beacon(5064, 3));
        let filled = [&datagram[..12], &[192, 0, 2, 7]].concat();
        assert_eq!(read(&mut datagram, HERE), Incoming { registers: false, forward: &filled });
        let mut named = bytes(Header { p2: 0x0A00_0001, ..beacon(5064, 3) });
        let same = named.clone();
        assert_eq!(read(&mut named, HERE).forward, same);
        let mut other = bytes(Header { command: 6, ..beacon(5064, 3) });
        let same = other.clone();
        assert_eq!(read(&mut other, HERE).forward, same, "only beacons");
    }

    #[test]
    fn whatever_else_comes_is_forwarded_as_it_is() {
        for length in 1..64 {
            let mut garbage = vec![0xA5; length];
            let same = garbage.clone();
            assert_eq!(read(&mut garbage, HERE), Incoming { registers: false, forward: &same });
        }
        let mut short = bytes(beacon(5064, 3));
        short.truncate(15);
        let same = short.clone();
        assert_eq!(read(&mut short, HERE).forward, same);
    }

    #[test]
    fn a_confirmation_names_the_client() {
        assert_eq!(confirm(HERE), [&[0, 17][..], &[0; 10], &[192, 0, 2, 7]].concat());
    }

    #[test]
    fn a_client_is_its_port_and_a_full_table_takes_only_those_it_knows() {
        let mut clients = Clients::new(2);
        assert_eq!(clients.register(client(1), 'a'), Some(Registered::New));
        assert_eq!(clients.register(client(2), 'b'), Some(Registered::New));
        assert_eq!(clients.register(client(3), 'c'), None);
        let elsewhere = SocketAddrV4::new(HERE, 1);
        assert_eq!(clients.register(elsewhere, 'd'), Some(Registered::Again));
        let mut seen = Vec::new();
        clients.each_but(client(2), |link| {
            seen.push(*link);
            true
        });
        assert_eq!((seen, clients.len()), (vec!['d'], 2));
        clients.remove(client(1));
        assert_eq!(clients.register(client(3), 'c'), Some(Registered::New));
    }

    #[test]
    fn the_dead_are_taken_out_and_the_sender_is_not_asked() {
        let mut clients = Clients::new(9);
        for port in 1..=4 {
            assert_eq!(clients.register(client(port), port), Some(Registered::New));
        }
        let dead = clients.each_but(client(4), |port| *port == 2);
        assert_eq!(dead, [client(1), client(3)]);
        assert_eq!(clients.len(), 2);
        assert!(!clients.is_empty());
    }
}
