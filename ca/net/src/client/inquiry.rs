//! Who has a name: everybody's answer, not only the first.

mod link;

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_proto::Cid;
use ca_proto::client::{Event, Searches, Timing, parse_reply};
use ca_proto::wire::msg::search::{DONT_REPLY, encode_request};
use parking_lot::Mutex;
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout_at;
use tracing::debug;

use super::runtime;
use super::search::{self, Destinations};
use crate::wire_log::{self, Role, Way};
use crate::{ClientConfig, Error, presence};
use link::Link;

/// The first version that can be searched over TCP.
const SEARCHABLE: u16 = 12;

/// A name that nobody has.
const NOBODY: &str = "nobody:has:this:name";

/// How an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// Over UDP, from who heard the search.
    Udp,
    /// Over TCP, from a name server.
    NameServer,
}

/// Somebody has a name, or knows who has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Which name, by its place among those that were asked for.
    pub name: usize,
    /// Where clients would connect.
    pub server: SocketAddrV4,
    /// Who answered.
    pub responder: SocketAddrV4,
    /// How.
    pub via: Via,
    /// Time from the first search to this answer, the first of this responder.
    pub after: Duration,
}

/// All that was said to searches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inquiry {
    /// In the order in which they came, each once.
    pub answers: Vec<Answer>,
    /// Where searches were sent to over UDP.
    pub asked: Vec<SocketAddrV4>,
    /// Name servers that could not be asked, and why.
    pub failed: Vec<(SocketAddrV4, String)>,
    /// The addresses of this host.
    pub own: Vec<Ipv4Addr>,
}

impl Inquiry {
    /// The answers about a name, by its place among those that were asked for.
    pub fn answers_about(&self, name: usize) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(move |answer| answer.name == name)
    }

    /// The servers of a name; one of this host counts once, by whichever of its addresses it is known.
    pub fn servers_of(&self, name: usize) -> Vec<SocketAddrV4> {
        let is_own = |ip: &Ipv4Addr| ip.is_loopback() || self.own.contains(ip);
        let same = |one: &SocketAddrV4, other: &SocketAddrV4| {
            one == other || one.port() == other.port() && is_own(one.ip()) && is_own(other.ip())
        };
        let mut servers: Vec<SocketAddrV4> = Vec::new();
        for answer in self.answers_about(name) {
            if !servers.iter().any(|known| same(known, &answer.server)) {
                servers.push(answer.server);
            }
        }
        servers
    }
}

/// Searches names for so long, and tells everybody who answers; blocks.
///
/// It waits for the whole time: who answers second is known then only.
///
/// ```
/// use std::time::Duration;
/// # let hold = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// # let port = hold.local_addr()?.port();
/// let config = ca::ClientConfig::isolated(port);
/// let inquiry = ca::client::inquire(&config, &["nobody:has:it"], Duration::from_millis(100))?;
/// assert_eq!(inquiry.asked, config.addresses);
/// assert!(inquiry.answers.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When a name cannot be searched, or no socket can be had.
///
/// # Panics
/// On a thread of a tokio runtime, which may not block.
pub fn inquire(config: &ClientConfig, names: &[&str], time: Duration) -> Result<Inquiry, Error> {
    if let Some(name) = names.iter().find(|name| !search::is_searchable(name)) {
        let longest = Searches::LONGEST_NAME;
        return Err(Error::config(format!("{name:?} has {} bytes; a name has 1..={longest}", name.len())));
    }
    let runtime = runtime::handle()?;
    let socket = search::open(config.multicast_ttl).map_err(|e| Error::io("cannot search", e))?;
    let start = Instant::now();
    let asking = Arc::new(Asking {
        config: config.clone(),
        names: names.iter().map(|&name| name.into()).collect(),
        start,
        until: start + time,
        said: Mutex::new(Inquiry { own: presence::own_addresses(), ..Inquiry::default() }),
        known: Mutex::default(),
    });
    runtime.block_on(asking.clone().ask(socket));
    let said = std::mem::take(&mut *asking.said.lock());
    Ok(said)
}

struct Asking {
    config: ClientConfig,
    names: Vec<Box<str>>,
    start: Instant,
    until: Instant,
    said: Mutex<Inquiry>,
    /// The answers without their times: the same ones come to every search.
    known: Mutex<HashSet<(usize, SocketAddrV4, SocketAddrV4, Via)>>,
}

impl Asking {
    async fn ask(self: Arc<Self>, socket: std::net::UdpSocket) {
        let mut servers = JoinSet::new();
        for &server in &self.config.name_servers {
            let asking = self.clone();
            servers.spawn(async move {
                if let Err(why) = asking.ask_name_server(server).await {
                    asking.said.lock().failed.push((server, why));
                }
            });
        }
        if let Err(error) = self.ask_over_udp(socket).await {
            debug!("search socket: {error}");
        }
        servers.join_all().await;
    }

    /// Keeps an answer, unless the same one has been heard.
    fn heard(&self, cid: Cid, server: SocketAddrV4, responder: SocketAddrV4, via: Via) {
        let (name, after) = (cid.0 as usize, self.start.elapsed());
        if name < self.names.len() && self.known.lock().insert((name, server, responder, via)) {
            self.said.lock().answers.push(Answer { name, server, responder, via, after });
        }
    }

    fn cids(&self) -> impl Iterator<Item = (Cid, &str)> {
        (0..).map(Cid).zip(self.names.iter().map(|name| &**name))
    }

    /// A datagram and a search for what nobody has: servers that share a port hand on what they do not know, else the
    /// first one that has all names would be the only one to hear of them.
    fn with_nobody(&self, datagram: &[u8]) -> Vec<u8> {
        let mut datagram = datagram.to_vec();
        let cid = Cid(self.names.len() as u32);
        encode_request(DONT_REPLY, cid, NOBODY, &mut datagram);
        datagram
    }

    /// Searches again and again, with growing gaps: a datagram may be lost.
    async fn ask_over_udp(&self, socket: std::net::UdpSocket) -> std::io::Result<()> {
        let socket = UdpSocket::from_std(socket)?;
        let mut searches = Searches::new(Timing::default());
        self.cids().for_each(|(cid, name)| _ = searches.add(cid, name, self.start));
        let mut destinations = Destinations::new(&self.config);
        destinations.look(&self.config, self.start);
        self.said.lock().asked = destinations.all().copied().collect();
        let mut buffer = vec![0; 65536];
        while Instant::now() < self.until {
            let mut datagrams = Vec::new();
            searches.poll(Instant::now(), |datagram, _| datagrams.push(self.with_nobody(datagram)));
            for datagram in &datagrams {
                search::send_to_all(&socket, datagram, &destinations).await;
            }
            let next = searches.timeout().unwrap_or(self.until).min(self.until);
            match timeout_at(next.into(), socket.recv_from(&mut buffer)).await {
                Ok(Ok((length, SocketAddr::V4(from)))) => {
                    wire_log::datagram(Role::Client, Way::Received, from, &buffer[..length]);
                    parse_reply(&buffer[..length], *from.ip(), |found| {
                        self.heard(found.cid, found.server, from, Via::Udp);
                    });
                }
                Ok(Err(error)) => debug!("search socket: {error}"),
                Ok(Ok(_)) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Asks for all names over TCP and listens until the time is over.
    ///
    /// # Errors
    /// In words, when it cannot be asked.
    async fn ask_name_server(&self, server: SocketAddrV4) -> Result<(), String> {
        let connect = timeout_at(self.until.into(), TcpStream::connect(SocketAddr::V4(server))).await;
        let stream = connect.map_err(|_| "cannot be reached in time")?.map_err(|e| e.to_string())?;
        let mut link = Link::new(stream, server, &self.config);
        let mut asked = false;
        loop {
            let events = match timeout_at(self.until.into(), link.hear()).await {
                Err(_) if asked => return Ok(()),
                Err(_) => return Err("does not tell its version in time".to_owned()),
                Ok(heard) => heard?,
            };
            for event in events {
                match event {
                    Event::Version(minor) if minor < SEARCHABLE => {
                        return Err(format!("has version 4.{minor}; searches need 4.{SEARCHABLE}"));
                    }
                    Event::Version(_) => {
                        asked = true;
                        self.cids().for_each(|(cid, name)| link.proto.search(cid, name, &mut link.output));
                    }
                    Event::Found { cid, address, port } => {
                        let at = address.map_or(server, |ip| SocketAddrV4::new(ip, port));
                        self.heard(cid, at, server, Via::NameServer);
                    }
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_this_host_counts_once_by_whichever_address() {
        let own = Ipv4Addr::new(192, 0, 2, 7);
        let answer = |name, ip: [u8; 4], port| {
            let server = SocketAddrV4::new(ip.into(), port);
            Answer { name, server, responder: server, via: Via::Udp, after: Duration::ZERO }
        };
        let inquiry = Inquiry {
            answers: vec![
                answer(0, [127, 0, 0, 1], 5064),
                answer(0, own.octets(), 5064),
                answer(1, [127, 0, 0, 1], 5064),
                answer(1, own.octets(), 5065),
                answer(2, [192, 0, 2, 8], 5064),
                answer(2, own.octets(), 5064),
            ],
            own: vec![own],
            ..Inquiry::default()
        };
        assert_eq!([0, 1, 2, 3].map(|name| inquiry.servers_of(name).len()), [1, 2, 2, 0]);
    }
}
