//! Which hook of a group runs, so that one that holds up the others is named.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::log_limit::LogLimit;
use crate::pv::PvCore;

/// A hook that runs for longer is named, when others wait for it.
const LONG: Duration = Duration::from_secs(5);
static LINES: LogLimit = LogLimit::new(10);

/// The hook that runs.
struct Running {
    what: &'static str,
    pv: Arc<PvCore>,
    since: Instant,
    told: bool,
}

/// The turn of a hook thread.
#[derive(Default)]
pub(super) struct Turn(Mutex<Option<Running>>);

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Turn").finish_non_exhaustive()
    }
}

impl Turn {
    /// Runs a hook of a PV; afterwards `waited` tells whether others waited.
    pub(super) fn of<R>(
        &self,
        what: &'static str,
        pv: &Arc<PvCore>,
        waited: impl FnOnce() -> bool,
        hook: impl FnOnce() -> R,
    ) -> R {
        let since = Instant::now();
        let mine = Running { what, pv: pv.clone(), since, told: false };
        // A put in code from within a hook has its turn within that one's.
        let outer = self.0.lock().replace(mine);
        let result = hook();
        *self.0.lock() = outer;
        let took = since.elapsed();
        if took >= LONG && waited() {
            LINES.log(|left_out| {
                tracing::warn!(
                    "{}: its {what} hook took {took:.1?}, puts and gets of its group waited{left_out}",
                    pv.name
                );
            });
        }
        result
    }

    /// Somebody has begun to wait.
    pub(super) fn look(&self) {
        self.look_at(Instant::now());
    }

    /// True when the hook is named now.
    fn look_at(&self, now: Instant) -> bool {
        let mut running = self.0.lock();
        let Some(Running { what, pv, since, told }) = &mut *running else { return false };
        let so_far = now.duration_since(*since);
        let is_long = so_far >= LONG && !std::mem::replace(told, true);
        if is_long {
            let name = &pv.name;
            tracing::warn!(
                "{name}: its {what} hook runs for {so_far:.1?} so far, puts and gets of its group wait"
            );
        }
        is_long
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GroupBuilder;

    #[test]
    fn a_long_hook_is_named_once_and_a_hook_within_it_is_the_one_that_runs() {
        let mut group = GroupBuilder::new("t:");
        let [outer, inner] = ["outer", "inner"].map(|name| group.pv(name, 0).add().expect("a good PV"));
        let turn = Turn::default();
        let after = |seconds| Instant::now() + Duration::from_secs(seconds);
        assert!(!turn.look_at(after(10)), "none runs");
        let nothing_waits = || false;
        turn.of("put", outer.core(), nothing_waits, || {
            assert!(!turn.look_at(after(4)));
            turn.of("put", inner.core(), nothing_waits, || assert!(turn.look_at(after(6))));
            assert_eq!([turn.look_at(after(6)), turn.look_at(after(7))], [true, false]);
        });
        assert!(!turn.look_at(after(10)), "none runs any more");
    }
}
