//! A diagnosis for people and for programs.

use std::fmt::{Display, Write as _};

use ca::presence::{RepeaterPresence, ServerPresence};
use serde_json::{Value, json};

use super::Diagnosis;

/// Where a value comes from.
fn origin(value: Option<&String>) -> &'static str {
    if value.is_some() { "environment" } else { "default" }
}

fn listed<T: Display>(items: &[T]) -> String {
    match items {
        [] => "none".to_owned(),
        items => items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn strings<T: Display>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn repeater(presence: RepeaterPresence, port: u16) -> String {
    match presence {
        RepeaterPresence::Running => format!("runs on UDP port {port}"),
        RepeaterPresence::Other => format!("does not run, and UDP port {port} is taken by somebody else"),
        RepeaterPresence::Absent if port == 0 => "not wanted".to_owned(),
        RepeaterPresence::Absent => {
            format!("does not run on UDP port {port}; the next client of ours is it while it lives")
        }
    }
}

fn server(presence: ServerPresence) -> String {
    match presence {
        ServerPresence::Running(minor) => format!("a server, version 4.{minor}"),
        ServerPresence::Other => "somebody who does not speak Channel Access".to_owned(),
        ServerPresence::Absent => "nobody".to_owned(),
    }
}

impl Diagnosis {
    pub(super) fn text(&self) -> String {
        let mut text = String::from("variables\n");
        let mut line = |words: String| _ = writeln!(text, "{words}");
        for setting in &self.settings.list {
            let value = setting.value.as_deref().unwrap_or(setting.default);
            let from = origin(setting.value.as_ref());
            line(format!(
                "  {:<31} = {:<22} ({from})",
                setting.name,
                if value.is_empty() { "-" } else { value }
            ));
            line(format!("      {}", setting.effect));
        }
        self.client_and_server().into_iter().for_each(&mut line);
        line("\na client on another host needs, to find a server of this one".to_owned());
        if self.exports.is_empty() {
            line(format!("  {}", self.why_not_found()));
        }
        for (ip, lines) in &self.exports {
            line(format!("  where {ip} can be reached:"));
            lines.iter().for_each(|export| line(format!("    {export}")));
        }
        line("\nmistakes".to_owned());
        match &self.mistakes[..] {
            [] => line("  none".to_owned()),
            mistakes => mistakes.iter().for_each(|mistake| line(format!("  {mistake}"))),
        }
        text
    }

    fn client_and_server(&self) -> Vec<String> {
        let (client, server_config) = (&self.settings.client, &self.settings.server);
        let mut lines = vec![
            "\na client here".to_owned(),
            format!("  searches over UDP: {}", listed(&self.searches)),
            format!("  asks name servers: {}", listed(&client.name_servers)),
            format!("  repeater:          {}", repeater(self.repeater, client.repeater_port)),
            "\na server here".to_owned(),
            format!("  serves:            {}", listed(&self.served())),
            format!("  beacons go to:     {}", listed(&self.beacons)),
        ];
        for (address, presence) in &self.servers {
            lines.push(format!("  now at {address:<21} {}", server(*presence)));
        }
        if let Some(sharers) = self.sharers {
            lines.push(format!("  now on UDP port {}: {sharers} servers", server_config.server_port));
        }
        lines
    }

    /// The addresses that a server would serve.
    fn served(&self) -> Vec<std::net::Ipv4Addr> {
        let listed = self.settings.server.listen_on();
        if !self.settings.server.enabled {
            return Vec::new();
        }
        if listed.iter().any(|ip| ip.is_unspecified()) { self.own.clone() } else { listed }
    }

    fn why_not_found(&self) -> &'static str {
        let server = &self.settings.server;
        match (server.enabled, server.server_port) {
            (false, _) => "nothing helps: EPICS_IOC_IGNORE_SERVERS names rsrv, so a server opens no port",
            (true, 0) => "EPICS_CA_SERVER_PORT: the UDP port in the ready line of the server",
            (true, _) => "nothing helps: only loopback is served, which no other host can reach",
        }
    }

    pub(super) fn json(&self) -> Value {
        let (client, server_config) = (&self.settings.client, &self.settings.server);
        let variables = self.settings.list.iter().map(|setting| {
            json!({
                "name": setting.name, "value": setting.value, "default": setting.default,
                "from": origin(setting.value.as_ref()), "effect": setting.effect,
            })
        });
        let now = self
            .servers
            .iter()
            .map(|(address, presence)| json!({ "address": address.to_string(), "who": server(*presence) }));
        let exports =
            self.exports.iter().map(|(ip, lines)| json!({ "address": ip.to_string(), "lines": lines }));
        json!({
            "variables": variables.collect::<Vec<_>>(),
            "client": {
                "searches": strings(&self.searches),
                "name_servers": strings(&client.name_servers),
                "repeater": repeater(self.repeater, client.repeater_port),
                "repeater_runs": self.repeater == RepeaterPresence::Running,
            },
            "server": {
                "serves": strings(&self.served()),
                "port": server_config.server_port,
                "beacons": strings(&self.beacons),
                "now": now.collect::<Vec<_>>(),
                "sharing_the_udp_port": self.sharers,
            },
            "exports": exports.collect::<Vec<_>>(),
            "mistakes": self.mistakes,
        })
    }
}
