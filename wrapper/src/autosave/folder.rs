//! The folder of the files: its lock, the file, its backups, and what is damaged.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use tracing::{error, info};

use super::document::{Document, Saved};
use super::{Autosave, AutosaveError};

/// A larger file is neither written nor read.
pub(super) const LARGEST: u64 = 512 << 20;
/// The file that says who saves into the folder.
const LOCK: &str = "autosave.lock";
/// A file is kept as backup when the newest backup is so old.
const BACKUP_PERIOD: Duration = Duration::from_secs(3600);
/// Files of others in a line of the log at most.
const FEW: usize = 5;
/// How a date stands in a name; names are in the order of their dates.
const DATE: &str = "%Y%m%d-%H%M%S";

/// The folder, and the lock of this IOC on it.
pub(super) struct Folder {
    dir: PathBuf,
    name: String,
    backups: usize,
    keep: Duration,
    lock: Option<File>,
}

impl Folder {
    /// The folder of an IOC; it is made where there is none.
    ///
    /// # Errors
    /// When another IOC saves there. A folder that cannot be written is no error: it is tried again with each save.
    pub(super) fn open(settings: &Autosave, name: &str) -> Result<Self, AutosaveError> {
        let mut folder = Self {
            dir: settings.dir.clone(),
            name: file_name(name),
            backups: settings.backups,
            keep: settings.keep,
            lock: None,
        };
        match folder.lock() {
            Ok(()) => Ok(folder),
            Err(Lock::Taken(by)) => Err(AutosaveError::Taken { dir: folder.dir.display().to_string(), by }),
            Err(Lock::Failed(error)) => {
                error!("autosave: {error}; nothing is saved until that is mended");
                Ok(folder)
            }
        }
    }

    /// The file that is written.
    pub(super) fn file(&self) -> PathBuf {
        self.dir.join(format!("{}.json", self.name))
    }

    fn lock(&mut self) -> Result<(), Lock> {
        if self.lock.is_some() {
            return Ok(());
        }
        let failed = |what: &Path, error: io::Error| Lock::Failed(format!("{}: {error}", what.display()));
        fs::create_dir_all(&self.dir).map_err(|error| failed(&self.dir, error))?;
        let path = self.dir.join(LOCK);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(|error| failed(&path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut by = String::new();
                // What cannot be read names nobody.
                let _ = file.take(100).read_to_string(&mut by);
                return Err(Lock::Taken(by.trim().to_owned()));
            }
            Err(TryLockError::Error(error)) => return Err(failed(&path, error)),
        }
        let word = format!("process {}\n", std::process::id());
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(word.as_bytes()));
        written.map_err(|error| failed(&path, error))?;
        self.lock = Some(file);
        Ok(())
    }

    /// The newest good file. What is damaged is renamed, so that it is neither read again nor lost.
    pub(super) fn read(&self) -> Option<(PathBuf, Saved)> {
        let backups = self.dated().into_iter().rev();
        for path in std::iter::once(self.file()).chain(backups) {
            match read(&path) {
                Ok(saved) => return Some((path, saved)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.set_aside(&path, &error),
            }
        }
        None
    }

    /// Files of IOCs with other names: the one that is looked for may have been renamed.
    pub(super) fn others(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let is_other = |name: &String| {
            name.strip_suffix(".json")
                .is_some_and(|stem| !stem.starts_with(&self.name) && !stem.starts_with('.'))
        };
        let mut others: Vec<_> = names.filter(is_other).take(FEW).collect();
        others.sort_unstable();
        others
    }

    fn set_aside(&self, path: &Path, reason: &io::Error) {
        let now = date(Timestamp::now());
        let aside = (0..).map(|n| self.dir.join(format!("{}_damaged-{now}-{n}.json", self.name)));
        let Some(aside) = aside.take(1000).find(|path| !path.exists()) else { return };
        match fs::rename(path, &aside) {
            Ok(()) => {
                error!("autosave: {} is damaged ({reason}), set aside as {}", path.display(), aside.display())
            }
            Err(error) => {
                error!("autosave: {} is damaged ({reason}) and cannot be set aside: {error}", path.display())
            }
        }
    }

    /// Writes the file: a temporary one beside it first, which takes its place once it is on the disk.
    ///
    /// # Errors
    /// With what could not be done; the file is the one that it was then.
    pub(super) fn write(&mut self, document: &Document<'_>, back_up: bool) -> Result<u64, String> {
        self.lock().map_err(|lock| match lock {
            Lock::Taken(by) => format!("{}: {by} saves there", self.dir.display()),
            Lock::Failed(error) => error,
        })?;
        let (file, temporary) = (self.file(), self.dir.join(format!(".{}.tmp", self.name)));
        let written = self
            .back_up(&file, &temporary, back_up)
            .and_then(|()| write(&temporary, document))
            .and_then(|sum| fs::rename(&temporary, &file).map(|()| sum))
            .and_then(|sum| sync(&self.dir).map(|()| sum));
        if written.is_ok() {
            self.prune();
        } else {
            // It may hold what is left of a full disk.
            let _ = fs::remove_file(&temporary);
        }
        written.map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Keeps the present file under its date, when the newest backup is old enough or somebody asks for it.
    fn back_up(&self, file: &Path, temporary: &Path, asked: bool) -> io::Result<()> {
        let now = Timestamp::now();
        let (early, late) = (self.backup(now - BACKUP_PERIOD), self.backup(now + BACKUP_PERIOD));
        // One from the future, made before a clock was set right, must not keep others from being made.
        let recent = self.dated().into_iter().any(|path| path > early && path < late);
        if self.backups == 0 || (recent && !asked) || !file.exists() {
            return Ok(());
        }
        let backup = self.backup(now);
        match fs::hard_link(file, &backup) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                // Not every file system has links.
                fs::copy(file, temporary)?;
                fs::rename(temporary, &backup)
            }
            _ => Ok(()),
        }
    }

    fn backup(&self, at: Timestamp) -> PathBuf {
        self.dir.join(format!("{}_{}.json", self.name, date(at)))
    }

    /// The backups, the oldest first.
    fn dated(&self) -> Vec<PathBuf> {
        let is_backup = |name: &str| {
            let rest = name.strip_prefix(&*self.name).and_then(|rest| rest.strip_prefix('_'));
            let stamp = rest.and_then(|rest| rest.strip_suffix(".json")).unwrap_or_default();
            stamp.len() == 15
                && stamp
                    .bytes()
                    .enumerate()
                    .all(|(at, c)| if at == 8 { c == b'-' } else { c.is_ascii_digit() })
        };
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut found: Vec<_> = entries
            .filter(|entry| entry.file_name().to_str().is_some_and(is_backup))
            .map(|entry| entry.path())
            .collect();
        found.sort_unstable();
        found
    }

    /// Removes the backups beyond the count, and those that are too old but the newest.
    fn prune(&self) {
        let mut dated = self.dated();
        let newest = dated.pop();
        let oldest = self.backup(Timestamp::now() - self.keep);
        let most = self.backups.saturating_sub(usize::from(newest.is_some()));
        let surplus = dated.len().saturating_sub(most);
        for (_, path) in dated.iter().enumerate().filter(|(at, path)| *at < surplus || **path < oldest) {
            if let Err(error) = fs::remove_file(path) {
                info!("autosave: {} stays: {error}", path.display());
            }
        }
    }
}

/// Why there is no lock.
enum Lock {
    /// Another IOC has it; what it says of itself.
    Taken(String),
    Failed(String),
}

/// A name that every file system takes.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let name: String = name.chars().map(safe).take(100).collect();
    if name.is_empty() { "ioc".to_owned() } else { name }
}

fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime(DATE).to_string()
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {LARGEST} bytes"))
}

fn read(path: &Path) -> io::Result<Saved> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > LARGEST {
        return Err(too_large());
    }
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text)?;
    Saved::parse(&text)
}

fn write(path: &Path, document: &Document<'_>) -> io::Result<u64> {
    let mut to = BufWriter::new(Bounded { to: File::create(path)?, left: LARGEST });
    let sum = document.write(&mut to)?;
    to.into_inner().map_err(io::IntoInnerError::into_error)?.to.sync_all()?;
    Ok(sum)
}

/// A file that does not grow beyond what is read again.
struct Bounded {
    to: File,
    left: u64,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.left = self.left.checked_sub(written as u64).ok_or_else(too_large)?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A renamed file is there after a power cut once its folder is on the disk.
fn sync(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}
