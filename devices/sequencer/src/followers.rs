//! Those who follow: what they show, and which of them are late.

use std::sync::{Arc, Mutex, PoisonError};

use wrapper::sequence::follow::default_key;
use wrapper::{DeviceError, DeviceIo, Watch};

/// A follower in the `arguments`: its prefix, or a table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(untagged)]
pub enum FollowerSettings {
    /// The prefix of its PVs.
    Prefix(String),
    /// With a key of its own.
    Keyed {
        /// The prefix of its PVs.
        prefix: String,
        /// Its key in the mapping.
        key: String,
    },
}

impl FollowerSettings {
    fn prefix(&self) -> &str {
        match self {
            Self::Prefix(prefix) | Self::Keyed { prefix, .. } => prefix,
        }
    }

    fn key(&self) -> String {
        match self {
            Self::Prefix(prefix) => default_key(prefix),
            Self::Keyed { key, .. } => key.clone(),
        }
    }
}

/// What a follower shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shown {
    /// `None` while it is not there.
    index: Option<i32>,
    busy: Option<i32>,
}

/// One who is not where it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Late {
    pub(crate) key: String,
    pub(crate) why: String,
    pub(crate) behind: i32,
}

/// All followers.
pub(crate) struct Followers {
    settings: Vec<FollowerSettings>,
    keys: Vec<String>,
    shown: Arc<Mutex<Vec<Shown>>>,
    watches: Vec<Watch>,
}

impl Followers {
    pub(crate) fn new(settings: Vec<FollowerSettings>) -> Self {
        let keys = settings.iter().map(FollowerSettings::key).collect();
        let shown = Arc::new(Mutex::new(vec![Shown::default(); settings.len()]));
        Self { settings, keys, shown, watches: Vec::new() }
    }

    /// Watches INDEX and BUSY of all of them; each change wakes the device.
    pub(crate) fn watch(&mut self, io: &DeviceIo) -> Result<(), DeviceError> {
        self.watches.clear();
        for (place, follower) in self.settings.iter().enumerate() {
            let prefix = follower.prefix();
            for (name, is_index) in [(format!("{prefix}INDEX"), true), (format!("{prefix}seq.BUSY"), false)] {
                let (shown, wake) = (self.shown.clone(), io.clone());
                self.watches.push(io.watch(&name, move |update: Result<i32, _>| {
                    let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
                    let one = &mut shown[place];
                    *(if is_index { &mut one.index } else { &mut one.busy }) = update.ok();
                    drop(shown);
                    wake.wake();
                    None
                })?);
            }
        }
        Ok(())
    }

    /// Those who are not done with an index.
    pub(crate) fn late(&self, index: i32) -> Vec<Late> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let late = |(key, shown): (&String, &Shown)| {
            let (why, behind) = lateness(*shown, index)?;
            Some(Late { key: key.clone(), why, behind })
        };
        self.keys.iter().zip(shown.iter()).filter_map(late).collect()
    }

    /// The mapping that gives all of them an index.
    pub(crate) fn mapping(&self, index: i32) -> String {
        let entries: Vec<_> = self.keys.iter().map(|key| format!("'{key}': {index}")).collect();
        format!("{{{}}}", entries.join(", "))
    }
}

/// What keeps a follower from being done with an index, and by how many it is behind.
fn lateness(shown: Shown, index: i32) -> Option<(String, i32)> {
    match (shown.index, shown.busy) {
        (None, _) | (_, None) => Some(("not connected".to_owned(), 0)),
        (Some(at), Some(0)) if at == index => None,
        (Some(at), Some(0)) => Some((format!("at {at} of {index}"), index.saturating_sub(at).max(0))),
        (Some(at), Some(_)) => Some((format!("busy, at {at} of {index}"), index.saturating_sub(at).max(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_is_done_when_it_shows_the_index_and_is_idle() {
        let late = |index, busy| lateness(Shown { index, busy }, 5);
        assert_eq!(late(Some(5), Some(0)), None);
        assert_eq!(late(Some(5), Some(1)), Some(("busy, at 5 of 5".to_owned(), 0)));
        assert_eq!(late(Some(3), Some(0)), Some(("at 3 of 5".to_owned(), 2)));
        assert_eq!(late(None, Some(0)), Some(("not connected".to_owned(), 0)));
    }

    #[test]
    fn the_mapping_is_python_with_the_keys_of_all() {
        let keyed = FollowerSettings::Keyed { prefix: "x:".to_owned(), key: "me".to_owned() };
        let followers = Followers::new(vec![FollowerSettings::Prefix("TEST:SERVER.".to_owned()), keyed]);
        assert_eq!(followers.mapping(3), "{'test.server': 3, 'me': 3}");
        assert_eq!(Followers::new(Vec::new()).mapping(3), "{}");
    }
}
