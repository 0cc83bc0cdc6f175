//! A context and the repeater of its host: it registers with the one that runs, or is it itself.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ca_proto::repeater::register;
use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tracing::{debug, info};

use super::Context;
use crate::ClientConfig;
use crate::repeater::Repeater;

/// The first registration: programs that live shorter need no beacons.
const FIRST: Duration = Duration::from_millis(500);
/// Gaps between registrations until one is confirmed.
const RETRY: Duration = Duration::from_secs(1);
/// A repeater that dies cannot say so: whoever notices first becomes the next, and the others register anew.
const RENEW: Duration = Duration::from_secs(60);

/// Clients that a repeater inside a program serves: each takes one of the files that the program may open.
const CLIENTS: usize = 256;

/// What a context knows about beacons.
#[derive(Debug, Default)]
pub(super) struct Heard {
    registered: AtomicBool,
    beacons: AtomicU64,
}

impl Heard {
    pub(super) fn beacon(&self) {
        self.beacons.fetch_add(1, Relaxed);
    }
}

impl Context {
    /// True while the repeater has confirmed the last registration.
    pub fn is_registered(&self) -> bool {
        self.shared().heard.registered.load(Relaxed)
    }

    /// Beacons heard so far.
    pub fn beacons(&self) -> u64 {
        self.shared().heard.beacons.load(Relaxed)
    }
}

/// Starts the repeater in this process unless the host has one.
///
/// libca starts a process that stays; this one ends with the process, because nobody asked for one that does not.
pub(super) fn ensure(config: &ClientConfig, runtime: &Handle) {
    if !config.repeater || config.repeater_port == 0 {
        return;
    }
    match Repeater::bind(config.repeater_port, &config.beacon_groups) {
        Ok(repeater) => {
            info!("no repeater was running: this process is it on UDP port {}", repeater.port());
            runtime.spawn(repeater.with_room_for(CLIENTS).run(std::future::pending()));
        }
        Err(error) if error.is_in_use() => {}
        Err(error) => debug!("{error}"),
    }
}

/// When a context registers next, and how.
#[derive(Debug)]
pub(super) struct Registration {
    next: Option<Instant>,
    tries: u32,
}

impl Registration {
    pub(super) fn new(config: &ClientConfig, now: Instant) -> Self {
        let wanted = config.repeater && config.repeater_port != 0;
        Self { next: wanted.then(|| now + FIRST), tries: 0 }
    }

    /// When it is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next
    }

    /// Registers if it is due; starts the repeater when there is none by now.
    pub(super) async fn poll(
        &mut self,
        socket: &UdpSocket,
        config: &ClientConfig,
        heard: &Heard,
        now: Instant,
    ) {
        if self.next.is_none_or(|at| at > now) {
            return;
        }
        ensure(config, &Handle::current());
        heard.registered.store(false, Relaxed);
        let (message, to) = attempt(self.tries, own_address);
        // Nobody there: it is tried again.
        let _ = socket.send_to(&message, SocketAddrV4::new(to, config.repeater_port)).await;
        self.tries = self.tries.wrapping_add(1);
        self.next = Some(now + RETRY);
    }

    /// The repeater has confirmed.
    pub(super) fn confirmed(&mut self, heard: &Heard, now: Instant) {
        heard.registered.store(true, Relaxed);
        *self = Self { next: self.next.map(|_| now + RENEW), tries: 0 };
    }
}

/// What is sent, and where to: a REGISTER over loopback, which every repeater confirms, and in turn with it what libca
/// sends, an empty datagram to an address of the host itself, for one that hears nothing on loopback.
fn attempt(tries: u32, own: impl FnOnce() -> Option<Ipv4Addr>) -> (Vec<u8>, Ipv4Addr) {
    if tries.is_multiple_of(2) {
        return (register(Ipv4Addr::LOCALHOST), Ipv4Addr::LOCALHOST);
    }
    (Vec::new(), own().unwrap_or(Ipv4Addr::LOCALHOST))
}

/// The first address of the host that is not loopback.
fn own_address() -> Option<Ipv4Addr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.into_iter().find_map(|interface| match interface.addr {
        if_addrs::IfAddr::V4(v4) if !v4.ip.is_loopback() => Some(v4.ip),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrations_alternate_between_loopback_and_an_own_address() {
        let own = Ipv4Addr::new(10, 0, 0, 1);
        assert_eq!(attempt(0, || Some(own)), (register(Ipv4Addr::LOCALHOST), Ipv4Addr::LOCALHOST));
        assert_eq!(attempt(1, || Some(own)), (Vec::new(), own));
        assert_eq!(attempt(3, || None), (Vec::new(), Ipv4Addr::LOCALHOST));
    }

    #[tokio::test]
    async fn it_is_retried_every_second_until_it_is_confirmed_and_renewed_much_later() {
        let hold = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port");
        let port = hold.local_addr().expect("bound").port();
        let config = ClientConfig { repeater: true, repeater_port: port, ..ClientConfig::isolated(0) };
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.expect("a socket");
        let (start, heard) = (Instant::now(), Heard::default());
        let mut registration = Registration::new(&config, start);
        registration.poll(&socket, &config, &heard, start).await;
        assert_eq!((registration.due(), registration.tries), (Some(start + FIRST), 0), "not yet");
        registration.poll(&socket, &config, &heard, start + FIRST).await;
        assert_eq!((registration.due(), registration.tries), (Some(start + FIRST + RETRY), 1));
        registration.confirmed(&heard, start + FIRST);
        assert_eq!((registration.due(), registration.tries), (Some(start + FIRST + RENEW), 0));
        assert!(heard.registered.load(Relaxed));
    }

    #[test]
    fn who_wants_no_repeater_never_registers() {
        let now = Instant::now();
        assert_eq!(Registration::new(&ClientConfig::isolated(0), now).due(), None);
        let config = ClientConfig { repeater_port: 0, ..ClientConfig::default() };
        assert_eq!(Registration::new(&config, now).due(), None);
    }
}
