//! The host's repeater as a process: beacons come to one port, all clients of the host get them.

use ca::ClientConfig;
use ca::repeater::{Repeater, RepeaterReport};
use tokio::runtime::Builder;
use tracing::{Level, warn};

use crate::ioc::IocError;
use crate::launch::{Signals, print, start_log_at};

/// Repeats on this UDP port, or on EPICS_CA_REPEATER_PORT, until SIGINT or SIGTERM.
///
/// Prints one line when it repeats and one when it has ended; just one when the port is taken, which is how a
/// repeater that runs already is known. `verbose` logs clients that come and go.
///
/// # Errors
/// When the port cannot be had for another reason, or no thread.
pub fn run(port: Option<u16>, verbose: bool) -> Result<(), IocError> {
    start_log_at(if verbose { Level::INFO } else { Level::WARN }, 0);
    let (config, warnings) = ClientConfig::from_env();
    warnings.iter().for_each(|warning| warn!("{warning}"));
    let port = port.unwrap_or(config.repeater_port);
    let repeater = match Repeater::bind(port, &config.beacon_groups) {
        Ok(repeater) => repeater,
        Err(error) if error.is_in_use() => {
            print(&format!("a repeater runs already: UDP port {port} is taken\n"));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let signals = Signals::listen(runtime.handle());
    print(&format!("ready: repeats on UDP port {}\n", repeater.port()));
    let reports = repeater.reports();
    runtime.spawn(repeater.run(std::future::pending()));
    signals.wait(runtime.handle());
    print(&summary(&reports.report()));
    Ok(())
}

fn summary(report: &RepeaterReport) -> String {
    let RepeaterReport { clients, registrations, refused, gone, datagrams, sent, lost, errors } = report;
    format!(
        "{clients} clients; {registrations} registrations, {refused} refused, {gone} gone; \
         {datagrams} datagrams, {sent} copies sent, {lost} lost; {errors} errors\n"
    )
}
