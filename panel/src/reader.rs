//! The subscriptions of one page: the newest value of each, in the order in which they became new.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use wrapper::view::{FeedKey, Feeds, Snapshot, View, ViewChannel};
use wrapper::{EventMask, Meta};

use crate::json::{self, Depth};
use crate::meta;
use crate::remote::{Bell, Follow};

/// Bytes of a batch, beyond which the rest waits for the next one.
const BATCH: usize = 1 << 20;

/// What a page is told beside values.
#[derive(Debug, PartialEq)]
pub(crate) enum Notice {
    /// The fields of a PV's metadata.
    Meta(u64, String),
    /// The PV is there no longer, and why.
    Gone(u64, String),
}

/// Where the values of a subscription come from.
enum Source {
    Local {
        channel: ViewChannel,
        key: FeedKey,
        meta: Arc<Meta>,
        writable: bool,
    },
    /// It was served, and is no longer.
    Gone,
    Remote(Follow),
}

struct Subscription {
    name: String,
    depth: Depth,
    source: Source,
    /// The last metadata that was told.
    told: String,
}

/// The subscriptions of one page.
pub(crate) struct Reader {
    view: View,
    feeds: Feeds,
    open: HashMap<u64, Subscription>,
    keys: HashMap<FeedKey, u64>,
    /// Values that wait, the newest of each subscription.
    waiting: HashMap<u64, Snapshot>,
    order: VecDeque<u64>,
    pub(crate) bell: Arc<Bell>,
    replaced: u64,
    /// Of them and of the feeds, how many were asked for.
    counted: u64,
    remote: usize,
}

impl Reader {
    pub(crate) fn new(view: &View) -> Self {
        Self {
            view: view.clone(),
            feeds: view.feeds(1),
            open: HashMap::new(),
            keys: HashMap::new(),
            waiting: HashMap::new(),
            order: VecDeque::new(),
            bell: Arc::default(),
            replaced: 0,
            counted: 0,
            remote: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Subscriptions to PVs of other IOCs.
    pub(crate) const fn remotes(&self) -> usize {
        self.remote
    }

    /// Subscribes to a PV of this IOC; one of the same id ends. `None` when there is no such PV.
    pub(crate) fn subscribe(&mut self, id: u64, name: &str, depth: Depth) -> Option<Notice> {
        self.unsubscribe(id);
        let source = self.attach(id, name)?;
        let Source::Local { channel, .. } = &source else { return None };
        let told = meta::of_channel(channel);
        self.open.insert(id, Subscription { name: name.to_owned(), depth, source, told: told.clone() });
        Some(Notice::Meta(id, told))
    }

    /// Subscribes to a PV of another IOC; one of the same id ends.
    pub(crate) fn follow(&mut self, id: u64, name: &str, depth: Depth, follow: Follow) {
        self.unsubscribe(id);
        self.remote += 1;
        let source = Source::Remote(follow);
        self.open.insert(id, Subscription { name: name.to_owned(), depth, source, told: String::new() });
    }

    pub(crate) fn unsubscribe(&mut self, id: u64) {
        self.forget(id);
        match self.open.remove(&id).map(|open| open.source) {
            Some(Source::Local { key, .. }) => self.detach(key),
            Some(Source::Remote(_)) => self.remote -= 1,
            Some(Source::Gone) | None => {}
        }
    }

    fn attach(&mut self, id: u64, name: &str) -> Option<Source> {
        let channel = self.view.open(name)?;
        let mask = EventMask::VALUE | EventMask::ALARM;
        let (key, first) = self.feeds.subscribe(&channel, mask);
        self.keys.insert(key, id);
        if let Some(first) = first {
            self.wait_with(id, first);
        }
        let (meta, writable) = (channel.meta(), channel.is_writable());
        Some(Source::Local { channel, key, meta, writable })
    }

    fn detach(&mut self, key: FeedKey) {
        self.keys.remove(&key);
        self.feeds.unsubscribe(key);
    }

    /// Forgets the value that waits.
    fn forget(&mut self, id: u64) {
        if self.waiting.remove(&id).is_some() {
            self.order.retain(|waiting| *waiting != id);
        }
    }

    fn wait_with(&mut self, id: u64, snapshot: Snapshot) {
        match self.waiting.insert(id, snapshot) {
            None => self.order.push_back(id),
            Some(_) => self.replaced += 1,
        }
    }

    /// Waits until there is something to send. Dropping the future loses nothing.
    pub(crate) async fn ready(&mut self) {
        if !self.order.is_empty() {
            return;
        }
        tokio::select! {
            (key, snapshot) = self.feeds.next() => {
                if let Some(id) = self.keys.get(&key) {
                    self.wait_with(*id, snapshot);
                }
            }
            () = self.bell.rung() => {}
        }
    }

    /// Takes all news: of each subscription at most one, so that it ends however fast they come.
    pub(crate) fn take(&mut self) -> Vec<Notice> {
        for _ in 0..=self.open.len() {
            let Some((key, snapshot)) = self.feeds.try_next() else { break };
            if let Some(id) = self.keys.get(&key) {
                self.wait_with(*id, snapshot);
            }
        }
        let mut notices = Vec::new();
        for id in self.bell.take() {
            let Some(Subscription { source: Source::Remote(follow), .. }) = self.open.get(&id) else {
                continue;
            };
            let news = follow.take();
            if let Some(reason) = news.gone {
                self.forget(id);
                notices.push(Notice::Gone(id, reason));
            }
            notices.extend(news.meta.map(|told| Notice::Meta(id, told)));
            if let Some(value) = news.value {
                self.wait_with(id, value);
            }
        }
        notices
    }

    /// Appends the values that wait, at most a megabyte and one more; returns how many.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>) -> u64 {
        let mut written = 0;
        let start = out.len();
        while out.len() - start < BATCH
            && let Some(id) = self.order.pop_front()
        {
            let (Some(snapshot), Some(open)) = (self.waiting.remove(&id), self.open.get(&id)) else {
                continue;
            };
            if written > 0 {
                out.push(b',');
            }
            out.extend_from_slice(b"{\"id\":");
            json::put(out, &id);
            out.push(b',');
            json::update(out, &snapshot, message_of(&open.source, &snapshot).as_deref(), open.depth);
            out.push(b'}');
            written += 1;
        }
        written
    }

    /// Looks for PVs that went or came back, and for changed metadata.
    pub(crate) fn check(&mut self) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut lost = Vec::new();
        for (id, open) in &mut self.open {
            match &mut open.source {
                Source::Local { channel, .. } if !channel.is_served() => lost.push(*id),
                Source::Local { channel, meta, writable, .. } => {
                    let (now, may) = (channel.meta(), channel.is_writable());
                    if Arc::ptr_eq(meta, &now) && *writable == may {
                        continue;
                    }
                    (*meta, *writable) = (now, may);
                    let told = meta::of_channel(channel);
                    if open.told != told {
                        open.told.clone_from(&told);
                        notices.push(Notice::Meta(*id, told));
                    }
                }
                Source::Gone => lost.push(*id),
                Source::Remote(_) => {}
            }
        }
        for id in lost {
            self.come_back(id, &mut notices);
        }
        notices
    }

    /// Looks whether a PV that is no longer served is served again.
    fn come_back(&mut self, id: u64, notices: &mut Vec<Notice>) {
        let Some(open) = self.open.get_mut(&id) else { return };
        let name = open.name.clone();
        if let Source::Local { key, .. } = std::mem::replace(&mut open.source, Source::Gone) {
            self.forget(id);
            self.detach(key);
            notices.push(Notice::Gone(id, "it is no longer served".to_owned()));
        }
        let Some(source) = self.attach(id, &name) else { return };
        let Some(open) = self.open.get_mut(&id) else { return };
        if let Source::Local { channel, .. } = &source {
            open.told = meta::of_channel(channel);
            notices.push(Notice::Meta(id, open.told.clone()));
        }
        open.source = source;
    }

    /// Values that others took the place of, since this was last asked.
    pub(crate) fn squashed(&mut self) -> u64 {
        let all = self.replaced + self.feeds.squashed();
        all - std::mem::replace(&mut self.counted, all)
    }
}

/// The reason of an alarm.
fn message_of(source: &Source, snapshot: &Snapshot) -> Option<String> {
    match source {
        Source::Local { channel, .. } if snapshot.alarm.severity as u16 > 0 => channel.alarm_message(),
        _ => None,
    }
}
