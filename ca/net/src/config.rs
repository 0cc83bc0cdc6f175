//! Network settings; the only reader of `EPICS_CA*`, with the meaning that EPICS base gives them.

use std::net::{Ipv4Addr, SocketAddrV4, ToSocketAddrs};
use std::time::Duration;

use ca_proto::{Limits, REPEATER_PORT, SERVER_PORT};

/// Where a server listens and whom it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Addresses to serve; empty serves all interfaces.
    pub interfaces: Vec<Ipv4Addr>,
    /// UDP port, and the TCP port that is tried first; 0 takes any free port for each.
    pub server_port: u16,
    /// When the TCP port is taken, searches are answered on the free port too, not on the shared one: for
    /// clients on this host that are told the port.
    pub search_on_own_port: bool,
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
    /// Circuits in all.
    pub circuits: usize,
    /// Bounds of each circuit.
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
            interfaces: Vec::new(),
            server_port: SERVER_PORT,
            search_on_own_port: false,
            beacon_addresses: Vec::new(),
            auto_beacons: true,
            beacon_port: REPEATER_PORT,
            beacon_period: Some(Duration::from_secs(15)),
            ignored: Vec::new(),
            multicast_ttl: 1,
            circuits: 4096,
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
        let default = Self::default();
        let server_port = reader.port("EPICS_CA_SERVER_PORT").unwrap_or(SERVER_PORT);
        let beacon_port = reader
            .port("EPICS_CAS_BEACON_PORT")
            .or_else(|| reader.port("EPICS_CA_REPEATER_PORT"))
            .unwrap_or(REPEATER_PORT);
        let period = reader
            .seconds("EPICS_CAS_BEACON_PERIOD")
            .or_else(|| reader.seconds("EPICS_CA_BEACON_PERIOD"))
            .or(default.beacon_period);
        let config = Self {
            interfaces: reader.addresses("EPICS_CAS_INTF_ADDR_LIST", 0).iter().map(|a| *a.ip()).collect(),
            server_port: reader.port("EPICS_CAS_SERVER_PORT").unwrap_or(server_port),
            beacon_addresses: reader.addresses("EPICS_CAS_BEACON_ADDR_LIST", beacon_port),
            auto_beacons: reader.yes("EPICS_CAS_AUTO_BEACON_ADDR_LIST"),
            beacon_port,
            beacon_period: period,
            ignored: reader.addresses("EPICS_CAS_IGNORE_ADDR_LIST", 0).iter().map(|a| *a.ip()).collect(),
            multicast_ttl: reader.number("EPICS_CA_MCAST_TTL").unwrap_or(1),
            ..default
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

    /// The addresses to bind; `0.0.0.0` when none is listed.
    pub(crate) fn listen_on(&self) -> Vec<Ipv4Addr> {
        if self.interfaces.is_empty() { vec![Ipv4Addr::UNSPECIFIED] } else { self.interfaces.clone() }
    }
}

struct Reader<L> {
    lookup: L,
    warnings: Vec<ConfigWarning>,
}

impl<L: Fn(&'static str) -> Option<String>> Reader<L> {
    /// An empty variable counts as not set.
    fn get(&self, name: &'static str) -> Option<String> {
        (self.lookup)(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    fn warn(&mut self, variable: &'static str, value: &str, rule: impl Into<String>) {
        let rule = rule.into();
        self.warnings.push(ConfigWarning { variable, value: value.to_owned(), rule, opens_up: false });
    }

    /// A port above 5000, or 0 for any free one (base knows no 0 here); trailing junk is tolerated.
    fn port(&mut self, name: &'static str) -> Option<u16> {
        let value = self.get(name)?;
        let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
        match digits.parse::<u16>() {
            Ok(port) if port > 5000 || port == 0 => Some(port),
            _ => {
                self.warn(
                    name,
                    &value,
                    "must be a port in 5001..=65535, or 0 for a free one; the default port is used",
                );
                None
            }
        }
    }

    fn seconds(&mut self, name: &'static str) -> Option<Duration> {
        let value = self.get(name)?;
        match value.parse::<f64>().ok().filter(|s| *s > 0.0).and_then(|s| Duration::try_from_secs_f64(s).ok())
        {
            Some(period) => Some(period),
            None => {
                self.warn(name, &value, "must be a number of seconds above 0; 15 s are used");
                Some(Duration::from_secs(15))
            }
        }
    }

    fn number(&mut self, name: &'static str) -> Option<u32> {
        let value = self.get(name)?;
        let number = value.parse().ok();
        if number.is_none() {
            self.warn(name, &value, "must be a whole number; the default is used");
        }
        number
    }

    fn yes(&self, name: &'static str) -> bool {
        self.get(name).is_none_or(|value| value.eq_ignore_ascii_case("yes"))
    }

    fn addresses(&mut self, name: &'static str, port: u16) -> Vec<SocketAddrV4> {
        let Some(value) = self.get(name) else { return Vec::new() };
        let mut list = Vec::new();
        for token in value.split_whitespace() {
            match parse_address(token, port) {
                Some(address) if list.contains(&address) => {
                    self.warn(name, token, "is listed twice; the second is ignored");
                }
                Some(address) => list.push(address),
                None => self.warn(name, token, "is neither an IPv4 address nor a known host; it is skipped"),
            }
        }
        list
    }
}

/// `a.b.c.d[:port]`, a 32-bit number, or a host name, each with an optional port.
fn parse_address(token: &str, default_port: u16) -> Option<SocketAddrV4> {
    let (host, port) = match token.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (token, default_port),
    };
    if let Ok(ip) = host.parse::<Ipv4Addr>() {
        return Some(SocketAddrV4::new(ip, port));
    }
    if let Ok(number) = host.parse::<u32>() {
        return Some(SocketAddrV4::new(number.into(), port));
    }
    (host, port).to_socket_addrs().ok()?.find_map(|address| match address {
        std::net::SocketAddr::V4(v4) => Some(v4),
        std::net::SocketAddr::V6(_) => None,
    })
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
        for bad in ["0", "-1", "soon"] {
            assert_eq!(
                with(&[("EPICS_CAS_BEACON_PERIOD", bad)]).0.beacon_period,
                Some(Duration::from_secs(15))
            );
        }
    }
}
