//! Network settings; the only reader of `EPICS_CA*`, with the meaning that EPICS base gives them.

mod client;
mod env;
mod mistakes;
mod settings;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use ca_proto::{Limits, REPEATER_PORT, SERVER_PORT};

use crate::Error;
pub use client::ClientConfig;
use env::Reader;
pub use settings::{Setting, Settings, exports};

/// Beacon period of base, in seconds.
const BEACON_PERIOD: Duration = Duration::from_secs(15);
/// Least that EPICS_CA_MAX_ARRAY_BYTES can be, in bytes.
const LEAST_ARRAY_BYTES: i64 = 16_384;

/// Where a server listens and whom it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// False: no address is bound and no client served.
    pub enabled: bool,
    /// Addresses to serve, and multicast groups to hear on them; without any address all interfaces are served.
    ///
    /// An address that the host does not have is served from when it has it.
    pub interfaces: Vec<Ipv4Addr>,
    /// UDP port, and the TCP port that is tried first; 0 takes any free port for each.
    ///
    /// Servers that share the UDP port of a host are all found by searches to any of its addresses.
    pub server_port: u16,
    /// Beacon destinations beside the automatic ones.
    pub beacon_addresses: Vec<SocketAddrV4>,
    /// Adds the broadcast addresses of the interfaces served.
    pub auto_beacons: bool,
    /// Port of automatic beacon destinations.
    pub beacon_port: u16,
    /// Longest gap between beacons; no beacons when `None`.
    pub beacon_period: Option<Duration>,
    /// Searches from these addresses are not answered.
    pub ignored: Vec<Ipv4Addr>,
    /// Hops of multicast beacons.
    pub multicast_ttl: u32,
    /// Circuits in all; one more is refused and counted in [`Report::refused`](crate::server::Report::refused).
    pub circuits: usize,
    /// Circuits of one client address; one more is refused and counted in
    /// [`Report::refused_per_peer`](crate::server::Report::refused_per_peer).
    pub circuits_per_peer: usize,
    /// Names looked up per second because of searches over UDP, with bursts of one second's worth; datagrams
    /// above it are dropped and counted in [`Report::over_rate`](crate::server::Report::over_rate).
    pub searches_per_second: u32,
    /// Bytes that all circuits together may hold of messages that are not complete; a message above it is refused
    /// and counted in [`Report::given_up`](crate::server::Report::given_up).
    pub receive_budget: usize,
    /// Bounds of each circuit; what is refused because of them is counted in
    /// [`Report::over_limit`](crate::server::Report::over_limit).
    pub limits: Limits,
}

/// A variable that could not be used, and what was used instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}={value:?} {rule}")]
pub struct ConfigWarning {
    /// Name of the variable.
    pub variable: &'static str,
    /// Its value.
    pub value: String,
    /// What is wrong, and what is used instead.
    pub rule: String,
    /// Ignoring it would serve more than was asked for.
    pub opens_up: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            interfaces: Vec::new(),
            server_port: SERVER_PORT,
            beacon_addresses: Vec::new(),
            auto_beacons: true,
            beacon_port: REPEATER_PORT,
            beacon_period: Some(BEACON_PERIOD),
            ignored: Vec::new(),
            multicast_ttl: 1,
            circuits: 4096,
            circuits_per_peer: 1024,
            searches_per_second: 500_000,
            receive_budget: 1 << 30,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// Loopback only, any free ports, no beacons: for tests.
    ///
    /// ```
    /// let config = ca::Config::isolated();
    /// assert_eq!(config.server_port, 0);
    /// ```
    pub fn isolated() -> Self {
        Self {
            interfaces: vec![Ipv4Addr::LOCALHOST],
            server_port: 0,
            beacon_period: None,
            auto_beacons: false,
            ..Self::default()
        }
    }

    /// The settings of the environment, and what in it could not be used.
    pub fn from_env() -> (Self, Vec<ConfigWarning>) {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// The settings that `lookup` gives for each variable.
    pub fn from_lookup(lookup: impl Fn(&'static str) -> Option<String>) -> (Self, Vec<ConfigWarning>) {
        let mut reader = Reader { lookup, warnings: Vec::new() };
        let server_port = reader
            .port("EPICS_CAS_SERVER_PORT", SERVER_PORT)
            .or_else(|| reader.port("EPICS_CA_SERVER_PORT", SERVER_PORT))
            .unwrap_or(SERVER_PORT);
        let beacon_port = reader
            .port("EPICS_CAS_BEACON_PORT", REPEATER_PORT)
            .or_else(|| reader.port("EPICS_CA_REPEATER_PORT", REPEATER_PORT))
            .unwrap_or(REPEATER_PORT);
        let period = reader
            .period("EPICS_CAS_BEACON_PERIOD", BEACON_PERIOD)
            .or_else(|| reader.period("EPICS_CA_BEACON_PERIOD", BEACON_PERIOD))
            .unwrap_or(BEACON_PERIOD);
        let ignored_servers = reader.get("EPICS_IOC_IGNORE_SERVERS").unwrap_or_default();
        let config = Self {
            enabled: ignored_servers.split(' ').all(|server| server != "rsrv"),
            interfaces: reader.hosts("EPICS_CAS_INTF_ADDR_LIST"),
            server_port,
            beacon_addresses: reader.addresses("EPICS_CAS_BEACON_ADDR_LIST", beacon_port),
            auto_beacons: reader.yes("EPICS_CAS_AUTO_BEACON_ADDR_LIST"),
            beacon_port,
            beacon_period: Some(period),
            ignored: reader.hosts("EPICS_CAS_IGNORE_ADDR_LIST"),
            multicast_ttl: reader.number("EPICS_CA_MCAST_TTL", 0..=255, 1) as u32,
            limits: reader.limits(),
            ..Self::default()
        };
        if config.interfaces.is_empty()
            && let Some(value) = reader.get("EPICS_CAS_INTF_ADDR_LIST")
        {
            let rule = "has no usable address".to_owned();
            let variable = "EPICS_CAS_INTF_ADDR_LIST";
            reader.warnings.push(ConfigWarning { variable, value, rule, opens_up: true });
        }
        (config, reader.warnings)
    }

    /// # Errors
    /// When all interfaces and one of them are listed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let listed = self.listen_on();
        if listed.len() > 1 && listed.contains(&Ipv4Addr::UNSPECIFIED) {
            return Err(Error::config(format!(
                "0.0.0.0 is all interfaces; {listed:?} lists others beside it"
            )));
        }
        Ok(())
    }

    /// The addresses to bind, each once; `0.0.0.0` when none is listed.
    pub fn listen_on(&self) -> Vec<Ipv4Addr> {
        let mut listed = once(self.interfaces.iter().copied().filter(|ip| !ip.is_multicast()));
        if listed.is_empty() {
            listed.push(Ipv4Addr::UNSPECIFIED);
        }
        listed
    }

    /// The multicast groups to hear, each once.
    pub(crate) fn groups(&self) -> Vec<Ipv4Addr> {
        once(self.interfaces.iter().copied().filter(Ipv4Addr::is_multicast))
    }
}

fn once(addresses: impl Iterator<Item = Ipv4Addr>) -> Vec<Ipv4Addr> {
    let mut list = Vec::new();
    addresses.for_each(|ip| {
        if !list.contains(&ip) {
            list.push(ip);
        }
    });
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &[(&'static str, &str)]) -> (Config, Vec<ConfigWarning>) {
        Config::from_lookup(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn nothing_set_is_the_default() {
        assert_eq!(with(&[]), (Config::default(), Vec::new()));
    }

    #[test]
    fn the_server_port_falls_back_to_the_clients_variable() {
        assert_eq!(with(&[("EPICS_CA_SERVER_PORT", "6000")]).0.server_port, 6000);
        let both = [("EPICS_CA_SERVER_PORT", "6000"), ("EPICS_CAS_SERVER_PORT", "6010")];
        assert_eq!(with(&both).0.server_port, 6010);
        assert_eq!(with(&[("EPICS_CAS_SERVER_PORT", "")]).0.server_port, 5064);
    }

    #[test]
    fn a_port_of_5000_is_refused_with_a_word() {
        let (config, warnings) = with(&[("EPICS_CAS_SERVER_PORT", "5000")]);
        assert_eq!(config.server_port, 5064);
        assert!(warnings[0].to_string().contains("5001..=65535"));
    }

    #[test]
    fn address_lists_take_ports_numbers_and_skip_the_rest() {
        let (config, warnings) = with(&[
            ("EPICS_CAS_INTF_ADDR_LIST", "127.0.0.1 10.0.0.1:77"),
            ("EPICS_CAS_BEACON_ADDR_LIST", "10.255.255.255 2130706433:6065 10.255.255.255 nonsense:x"),
        ]);
        assert_eq!(config.interfaces, [Ipv4Addr::LOCALHOST, Ipv4Addr::new(10, 0, 0, 1)]);
        assert_eq!(config.beacon_addresses.len(), 2);
        assert_eq!(config.beacon_addresses[1], SocketAddrV4::new(Ipv4Addr::LOCALHOST, 6065));
        assert_eq!(warnings.len(), 2);
    }

    #[test]
    fn an_interface_list_without_any_address_is_told_apart() {
        let (_, warnings) = with(&[("EPICS_CAS_INTF_ADDR_LIST", "127.0.0.l")]);
        assert!(warnings.iter().any(|warning| warning.opens_up));
        let (_, warnings) = with(&[("EPICS_CAS_INTF_ADDR_LIST", "127.0.0.1 127.0.0.l")]);
        assert!(warnings.len() == 1 && !warnings[0].opens_up);
    }

    #[test]
    fn a_beacon_period_that_is_no_period_becomes_15_s() {
        for bad in ["0", "-1", "soon", "3 s", "nan", "inf"] {
            let (config, warnings) =
                with(&[("EPICS_CAS_BEACON_PERIOD", bad), ("EPICS_CA_BEACON_PERIOD", "7")]);
            assert_eq!((config.beacon_period, warnings.len()), (Some(Duration::from_secs(15)), 1), "{bad}");
        }
        let (config, _) = with(&[("EPICS_CAS_BEACON_PERIOD", ""), ("EPICS_CA_BEACON_PERIOD", "7.5")]);
        assert_eq!(config.beacon_period, Some(Duration::from_millis(7500)), "the old name is used instead");
    }

    #[test]
    fn a_server_port_that_is_none_becomes_the_built_in_one_not_the_clients() {
        let vars = [("EPICS_CAS_SERVER_PORT", "80"), ("EPICS_CA_SERVER_PORT", "6000")];
        assert_eq!(with(&vars).0.server_port, 5064);
        for bad in ["-6000", "65536", "6x", "port", "99999999999999999999"] {
            assert_eq!(with(&[("EPICS_CAS_SERVER_PORT", bad)]).0.server_port, 5064, "{bad}");
        }
        for good in ["6000", " 6000 ", "+6000", "6000 or so", "6000x"] {
            assert_eq!(with(&[("EPICS_CAS_SERVER_PORT", good)]).0.server_port, 6000, "{good}");
        }
        assert_eq!(with(&[("EPICS_CAS_SERVER_PORT", "0")]).0.server_port, 0);
    }

    #[test]
    fn beacon_ports_fall_back_to_the_repeater_s() {
        assert_eq!(with(&[("EPICS_CA_REPEATER_PORT", "6001")]).0.beacon_port, 6001);
        let both = [("EPICS_CA_REPEATER_PORT", "6001"), ("EPICS_CAS_BEACON_PORT", "6002")];
        let (config, _) = with(&[both[0], both[1], ("EPICS_CAS_BEACON_ADDR_LIST", "10.0.0.1")]);
        assert_eq!((config.beacon_port, config.beacon_addresses[0].port()), (6002, 6002));
    }

    #[test]
    fn automatic_beacons_are_on_unless_the_variable_says_something_but_yes() {
        for (value, expected) in [("", true), ("YES", true), ("yes", true), ("NO", false), ("1", false)] {
            let (config, _) = with(&[("EPICS_CAS_AUTO_BEACON_ADDR_LIST", value)]);
            assert_eq!(config.auto_beacons, expected, "{value:?}");
        }
    }

    #[test]
    fn array_bytes_are_a_bound_only_when_buffers_may_not_grow() {
        let payload = |auto: &'static str, bytes: &'static str| {
            let vars = [("EPICS_CA_AUTO_ARRAY_BYTES", auto), ("EPICS_CA_MAX_ARRAY_BYTES", bytes)];
            with(&vars).0.limits.max_payload
        };
        let unbound = Limits::default().max_payload;
        assert_eq!([payload("", "100000"), payload("Yes", "100000")], [unbound; 2]);
        assert_eq!(payload("NO", "100000"), 100_000);
        assert_eq!(payload("NO", "100000 bytes"), 100_000);
        assert_eq!([payload("NO", "100"), payload("NO", ""), payload("NO", "many")], [16_384; 3]);
    }

    #[test]
    fn the_server_is_off_when_rsrv_is_among_the_ignored() {
        for (value, enabled) in [("", true), ("rsrv", false), ("qsrv rsrv", false), ("rsrv2 xrsrv", true)] {
            assert_eq!(with(&[("EPICS_IOC_IGNORE_SERVERS", value)]).0.enabled, enabled, "{value:?}");
        }
    }

    #[test]
    fn hops_of_multicasts_are_0_to_255() {
        for (value, hops) in [("", 1), ("0", 0), ("5 hops", 5), ("256", 1), ("-1", 1), ("far", 1)] {
            assert_eq!(with(&[("EPICS_CA_MCAST_TTL", value)]).0.multicast_ttl, hops, "{value:?}");
        }
    }

    #[test]
    fn the_ignore_list_is_about_addresses_not_ports() {
        let (config, warnings) = with(&[("EPICS_CAS_IGNORE_ADDR_LIST", "10.0.0.1:5 10.0.0.2\t10.0.0.1:5")]);
        assert_eq!(config.ignored, [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)]);
        assert_eq!(warnings.len(), 1, "a double is named");
    }

    #[test]
    fn groups_are_told_apart_from_addresses_and_each_counts_once() {
        let listed = [("EPICS_CAS_INTF_ADDR_LIST", "10.0.0.1:1 239.0.0.1 10.0.0.1:2 239.0.0.1:7")];
        let (config, _) = with(&listed);
        assert_eq!(config.listen_on(), [Ipv4Addr::new(10, 0, 0, 1)]);
        assert_eq!(config.groups(), [Ipv4Addr::new(239, 0, 0, 1)]);
        let (config, _) = with(&[("EPICS_CAS_INTF_ADDR_LIST", "239.0.0.1")]);
        assert_eq!(config.listen_on(), [Ipv4Addr::UNSPECIFIED]);
    }
}
