//! PVs that are computed only when somebody looks at them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use ca::proto::dbr::Value;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::sources::Sources;
use super::specs::{Kind, Pace, Spec};
use crate::cut::cut;
use crate::group::{GroupBuilder, GroupError};
use crate::pv::{Post, Pv, PvCore};
use crate::pv_type::PvType;

/// Bytes of a text.
const TEXT: usize = 1000;

type Read = Box<dyn Fn(&mut Sources) -> Option<Value> + Send>;

/// Whether somebody monitors a PV.
#[derive(Clone)]
pub(super) struct Watched {
    now: Arc<AtomicBool>,
    wake: Arc<Notify>,
}

impl Watched {
    /// What the PV tells of its clients.
    pub(super) fn hook(&self) -> impl Fn(bool) + Send + Sync + use<> {
        let Self { now, wake } = self.clone();
        move |watched| {
            now.store(watched, SeqCst);
            wake.notify_one();
        }
    }
}

/// A PV and how it is computed.
struct Entry {
    pv: Arc<PvCore>,
    watched: Watched,
    /// None for UPD_TIME.
    pace: Option<Duration>,
    /// When it is posted next, while somebody monitors it.
    due: Option<Instant>,
    read: Read,
}

impl Entry {
    /// The value now, when it is another than the PV has.
    fn news(&self, sources: &mut Sources) -> Option<Value> {
        let value = (self.read)(sources)?;
        (self.pv.read(false).update.value != value || self.pv.alarm().status == ca::proto::AlarmStatus::Udf)
            .then_some(value)
    }
}

/// All of them.
pub(super) struct Live {
    entries: Vec<Entry>,
    by_name: HashMap<Box<str>, usize>,
    sources: Sources,
    /// UPD_TIME.
    period: Pv<f64>,
    last_period: f64,
    wake: Arc<Notify>,
}

impl Live {
    pub(super) fn new(sources: Sources, period: Pv<f64>, wake: Arc<Notify>) -> Self {
        let last_period = period.get();
        Self { entries: Vec::new(), by_name: HashMap::new(), sources, period, last_period, wake }
    }

    pub(super) fn watched(&self) -> Watched {
        Watched { now: Arc::default(), wake: self.wake.clone() }
    }

    /// Adds a PV of the table.
    pub(super) fn add(&mut self, g: &mut GroupBuilder, spec: &'static Spec) -> Result<(), GroupError> {
        let (watched, read) = (self.watched(), spec.read);
        let hook = watched.hook();
        let core = match spec.kind {
            Kind::Long => {
                let pv = g.pv_undefined::<i32>(spec.name).units(spec.units).read_only();
                pv.doc(spec.doc).on_watched(hook).add()?.core().clone()
            }
            Kind::Double(decimals) => {
                let pv = g.pv_undefined::<f64>(spec.name).units(spec.units).precision(decimals).read_only();
                pv.doc(spec.doc).on_watched(hook).add()?.core().clone()
            }
            Kind::Text => {
                let pv = g.pv_undefined::<String>(spec.name).max_length(TEXT).as_string().read_only();
                pv.doc(spec.doc).on_watched(hook).add()?.core().clone()
            }
        };
        let pace = match spec.pace {
            Pace::Second => Some(Duration::from_secs(1)),
            Pace::Slow => None,
        };
        let kind = spec.kind;
        self.entry(core, watched, pace, Box::new(move |sources| read(sources).map(|told| told.value(kind))));
        Ok(())
    }

    /// Adds a PV with a pace of its own.
    pub(super) fn push(
        &mut self,
        pv: &Arc<PvCore>,
        watched: Watched,
        pace: Duration,
        read: impl Fn(&mut Sources) -> Option<Value> + Send + 'static,
    ) {
        self.entry(pv.clone(), watched, Some(pace), Box::new(read));
    }

    fn entry(&mut self, pv: Arc<PvCore>, watched: Watched, pace: Option<Duration>, read: Read) {
        self.by_name.insert(pv.name.clone(), self.entries.len());
        self.entries.push(Entry { pv, watched, pace, due: None, read });
    }

    /// Gets compute a PV, and monitors have it computed again and again.
    pub(super) fn run(self, g: &mut GroupBuilder) -> Result<(), GroupError> {
        let wake = self.wake.clone();
        let live = Arc::new(Mutex::new(self));
        let follow = live.clone();
        g.on_startup_async(move || async move {
            loop {
                let next = follow.lock().post();
                match next {
                    Some(next) => {
                        tokio::select! {
                            () = wake.notified() => {}
                            () = tokio::time::sleep_until(next) => {}
                        }
                    }
                    None => wake.notified().await,
                }
            }
            #[expect(unreachable_code, reason = "it says what the hook returns")]
            ()
        });
        g.on_any_get(move |pv| live.lock().get(pv.name()))
    }

    fn get(&mut self, name: &str) -> Option<Value> {
        let entry = &self.entries[*self.by_name.get(name)?];
        entry.news(&mut self.sources)
    }

    /// Posts what is due; when the next is, if somebody monitors anything.
    fn post(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let seconds = self.period.get();
        let slow = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(1));
        let changed = std::mem::replace(&mut self.last_period, seconds) != seconds;
        let sources = &mut self.sources;
        for entry in &mut self.entries {
            if !entry.watched.now.load(SeqCst) {
                entry.due = None;
                continue;
            }
            let (pace, due) = (entry.pace.unwrap_or(slow), entry.due.filter(|_| !changed));
            if due.is_none_or(|due| due <= now) {
                if let Some(value) = entry.news(sources) {
                    entry.pv.clone().post(value, Post::new());
                }
                // In step, but without making up for what was missed.
                entry.due = Some(due.map_or(now, |due| due.max(now - pace)) + pace);
            }
        }
        self.entries.iter().filter_map(|entry| entry.due).min()
    }
}

/// What a source tells.
pub(super) enum Told {
    Number(f64),
    Text(String),
}

impl Told {
    fn value(self, kind: Kind) -> Value {
        match (self, kind) {
            (Self::Number(number), Kind::Long) => (number as i32).into_value(),
            (Self::Number(number), _) => number.into_value(),
            (Self::Text(text), _) => cut(text, TEXT).into_value(),
        }
    }
}
