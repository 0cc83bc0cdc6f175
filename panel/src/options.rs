//! The flags of the panel, and how `wrapper::launch` runs it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use serde_json::Value as Json;
use tracing::warn;
use wrapper::launch::{Running, Service, Serving};

use crate::server::Panel;
use crate::settings::{Origin, PORT, Settings};
use crate::token::Token;

/// Flags of the web panel, for [`Launcher::service`](wrapper::Launcher::service).
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     wrapper::Launcher::new("A thermometer")
///         .group(|group| group.pv("temperature", 21.5).add())
///         .service::<panel::Options>()
///         .run()
/// }
/// ```
#[derive(Args, Clone, Debug, Default)]
#[group(skip)]
pub struct Options {
    /// Address of the web panel, or "off" [default: 127.0.0.1:8080, or the next free port of 20]
    #[arg(long, value_name = "ADDR")]
    pub panel: Option<Place>,
    /// Let those who have the token put to PVs by the panel; without it the panel only shows
    #[arg(long)]
    pub panel_write: bool,
    /// File with the token, readable by its owner only [default: a new token, printed at the start]
    #[arg(long, value_name = "FILE", requires = "panel_write")]
    pub panel_token_file: Option<PathBuf>,
    /// Another origin or host under which browsers reach the panel, such as that of a reverse proxy
    #[arg(long, value_name = "ORIGIN")]
    pub panel_origin: Vec<Origin>,
}

/// Where the panel is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere.
    Off,
    /// At this address; port 0 is any free one.
    At(SocketAddr),
}

impl FromStr for Place {
    type Err = String;

    /// `off`, `address:port`, an address, or a port of loopback.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let address = text.replace("localhost", "127.0.0.1");
        let loopback = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let parsed = address.parse().ok();
        let parsed = parsed.or_else(|| address.parse::<IpAddr>().ok().map(|ip| (ip, PORT).into()));
        let parsed = parsed.or_else(|| address.parse().ok().map(loopback));
        let rule = || format!("{text:?} is neither \"off\" nor an address such as 127.0.0.1:{PORT}");
        parsed.map(Self::At).ok_or_else(rule)
    }
}

impl Options {
    /// The settings, and the token when it was made just now.
    fn settings(&self) -> Result<(Settings, Option<Token>), String> {
        let mut settings = Settings { origins: self.panel_origin.clone(), ..Settings::default() };
        if let Some(Place::At(address)) = self.panel {
            settings.addresses = vec![address];
        }
        let mut made = None;
        if self.panel_write {
            settings.token = Some(match &self.panel_token_file {
                Some(path) => Token::from_file(path)?,
                None => {
                    let token = Token::random().map_err(|error| format!("no random numbers: {error}"))?;
                    made.insert(token).clone()
                }
            });
        }
        Ok((settings, made))
    }

    fn run(&self, serving: &Serving) -> Result<Running, String> {
        let (settings, made) = self.settings()?;
        let panel = Panel::start(serving.handle.view(), settings).map_err(|error| error.to_string())?;
        let address = panel.address();
        if self.panel_write && !address.ip().is_loopback() {
            warn!(
                "panel: writing over {address} without TLS shows the token to the network; see docs/panel.md"
            );
        }
        let url = format!("http://{}/", shown(address));
        let mut lines = vec![format!("panel: {url}")];
        let mut ready = vec![("panel".to_owned(), Json::from(url))];
        match (&made, self.panel_write) {
            (_, false) => lines.push(format!("  it only shows; to write as well: {}", writing_command())),
            (Some(token), _) => {
                lines.push(format!("  token for writing: {}", token.text()));
                ready.push(("panel_token".to_owned(), token.text().into()));
            }
            (None, _) => lines.push("  writing takes the token of the file".to_owned()),
        }
        Ok(Running { lines, ready, stop: Some(Box::new(move || panel.stop())) })
    }
}

impl Service for Options {
    fn start(self: Box<Self>, serving: &Serving) -> Running {
        if self.panel == Some(Place::Off) {
            return Running::default();
        }
        self.run(serving).unwrap_or_else(|reason| {
            warn!("no panel: {reason}");
            Running::default()
        })
    }
}

/// The address under which a browser of this host finds it.
fn shown(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        _ => address,
    }
}

/// The command line of this process with the flag that allows to write.
fn writing_command() -> String {
    let words = std::env::args().chain(std::iter::once("--panel-write".to_owned()));
    words.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_off_or_an_address_with_or_without_port() {
        let at = |text: &str| Ok(Place::At(text.parse().expect("an address")));
        let parse = |text: &str| text.parse::<Place>();
        assert_eq!(parse("off"), Ok(Place::Off));
        assert_eq!(parse("0.0.0.0:81"), at("0.0.0.0:81"));
        assert_eq!(parse("localhost:81"), at("127.0.0.1:81"));
        assert_eq!(parse("[::1]:81"), at("[::1]:81"));
        assert_eq!(parse("10.0.0.1"), at("10.0.0.1:8080"));
        assert_eq!(parse("9000"), at("127.0.0.1:9000"));
        for wrong in ["", "on", "lab.example:80", "70000", "1.2.3.4:x"] {
            assert!(parse(wrong).is_err_and(|rule| rule.contains("neither")), "{wrong}");
        }
    }

    #[test]
    fn a_word_is_quoted_where_a_shell_would_change_it() {
        assert_eq!(
            ["run", "a b", "it's", "$HOME", ""].map(quoted),
            ["run", "'a b'", r"'it'\''s'", "'$HOME'", "''"]
        );
    }
}
