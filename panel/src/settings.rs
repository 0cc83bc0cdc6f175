//! What a panel is told.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use wrapper::client::ClientConfig;

use crate::token::Token;

/// The port that is tried first.
pub(crate) const PORT: u16 = 8080;
/// How many ports behind it are tried when it is taken.
const MORE_PORTS: u16 = 20;

/// Where and to whom a panel is served.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses to serve: the first one that is free.
    pub addresses: Vec<SocketAddr>,
    /// Who has this may put; without one nobody may.
    pub token: Option<Token>,
    /// Other names under which browsers reach it, such as that of a reverse proxy.
    pub origins: Vec<Origin>,
    /// The client for PVs of other IOCs; the one of the environment when there is none.
    pub client: Option<ClientConfig>,
}

impl Default for Settings {
    /// Loopback, port 8080 or one of the 20 behind it, read-only.
    fn default() -> Self {
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            addresses: (PORT..=PORT + MORE_PORTS).map(address).collect(),
            token: None,
            origins: Vec::new(),
            client: None,
        }
    }
}

/// A host that browsers may name, with or without scheme and port.
///
/// ```
/// let origin: panel::Origin = "https://panel.lab.example".parse().unwrap();
/// assert!("https://panel.lab.example/path".parse::<panel::Origin>().is_err());
/// # let _ = origin;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Option<String>,
    host: String,
    port: Option<u16>,
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, authority) = match text.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => (Some(scheme.to_owned()), rest),
            Some((scheme, _)) => return Err(format!("scheme {scheme:?} is neither http nor https")),
            None => (None, text),
        };
        let rule = || format!("{text:?} is no origin such as https://host:port, and no host");
        let (host, port) = authority_of(authority).ok_or_else(rule)?;
        Ok(Self { scheme, host, port })
    }
}

/// Host in lower case without brackets, and port, of `host:port`.
fn authority_of(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest)
        }
        None => text.find(':').map_or((text, ""), |colon| text.split_at(colon)),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => Some(port.parse().ok()?),
        None if port.is_empty() => None,
        None => return None,
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    (!host.is_empty() && host.chars().all(is_name)).then(|| (host.to_ascii_lowercase(), port))
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

/// Who a browser may think that it talks to: everything else is a foreign page, or a name that was bound to this
/// host (DNS rebinding).
#[derive(Clone, Debug)]
pub(crate) struct Names {
    served: IpAddr,
    origins: Vec<Origin>,
}

impl Names {
    pub(crate) fn new(served: IpAddr, origins: &[Origin]) -> Self {
        Self { served, origins: origins.to_vec() }
    }

    /// True for a Host header that names this server. Its port may be another one: that of an SSH tunnel.
    pub(crate) fn is_host(&self, host: &str) -> bool {
        let Some((host, port)) = authority_of(host) else { return false };
        let own = match host.parse::<IpAddr>() {
            Ok(ip) => {
                ip == self.served
                    || (self.served.is_unspecified() || self.served.is_loopback() && ip.is_loopback())
            }
            Err(_) => host == "localhost",
        };
        own || self.origins.iter().any(|origin| {
            let same = origin.port.is_none() || port.is_none() || origin.port == port;
            origin.host == host && same
        })
    }

    /// True for the Origin of a page that this server gave out under the name `host`, or of an allowed one.
    pub(crate) fn is_origin(&self, origin: &str, host: &str) -> bool {
        let Some((scheme @ ("http" | "https"), authority)) = origin.split_once("://") else { return false };
        let Some((name, port)) = authority_of(authority) else { return false };
        let port = port.unwrap_or(default_port(scheme));
        let same = authority_of(host)
            .is_some_and(|(host, of_host)| host == name && of_host.unwrap_or(default_port(scheme)) == port);
        same || self.origins.iter().any(|allowed| {
            allowed.host == name
                && allowed.scheme.as_deref().is_none_or(|allowed| allowed == scheme)
                && allowed.port.unwrap_or(default_port(scheme)) == port
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(served: &str, origins: &[&str]) -> Names {
        let origins: Vec<Origin> = origins.iter().map(|origin| origin.parse().expect("an origin")).collect();
        Names::new(served.parse().expect("an address"), &origins)
    }

    #[test]
    fn a_host_is_this_one_by_number_or_localhost_or_an_allowed_name() {
        let local = names("127.0.0.1", &[]);
        for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "localhost:9000", "[::1]:8080"] {
            assert!(local.is_host(host), "{host}");
        }
        for host in
            ["evil.example:8080", "127.0.0.1.evil.example", "192.168.1.2:8080", "", "localhost:x", "[::1"]
        {
            assert!(!local.is_host(host), "{host}");
        }
        assert!(names("0.0.0.0", &[]).is_host("10.1.2.3:8080"));
        assert!(!names("0.0.0.0", &[]).is_host("lab.example:8080"), "a name can be bound to any address");
        assert!(!names("10.1.2.3", &[]).is_host("10.1.2.4:8080"));
        let proxied = names("127.0.0.1", &["https://panel.lab.example"]);
        assert!(proxied.is_host("panel.lab.example") && proxied.is_host("panel.lab.example:443"));
        assert!(!proxied.is_host("lab.example"));
    }

    #[test]
    fn an_origin_is_that_of_the_host_or_an_allowed_one() {
        let local = names("127.0.0.1", &["https://panel.lab.example", "other.example:81"]);
        for (origin, host) in [
            ("http://localhost:8080", "localhost:8080"),
            ("http://localhost", "localhost"),
            ("https://panel.lab.example", "127.0.0.1:8080"),
            ("https://panel.lab.example:443", "127.0.0.1:8080"),
            ("http://other.example:81", "localhost:8080"),
        ] {
            assert!(local.is_origin(origin, host), "{origin} at {host}");
        }
        for (origin, host) in [
            ("http://localhost:3000", "localhost:8080"),
            ("http://127.0.0.1:8080", "localhost:8080"),
            ("http://panel.lab.example", "127.0.0.1:8080"),
            ("https://evil.example", "localhost:8080"),
            ("null", "localhost:8080"),
            ("", "localhost:8080"),
        ] {
            assert!(!local.is_origin(origin, host), "{origin} at {host}");
        }
    }

    #[test]
    fn an_origin_that_is_none_says_what_is_wrong() {
        let error = |text: &str| text.parse::<Origin>().expect_err("no origin");
        assert_eq!(error("ftp://a"), "scheme \"ftp\" is neither http nor https");
        for text in ["", "https://", "https://a/b", "a:port", "[::1", "a b"] {
            assert!(error(text).contains("is no origin"), "{text}");
        }
    }
}
