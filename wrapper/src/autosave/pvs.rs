//! What clients see of autosave, and the put by which they save now.

use std::path::Path;
use std::time::SystemTime;

use ca::proto::Alarm;
use tokio::sync::oneshot;

use super::saver::{Bell, Word};
use crate::cut::cut;
use crate::group::{GroupBuilder, GroupError};
use crate::hooks::PutDecision;
use crate::pv::{Post, Pv};

/// Bytes of a path or a reason.
const TEXT: usize = 1000;

crate::pv_enum! {
    /// Whether to save now.
    pub(crate) enum SaveNow {
        /// No.
        Idle = "Idle",
        /// Yes.
        Save = "Save",
    }
}

/// The PVs.
pub(crate) struct Shown {
    time: Pv<f64>,
    count: Pv<i32>,
    failures: Pv<i32>,
    file: Pv<String>,
    message: Pv<String>,
    restored: Pv<i32>,
    misfits: Pv<i32>,
}

impl Shown {
    pub(crate) fn build(g: &mut GroupBuilder, bell: &Bell) -> Result<Self, GroupError> {
        let time = g.pv("SAVE_TIME", 0.0).units("s").precision(3).read_only();
        let time = time.doc("Unix time of the last save: what was put before it is on the disk").add()?;
        let count = g.pv("SAVE_COUNT", 0).read_only().doc("files written since the start").add()?;
        let failures = g.pv("SAVE_FAILURES", 0).read_only().doc("saves that failed since the start").add()?;
        let file = g.pv("SAVE_FILE", String::new()).max_length(TEXT).read_only();
        let file = file.doc("the file that is written").add()?;
        let message = g.pv("SAVE_MESSAGE", String::new()).max_length(TEXT).read_only();
        let message = message.doc("what autosave last said; in alarm while it cannot save").add()?;
        let restored =
            g.pv("SAVE_RESTORED", 0).read_only().doc("PVs that the file had at the start").add()?;
        let misfits = g.pv("SAVE_MISFITS", 0).read_only();
        let misfits = misfits.doc("values and fields of the file that did not fit at the start").add()?;
        let now = g.pv("SAVE_NOW", SaveNow::Idle);
        let now = now.doc("1 saves now; the put completes when it is on the disk").add()?;
        let bell = bell.clone();
        g.on_put_async(&now, move |_pv, asked| save(bell.clone(), asked))?;
        Ok(Self { time, count, failures, file, message, restored, misfits })
    }

    pub(super) fn started(&self, file: &Path, restored: usize, misfits: usize, message: String) {
        self.file.post(cut(file.display().to_string(), TEXT));
        self.restored.post(restored as i32);
        self.misfits.post(misfits as i32);
        self.message.post(cut(message, TEXT));
    }

    pub(super) fn saved(&self, taken: SystemTime, written: Option<usize>) {
        let unix = taken.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        if let Some(pvs) = written {
            self.count.post(self.count.get().wrapping_add(1));
            self.message.post(format!("{pvs} PVs saved"));
        } else if self.message.alarm() != Alarm::NONE {
            self.message.post("nothing has changed since the last save".to_owned());
        }
        // Last: who sees the time finds the rest.
        self.time.post(unix);
    }

    pub(super) fn failed(&self, reason: &str) {
        let post = || Post::new().alarm(Alarm::WRITE).message(reason);
        self.failures.post(self.failures.get().wrapping_add(1));
        self.message.post_with(cut(reason.to_owned(), TEXT), post());
        self.time.post_with(self.time.get(), post());
    }
}

async fn save(bell: Bell, asked: SaveNow) -> Result<PutDecision<SaveNow>, String> {
    if asked == SaveNow::Save {
        let (done, saved) = oneshot::channel();
        bell.send(Word::Now(done));
        saved.await.unwrap_or_else(|_| Err("the IOC stops".to_owned()))?;
    }
    Ok(PutDecision::Skip)
}
