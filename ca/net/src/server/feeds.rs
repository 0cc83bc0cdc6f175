//! Updates for code of this process, through the same queues as those for circuits.

use std::future::poll_fn;
use std::sync::Arc;

use ca_proto::server::{Delivery, FeedId, Update};
use ca_proto::{EventMask, Limits};

use super::inbox::{Inbox, Subscriber};

/// The feeds of one reader: each has a bounded queue, whose newest entry is replaced when it is full.
#[derive(Debug)]
pub struct Feeds {
    inbox: Arc<Inbox>,
    last: u64,
}

impl Feeds {
    /// No feeds; each will hold up to `depth` updates (at least 1).
    pub fn new(depth: usize) -> Self {
        let limits = Limits { feed_entries: depth.max(1), ..Limits::default() };
        Self { inbox: Arc::new(Inbox::new(&limits)), last: 0 }
    }

    /// A new feed, to be given to the PV that fills it.
    pub fn subscriber(&mut self) -> (FeedId, Subscriber) {
        self.last += 1;
        (FeedId(self.last), Subscriber::new(self.inbox.clone(), FeedId(self.last)))
    }

    /// Updates that replaced one that nobody had taken.
    pub fn squashed(&self) -> u64 {
        self.inbox.own(|mailbox| mailbox.squashed())
    }

    /// Forgets what waits in a feed that its PV fills no more.
    pub fn close(&mut self, feed: FeedId) {
        self.inbox.own(|mailbox| mailbox.close(feed));
    }

    /// The next update, when there is one: of which feed, and the kinds of change.
    pub fn try_next(&mut self) -> Option<(FeedId, Update, EventMask)> {
        loop {
            match self.inbox.pop(true)? {
                Delivery::Update(feed, entry) => return Some((feed, entry.update, entry.mask)),
                // Nobody puts or gets through feeds, and rights are looked up when they are needed.
                Delivery::Answer(..) | Delivery::Get(..) | Delivery::Rights => {}
            }
        }
    }

    /// Waits for the next update. Dropping the future loses nothing.
    pub async fn next(&mut self) -> (FeedId, Update, EventMask) {
        loop {
            if let Some(update) = self.try_next() {
                return update;
            }
            poll_fn(|context| self.inbox.poll_ready(true, context)).await;
        }
    }
}
