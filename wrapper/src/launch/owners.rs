//! Whether somebody else serves our names too: clients would take who answers first.

use std::net::SocketAddrV4;
use std::time::Duration;

use ca::ClientConfig;
use ca::client::{Inquiry, inquire};
use tracing::{debug, warn};

use crate::ioc::Ioc;

/// How long answers are waited for.
const WAIT: Duration = Duration::from_millis(300);
/// Names that are searched for at most.
const MOST: usize = 1000;
/// Names that a warning lists at most.
const LISTED: usize = 5;

/// Searches for our own names as clients do, beside the IOC, and warns of other servers that have them.
pub(super) fn look(ioc: &Ioc) {
    let mut names = ioc.names();
    names.truncate(MOST);
    let (own, udp) = (ioc.tcp_addresses(), ioc.udp_addresses());
    let config = match udp.first() {
        // Who serves this host only is found on this host only.
        Some(first) if udp.iter().all(|address| address.ip().is_loopback()) => {
            ClientConfig::isolated(first.port())
        }
        _ => ClientConfig::from_env().0,
    };
    let search = move || {
        let asked: Vec<_> = names.iter().map(String::as_str).collect();
        match inquire(&config, &asked, WAIT) {
            Ok(inquiry) => others(&asked, &own, &inquiry).iter().for_each(|line| warn!("{line}")),
            Err(error) => debug!("no search for other owners of our names: {error}"),
        }
    };
    // It ends by itself, and nothing waits for it.
    if let Err(error) = std::thread::Builder::new().name("owners".to_owned()).spawn(search) {
        debug!("no search for other owners of our names: {error}");
    }
}

/// A line for each other server with some of our names.
fn others(names: &[&str], own: &[SocketAddrV4], inquiry: &Inquiry) -> Vec<String> {
    let is_ours = |server: &SocketAddrV4| {
        let this_host = server.ip().is_loopback() || inquiry.own.contains(server.ip());
        this_host && own.iter().any(|address| address.port() == server.port())
    };
    let mut found: Vec<(SocketAddrV4, Vec<&str>)> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        for server in inquiry.servers_of(index).into_iter().filter(|server| !is_ours(server)) {
            match found.iter_mut().find(|(known, _)| *known == server) {
                Some((_, theirs)) => theirs.push(name),
                None => found.push((server, vec![name])),
            }
        }
    }
    found.iter().map(|(server, theirs)| line(*server, theirs)).collect()
}

fn line(server: SocketAddrV4, names: &[&str]) -> String {
    let listed = names[..names.len().min(LISTED)].join(", ");
    let more = names.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{server} serves {listed}{more} too; a client takes who answers first")
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use ca::client::{Answer, Via};

    use super::*;

    fn answer(name: usize, ip: [u8; 4], port: u16) -> Answer {
        let server = SocketAddrV4::new(Ipv4Addr::from(ip), port);
        Answer { name, server, responder: server, via: Via::Udp, after: Duration::ZERO }
    }

    #[test]
    fn another_server_is_named_once_with_its_names_and_we_are_not() {
        let own = [SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 5064)];
        let host = [10, 0, 0, 1];
        let answers = vec![
            answer(0, host, 5064),
            answer(0, [10, 0, 0, 2], 5064),
            answer(1, [127, 0, 0, 1], 5064),
            answer(1, [10, 0, 0, 2], 5064),
            answer(2, host, 4000),
        ];
        let inquiry = Inquiry { answers, own: vec![host.into()], ..Inquiry::default() };
        assert_eq!(
            others(&["a", "b", "c"], &own, &inquiry),
            [
                "10.0.0.2:5064 serves a, b too; a client takes who answers first",
                "10.0.0.1:4000 serves c too; a client takes who answers first"
            ]
        );
    }

    #[test]
    fn many_names_are_counted() {
        let server = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1);
        let words = line(server, &["1", "2", "3", "4", "5", "6", "7"]);
        assert_eq!(
            words,
            "127.0.0.1:1 serves 1, 2, 3, 4, 5 and 2 more too; a client takes who answers first"
        );
    }
}
