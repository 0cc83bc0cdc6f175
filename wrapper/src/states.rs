//! States of a group, to which clients can tie what they monitor by the filter `sync`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use parking_lot::Mutex;

/// States that a group can have.
pub(crate) const MOST: usize = 32;

/// The states of a group, a bit each.
#[derive(Debug, Default)]
pub(crate) struct States {
    names: Mutex<Vec<String>>,
    bits: AtomicU32,
}

impl States {
    /// The states now, to be noted with an update.
    pub(crate) fn now(&self) -> u32 {
        self.bits.load(SeqCst)
    }

    /// The bit of a state; `None` when there is no such.
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        let at = self.names.lock().iter().position(|known| known == name)?;
        Some(1 << at)
    }

    /// The state of this name, made when there is none; `None` when there are too many.
    pub(crate) fn declare(self: &Arc<Self>, name: &str) -> Option<SyncState> {
        let mut names = self.names.lock();
        let at = names.iter().position(|known| known == name).unwrap_or(names.len());
        if at == MOST {
            return None;
        }
        if at == names.len() {
            names.push(name.to_owned());
        }
        Some(SyncState { states: self.clone(), bit: 1 << at })
    }
}

/// A state of a group: on or off, at first off. Clones are the same.
///
/// Clients see only what is posted while it is on by the name `PV.{"sync":{"while":"NAME"}}`; see
/// `docs/channel-access.md`.
#[derive(Clone, Debug)]
pub struct SyncState {
    states: Arc<States>,
    bit: u32,
}

impl SyncState {
    /// Switches it; what is posted from now on is posted in the new state.
    pub fn set(&self, on: bool) {
        if on {
            self.states.bits.fetch_or(self.bit, SeqCst);
        } else {
            self.states.bits.fetch_and(!self.bit, SeqCst);
        }
    }

    /// True when it is on.
    pub fn is_on(&self) -> bool {
        self.states.now() & self.bit != 0
    }
}
