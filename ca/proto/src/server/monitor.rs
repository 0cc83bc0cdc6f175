//! Subscriptions: EVENT_ADD, EVENT_CANCEL, EVENTS_OFF and EVENTS_ON, and the updates.

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};

use super::get::needs_meta;
use super::wanted::Wanted;
use super::{AccessRights, Entry, Extra, FeedId, MonitorFilter, Output, Reading, ServerCircuit, Service};
use crate::ids::IdMap;
use crate::wire::Header;
use crate::wire::msg::monitor;
use crate::{CloseReason, Eca, EventMask, Sid, SubscriptionId};

/// One subscription.
#[derive(Debug)]
struct Subscription {
    /// Running number: a feed's subscriptions are in this order.
    serial: u64,
    sid: Sid,
    id: SubscriptionId,
    wanted: Wanted,
    count: u32,
    mask: EventMask,
    /// Updates of the feed up to this number are older than the first update.
    since: u64,
    filter: Option<Box<dyn MonitorFilter>>,
}

/// The subscriptions that share one feed.
#[derive(Debug)]
struct Feed {
    key: u64,
    /// All kinds that some subscription has asked for.
    mask: EventMask,
    subscriptions: Vec<Subscription>,
}

/// An update that did not fit into the output; goes on at subscription `next`.
#[derive(Debug)]
struct Expansion {
    feed: FeedId,
    entry: Entry,
    next: u64,
}

/// All subscriptions of a circuit.
#[derive(Debug, Default)]
pub(super) struct Monitors {
    feeds: IdMap<FeedId, Feed>,
    by_key: IdMap<u64, FeedId>,
    last_feed: u64,
    last_serial: u64,
    count: usize,
    off: bool,
    /// Subscriptions whose first update waits for EVENTS_ON.
    late: VecDeque<(Sid, SubscriptionId)>,
    expansion: Option<Expansion>,
}

impl Monitors {
    /// The feed of a PV field; its id is new when it has none, and never used twice.
    fn feed_of(&mut self, key: u64) -> FeedId {
        *self.by_key.entry(key).or_insert_with(|| {
            self.last_feed += 1;
            FeedId(self.last_feed)
        })
    }

    /// Removes the subscriptions of a channel; true when its feed has none left.
    pub(super) fn remove_channel(&mut self, feed: FeedId, sid: Sid) -> bool {
        self.late.retain(|(late, _)| *late != sid);
        let Some(state) = self.feeds.get_mut(&feed) else { return false };
        let before = state.subscriptions.len();
        state.subscriptions.retain(|s| s.sid != sid);
        self.count -= before - state.subscriptions.len();
        self.drop_if_empty(feed)
    }

    fn remove(&mut self, feed: FeedId, sid: Sid, id: SubscriptionId) -> Option<Subscription> {
        self.late.retain(|late| *late != (sid, id));
        let state = self.feeds.get_mut(&feed)?;
        let at = state.subscriptions.iter().position(|s| s.sid == sid && s.id == id)?;
        self.count -= 1;
        Some(state.subscriptions.remove(at))
    }

    fn drop_if_empty(&mut self, feed: FeedId) -> bool {
        match self.feeds.get(&feed) {
            Some(state) if state.subscriptions.is_empty() => {
                self.by_key.remove(&state.key);
                self.feeds.remove(&feed);
                true
            }
            _ => false,
        }
    }

    /// Takes all feeds, each with one channel that can name its PV.
    pub(super) fn drain_feeds(&mut self) -> Vec<(FeedId, Sid)> {
        self.feeds.drain().filter_map(|(id, feed)| Some((id, feed.subscriptions.first()?.sid))).collect()
    }
}

impl<C> ServerCircuit<C> {
    /// Live subscriptions.
    pub fn subscription_count(&self) -> usize {
        self.monitors.count
    }

    pub(super) fn handle_event_add<S: Service<Channel = C>>(
        &mut self,
        header: &Header,
        payload: &[u8],
        service: &mut S,
        out: &mut Output,
    ) -> Result<(), CloseReason> {
        let sid = Sid(header.p1);
        let Some(channel) = self.channels.get(&sid) else { return self.unknown_channel(header, out) };
        let (cid, readable) = (channel.cid, channel.rights.contains(AccessRights::READ));
        let (feed, key) = (channel.feed, service.feed_key(&channel.handle));
        let Some(wanted) = Wanted::from_code(header.data_type) else {
            return Err(CloseReason::DataType(header.data_type));
        };
        // As base: more elements than the PV can hold are zeros, and the count stays the client's.
        let count = header.count;
        if wanted.size(count) > self.reply_bound(wanted.value(), channel.capacity) {
            return self.too_large(header, out);
        }
        let bits = monitor::mask(payload).unwrap_or(0);
        let mask = EventMask::from_bits_truncate(bits);
        let limit = self.limits.subscriptions;
        if bits == 0 || bits > 255 || self.monitors.count >= limit {
            let reason = match bits {
                1..=255 => {
                    self.counters.over_limit += 1;
                    CloseReason::Limit { what: "subscriptions", limit }
                }
                _ => CloseReason::EventMask(bits),
            };
            self.report(cid, Eca::ALLOCMEM, &reason.to_string(), out);
            return Err(reason);
        }
        let id = SubscriptionId(header.p2);
        let feed = feed.unwrap_or_else(|| self.monitors.feed_of(key));
        let state = self.monitors.feeds.entry(feed).or_insert(Feed {
            key,
            mask: EventMask::empty(),
            subscriptions: Vec::new(),
        });
        state.mask |= mask;
        self.monitors.last_serial += 1;
        self.monitors.count += 1;
        let serial = self.monitors.last_serial;
        let subscription = Subscription { serial, sid, id, wanted, count, mask, since: 0, filter: None };
        state.subscriptions.push(subscription);
        if let Some(channel) = self.channels.get_mut(&sid) {
            channel.feed = Some(feed);
        }
        // The feed opens now, so that no change is missed; the first update waits for EVENTS_ON, a refusal does not.
        let now = !self.monitors.off || !readable;
        if !now {
            self.monitors.late.push_back((sid, id));
        }
        self.first_update(sid, id, service, now.then_some(out));
        Ok(())
    }

    /// Subscribes at the service and sends the current state, or that it may not be read, if there is an output.
    fn first_update<S: Service<Channel = C>>(
        &mut self,
        sid: Sid,
        id: SubscriptionId,
        service: &mut S,
        out: Option<&mut Output>,
    ) {
        let most = self.largest();
        let Some(channel) = self.channels.get(&sid) else { return };
        let Some(feed) = channel.feed else { return };
        let Some(state) = self.monitors.feeds.get_mut(&feed) else { return };
        let mask = state.mask;
        let Some(subscription) = state.subscriptions.iter_mut().rev().find(|s| s.sid == sid && s.id == id)
        else {
            return;
        };
        let meta = needs_meta(channel.native, subscription.wanted.value());
        let subscribed = service.subscribe(&channel.handle, feed, mask, meta);
        subscription.since = subscribed.since;
        subscription.filter = service.filter(&channel.handle);
        let Some(out) = out else { return };
        if !channel.rights.contains(AccessRights::READ) {
            subscription.append_denied(out);
            return;
        }
        let Some(reading) = subscription.filtered(&subscribed.reading, EventMask::all()) else { return };
        let extra = || service.extra(&channel.handle);
        subscription.append_update(&reading, extra, most, out);
        self.counters.updates += 1;
    }

    pub(super) fn handle_event_cancel<S: Service<Channel = C>>(
        &mut self,
        header: &Header,
        service: &mut S,
        out: &mut Output,
    ) -> Result<(), CloseReason> {
        let (sid, id) = (Sid(header.p1), SubscriptionId(header.p2));
        let Some(channel) = self.channels.get_mut(&sid) else { return self.unknown_channel(header, out) };
        let cid = channel.cid;
        let removed = channel.feed.and_then(|feed| Some((feed, self.monitors.remove(feed, sid, id)?)));
        let Some((feed, subscription)) = removed else {
            let reason = CloseReason::UnknownSubscription(id.0);
            self.report(cid, Eca::BADMONID, &reason.to_string(), out);
            return Err(reason);
        };
        let Some(state) = self.monitors.feeds.get(&feed) else { return Ok(()) };
        if state.subscriptions.is_empty() {
            self.monitors.drop_if_empty(feed);
            service.unsubscribe(&channel.handle, feed);
            channel.feed = None;
        } else if state.subscriptions.iter().all(|s| s.sid != sid) {
            channel.feed = None;
        }
        out.header(&monitor::cancelled(subscription.wanted.code(), subscription.count, sid, id));
        Ok(())
    }

    /// Lets [`ServerCircuit::resume`] send the current value, or that it may not be read, to all subscriptions of
    /// these channels: once, however often their rights change until then.
    pub(super) fn refresh_channels(&mut self, sids: &HashSet<Sid>) {
        self.monitors.late.retain(|(late, _)| !sids.contains(late));
        for sid in sids {
            let feed = self.channels.get(sid).and_then(|channel| channel.feed);
            let Some(state) = feed.and_then(|feed| self.monitors.feeds.get(&feed)) else { continue };
            let own = state.subscriptions.iter().filter(|subscription| subscription.sid == *sid);
            self.monitors.late.extend(own.map(|subscription| (*sid, subscription.id)));
        }
    }

    pub(super) fn handle_events<S: Service<Channel = C>>(
        &mut self,
        on: bool,
        service: &mut S,
    ) -> Result<(), CloseReason> {
        self.monitors.off = !on;
        service.set_events(on);
        Ok(())
    }

    /// Sends an update to the subscriptions of its feed; what does not fit is kept for
    /// [`ServerCircuit::resume`].
    pub fn handle_update<S: Service<Channel = C>>(
        &mut self,
        feed: FeedId,
        entry: Entry,
        service: &mut S,
        out: &mut Output,
    ) {
        self.monitors.expansion = Some(Expansion { feed, entry, next: 0 });
        self.expand(service, out);
    }

    /// Goes on with updates that did not fit; true when none is left.
    pub fn resume<S: Service<Channel = C>>(&mut self, service: &mut S, out: &mut Output) -> bool {
        if self.monitors.expansion.is_some() && !self.expand(service, out) {
            return false;
        }
        while !self.monitors.off && out.len() < self.limits.output_high_water {
            let Some((sid, id)) = self.monitors.late.pop_front() else { return true };
            self.first_update(sid, id, service, Some(out));
        }
        self.monitors.off || self.monitors.late.is_empty()
    }

    fn expand<S: Service<Channel = C>>(&mut self, service: &mut S, out: &mut Output) -> bool {
        let Some(Expansion { feed, entry, next }) = self.monitors.expansion.take() else { return true };
        let most = self.largest();
        let Some(state) = self.monitors.feeds.get_mut(&feed) else { return true };
        let mut reading = Reading { update: entry.update, meta: None };
        let start = state.subscriptions.partition_point(|s| s.serial < next);
        for subscription in &mut state.subscriptions[start..] {
            if entry.number <= subscription.since || !subscription.mask.intersects(entry.mask) {
                continue;
            }
            let Some(channel) = self.channels.get(&subscription.sid) else { continue };
            if out.len() >= self.limits.output_high_water {
                let entry = Entry { update: reading.update, ..entry };
                self.monitors.expansion = Some(Expansion { feed, entry, next: subscription.serial });
                return false;
            }
            if !channel.rights.contains(AccessRights::READ) {
                continue;
            }
            if reading.meta.is_none() && needs_meta(channel.native, subscription.wanted.value()) {
                reading.meta = Some(service.meta(&channel.handle));
            }
            let Some(passed) = subscription.filtered(&reading, entry.mask) else { continue };
            let extra = || service.extra(&channel.handle);
            subscription.append_update(&passed, extra, most, out);
            self.counters.updates += 1;
        }
        true
    }
}

impl Subscription {
    /// What is to be sent of a reading; `None` when the filter holds it back.
    fn filtered<'a>(&mut self, reading: &'a Reading, mask: EventMask) -> Option<Cow<'a, Reading>> {
        let (wanted, mask) = (self.mask, mask & self.mask);
        let Some(filter) = &mut self.filter else { return Some(Cow::Borrowed(reading)) };
        let (update, mask) = filter.pass(&reading.update, mask)?;
        wanted.intersects(mask).then(|| Cow::Owned(Reading { update, meta: reading.meta.clone() }))
    }

    fn header(&self) -> impl Fn(Eca, u32, u32) -> Header + use<> {
        let (code, id) = (self.wanted.code(), self.id);
        move |status, count, size| monitor::update(code, count, size, status, id)
    }

    fn append_update(&self, reading: &Reading, extra: impl FnOnce() -> Extra, most: u64, out: &mut Output) {
        self.wanted.append(reading, extra, self.count, most, out, self.header());
    }

    /// The update that says that the value may not be read.
    fn append_denied(&self, out: &mut Output) {
        // room for one element at least: libca takes an update without data for the confirmation of a cancel
        let header = |status, _, size| self.header()(status, self.count, size);
        self.wanted.append_failure(Eca::NORDACCESS, self.count.max(1), out, header);
    }
}
