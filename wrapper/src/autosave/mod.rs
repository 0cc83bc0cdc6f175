//! Values that outlive the process: saved while the IOC runs, restored before the next one serves.

mod document;
mod folder;
mod pvs;
mod saver;
mod value;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ca::proto::dbr::Value;

use crate::pv::PvCore;
pub(crate) use pvs::Shown;
#[cfg(feature = "launch")]
pub(crate) use saver::program;
pub(crate) use saver::{Bell, Opened, Saver, Wiring};

/// Why an IOC does not start with autosave.
#[derive(Debug, thiserror::Error)]
pub enum AutosaveError {
    /// Another IOC saves into the folder.
    #[error("autosave: {by} saves into {dir:?} already; a folder is for one IOC")]
    Taken {
        /// The folder.
        dir: String,
        /// What the other one says of itself.
        by: String,
    },
}

/// Where and how an IOC saves the PVs that ask for it: [`autosave`](crate::PvBuilder::autosave),
/// [`autosave_fields`](crate::PvBuilder::autosave_fields), [`autosave_by_put`](crate::PvBuilder::autosave_by_put).
///
/// - The file is `DIR/NAME.json`. It is written beside the old one, synced, and renamed: it is always whole.
/// - It is written when the IOC has started, when something has changed, at most once per period, and when the IOC has
///   stopped. What is equal to the last file is not written.
/// - When the newest backup is an hour old, or something did not fit, the old file is kept as
///   `NAME_YYYYMMDD-HHMMSS.json` (UTC). The newest 10 stay, and none for more than 30 days but the newest.
/// - A damaged file is renamed to `NAME_damaged-...json`, and the newest good backup used.
/// - What does not fit its PV any more is left out with a warning; entries of PVs that are not served are kept.
/// - A folder is for one IOC: another one does not start. One that cannot be written is a line in the log and an alarm,
///   the IOC serves, and saves again when it can.
///
/// ```
/// use std::time::Duration;
/// use wrapper::{Autosave, Config, GroupBuilder, Ioc};
/// let dir = std::env::temp_dir().join(format!("autosave-example-{}", std::process::id()));
/// let start = || -> Result<_, wrapper::IocError> {
///     let mut group = GroupBuilder::new("oven:");
///     let setpoint = group.pv("setpoint", 20.0).autosave().add()?;
///     let settings = Autosave::new(&dir).name("oven").period(Duration::from_secs(1));
///     Ok((Ioc::builder().group(group).autosave(settings).start(Config::isolated())?, setpoint))
/// };
/// let (ioc, setpoint) = start()?;
/// setpoint.put(85.5).wait().expect("it takes any number");
/// ioc.stop();
/// let (ioc, setpoint) = start()?;
/// assert_eq!(setpoint.get(), 85.5);
/// # ioc.stop();
/// # std::fs::remove_dir_all(dir).expect("it is there");
/// # Ok::<(), wrapper::IocError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Autosave {
    dir: PathBuf,
    name: Option<String>,
    period: Duration,
    backups: usize,
    keep: Duration,
    run_hooks: bool,
}

impl Autosave {
    /// Saves into a folder, which is made where there is none.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            name: None,
            period: Duration::from_secs(5),
            backups: 10,
            keep: Duration::from_secs(30 * 86_400),
            run_hooks: false,
        }
    }

    /// The same rules for another folder.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = dir.into();
        self
    }

    /// Names the file; without it the program does. What file systems may refuse becomes `_`.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Names the file where it has no name.
    #[cfg(feature = "launch")]
    pub(crate) fn or_name(mut self, name: &str) -> Self {
        self.name.get_or_insert_with(|| name.to_owned());
        self
    }

    /// The time between two saves at least, 5 s without it.
    #[must_use]
    pub fn period(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// How many backups stay, 10 without it; 0 for none.
    #[must_use]
    pub fn backups(mut self, count: usize) -> Self {
        self.backups = count;
        self
    }

    /// How long a backup stays, 30 days without it.
    #[must_use]
    pub fn keep(mut self, time: Duration) -> Self {
        self.keep = time;
        self
    }

    /// Restores all values by puts, as [`autosave_by_put`](crate::PvBuilder::autosave_by_put) does.
    #[must_use]
    pub fn run_hooks(mut self) -> Self {
        self.run_hooks = true;
        self
    }
}

/// A value that is restored by a put.
pub(crate) struct Put {
    pv: Arc<PvCore>,
    value: Value,
}
