//! What the drawing thread waits for: somebody who looks, something new, the time between frames.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wrapper::{PvBuilder, PvType};

/// A PV that shows the chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Viewed {
    Image,
    Rgb,
    Mono,
    Png,
}

impl Viewed {
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of PVs that show the chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Views(u8);

impl Views {
    pub(crate) fn contain(self, view: Viewed) -> bool {
        self.0 & view.bit() != 0
    }

    pub(crate) fn with(self, view: Viewed) -> Self {
        Self(self.0 | view.bit())
    }
}

#[derive(Debug)]
struct State {
    views: Views,
    /// There is something that was not drawn.
    news: bool,
    /// The chart moves by itself.
    moving: bool,
    /// Time between frames at least.
    period: Duration,
    stop: bool,
}

/// Shared by all who have news and the one who draws.
#[derive(Clone, Debug)]
pub(crate) struct Signal(Arc<(Mutex<State>, Condvar)>);

/// A lock whose holder panicked is as good as before: every state is whole between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Signal {
    pub(crate) fn new() -> Self {
        let period = Duration::from_secs(1);
        let state = State { views: Views::default(), news: false, moving: true, period, stop: false };
        Self(Arc::new((Mutex::new(state), Condvar::new())))
    }

    /// Has the PV tell when somebody looks at it.
    pub(crate) fn watches<'a, T: PvType>(&self, pv: PvBuilder<'a, T>, view: Viewed) -> PvBuilder<'a, T> {
        let signal = self.clone();
        pv.on_watched(move |on| {
            signal.change(|state| {
                state.views.0 = if on { state.views.0 | view.bit() } else { state.views.0 & !view.bit() };
                // The first value that a new viewer got may be old.
                state.news |= on;
            });
        })
    }

    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut lock(&self.0.0));
        self.0.1.notify_all();
        result
    }

    /// There is something new to draw.
    pub(crate) fn news(&self) {
        let mut state = lock(&self.0.0);
        // A thread that has been woken already need not be woken for each sample.
        if !std::mem::replace(&mut state.news, true) && state.views.0 != 0 {
            self.0.1.notify_all();
        }
    }

    /// Sets the pace.
    pub(crate) fn pace(&self, frames_per_second: f64, moving: bool) {
        self.change(|state| {
            state.period = Duration::from_secs_f64(1.0 / frames_per_second);
            state.moving = moving;
        });
    }

    /// Ends the drawing thread, or lets a new one start.
    pub(crate) fn stop(&self, stop: bool) {
        self.change(|state| state.stop = stop);
    }

    /// Who looks now.
    pub(crate) fn views(&self) -> Views {
        lock(&self.0.0).views
    }

    /// Whether a frame that was drawn at this time is still good for a reader; if not, the news are taken.
    pub(crate) fn is_fresh(&self, drawn: Instant) -> bool {
        let mut state = lock(&self.0.0);
        let fresh = drawn.elapsed() < state.period || !(state.news || state.moving);
        state.news &= fresh;
        fresh
    }

    /// Waits until a frame is due after one that was due at `last`; its time, or `None` when the thread shall end.
    pub(crate) fn wait(&self, last: Instant) -> Option<Instant> {
        let mut state = lock(&self.0.0);
        loop {
            if state.stop {
                return None;
            }
            let (now, due) = (Instant::now(), last + state.period);
            let wanted = state.views.0 != 0 && (state.news || state.moving);
            let (bell, wake) = (&self.0.1, due.saturating_duration_since(now));
            if wanted && wake.is_zero() {
                state.news = false;
                // A rhythm without drift, unless whole periods were missed.
                return Some(if now - due < state.period { due } else { now });
            }
            state = if wanted {
                bell.wait_timeout(state, wake).unwrap_or_else(PoisonError::into_inner).0
            } else {
                bell.wait(state).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }
}
