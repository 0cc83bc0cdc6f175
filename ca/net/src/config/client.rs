//! Settings of a client: where it searches, how long it waits.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use ca_proto::{REPEATER_PORT, SERVER_PORT};

use super::ConfigWarning;
use super::env::Reader;

/// Least that EPICS_CA_MAX_SEARCH_PERIOD can be.
const LEAST_SEARCH_PERIOD: Duration = Duration::from_secs(60);

/// Where a client searches, and how long it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// Search destinations beside the automatic ones.
    pub addresses: Vec<SocketAddrV4>,
    /// Adds the broadcast address of every interface; loopback where there is none.
    pub auto_addresses: bool,
    /// Servers that are asked over TCP.
    pub name_servers: Vec<SocketAddrV4>,
    /// Port of automatic destinations.
    pub server_port: u16,
    /// Hears beacons through the host's repeater, and is it itself while there is none.
    ///
    /// Beacons tell that a server has come up or lives: without them names that nobody had are found later.
    pub repeater: bool,
    /// UDP port of the repeater; without one (0) there is none.
    pub repeater_port: u16,
    /// Multicast groups that a repeater of this process hears.
    pub beacon_groups: Vec<Ipv4Addr>,
    /// Silence after which a server is asked for a sign of life.
    pub connection_timeout: Duration,
    /// Longest gap between two searches of a name.
    pub max_search_period: Duration,
    /// Hops of multicast searches.
    pub multicast_ttl: u32,
    /// Largest payload that is accepted, in bytes.
    pub max_payload: u64,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            auto_addresses: true,
            name_servers: Vec::new(),
            server_port: SERVER_PORT,
            repeater: true,
            repeater_port: REPEATER_PORT,
            beacon_groups: Vec::new(),
            connection_timeout: Duration::from_secs(30),
            max_search_period: Duration::from_secs(300),
            multicast_ttl: 1,
            max_payload: 1 << 30,
        }
    }
}

impl ClientConfig {
    /// Searches one server of this host only, and hears no beacons: for tests.
    pub fn isolated(udp_port: u16) -> Self {
        Self {
            addresses: vec![SocketAddrV4::new(Ipv4Addr::LOCALHOST, udp_port)],
            auto_addresses: false,
            repeater: false,
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
        let default = Self::default();
        let server_port = reader.port("EPICS_CA_SERVER_PORT", SERVER_PORT).unwrap_or(SERVER_PORT);
        let longest = default.max_search_period;
        let config = Self {
            addresses: reader.addresses("EPICS_CA_ADDR_LIST", server_port),
            // As base: any text with `NO` or `no` in it.
            auto_addresses: !reader
                .get("EPICS_CA_AUTO_ADDR_LIST")
                .is_some_and(|text| text.contains("NO") || text.contains("no")),
            name_servers: reader.addresses("EPICS_CA_NAME_SERVERS", server_port),
            server_port,
            repeater: true,
            beacon_groups: reader.groups("EPICS_CAS_BEACON_ADDR_LIST"),
            repeater_port: reader.port("EPICS_CA_REPEATER_PORT", REPEATER_PORT).unwrap_or(REPEATER_PORT),
            connection_timeout: reader
                .period("EPICS_CA_CONN_TMO", default.connection_timeout)
                .unwrap_or(default.connection_timeout),
            max_search_period: reader
                .period("EPICS_CA_MAX_SEARCH_PERIOD", longest)
                .unwrap_or(longest)
                .max(LEAST_SEARCH_PERIOD),
            multicast_ttl: reader.number("EPICS_CA_MCAST_TTL", 0..=255, 1) as u32,
            max_payload: reader.limits().max_payload,
        };
        (config, reader.warnings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &[(&'static str, &str)]) -> ClientConfig {
        let lookup = |name| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        ClientConfig::from_lookup(lookup).0
    }

    #[test]
    fn nothing_set_is_the_default() {
        assert_eq!(with(&[]), ClientConfig::default());
    }

    #[test]
    fn listed_servers_have_the_server_port_unless_they_name_one() {
        let config = with(&[
            ("EPICS_CA_ADDR_LIST", "127.0.0.1 127.0.0.2:7000"),
            ("EPICS_CA_NAME_SERVERS", "127.0.0.3"),
            ("EPICS_CA_SERVER_PORT", "6000"),
        ]);
        let all: Vec<_> = config.addresses.iter().chain(&config.name_servers).map(|a| a.port()).collect();
        assert_eq!(all, [6000, 7000, 6000]);
    }

    #[test]
    fn only_no_in_one_case_switches_automatic_addresses_off() {
        let auto = |text| with(&[("EPICS_CA_AUTO_ADDR_LIST", text)]).auto_addresses;
        assert_eq!(
            [auto("NO"), auto("no"), auto("No"), auto("YES"), auto("")],
            [false, false, true, true, true]
        );
    }

    #[test]
    fn groups_of_beacons_are_what_is_multicast_among_their_destinations() {
        let config = with(&[
            ("EPICS_CAS_BEACON_ADDR_LIST", "10.0.0.255 239.1.1.1:7000 224.0.0.9"),
            ("EPICS_CA_REPEATER_PORT", "7001"),
        ]);
        assert_eq!(config.beacon_groups, [[239, 1, 1, 1], [224, 0, 0, 9]].map(Ipv4Addr::from));
        assert!(config.repeater && config.repeater_port == 7001);
        assert!(!ClientConfig::isolated(5064).repeater, "a test is nobody's repeater");
    }

    #[test]
    fn a_search_period_under_a_minute_is_a_minute() {
        let config = with(&[("EPICS_CA_MAX_SEARCH_PERIOD", "5"), ("EPICS_CA_CONN_TMO", "2.5")]);
        assert_eq!(config.max_search_period, LEAST_SEARCH_PERIOD);
        assert_eq!(config.connection_timeout, Duration::from_millis(2500));
    }
}
