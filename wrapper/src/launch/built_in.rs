//! The services that every IOC has by its flags: autosave, status, restart.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use tokio::sync::Notify;
use tracing::{error, info, warn};

use super::RunOptions;
use crate::ioc::{IocBuilder, IocError};
use crate::status::Status;

/// Where the status PVs stand behind the prefix of the first device or group.
const STATUS: &str = "ioc.";

/// A restart that a client may ask for.
#[derive(Clone)]
pub(super) struct Restart {
    asked: Arc<Notify>,
    /// The program as it was at the start: it may be replaced by a new one meanwhile.
    program: Option<PathBuf>,
}

impl Restart {
    pub(super) fn new() -> Self {
        Self { asked: Arc::default(), program: std::env::current_exe().ok() }
    }

    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Becomes the same program with the same arguments; returns only when that cannot be.
    pub(super) fn restart(&self) {
        let Some(program) = &self.program else {
            return error!("no restart: where this program is cannot be found out");
        };
        let mut command = Command::new(program);
        command.args(std::env::args_os().skip(1));
        info!("starting again: {}", program.display());
        let error = become_it(command);
        error!("no restart: {}: {error}", program.display());
    }
}

#[cfg(unix)]
fn become_it(mut command: Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(&mut command)
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> std::io::Error {
    match command.spawn() {
        Ok(_) => std::process::exit(0),
        Err(error) => error,
    }
}

impl RunOptions {
    /// Adds the services that the flags ask for to those of the builder.
    pub(super) fn services(&self, builder: IocBuilder, restart: &Restart) -> Result<IocBuilder, IocError> {
        match &self.autosave {
            Some(dir) => self.status(builder.place_autosave(dir), restart),
            None => self.status(builder, restart),
        }
    }

    fn status(&self, builder: IocBuilder, restart: &Restart) -> Result<IocBuilder, IocError> {
        let asked = self.status_prefix.clone().or_else(|| builder.status_prefix().map(str::to_owned));
        let (status, default) = match (asked.as_deref(), builder.first_prefix()) {
            (Some("off"), _) | (None, None) => return Ok(builder),
            (Some(prefix), _) => (Status::new(prefix), false),
            // Two IOCs with the same PVs cannot be, so their first prefixes differ.
            (None, Some(prefix)) => (Status::new(&format!("{prefix}{STATUS}")).unlisted(), true),
        };
        let notify = restart.asked.clone();
        let status = if self.allow_restart { status.on_restart(move || notify.notify_one()) } else { status };
        let (builder, result) = builder.status_or_none(status);
        match result {
            Err(error) if default => {
                warn!("no status PVs: {error}; --status-prefix gives them another prefix")
            }
            result => result?,
        }
        Ok(builder)
    }
}
