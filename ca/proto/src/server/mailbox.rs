//! Where other threads leave updates and answers for one circuit.
//!
//! Order: updates leave in the order in which they were pushed, small ones ahead of bulk ones of other
//! feeds; an answer leaves after every update that was pushed before it.

use std::collections::VecDeque;

use super::feed_queue::{Entry, FeedQueue, Pushed};
use super::{Ticket, Update};
use crate::ids::IdMap;
use crate::{Eca, EventMask, Limits};

/// One PV field's updates to one circuit; numbers are never used twice on a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FeedId(pub u64);

/// An update larger than this waits behind small ones, in bytes.
const BULK: usize = 128 * 1024;

/// What a circuit takes out.
#[derive(Debug)]
pub enum Delivery {
    /// An update for the subscriptions of this feed.
    Update(FeedId, Entry),
    /// The answer to a put.
    Answer(Ticket, Eca),
    /// A get that waited can be answered now.
    Get(Ticket, Eca),
    /// Access rights may have changed.
    Rights,
}

/// A first-in-first-out lane of feeds with a count of what went in and out.
#[derive(Debug, Default)]
struct Lane {
    feeds: VecDeque<FeedId>,
    pushed: u64,
    popped: u64,
}

impl Lane {
    fn push(&mut self, feed: FeedId) {
        self.feeds.push_back(feed);
        self.pushed += 1;
    }

    fn pop(&mut self) -> Option<FeedId> {
        let feed = self.feeds.pop_front()?;
        self.popped += 1;
        Some(feed)
    }

    /// Takes the places of a feed out; `waits` are counts of pushes that somebody waits for.
    fn forget<'a>(&mut self, feed: FeedId, waits: impl Iterator<Item = &'a mut u64>) {
        let popped = self.popped;
        let places: Vec<u64> =
            (popped + 1..).zip(&self.feeds).filter(|(_, f)| **f == feed).map(|(n, _)| n).collect();
        self.feeds.retain(|other| *other != feed);
        self.pushed -= places.len() as u64;
        waits.for_each(|wait| *wait -= places.partition_point(|place| *place <= *wait) as u64);
    }
}

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    /// A put that was pending.
    Put,
    /// A get that waited.
    Get,
}

#[derive(Debug)]
struct Answer {
    request: Request,
    ticket: Ticket,
    status: Eca,
    after_small: u64,
    after_bulk: u64,
}

#[derive(Debug, Default)]
struct Feed {
    queue: FeedQueue,
    bulk_pending: usize,
    /// Updates that it holds, where its PV says so.
    depth: Option<usize>,
}

/// Pending updates and answers of one circuit.
#[derive(Debug)]
pub struct Mailbox {
    feeds: IdMap<FeedId, Feed>,
    small: Lane,
    bulk: Lane,
    answers: VecDeque<Answer>,
    held: bool,
    rights: bool,
    entries: usize,
    bytes: usize,
    pushes: u64,
    squashed: u64,
}

impl Mailbox {
    /// An empty mailbox with the feed bounds of `limits`.
    pub fn new(limits: &Limits) -> Self {
        Self {
            feeds: IdMap::default(),
            small: Lane::default(),
            bulk: Lane::default(),
            answers: VecDeque::new(),
            held: false,
            rights: false,
            entries: limits.feed_entries,
            bytes: limits.feed_bytes,
            pushes: 0,
            squashed: 0,
        }
    }

    /// Opens a feed, if it is not open; returns the number of pushes into it so far.
    pub fn open(&mut self, feed: FeedId) -> u64 {
        self.feeds.entry(feed).or_default().queue.pushed()
    }

    /// Sets how many updates an open feed holds, in place of [`Limits::feed_entries`]; at least 1.
    pub fn set_depth(&mut self, feed: FeedId, depth: usize) {
        if let Some(feed) = self.feeds.get_mut(&feed) {
            feed.depth = Some(depth.max(1));
        }
    }

    /// Closes a feed and forgets its pending updates.
    pub fn close(&mut self, feed: FeedId) {
        let pending = self.feeds.remove(&feed).is_some_and(|state| !state.queue.is_empty());
        if pending && self.held {
            // Nothing is taken out while updates are held back: the places would pile up.
            self.small.forget(feed, self.answers.iter_mut().map(|answer| &mut answer.after_small));
            self.bulk.forget(feed, self.answers.iter_mut().map(|answer| &mut answer.after_bulk));
        }
    }

    /// Leaves an update. Unknown feeds are ignored: their circuit has just closed them.
    pub fn push(&mut self, feed: FeedId, update: &Update, mask: EventMask) {
        let Some(state) = self.feeds.get_mut(&feed) else { return };
        self.pushes += 1;
        let limit = if self.held { 1 } else { state.depth.unwrap_or(self.entries) };
        match state.queue.push(update, mask, limit, self.bytes) {
            Pushed::Squashed => self.squashed += 1,
            Pushed::Queued if state.bulk_pending > 0 || update.value.wire_len() > BULK => {
                state.bulk_pending += 1;
                self.bulk.push(feed);
            }
            Pushed::Queued => self.small.push(feed),
        }
    }

    /// Leaves the answer to a put; it is delivered after all updates left before.
    pub fn answer(&mut self, ticket: Ticket, status: Eca) {
        self.leave(Request::Put, ticket, status);
    }

    /// Lets a get that waits be answered, as [`Mailbox::answer`] does a put.
    pub fn release_get(&mut self, ticket: Ticket, status: Eca) {
        self.leave(Request::Get, ticket, status);
    }

    fn leave(&mut self, request: Request, ticket: Ticket, status: Eca) {
        self.answers.push_back(Answer {
            request,
            ticket,
            status,
            after_small: self.small.pushed,
            after_bulk: self.bulk.pushed,
        });
    }

    /// Access rights may have changed: the circuit is to look at all its channels.
    pub fn recheck_rights(&mut self) {
        self.rights = true;
    }

    /// Holds updates back: each feed keeps its latest only. Answers still pass.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Takes the next delivery; bulk updates only when `bulk` is set.
    pub fn pop(&mut self, bulk: bool) -> Option<Delivery> {
        if std::mem::take(&mut self.rights) {
            return Some(Delivery::Rights);
        }
        loop {
            if self.answer_is_due() {
                return self.answers.pop_front().map(|a| match a.request {
                    Request::Put => Delivery::Answer(a.ticket, a.status),
                    Request::Get => Delivery::Get(a.ticket, a.status),
                });
            }
            if self.held {
                return None;
            }
            let (feed, from_bulk) = match self.small.pop() {
                Some(feed) => (feed, false),
                None if bulk => (self.bulk.pop()?, true),
                None => return None,
            };
            // A feed that was closed meanwhile leaves its places behind.
            let Some(state) = self.feeds.get_mut(&feed) else { continue };
            state.bulk_pending -= usize::from(from_bulk && state.bulk_pending > 0);
            if let Some(entry) = state.queue.pop() {
                return Some(Delivery::Update(feed, entry));
            }
        }
    }

    fn answer_is_due(&self) -> bool {
        self.answers.front().is_some_and(|answer| {
            self.held || (answer.after_small <= self.small.popped && answer.after_bulk <= self.bulk.popped)
        })
    }

    /// True when [`Mailbox::pop`] has something to do now, with the same `bulk`.
    pub fn is_ready(&self, bulk: bool) -> bool {
        self.rights
            || self.answer_is_due()
            || (!self.held && (!self.small.feeds.is_empty() || (bulk && !self.bulk.feeds.is_empty())))
    }

    /// Updates left so far: one per post and feed, however many subscriptions it has.
    pub fn pushes(&self) -> u64 {
        self.pushes
    }

    /// Updates that replaced a pending one.
    pub fn squashed(&self) -> u64 {
        self.squashed
    }
}
