//! Restores, then saves on a thread of its own: when something has changed, when somebody asks, and last of all.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::document::{self, Document, Pvs};
use super::folder::Folder;
use super::{Autosave, AutosaveError, Put, Shown};
use crate::pv::PvCore;

/// Time for the last save of an IOC that stops.
const LAST: Duration = Duration::from_secs(10);
/// Time for a hook or a device to take a restored value.
const TAKE: Duration = Duration::from_secs(10);
/// The time to the next try after a failure at least.
const RETRY: Duration = Duration::from_secs(1);
/// Names of PVs in one line of the log.
const NAMES: usize = 10;

/// What the thread is told.
pub(super) enum Word {
    /// Something may have changed; one such word waits at most.
    Changed,
    /// Somebody waits for a save.
    Now(oneshot::Sender<Result<(), String>>),
    /// Values to be put once hooks run.
    Put(Vec<Put>),
    Stop,
}

/// The way to the thread. Its queue holds one `Changed`, and what callers wait for.
#[derive(Clone)]
pub(crate) struct Bell {
    changed: Arc<AtomicBool>,
    words: Sender<Word>,
}

impl Bell {
    pub(super) fn send(&self, word: Word) {
        // Once the thread has ended nothing is saved any more; whoever waits is told by the drop.
        let _ = self.words.send(word);
    }

    fn ring(&self) {
        if !self.changed.swap(true, SeqCst) {
            self.send(Word::Changed);
        }
    }
}

/// Both ends, from the time on at which autosave was asked for.
pub(crate) struct Wiring {
    pub(crate) bell: Bell,
    words: Receiver<Word>,
}

impl Wiring {
    pub(crate) fn new() -> Self {
        let (sender, words) = unbounded();
        Self { bell: Bell { changed: Arc::default(), words: sender }, words }
    }
}

/// The PVs that are saved, and what the file says of others.
#[derive(Default)]
struct Book {
    chosen: BTreeMap<Box<str>, Arc<PvCore>>,
    kept: BTreeMap<String, Box<RawValue>>,
    run_hooks: bool,
}

impl Book {
    /// Restores PVs, and saves them from now on; which values and fields did not fit.
    fn adopt(&mut self, pvs: &[Arc<PvCore>], bell: &Bell, puts: &mut Vec<Put>) -> Restored {
        let mut restored = Restored::default();
        for pv in pvs.iter().filter(|pv| pv.saved().is_some()) {
            if let Some(entry) = self.entry(&pv.name) {
                restored.pvs += 1;
                restored.misfits.extend(document::restore(pv, &entry, self.run_hooks, puts));
            }
            self.chosen.insert(pv.name.clone(), pv.clone());
            let bell = bell.clone();
            pv.tell_changes(Arc::new(move || bell.ring()));
        }
        restored.misfits.iter().for_each(|misfit| warn!("autosave: not restored: {misfit}"));
        restored
    }

    /// What is known of a PV of this name: from the file, or from one that was served before.
    fn entry(&mut self, name: &str) -> Option<Box<RawValue>> {
        if let Some(entry) = self.kept.remove(name) {
            return Some(entry);
        }
        document::entry(self.chosen.get(name)?)
    }
}

#[derive(Default)]
struct Restored {
    pvs: usize,
    misfits: Vec<String>,
}

/// An open folder whose values are restored, before the IOC serves.
pub(crate) struct Opened {
    folder: Folder,
    book: Book,
    wiring: Wiring,
    period: Duration,
    puts: Vec<Put>,
    shown: Option<Shown>,
    /// The present file must outlive the next save.
    back_up: bool,
}

impl Opened {
    /// Opens the folder and restores.
    ///
    /// # Errors
    /// When another IOC saves there.
    pub(crate) fn restore(
        settings: &Autosave,
        wiring: Wiring,
        shown: Option<Shown>,
        pvs: &[Arc<PvCore>],
    ) -> Result<Self, AutosaveError> {
        let name = settings.name.clone().unwrap_or_else(program);
        let folder = Folder::open(settings, &name)?;
        let read = folder.read();
        let mut book = Book { run_hooks: settings.run_hooks, ..Book::default() };
        let from = read.map(|(path, saved)| {
            book.kept = saved.pvs;
            path
        });
        let mut puts = Vec::new();
        let restored = book.adopt(pvs, &wiring.bell, &mut puts);
        let message = match &from {
            Some(path) => format!("{} PVs restored from {}", restored.pvs, path.display()),
            None => format!("{} is not there yet", folder.file().display()),
        };
        info!("autosave: {message}");
        let others = if from.is_none() { folder.others() } else { Vec::new() };
        if !others.is_empty() {
            warn!(
                "autosave: the folder has {}, of an IOC with another name; they are not read",
                others.join(", ")
            );
        }
        tell_unknown(&book.kept);
        if let Some(shown) = &shown {
            shown.started(&folder.file(), restored.pvs, restored.misfits.len(), message);
        }
        let back_up = !restored.misfits.is_empty();
        Ok(Self { folder, book, wiring, period: settings.period, puts, shown, back_up })
    }

    /// Starts the thread, once hooks and devices run.
    ///
    /// # Errors
    /// When there is no thread.
    pub(crate) fn spawn(self) -> io::Result<Saver> {
        let Self { folder, book, wiring, period, puts, shown, back_up } = self;
        let Wiring { bell, words } = wiring;
        let (alive, ended) = bounded::<()>(0);
        let book = Arc::new(Mutex::new(book));
        let saver = Saver { book: book.clone(), bell: bell.clone(), ended };
        let mut work =
            Work { folder, book, bell, period, shown, back_up, last: None, failing: None, _alive: alive };
        std::thread::Builder::new().name("autosave".to_owned()).spawn(move || {
            put_all(puts);
            work.run(&words);
        })?;
        Ok(saver)
    }
}

/// Names what the file has and the IOC does not.
fn tell_unknown(kept: &BTreeMap<String, Box<RawValue>>) {
    if !kept.is_empty() {
        let names: Vec<_> = kept.keys().take(NAMES).map(String::as_str).collect();
        let more = if kept.len() > NAMES { ", ..." } else { "" };
        let names = names.join(", ");
        warn!("autosave: {} PVs of the file are not served; it keeps them: {names}{more}", kept.len());
    }
}

/// The name of this program.
pub(crate) fn program() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    std::path::Path::new(&path).file_stem().map_or("ioc".into(), |stem| stem.to_string_lossy()).into_owned()
}

/// The thread, as the IOC holds it.
pub(crate) struct Saver {
    book: Arc<Mutex<Book>>,
    bell: Bell,
    /// Closes when the thread has ended.
    ended: Receiver<()>,
}

impl Saver {
    /// Restores PVs that come while the IOC serves, and saves them too.
    pub(crate) fn adopt(&self, pvs: &[Arc<PvCore>]) {
        let mut puts = Vec::new();
        self.book.lock().adopt(pvs, &self.bell, &mut puts);
        if !puts.is_empty() {
            self.bell.send(Word::Put(puts));
        }
    }

    /// Saves for the last time, without waiting for it.
    pub(crate) fn stop(&self) {
        self.bell.send(Word::Stop);
    }

    /// Waits for the last save.
    pub(crate) fn join(&self) {
        if self.ended.recv_timeout(LAST) == Err(RecvTimeoutError::Timeout) {
            error!("autosave: the last save takes longer than {LAST:?}, left behind");
        }
    }
}

/// Puts restored values as a client would, one after the other.
fn put_all(puts: Vec<Put>) {
    for Put { pv, value } in puts {
        match pv.restore_by_put(value).wait_for(TAKE) {
            Some(Ok(())) => {}
            Some(Err(error)) => warn!("autosave: {}: the restored value was refused: {error}", pv.name),
            None => warn!("autosave: {}: the restored value is not taken after {TAKE:?}", pv.name),
        }
    }
}

/// What the thread works with.
struct Work {
    folder: Folder,
    book: Arc<Mutex<Book>>,
    bell: Bell,
    period: Duration,
    shown: Option<Shown>,
    back_up: bool,
    /// What was written last, as a sum.
    last: Option<u64>,
    /// Why the last save failed.
    failing: Option<String>,
    _alive: Sender<()>,
}

impl Work {
    fn run(&mut self, words: &Receiver<Word>) {
        let mut due = Some(Instant::now());
        let mut earliest = Instant::now();
        loop {
            let word = match due {
                Some(at) => words.recv_deadline(at),
                None => words.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let result = match word {
                Ok(Word::Changed) => {
                    due = due.or(Some(earliest));
                    continue;
                }
                Ok(Word::Put(puts)) => {
                    put_all(puts);
                    continue;
                }
                Ok(Word::Now(asked)) => {
                    let result = self.save();
                    // Who asked may be gone.
                    let _ = asked.send(result.clone());
                    result
                }
                Ok(Word::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    let _said_by_save = self.save();
                    return;
                }
                Err(RecvTimeoutError::Timeout) => self.save(),
            };
            let now = Instant::now();
            earliest = now + self.period;
            due = result.is_err().then(|| now + self.period.max(RETRY));
        }
    }

    /// Saves what there is now.
    fn save(&mut self) -> Result<(), String> {
        let taken = SystemTime::now();
        // What changes from here on is told again.
        self.bell.changed.store(false, SeqCst);
        let result = self.write(taken);
        match &result {
            Ok(written) => {
                if self.failing.take().is_some() {
                    info!("autosave: {} is saved again", self.folder.file().display());
                }
                if let Some(shown) = &self.shown {
                    shown.saved(taken, *written);
                }
            }
            Err(reason) => {
                if self.failing.as_ref() != Some(reason) {
                    error!("autosave: {reason}; tried again every {:?}", self.period.max(RETRY));
                    self.failing = Some(reason.clone());
                }
                if let Some(shown) = &self.shown {
                    shown.failed(reason);
                }
            }
        }
        result.map(drop)
    }

    /// Writes the file, unless it is equal to the last one; how many PVs are in it.
    fn write(&mut self, taken: SystemTime) -> Result<Option<usize>, String> {
        let (chosen, kept) = {
            let book = self.book.lock();
            (book.chosen.clone(), book.kept.clone())
        };
        let pvs = Pvs { chosen: &chosen, kept: &kept };
        if self.last.is_some() && self.last == pvs.sum().ok() {
            return Ok(None);
        }
        let saved = jiff::Timestamp::try_from(taken).unwrap_or_default().to_string();
        self.last = None;
        self.last = Some(self.folder.write(&Document { saved, pvs: &pvs }, self.back_up)?);
        self.back_up = false;
        Ok(Some(chosen.len() + kept.len()))
    }
}
