//! The variables of the environment, parsed by the rules of EPICS base.

use std::net::{Ipv4Addr, SocketAddrV4, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::time::Duration;

use ca_proto::Limits;

use super::{ConfigWarning, LEAST_ARRAY_BYTES};

/// Reads variables and collects what is wrong with them.
pub(super) struct Reader<L> {
    pub(super) lookup: L,
    pub(super) warnings: Vec<ConfigWarning>,
}

impl<L: Fn(&'static str) -> Option<String>> Reader<L> {
    /// An empty variable counts as not set.
    pub(super) fn get(&self, name: &'static str) -> Option<String> {
        (self.lookup)(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    fn warn(&mut self, variable: &'static str, value: &str, rule: impl Into<String>) {
        let rule = rule.into();
        self.warnings.push(ConfigWarning { variable, value: value.to_owned(), rule, opens_up: false });
    }

    /// A port above 5000, or 0 for any free one (base knows no 0 here); trailing junk is tolerated, and what
    /// is no port becomes `default`.
    pub(super) fn port(&mut self, name: &'static str, default: u16) -> Option<u16> {
        let value = self.get(name)?;
        match leading_number(&value).and_then(|port| u16::try_from(port).ok()) {
            Some(port) if port > 5000 || port == 0 => Some(port),
            _ => {
                let rule = format!("must be a port in 5001..=65535, or 0 for a free one; {default} is used");
                self.warn(name, &value, rule);
                Some(default)
            }
        }
    }

    /// A period above 0; what is none becomes `default`.
    pub(super) fn period(&mut self, name: &'static str, default: Duration) -> Option<Duration> {
        let value = self.get(name)?;
        let seconds = value.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
        let period = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        if period.is_none() {
            let rule = format!("must be a number of seconds above 0; {} s are used", default.as_secs());
            self.warn(name, &value, rule);
        }
        period.or(Some(default))
    }

    /// A whole number in `range`; a leading one suffices, and what is none becomes `default`.
    pub(super) fn number(&mut self, name: &'static str, range: RangeInclusive<i64>, default: i64) -> i64 {
        let Some(value) = self.get(name) else { return default };
        match leading_number(&value).filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                let (low, high) = range.into_inner();
                self.warn(
                    name,
                    &value,
                    format!("must be a whole number in {low}..={high}; {default} is used"),
                );
                default
            }
        }
    }

    /// True for `yes` in any case, and when not set.
    pub(super) fn yes(&self, name: &'static str) -> bool {
        self.get(name).is_none_or(|value| value.eq_ignore_ascii_case("yes"))
    }

    /// The addresses of a list in which ports mean nothing.
    pub(super) fn hosts(&mut self, name: &'static str) -> Vec<Ipv4Addr> {
        self.addresses(name, 0).iter().map(|address| *address.ip()).collect()
    }

    /// The multicast groups of a list.
    pub(super) fn groups(&mut self, name: &'static str) -> Vec<Ipv4Addr> {
        let mut hosts = self.hosts(name);
        hosts.retain(Ipv4Addr::is_multicast);
        hosts
    }

    /// The bounds of a circuit: payloads have one only when buffers may not grow as needed.
    pub(super) fn limits(&mut self) -> Limits {
        let default = Limits::default();
        if self.yes("EPICS_CA_AUTO_ARRAY_BYTES") {
            return default;
        }
        let bytes = self.number("EPICS_CA_MAX_ARRAY_BYTES", 0..=i64::MAX, LEAST_ARRAY_BYTES);
        Limits { max_payload: bytes.max(LEAST_ARRAY_BYTES).unsigned_abs(), ..default }
    }

    /// The addresses of a list, without doubles and without what is none.
    pub(super) fn addresses(&mut self, name: &'static str, port: u16) -> Vec<SocketAddrV4> {
        let Some(value) = self.get(name) else { return Vec::new() };
        let mut list = Vec::new();
        for token in value.split_ascii_whitespace() {
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

/// The number that a text begins with, as `strtol` reads it.
fn leading_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    text[..text.len() - digits.len() + end].parse().ok()
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
