//! Every variable, what it is set to, and what that means here.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::Ipv4Addr;

use ca_proto::SERVER_PORT;

use super::{ClientConfig, Config, mistakes};

/// What the configurations of client and server say about one variable.
type Effect = fn(&ClientConfig, &Config) -> String;

/// A variable that this crate reads: its name, what is used when it is not set, and its effect.
struct Variable {
    name: &'static str,
    default: &'static str,
    effect: Effect,
}

const fn variable(name: &'static str, default: &'static str, effect: Effect) -> Variable {
    Variable { name, default, effect }
}

/// All variables of this crate, clients first; base's Channel Access has no others.
const VARIABLES: [Variable; 19] = [
    variable("EPICS_CA_ADDR_LIST", "", |client, _| match &client.addresses[..] {
        [] => "searches go to no address beside the automatic ones".to_owned(),
        listed => format!("searches go to {}", list(listed)),
    }),
    variable("EPICS_CA_AUTO_ADDR_LIST", "YES", |client, _| match client.auto_addresses {
        true => "searches go to the broadcast address of every interface too".to_owned(),
        false => "searches go to listed addresses only".to_owned(),
    }),
    variable("EPICS_CA_NAME_SERVERS", "", |client, _| match &client.name_servers[..] {
        [] => "no server is asked over TCP".to_owned(),
        listed => format!("{} are asked over TCP", list(listed)),
    }),
    variable("EPICS_CA_SERVER_PORT", "5064", |client, _| {
        format!(
            "port {} of addresses without one; a server's too, unless EPICS_CAS_SERVER_PORT is set",
            client.server_port
        )
    }),
    variable("EPICS_CA_REPEATER_PORT", "5065", |client, _| {
        format!("beacons are heard through UDP port {}", client.repeater_port)
    }),
    variable("EPICS_CA_CONN_TMO", "30", |client, _| {
        format!("a server that is silent for {:?} is asked for a sign of life", client.connection_timeout)
    }),
    variable("EPICS_CA_MAX_SEARCH_PERIOD", "300", |client, _| {
        format!("a name that nobody has is searched every {:?} in the end", client.max_search_period)
    }),
    variable("EPICS_CA_MCAST_TTL", "1", |client, _| {
        format!("multicast searches and beacons make {} hops", client.multicast_ttl)
    }),
    variable("EPICS_CA_AUTO_ARRAY_BYTES", "YES", |client, _| match client.max_payload {
        payload if payload == ClientConfig::default().max_payload => "arrays may have any size".to_owned(),
        payload => format!("an array may have {payload} bytes"),
    }),
    variable("EPICS_CA_MAX_ARRAY_BYTES", "16384", |client, _| match client.max_payload {
        payload if payload == ClientConfig::default().max_payload => {
            "nothing, unless EPICS_CA_AUTO_ARRAY_BYTES=NO".to_owned()
        }
        payload => format!("an array may have {payload} bytes"),
    }),
    variable("EPICS_CAS_INTF_ADDR_LIST", "", |_, server| {
        let groups = match &server.groups()[..] {
            [] => String::new(),
            groups => format!(", and multicast groups {} are heard", list(groups)),
        };
        match &server.listen_on()[..] {
            [Ipv4Addr::UNSPECIFIED] => format!("all interfaces are served{groups}"),
            listed => format!("{} are served{groups}", list(listed)),
        }
    }),
    variable("EPICS_CAS_SERVER_PORT", "EPICS_CA_SERVER_PORT", |_, server| match server.server_port {
        0 => "searches come to a free UDP port, circuits to a free TCP port".to_owned(),
        port => format!("searches come to UDP port {port}, circuits to TCP port {port} or a free one"),
    }),
    variable("EPICS_CAS_IGNORE_ADDR_LIST", "", |_, server| match &server.ignored[..] {
        [] => "searches from anywhere are answered".to_owned(),
        listed => format!("searches from {} are not answered", list(listed)),
    }),
    variable("EPICS_CAS_BEACON_ADDR_LIST", "", |client, server| {
        let groups = match &client.beacon_groups[..] {
            [] => String::new(),
            groups => format!(", and a repeater hears {}", list(groups)),
        };
        match &server.beacon_addresses[..] {
            [] => format!("beacons go to no address beside the automatic ones{groups}"),
            listed => format!("beacons go to {}{groups}", list(listed)),
        }
    }),
    variable("EPICS_CAS_AUTO_BEACON_ADDR_LIST", "YES", |_, server| match server.auto_beacons {
        true => "beacons go to the broadcast addresses of what is served too".to_owned(),
        false => "beacons go to listed addresses only".to_owned(),
    }),
    variable("EPICS_CAS_BEACON_PORT", "EPICS_CA_REPEATER_PORT", |_, server| {
        format!("beacons go to UDP port {}", server.beacon_port)
    }),
    variable("EPICS_CAS_BEACON_PERIOD", "EPICS_CA_BEACON_PERIOD", |_, server| {
        format!("a beacon every {:?} in the end", server.beacon_period.unwrap_or_default())
    }),
    variable("EPICS_CA_BEACON_PERIOD", "15", |_, _| {
        "the old name of EPICS_CAS_BEACON_PERIOD, used where that is not set".to_owned()
    }),
    variable("EPICS_IOC_IGNORE_SERVERS", "", |_, server| match server.enabled {
        true => "a server serves".to_owned(),
        false => "a server opens no port".to_owned(),
    }),
];

fn list<T: Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// One variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What the environment says; an empty variable counts as not set.
    pub value: Option<String>,
    /// What is used without it: a value, another variable, or nothing.
    pub default: &'static str,
    /// What it means here.
    pub effect: String,
}

/// All variables together.
///
/// ```
/// let vars = [("EPICS_CA_AUTO_ADDR_LIST", "NO")].map(|(name, value)| (name.to_owned(), value.to_owned()));
/// let settings = ca::Settings::of(vars);
/// assert!(settings.mistakes[0].contains("EPICS_CA_ADDR_LIST"));
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// What a client makes of them.
    pub client: ClientConfig,
    /// What a server makes of them.
    pub server: Config,
    /// One by one.
    pub list: Vec<Setting>,
    /// What cannot be used, and what was hardly meant so.
    pub mistakes: Vec<String>,
}

impl Settings {
    /// Those of the environment.
    pub fn from_env() -> Self {
        let (mut variables, mut garbled) = (Vec::new(), Vec::new());
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => variables.push((name, value)),
                (Ok(name), Err(_)) if name.starts_with("EPICS_CA") => garbled.push(name),
                _ => {}
            }
        }
        let mut settings = Self::of(variables);
        let garbled = garbled.iter().map(|name| format!("{name} is not UTF-8; it counts as not set"));
        settings.mistakes.extend(garbled);
        settings
    }

    /// Those of these variables, by their names.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: BTreeMap<_, _> = variables.into_iter().collect();
        let lookup = |name: &'static str| variables.get(name).cloned();
        let (client, warnings) = ClientConfig::from_lookup(lookup);
        let (server, more) = Config::from_lookup(lookup);
        let warnings = warnings.iter().chain(&more).map(ToString::to_string);
        let known: Vec<_> = VARIABLES.iter().map(|variable| variable.name).collect();
        let meant = mistakes::hardly_meant(&client, &server, lookup);
        let unknown = variables.keys().filter_map(|name| mistakes::unknown(name, &known));
        let mut mistakes: Vec<String> = Vec::new();
        for mistake in warnings.chain(meant).chain(unknown) {
            if !mistakes.contains(&mistake) {
                mistakes.push(mistake);
            }
        }
        let list = VARIABLES.iter().map(|variable| Setting {
            name: variable.name,
            value: lookup(variable.name).filter(|value| !value.trim().is_empty()),
            default: variable.default,
            effect: (variable.effect)(&client, &server),
        });
        Self { list: list.collect(), client, server, mistakes }
    }
}

/// The lines that a client on another host needs to find a server of these settings, for each address of this host.
///
/// Nobody on another host can reach a server on loopback alone: then there are none.
pub fn exports(server: &Config, own: &[Ipv4Addr]) -> Vec<(Ipv4Addr, Vec<String>)> {
    let served = server.listen_on();
    let all = served.contains(&Ipv4Addr::UNSPECIFIED);
    let reachable = own.iter().filter(|ip| !ip.is_loopback() && (all || served.contains(ip)));
    let lines = |ip: &Ipv4Addr| {
        let port = (server.server_port != SERVER_PORT)
            .then(|| format!("export EPICS_CA_SERVER_PORT={}", server.server_port));
        let list =
            [format!("export EPICS_CA_ADDR_LIST={ip}"), "export EPICS_CA_AUTO_ADDR_LIST=NO".to_owned()];
        (*ip, list.into_iter().chain(port).collect())
    };
    if server.enabled && server.server_port != 0 { reachable.map(lines).collect() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;
    use std::net::SocketAddrV4;

    use super::*;

    fn of(variables: &[(&str, &str)]) -> Settings {
        Settings::of(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn setting(settings: &Settings, name: &str) -> Setting {
        settings.list.iter().find(|setting| setting.name == name).expect("a variable").clone()
    }

    #[test]
    fn the_table_has_the_variables_that_are_read_and_no_others() {
        let read = RefCell::new(BTreeSet::new());
        // What is read depends on what was read before.
        for value in [None, Some("NO")] {
            let lookup = |name| {
                read.borrow_mut().insert(name);
                value.filter(|_| name == "EPICS_CA_AUTO_ARRAY_BYTES").map(str::to_owned)
            };
            ClientConfig::from_lookup(lookup);
            Config::from_lookup(lookup);
        }
        let table: BTreeSet<_> = VARIABLES.iter().map(|variable| variable.name).collect();
        assert_eq!((table.len(), read.into_inner()), (VARIABLES.len(), table));
    }

    #[test]
    fn the_defaults_of_the_table_are_those_that_are_used() {
        let nothing = of(&[]);
        assert_eq!(nothing.mistakes, [""; 0]);
        for setting in &nothing.list {
            assert_eq!(setting.value, None);
            if !setting.default.is_empty() && !setting.default.starts_with("EPICS") {
                let given = of(&[(setting.name, setting.default)]);
                assert_eq!((given.client, given.server), (nothing.client.clone(), nothing.server.clone()));
            }
        }
    }

    #[test]
    fn each_variable_tells_its_effect() {
        let settings = of(&[
            ("EPICS_CA_ADDR_LIST", "192.0.2.255 192.0.2.1:6000"),
            ("EPICS_CA_SERVER_PORT", "5100"),
            ("EPICS_CAS_INTF_ADDR_LIST", "127.0.0.1 239.0.0.1"),
            ("EPICS_CAS_IGNORE_ADDR_LIST", "192.0.2.9"),
            ("EPICS_CA_NAME_SERVERS", "  "),
        ]);
        let effect = |name: &str| setting(&settings, name).effect;
        assert_eq!(effect("EPICS_CA_ADDR_LIST"), "searches go to 192.0.2.255:5100, 192.0.2.1:6000");
        assert_eq!(
            effect("EPICS_CAS_INTF_ADDR_LIST"),
            "127.0.0.1 are served, and multicast groups 239.0.0.1 are heard"
        );
        assert!(effect("EPICS_CAS_SERVER_PORT").starts_with("searches come to UDP port 5100, "));
        assert_eq!(effect("EPICS_CAS_IGNORE_ADDR_LIST"), "searches from 192.0.2.9 are not answered");
        assert_eq!(setting(&settings, "EPICS_CA_NAME_SERVERS").value, None, "empty is not set");
        assert_eq!(setting(&settings, "EPICS_CA_SERVER_PORT").value.as_deref(), Some("5100"));
    }

    #[test]
    fn a_client_elsewhere_needs_an_address_that_is_served_and_not_loopback() {
        let own = [[127, 0, 0, 1], [192, 0, 2, 7], [10, 0, 0, 7]].map(Ipv4Addr::from);
        let all = exports(&Config::default(), &own);
        let lines = ["export EPICS_CA_ADDR_LIST=192.0.2.7", "export EPICS_CA_AUTO_ADDR_LIST=NO"];
        assert_eq!(all.iter().map(|(ip, _)| *ip).collect::<Vec<_>>(), own[1..]);
        assert_eq!(all[0].1, lines);
        let one = Config { interfaces: vec![own[2]], server_port: 5100, ..Config::default() };
        let lines = exports(&one, &own).remove(0).1;
        assert_eq!(lines[2..], ["export EPICS_CA_SERVER_PORT=5100"]);
        let client = ClientConfig::from_lookup(|name| {
            let prefix = format!("export {name}=");
            lines.iter().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned)
        });
        assert_eq!(client.0.addresses, [SocketAddrV4::new(own[2], 5100)], "a client that has these lines");
        assert!(!client.0.auto_addresses);
        assert_eq!(exports(&Config::isolated(), &own), []);
    }
}
