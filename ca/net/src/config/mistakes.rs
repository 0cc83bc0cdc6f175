//! Mistakes in variables that can each be used.

use super::{ClientConfig, Config};

/// What can be used and leads to nothing.
pub(super) fn hardly_meant(
    client: &ClientConfig,
    server: &Config,
    lookup: impl Fn(&'static str) -> Option<String>,
) -> Vec<String> {
    let value = |name| lookup(name).unwrap_or_default().trim().to_owned();
    let mut found = Vec::new();
    let mut say = |wrong: bool, what: &str| found.extend(wrong.then(|| what.to_owned()));
    let nobody = client.addresses.is_empty() && client.name_servers.is_empty();
    say(
        !client.auto_addresses && nobody,
        "EPICS_CA_AUTO_ADDR_LIST=NO, and EPICS_CA_ADDR_LIST and EPICS_CA_NAME_SERVERS list nobody: clients find nothing",
    );
    let auto = value("EPICS_CA_AUTO_ADDR_LIST");
    say(
        client.auto_addresses && !["", "YES", "yes"].contains(&&*auto),
        &format!("EPICS_CA_AUTO_ADDR_LIST={auto:?} is neither YES nor NO; it counts as YES"),
    );
    say(
        !value("EPICS_CA_MAX_ARRAY_BYTES").is_empty()
            && client.max_payload == ClientConfig::default().max_payload,
        "EPICS_CA_MAX_ARRAY_BYTES means nothing unless EPICS_CA_AUTO_ARRAY_BYTES=NO",
    );
    say(
        client.server_port == client.repeater_port,
        "EPICS_CA_SERVER_PORT and EPICS_CA_REPEATER_PORT are the same port: searches would come to the repeater",
    );
    say(
        !server.auto_beacons && server.beacon_addresses.is_empty(),
        "EPICS_CAS_AUTO_BEACON_ADDR_LIST=NO, and EPICS_CAS_BEACON_ADDR_LIST lists nobody: no client hears of a new server",
    );
    say(
        !value("EPICS_CAS_SERVER_PORT").is_empty() && ![0, client.server_port].contains(&server.server_port),
        &format!(
            "servers are on port {}, clients with this environment search on port {}",
            server.server_port, client.server_port
        ),
    );
    say(
        client.name_servers.iter().any(|server| server.ip().is_broadcast() || server.ip().is_multicast()),
        "EPICS_CA_NAME_SERVERS lists a broadcast or multicast address: a name server is one host",
    );
    found
}

/// What is wrong with a variable that looks like one of ours.
pub(super) fn unknown(name: &str, known: &[&str]) -> Option<String> {
    let looks_so = name.starts_with("EPICS_CA_") || name.starts_with("EPICS_CAS_");
    if !looks_so || known.contains(&name) {
        return None;
    }
    let nearest = known.iter().min_by_key(|known| distance(known, name))?;
    Some(format!("{name} is read by nobody; {} is, for one", nearest))
}

/// Letters to change, add or leave out between two words.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use crate::Settings;

    fn of(variables: &[(&str, &str)]) -> Settings {
        Settings::of(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn what_was_hardly_meant_is_named_with_the_reason() {
        for (variables, mistake) in [
            (&[("EPICS_CA_AUTO_ADDR_LIST", "NO")][..], "list nobody: clients find nothing"),
            (&[("EPICS_CA_AUTO_ADDR_LIST", "No")], "\"No\" is neither YES nor NO; it counts as YES"),
            (&[("EPICS_CA_MAX_ARRAY_BYTES", "100000")], "means nothing unless EPICS_CA_AUTO_ARRAY_BYTES=NO"),
            (&[("EPICS_CA_SERVER_PORT", "5065")], "are the same port"),
            (&[("EPICS_CAS_AUTO_BEACON_ADDR_LIST", "NO")], "no client hears of a new server"),
            (
                &[("EPICS_CAS_SERVER_PORT", "5100")],
                "on port 5100, clients with this environment search on port 5064",
            ),
            (&[("EPICS_CA_NAME_SERVERS", "255.255.255.255")], "a name server is one host"),
            (
                &[("EPICS_CA_ADRLIST", "x")],
                "EPICS_CA_ADRLIST is read by nobody; EPICS_CA_ADDR_LIST is, for one",
            ),
            (
                &[("EPICS_CA_MCAST_TTL", "far")],
                "EPICS_CA_MCAST_TTL=\"far\" must be a whole number in 0..=255",
            ),
            (&[("EPICS_CA_ADDR_LIST", "10.0.0.1:x")], "neither an IPv4 address nor a known host"),
        ] {
            let mistakes = of(variables).mistakes;
            assert!(mistakes.len() == 1 && mistakes[0].contains(mistake), "{variables:?}: {mistakes:?}");
        }
        let good =
            [("EPICS_CA_AUTO_ADDR_LIST", "NO"), ("EPICS_CA_NAME_SERVERS", "192.0.2.1"), ("OTHER", "x")];
        assert_eq!(of(&good).mistakes, [""; 0]);
        assert_eq!(of(&[("EPICS_CAS_SERVER_PORT", "0")]).mistakes, [""; 0], "a free port is meant");
    }
}
