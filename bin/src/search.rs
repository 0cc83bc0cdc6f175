//! `seqioc search`: who has a name.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use ca::ClientConfig;
use ca::client::{Answer, Inquiry, Via, inquire};
use clap::{ArgAction, Args};
use serde_json::{Value, json};
use wrapper::launch;

/// Exit status when all is well, and otherwise.
pub(crate) const STATUS: &str =
    "Exit status: 0 every name was answered, 1 a name was not, 2 the command line is wrong.";

#[derive(Args)]
pub(crate) struct Options {
    /// Names of PVs
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// Time to wait for answers; all of it is waited, because who answers second is known then only
    #[arg(short, long, value_name = "SEC", default_value = "1", value_parser = seconds)]
    wait: Duration,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// More words: -v errors of the network, -vvv every message decoded
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

/// A time above 0, a day at most.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if seconds > 0.0 && seconds <= 86_400.0 {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("must be above 0 s and at most 86400 s".to_owned())
    }
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.verbose > 0 {
        launch::start_verbose_log(options.verbose);
    }
    let (config, warnings) = ClientConfig::from_env();
    warnings.iter().for_each(|warning| eprintln!("seqioc search: {warning}"));
    let mut names: Vec<&str> = Vec::new();
    for name in &options.names {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let inquiry = inquire(&config, &names, options.wait)?;
    let text =
        if options.json { format!("{:#}\n", as_json(&names, &inquiry)) } else { table(&names, &inquiry) };
    crate::output::write(&text)?;
    if !options.json {
        io::stderr().write_all(remarks(&names, &inquiry, options.wait).as_bytes())?;
    }
    let all = (0..names.len()).all(|name| inquiry.answers_about(name).next().is_some());
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn milliseconds(answer: &Answer) -> f64 {
    answer.after.as_micros() as f64 / 1000.0
}

fn words(via: Via) -> &'static str {
    match via {
        Via::Udp => "UDP",
        Via::NameServer => "name server",
    }
}

/// A line for each answer; a name that nobody answers has a line too.
fn table(names: &[&str], inquiry: &Inquiry) -> String {
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(4);
    let mut text = format!("{:width$} {:<21} {:>10}  ANSWERED BY\n", "NAME", "SERVER", "AFTER");
    let mut line = |words: std::fmt::Arguments<'_>| _ = text.write_fmt(words);
    for (index, name) in names.iter().enumerate() {
        for answer in inquiry.answers_about(index) {
            let Answer { server, responder, via, .. } = answer;
            let (server, after, via) = (server.to_string(), milliseconds(answer), words(*via));
            line(format_args!("{name:width$} {server:<21} {after:>7.1} ms  {responder} ({via})\n"));
        }
        if inquiry.answers_about(index).next().is_none() {
            line(format_args!("{name:width$} {:<21} {:>10}  nobody\n", "-", "-"));
        }
    }
    text
}

/// What is not as it should be.
fn remarks(names: &[&str], inquiry: &Inquiry, wait: Duration) -> String {
    let mut text = String::new();
    let mut line = |words: String| text.extend(["seqioc search: ", &words, "\n"]);
    for (index, name) in names.iter().enumerate() {
        let servers = inquiry.servers_of(index);
        if servers.len() > 1 {
            let who = listed(&servers);
            line(format!(
                "warning: {} servers have {name}: {who}; a client takes who answers first",
                servers.len()
            ));
        }
    }
    for (server, why) in &inquiry.failed {
        line(format!("warning: name server {server}: {why}"));
    }
    let missing = (0..names.len()).filter(|name| inquiry.answers_about(*name).next().is_none()).count();
    if missing > 0 {
        let asked = if inquiry.asked.is_empty() { "nobody".to_owned() } else { listed(&inquiry.asked) };
        line(format!(
            "{missing} of {} names unanswered within {wait:?}; asked over UDP: {asked}",
            names.len()
        ));
    }
    text
}

fn listed(addresses: &[std::net::SocketAddrV4]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn as_json(names: &[&str], inquiry: &Inquiry) -> Value {
    let answer = |answer: &Answer| {
        let Answer { server, responder, via, .. } = answer;
        json!({
            "server": server.to_string(), "responder": responder.to_string(), "via": words(*via),
            "after_ms": milliseconds(answer),
        })
    };
    let names = names.iter().enumerate().map(|(index, name)| {
        let answers: Vec<_> = inquiry.answers_about(index).map(answer).collect();
        json!({ "name": name, "answers": answers, "servers": inquiry.servers_of(index).len() })
    });
    let failed =
        inquiry.failed.iter().map(|(server, why)| json!({ "server": server.to_string(), "error": why }));
    let asked = inquiry.asked.iter().map(ToString::to_string);
    json!({
        "names": names.collect::<Vec<_>>(),
        "asked": asked.collect::<Vec<_>>(),
        "failed_name_servers": failed.collect::<Vec<_>>(),
    })
}
