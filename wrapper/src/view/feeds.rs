//! Updates of channels for one reader.

use std::collections::HashMap;
use std::sync::Arc;

use ca::proto::EventMask;
use ca::server::{FeedId, MonitorFilter, Subscriber, Update};

use super::{Snapshot, ViewChannel};
use crate::channel::Channel;

/// A subscription of [`Feeds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FeedKey(FeedId);

struct Feed {
    channel: Arc<Channel>,
    subscriber: Subscriber,
    filter: Option<Box<dyn MonitorFilter>>,
}

/// The subscriptions of one reader; dropping it ends them.
///
/// A reader that is slow misses values in between, never the last one: when the queue of a channel is full its newest
/// update is replaced.
pub struct Feeds {
    feeds: ca::server::Feeds,
    open: HashMap<FeedId, Feed>,
}

impl std::fmt::Debug for Feeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feeds").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

impl Feeds {
    pub(super) fn new(depth: usize) -> Self {
        Self { feeds: ca::server::Feeds::new(depth), open: HashMap::new() }
    }

    /// Subscribes to changes of these kinds; returns the state now, unless a filter holds it back.
    pub fn subscribe(&mut self, channel: &ViewChannel, mask: EventMask) -> (FeedKey, Option<Snapshot>) {
        let (id, subscriber) = self.feeds.subscriber();
        let channel = channel.channel.clone();
        let mut filter = channel.filter();
        let first = channel.subscribe(subscriber.clone(), mask, false).reading.update;
        let first = filtered(&mut filter, first, mask);
        self.open.insert(id, Feed { channel, subscriber, filter });
        (FeedKey(id), first.map(Snapshot::from))
    }

    /// Updates that replaced one that had not been taken.
    pub fn squashed(&self) -> u64 {
        self.feeds.squashed()
    }

    /// Ends a subscription.
    pub fn unsubscribe(&mut self, key: FeedKey) {
        if let Some(feed) = self.open.remove(&key.0) {
            feed.channel.unsubscribe(&feed.subscriber);
            self.feeds.close(key.0);
        }
    }

    /// The next update, when there is one.
    pub fn try_next(&mut self) -> Option<(FeedKey, Snapshot)> {
        loop {
            let (id, update, mask) = self.feeds.try_next()?;
            if let Some(passed) = self.pass(id, update, mask) {
                return Some(passed);
            }
        }
    }

    /// Waits for the next update. Dropping the future loses nothing.
    pub async fn next(&mut self) -> (FeedKey, Snapshot) {
        loop {
            let (id, update, mask) = self.feeds.next().await;
            if let Some(passed) = self.pass(id, update, mask) {
                return passed;
            }
        }
    }

    fn pass(&mut self, id: FeedId, update: Update, mask: EventMask) -> Option<(FeedKey, Snapshot)> {
        let feed = self.open.get_mut(&id)?;
        filtered(&mut feed.filter, update, mask).map(|update| (FeedKey(id), update.into()))
    }
}

fn filtered(filter: &mut Option<Box<dyn MonitorFilter>>, update: Update, mask: EventMask) -> Option<Update> {
    match filter {
        Some(filter) => filter.pass(&update, mask).map(|(update, _)| update),
        None => Some(update),
    }
}

impl Drop for Feeds {
    fn drop(&mut self) {
        self.open.values().for_each(|feed| feed.channel.unsubscribe(&feed.subscriber));
    }
}
