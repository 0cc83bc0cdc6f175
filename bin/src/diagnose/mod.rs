//! `seqioc diagnose`: the network settings, explained.

mod print;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::ExitCode;

use anyhow::Result;
use ca::presence::{self, RepeaterPresence, ServerPresence};
use ca::{Setting, Settings};
use clap::Args;

use crate::{output, tools};

/// Exit status when all is well, and otherwise.
pub(crate) const STATUS: &str =
    "Exit status: 0 nothing is wrong, 1 there are mistakes, which are listed, 2 the command line is wrong.";

#[derive(Args)]
pub(crate) struct Options {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What is known of the settings, and of who is there.
struct Diagnosis {
    settings: Settings,
    own: Vec<Ipv4Addr>,
    searches: Vec<SocketAddrV4>,
    beacons: Vec<SocketAddrV4>,
    repeater: RepeaterPresence,
    /// Who accepts circuits on the server's port, at each address of this host.
    servers: Vec<(SocketAddrV4, ServerPresence)>,
    /// Sockets that share the search port on one address.
    sharers: Option<usize>,
    /// What a client on another host must set, for each address of this one.
    exports: Vec<(Ipv4Addr, Vec<String>)>,
    mistakes: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let diagnosis = Diagnosis::make();
    output::write(&if options.json { format!("{:#}\n", diagnosis.json()) } else { diagnosis.text() })?;
    Ok(if diagnosis.mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Diagnosis {
    fn make() -> Self {
        let mut settings = Settings::from_env();
        settings.list.push(cli_timeout());
        let own = presence::own_addresses();
        let port = settings.server.server_port;
        let asked = if port == 0 { &[][..] } else { &own[..] };
        let servers = asked.iter().map(|&ip| SocketAddrV4::new(ip, port));
        let mut diagnosis = Self {
            searches: ca::client::destinations(&settings.client),
            beacons: ca::server::beacon_destinations(&settings.server),
            repeater: presence::repeater(settings.client.repeater_port),
            servers: servers.map(|address| (address, presence::server(address))).collect(),
            sharers: presence::sharers(port).filter(|_| port != 0),
            exports: ca::exports(&settings.server, &own),
            mistakes: settings.mistakes.clone(),
            own,
            settings,
        };
        let more = diagnosis.more_mistakes();
        diagnosis.mistakes.extend(more);
        diagnosis
    }

    /// What is wrong with these settings on this host.
    fn more_mistakes(&self) -> Vec<String> {
        let mut found = Vec::new();
        let (client, server) = (&self.settings.client, &self.settings.server);
        for ip in server.listen_on().iter().filter(|ip| !ip.is_unspecified() && !ip.is_loopback()) {
            if !self.own.contains(ip) {
                found.push(format!("EPICS_CAS_INTF_ADDR_LIST lists {ip}, which this host does not have now"));
            }
        }
        if self.repeater == RepeaterPresence::Other {
            let port = client.repeater_port;
            found.push(format!(
                "UDP port {port} is taken by somebody who is no repeater: no beacons are heard"
            ));
        }
        for (address, presence) in &self.servers {
            if *presence == ServerPresence::Other {
                found.push(format!("TCP {address} is taken by somebody who does not speak Channel Access"));
            }
        }
        if let Some(sharers) = self.sharers.filter(|sharers| *sharers > 1) {
            found.push(format!(
                "{sharers} servers share UDP port {}: a search by unicast reaches one of them; ours hand it on, \
                 others do not",
                server.server_port
            ));
        }
        found
    }
}

/// The one variable that is not of the network.
fn cli_timeout() -> Setting {
    let value = std::env::var(tools::TIMEOUT_VARIABLE).ok();
    let effect = "seconds that get, put, monitor and info wait, unless -w says otherwise".to_owned();
    Setting { name: tools::TIMEOUT_VARIABLE, value, default: "1", effect }
}
