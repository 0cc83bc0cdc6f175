//! The command line that every IOC binary gets: flags, log, ready line, stop on signals.

mod built_in;
mod launcher;
mod log_ring;
mod manager;
mod owners;
mod service;

use std::io::{IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use ca::Config;
use clap::{ArgAction, Args, ValueEnum};
use tokio::runtime::Handle;
use tracing::level_filters::LevelFilter;
use tracing::{Level, info, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::device::SystemDevice;
use crate::ioc::{Ioc, IocBuilder, IocError};
use crate::sequence::spec::CommandSpec;
pub use launcher::Launcher;
pub use log_ring::{LogLine, log_lines};
pub use service::{Running, Service, Serving};

/// With so many `-v` every message is logged.
const MESSAGES: u8 = 3;

/// Exit status of a program that serves.
pub const STATUS: &str = "Exit status: 0 stopped by SIGINT or SIGTERM, 1 it could not serve, 2 the command line is wrong, \
    130 a second SIGINT while it stopped.";

/// How `--list-pvs` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListPvs {
    /// Names in the log, then serve.
    Log,
    /// A table on standard output, then exit.
    Markdown,
    /// The same for programs, each device with its commands and PVs; `seqioc screens --table` reads it.
    Json,
}

/// How the ready line is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Ready {
    /// Words for people.
    #[default]
    Text,
    /// One JSON object on one line, with the UDP and TCP port.
    Json,
}

/// The flags of every IOC.
#[derive(Args, Clone, Debug)]
pub struct RunOptions {
    /// Prefix of the PV names: replaces the one of a single device, goes before those of several
    #[arg(long, value_name = "P")]
    pub prefix: Option<String>,
    /// Print the PV names at start; "=markdown" prints a table and exits, "=json" one for programs
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "log")]
    pub list_pvs: Option<ListPvs>,
    /// Addresses to serve, separated by commas [default: EPICS_CAS_INTF_ADDR_LIST, or all].
    /// The port is EPICS_CAS_SERVER_PORT or EPICS_CA_SERVER_PORT, 5064 without them
    #[arg(long, value_name = "A", value_delimiter = ',')]
    pub interfaces: Vec<Ipv4Addr>,
    /// Serve loopback only, and print the settings that clients need
    #[arg(long, conflicts_with = "interfaces")]
    pub local: bool,
    /// Form of the line that says that the IOC serves
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub ready: Ready,
    /// Save the PVs that ask for it into this folder, and restore them at the start
    #[arg(long, value_name = "DIR")]
    pub autosave: Option<PathBuf>,
    /// Prefix of the PVs that tell how the IOC is, listed then, or "off"
    /// [default: "ioc." behind the first prefix, unlisted]
    #[arg(long, value_name = "P")]
    pub status_prefix: Option<String>,
    /// Let every client start the IOC again, by 1 to the status PV SYSRESET
    #[arg(long)]
    pub allow_restart: bool,
    /// Log each put: who, from where, the value before and the one put, and what became of it
    #[arg(long, conflicts_with = "quiet")]
    pub audit: bool,
    /// Warnings only
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// More words: -v circuits and commands, -vv what is received, -vvv every message decoded
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Accepted for caproto's sake and ignored: there is one library
    #[arg(long, value_name = "NAME", hide = true)]
    pub async_lib: Option<String>,
}

impl RunOptions {
    /// The prefix of a device: its own one, unless `--prefix` says otherwise.
    pub fn prefix_of(&self, default: &str, single: bool) -> String {
        prefix_of(self.prefix.as_deref(), default, single)
    }

    fn level(&self) -> Level {
        if self.quiet { Level::WARN } else { level_of(self.verbose) }
    }

    /// The network settings: the environment's, changed by the flags.
    fn config(&self) -> Result<Config, IocError> {
        let (mut config, warnings) = Config::from_env();
        for warning in warnings {
            // Serving everyone because of a typo is not what the variable was set for.
            if warning.opens_up && self.interfaces.is_empty() && !self.local {
                return Err(IocError::Config(warning));
            }
            warn!("{warning}");
        }
        if self.local {
            config.interfaces = vec![Ipv4Addr::LOCALHOST];
        } else if !self.interfaces.is_empty() {
            config.interfaces.clone_from(&self.interfaces);
        }
        Ok(config)
    }
}

/// The prefix of a device: its own one, unless another one was given, which replaces that of a `single` device and goes
/// before those of several.
pub fn prefix_of(given: Option<&str>, default: &str, single: bool) -> String {
    match given {
        Some(prefix) if single => prefix.to_owned(),
        Some(prefix) => format!("{prefix}{default}"),
        None => default.to_owned(),
    }
}

/// Parses the command line, serves one device, and returns when it was told to stop.
///
/// `about` is the first line of `--help`, `prefix` the default of `--prefix`. See the crate's example, and
/// [`Launcher`] for groups and flags of one's own.
pub fn launch(
    about: &'static str,
    prefix: &str,
    device: impl FnOnce() -> Box<dyn SystemDevice> + 'static,
) -> ExitCode {
    Launcher::new(about).prefix(prefix).device(device).run()
}

/// What to try with a device of this prefix and these commands.
pub fn hints(prefix: &str, commands: &[CommandSpec]) -> Vec<String> {
    if !(commands.is_empty() || commands.iter().any(|command| command.name().is_empty())) {
        return vec![
            format!("try, from another shell, seqioc cmd {prefix} for the commands of the device"),
            "Ctrl-C stops.".to_owned(),
        ];
    }
    let python = |call: &str| format!("  python3 -c \"import asyncio, aioca; {call}\"");
    vec![
        "try, from another shell, with seqioc, EPICS base, or aioca from PyPI:".to_owned(),
        format!("  seqioc cmd {prefix} '[1, 2.5, 3]'"),
        format!("  caput -c -w 60 -S {prefix}seq.CMD '[1, 2.5, 3]'"),
        format!("  caget -c {prefix}seq.values"),
        python(&format!("asyncio.run(aioca.caput('{prefix}seq.CMD', '[1, 2.5, 3]', wait=True, timeout=60))")),
        python(&format!("print(asyncio.run(aioca.caget('{prefix}seq.values')))")),
        "Ctrl-C stops.".to_owned(),
    ]
}

/// Starts the log on standard error; later calls change nothing.
pub fn start_log(options: &RunOptions) {
    start_log_at(options.level(), options.verbose);
}

/// The same for a program with flags of its own: `verbose` is how often `-v` was given; with three, every message is
/// logged.
pub fn start_verbose_log(verbose: u8) {
    start_log_at(level_of(verbose), verbose);
}

pub(crate) fn start_log_at(level: Level, verbose: u8) {
    let messages = if verbose >= MESSAGES { LevelFilter::TRACE } else { LevelFilter::OFF };
    let filter = Targets::new().with_default(level).with_target("ca::wire", messages);
    let lines = tracing_subscriber::fmt::layer()
        .with_target(verbose > 0)
        .with_ansi(is_colourful(&std::io::stderr()))
        .with_writer(std::io::stderr);
    let _already_started =
        tracing_subscriber::registry().with(filter).with(lines).with(log_ring::Keep).try_init();
}

/// Whether colours are wanted: on a terminal, unless `NO_COLOR` is set.
pub fn is_colourful(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn level_of(verbose: u8) -> Level {
    match verbose {
        0 => Level::INFO,
        1 => Level::DEBUG,
        _ => Level::TRACE,
    }
}

/// Serves an IOC until SIGINT or SIGTERM; a service manager that asks for it is told when it serves and when it ends.
///
/// `hints` are lines printed when it serves, in the text form of the ready line.
///
/// # Errors
/// Those of [`IocBuilder::start`].
pub fn run(builder: IocBuilder, options: &RunOptions, hints: &[String]) -> Result<(), IocError> {
    run_with(builder, options, hints, None, Vec::new())
}

/// As [`run`], with services beside the IOC.
///
/// # Errors
/// Those of [`IocBuilder::start`].
pub fn run_with_services(
    builder: IocBuilder,
    options: &RunOptions,
    hints: &[String],
    services: Vec<Box<dyn Service>>,
) -> Result<(), IocError> {
    run_with(builder, options, hints, None, services)
}

fn run_with(
    builder: IocBuilder,
    options: &RunOptions,
    hints: &[String],
    started: Option<launcher::Started>,
    services: Vec<Box<dyn Service>>,
) -> Result<(), IocError> {
    crate::audit_puts(options.audit);
    let restart = built_in::Restart::new();
    let builder = options.services(builder, &restart)?;
    if let Some(table) = options.list_pvs.and_then(|form| table(&builder, form)) {
        print(&table);
        return Ok(());
    }
    if options.async_lib.is_some() {
        info!("--async-lib is ignored: there is one library");
    }
    info!("server starting up...");
    let config = options.config()?;
    if !config.enabled {
        warn!("no network: EPICS_IOC_IGNORE_SERVERS names rsrv");
    }
    let ioc = builder.start(config)?;
    for address in ioc.tcp_addresses() {
        info!("Listening on {address}");
    }
    info!("Server startup complete.");
    if options.list_pvs.is_some() {
        info!("PVs available:\n    {}", ioc.names().join("\n    "));
    }
    owners::look(&ioc);
    if let Some(hook) = started {
        hook(ioc.handle());
    }
    let signals = Signals::listen(ioc.runtime());
    let serving = Serving {
        handle: ioc.handle(),
        addresses: ioc.tcp_addresses().into_iter().map(SocketAddr::V4).collect(),
    };
    let running: Vec<_> = services.into_iter().map(|service| service.start(&serving)).collect();
    announce(&ioc, options, hints, &running);
    let restarts = signals.wait_or(ioc.runtime(), restart.asked());
    info!("Server exiting....");
    manager::stopping();
    running.into_iter().filter_map(|service| service.stop).for_each(|stop| stop());
    let stuck = ioc.stop();
    if stuck > 0 {
        warn!("{stuck} device(s) did not stop and were left behind");
    }
    if restarts {
        restart.restart();
    }
    Ok(())
}

/// The table that is printed in place of serving.
fn table(builder: &IocBuilder, form: ListPvs) -> Option<String> {
    match form {
        ListPvs::Markdown => Some(markdown(builder)),
        ListPvs::Json => Some(json(builder)),
        ListPvs::Log => None,
    }
}

fn markdown(builder: &IocBuilder) -> String {
    let mut table =
        "| PV | type | count | access | units | record | meaning |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for pv in builder.describe() {
        let row = [&pv.name, &pv.pv_type, &pv.count.to_string(), pv.access, &pv.units, pv.record, &pv.doc];
        table.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    table
}

fn json(builder: &IocBuilder) -> String {
    // Serializing what consists of texts and numbers does not fail.
    let table = serde_json::to_string_pretty(&builder.describe_devices()).unwrap_or_default();
    table + "\n"
}

fn announce(ioc: &Ioc, options: &RunOptions, hints: &[String], services: &[Running]) {
    let port = |addresses: Vec<std::net::SocketAddrV4>| addresses.first().map_or(0, |a| a.port());
    let (tcp, udp) = (port(ioc.tcp_addresses()), port(ioc.udp_addresses()));
    let pvs = ioc.names().len();
    let status = format!("{pvs} PVs on TCP port {tcp}, searches on UDP port {udp}");
    let mut lines = String::new();
    match options.ready {
        Ready::Json => {
            let mut line = serde_json::json!({ "ready": true, "udp": udp, "tcp": tcp, "pvs": pvs });
            for (name, value) in services.iter().flat_map(|service| &service.ready) {
                line[name] = value.clone();
            }
            lines.push_str(&format!("{line}\n"));
        }
        Ready::Text => {
            lines.push_str(&format!("ready: {status}\n"));
            let more = services.iter().flat_map(|service| &service.lines);
            hints.iter().chain(more).for_each(|hint| lines.push_str(&format!("{hint}\n")));
            if options.local {
                lines.push_str("clients on this host need:\n  export EPICS_CA_ADDR_LIST=127.0.0.1 EPICS_CA_AUTO_ADDR_LIST=NO");
                lines.push_str(&if udp == ca::proto::SERVER_PORT {
                    "\n".to_owned()
                } else {
                    format!(" EPICS_CA_SERVER_PORT={udp}\n")
                });
            }
        }
    }
    print(&lines);
    manager::ready(&status);
}

/// A closed standard output is no reason to stop serving.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Calls `hook` at the first SIGINT or SIGTERM, on a thread of its own; a second SIGINT ends the process at once.
///
/// # Errors
/// When no thread can be had.
pub fn on_stop(hook: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).thread_name("signals").enable_all().build()?;
    let signals = Signals::listen(runtime.handle());
    std::thread::Builder::new().name("on-stop".to_owned()).spawn(move || {
        signals.wait(runtime.handle());
        hook();
        // The second SIGINT is heard as long as the runtime is there.
        runtime.block_on(std::future::pending::<()>());
    })?;
    Ok(())
}

/// SIGINT and SIGTERM; listened for before the ready line, whose reader may send one at once.
#[cfg(unix)]
pub(crate) struct Signals(Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>);

#[cfg(unix)]
impl Signals {
    pub(crate) fn listen(runtime: &Handle) -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let _runtime = runtime.enter();
        match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
            (Ok(interrupt), Ok(terminate)) => Self(Some((interrupt, terminate))),
            (interrupt, terminate) => {
                let errors = [interrupt.err(), terminate.err()];
                warn!("no signals: {errors:?}; stop the process by hand");
                Self(None)
            }
        }
    }

    /// Waits for one; from then on another SIGINT ends the process at once.
    pub(crate) fn wait(self, runtime: &Handle) {
        self.wait_or(runtime, std::future::pending());
    }

    /// The same, or until something else happens; true when it did.
    pub(crate) fn wait_or(self, runtime: &Handle, other: impl Future<Output = ()>) -> bool {
        runtime.block_on(async {
            let Some((mut interrupt, mut terminate)) = self.0 else {
                other.await;
                return true;
            };
            let happened = tokio::select! {
                _ = interrupt.recv() => false,
                _ = terminate.recv() => false,
                () = other => true,
            };
            runtime.spawn(async move {
                interrupt.recv().await;
                std::process::exit(130);
            });
            happened
        })
    }
}

#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen(_runtime: &Handle) -> Self {
        Self
    }

    pub(crate) fn wait(self, runtime: &Handle) {
        self.wait_or(runtime, std::future::pending());
    }

    /// The same, or until something else happens; true when it did.
    pub(crate) fn wait_or(self, runtime: &Handle, other: impl Future<Output = ()>) -> bool {
        let stopped = async {
            if let Err(error) = tokio::signal::ctrl_c().await {
                warn!("no Ctrl-C: {error}");
                std::future::pending::<()>().await;
            }
        };
        runtime.block_on(async {
            tokio::select! {
                () = stopped => false,
                () = other => true,
            }
        })
    }
}
