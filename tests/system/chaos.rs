//! Our client while servers are killed, restarted on other ports and stopped:
//! `cargo test -p seqioc --test system chaos -- --ignored --nocapture --test-threads 1`.
//!
//! `CHAOS_SEED` repeats a run, `CHAOS_ROUNDS` makes one of as many rounds without long stops.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ca::ClientConfig;
use ca::client::{Channel, Context, Data, Monitor, MonitorEvent};
use ca::proto::EventMask;

use crate::launch::{Server, free_port, seqioc_of, wait_for};
use crate::raw::Circuit;

/// Subscriptions in all.
const SUBSCRIPTIONS: usize = 500;
/// Servers that they are spread over.
const SERVERS: usize = 4;
/// How long a server is stopped as a rule.
const SHORT: Duration = Duration::from_secs(5);
/// How long it is stopped so that it is given up.
const LONG: Duration = Duration::from_secs(40);
/// Longest time to recover that is accepted.
const RECOVERY: Duration = Duration::from_secs(60);
/// Devices of every server, and their prefixes.
const DEVICES: [(&str, &str); 2] = [("clock", "wt:"), ("example", "TEST:SERVER.")];
/// Names of all devices, without the prefix of a server.
const NAMES: &str = include_str!("../golden/pvs.txt");
/// The one that is put.
const DELAY: &str = "wt:delay";

/// Numbers that look random; the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Passes beacons on, as the repeater does; ends with the process.
fn repeater() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = socket.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        let (mut client, mut buffer) = (None::<SocketAddr>, [0; 64]);
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let datagram = &mut buffer[..length];
            match (datagram.get(..2), client) {
                (Some([0, 24]), _) => {
                    client = Some(from);
                    // Its client may be gone.
                    let _ = socket.send_to(&[0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 127, 0, 0, 1], from);
                }
                (Some([0, 13]), Some(client)) => _ = socket.send_to(datagram, client),
                _ => {}
            }
        }
    });
    port
}

/// One server, and the subscriptions to it.
struct Victim {
    prefix: String,
    port: u16,
    beacons: u16,
    server: Option<Server>,
    /// Holds a TCP port that the server shall not have.
    _squatter: Option<TcpListener>,
    channels: Vec<Channel>,
    _monitors: Vec<Monitor>,
    last: Arc<Mutex<Vec<Option<Data>>>>,
}

impl Victim {
    fn new(number: usize, port: u16, beacons: u16, context: &Context) -> Self {
        let prefix = format!("S{number}:");
        let count = SUBSCRIPTIONS / SERVERS;
        let served = NAMES.lines().filter(|name| DEVICES.iter().any(|(_, prefix)| name.starts_with(prefix)));
        let names: Vec<_> = served.cycle().take(count).collect();
        let channels: Vec<_> = names.iter().map(|name| context.channel(&format!("{prefix}{name}"))).collect();
        let last = Arc::new(Mutex::new(vec![None; count]));
        let monitor = |(index, channel): (usize, &Channel)| {
            let last = last.clone();
            channel.on_update(Channel::PLAIN, 0, EventMask::VALUE, move |event| {
                last.lock().expect("no holder panics")[index] = match event {
                    MonitorEvent::Update(data) => Some(data),
                    MonitorEvent::Disconnected => None,
                };
            })
        };
        let monitors = channels.iter().enumerate().map(monitor).collect();
        Self { prefix, port, beacons, server: None, _squatter: None, channels, _monitors: monitors, last }
    }

    fn start(&mut self) {
        let [clock, example] = DEVICES.map(|(device, _)| device);
        let args = ["run", clock, example, "--prefix", &self.prefix, "--ready", "json", "--panel", "off"];
        let mut command = seqioc_of(env!("CARGO_BIN_EXE_seqioc"), &args);
        command.args(["--interfaces", "127.0.0.1"]);
        command.env("EPICS_CAS_SERVER_PORT", self.port.to_string());
        command.env("EPICS_CAS_BEACON_PORT", self.beacons.to_string());
        let mut server = Server::spawn(command);
        server.ready();
        self.server = Some(server);
    }

    fn restart(&mut self) {
        let tcp = self.server.as_ref().expect("it runs").tcp;
        drop(self.server.take());
        // The port that it had is taken.
        self._squatter = TcpListener::bind((Ipv4Addr::LOCALHOST, tcp)).ok();
        self.start();
    }

    fn stop_for(&self, time: Duration) {
        let server = self.server.as_ref().expect("it runs");
        server.signal("STOP");
        std::thread::sleep(time);
        server.signal("CONT");
    }

    /// Puts a value on a circuit of its own and waits until every subscription lives and has what is true.
    fn recover(&self, value: f64) -> Duration {
        let start = Instant::now();
        let server = self.server.as_ref().expect("it runs");
        let mut circuit = Circuit::open(SocketAddrV4::new(Ipv4Addr::LOCALHOST, server.tcp));
        let delay = circuit.create(&format!("{}{DELAY}", self.prefix));
        circuit.put_double(delay, value);
        let told = |data: &Option<Data>, channel: &Channel| match data {
            Some(data) if channel.name().ends_with(DELAY) => data.payload[..8] == value.to_be_bytes(),
            data => data.is_some(),
        };
        wait_for(&format!("all of {}", self.prefix), RECOVERY, || {
            let last = self.last.lock().expect("no holder panics");
            let mut all = last.iter().zip(&self.channels);
            all.all(|(data, channel)| channel.status().connected && told(data, channel)).then_some(())
        });
        start.elapsed()
    }

    /// Compares the last value of each subscription with what another client gets.
    fn check(&self, other: &Context) {
        let last = self.last.lock().expect("no holder panics").clone();
        for (channel, last) in self.channels.iter().zip(last) {
            let true_one = other.channel(channel.name()).get(Channel::PLAIN, 0, RECOVERY).wait();
            assert_eq!(last, true_one.expect("a value"), "{}", channel.name());
        }
    }
}

/// Disturbs all servers at the same time, `rounds` in all, `long` of them by long stops.
fn chaos(rounds: u64, long: u64) {
    let seed = std::env::var("CHAOS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("CHAOS_SEED={seed}");
    let (ports, beacons): (Vec<_>, _) = ((0..SERVERS).map(|_| free_port()).collect(), repeater());
    let addresses = ports.iter().map(|port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, *port)).collect();
    let config = ClientConfig { addresses, repeater_port: beacons, ..ClientConfig::isolated(0) };
    let context = Context::new(config.clone()).expect("a socket");
    let mut victims: Vec<_> =
        ports.iter().enumerate().map(|(i, port)| Victim::new(i, *port, beacons, &context)).collect();
    let share = rounds.div_ceil(SERVERS as u64);
    let worst = std::thread::scope(|scope| {
        let run = |(number, victim): (usize, &mut Victim)| {
            victim.start();
            let mut dice = Dice(seed.wrapping_add(number as u64 * 7919));
            let mut worst = victim.recover(0.5);
            for round in 0..share {
                let is_long = (round + 1) * SERVERS as u64 <= long;
                match dice.roll(3) {
                    _ if is_long => victim.stop_for(LONG),
                    0 => victim.stop_for(SHORT.mul_f64(dice.roll(100) as f64 / 100.0)),
                    _ => victim.restart(),
                }
                worst = worst.max(victim.recover(0.1 + round as f64 / 1000.0));
            }
            worst
        };
        let threads: Vec<_> =
            victims.iter_mut().enumerate().map(|victim| scope.spawn(move || run(victim))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).max().expect("some")
    });
    let other = Context::new(config).expect("a socket");
    victims.iter().for_each(|victim| victim.check(&other));
    println!("{SUBSCRIPTIONS} subscriptions, {rounds} rounds: recovered in {worst:?} at most");
    println!("{context}");
}

#[test]
#[ignore = "takes minutes"]
fn five_hundred_subscriptions_survive_chaos() {
    let rounds = std::env::var("CHAOS_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    rounds.map_or_else(|| chaos(200, 8), |rounds| chaos(rounds, 0));
}

#[test]
fn five_hundred_subscriptions_survive_a_little_chaos() {
    chaos(5, 0);
}
