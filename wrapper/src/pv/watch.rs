//! Who looks at a PV: a callback when the first client starts to monitor it and when the last one leaves.

use std::panic::{AssertUnwindSafe, catch_unwind};

use parking_lot::Mutex;

use super::core::PvCore;

/// The author's callback and what it was told last.
pub(crate) struct Watch {
    hook: Box<dyn Fn(bool) + Send + Sync>,
    told: Mutex<bool>,
}

impl Watch {
    pub(crate) fn new(hook: impl Fn(bool) + Send + Sync + 'static) -> Self {
        Self { hook: Box::new(hook), told: Mutex::new(false) }
    }

    /// Tells the author, once per change and in order, however many circuits come and go at once.
    pub(super) fn tell(&self, pv: &PvCore) {
        let mut told = self.told.lock();
        let watched = pv.watched() > 0;
        if std::mem::replace(&mut *told, watched) == watched {
            return;
        }
        if catch_unwind(AssertUnwindSafe(|| (self.hook)(watched))).is_err() {
            tracing::error!("{}: the callback of on_watched panicked", pv.name);
        }
    }
}
