//! Pending updates of one feed: first in, first out, bounded; when full the newest is replaced.

use std::collections::VecDeque;

use super::Update;
use crate::EventMask;

/// A pending update.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What changed to what.
    pub update: Update,
    /// All kinds of change since the entry before.
    pub mask: EventMask,
    /// Running number of the newest push in it, from 1.
    pub number: u64,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It has an entry of its own.
    Queued,
    /// It replaced the newest entry, whose kinds of change it took over.
    Squashed,
}

/// The queue; bounded in entries and bytes. Of large updates it keeps [`FeedQueue::FLOOR`], as long as they fit into
/// [`FeedQueue::LARGE`]; one in any case.
#[derive(Debug, Default)]
pub struct FeedQueue {
    entries: VecDeque<Entry>,
    bytes: usize,
    pushed: u64,
    squashed: u64,
}

impl FeedQueue {
    /// Entries kept of updates that are larger than the bound in bytes.
    pub const FLOOR: usize = 4;
    /// Bytes that these may have together.
    pub const LARGE: usize = 16 << 20;

    /// Number of pushes so far.
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Number of pushes that replaced another.
    pub fn squashed(&self) -> u64 {
        self.squashed
    }

    /// Pending entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without pending entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an update, within `limit` entries and `bytes` bytes.
    pub fn push(&mut self, update: &Update, mask: EventMask, limit: usize, bytes: usize) -> Pushed {
        self.pushed += 1;
        let size = update.value.wire_len();
        let (waiting, total) = (self.entries.len(), self.bytes + size);
        let full = waiting >= limit || (total > bytes && (waiting >= Self::FLOOR || total > Self::LARGE));
        match self.entries.back_mut() {
            Some(newest) if full => {
                self.bytes = self.bytes - newest.update.value.wire_len() + size;
                *newest = Entry { update: update.clone(), mask: newest.mask | mask, number: self.pushed };
                self.squashed += 1;
                Pushed::Squashed
            }
            _ => {
                self.bytes += size;
                self.entries.push_back(Entry { update: update.clone(), mask, number: self.pushed });
                Pushed::Queued
            }
        }
    }

    /// Takes the oldest entry.
    pub fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.bytes -= entry.update.value.wire_len();
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Alarm;
    use crate::dbr::{ArrayData, Scalar, Stamp, Value};

    fn update(value: Value) -> Update {
        Update { value, alarm: Alarm::NONE, stamp: Stamp::default(), tag: 0 }
    }

    fn number(v: i32) -> Update {
        update(Scalar::Long(v).into())
    }

    #[test]
    fn first_in_first_out_and_the_newest_is_replaced_when_full() {
        let mut queue = FeedQueue::default();
        for v in 0..6 {
            queue.push(&number(v), EventMask::VALUE, 4, 1 << 20);
        }
        let seen: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|e| e.update.value.clone()).collect();
        assert_eq!(seen, [0, 1, 2, 5].map(|v| Value::Scalar(Scalar::Long(v))));
        assert_eq!((queue.pushed(), queue.squashed()), (6, 2));
    }

    #[test]
    fn a_squash_keeps_the_alarm_edge() {
        let mut queue = FeedQueue::default();
        queue.push(&number(1), EventMask::ALARM, 1, 1 << 20);
        assert_eq!(queue.push(&number(2), EventMask::VALUE, 1, 1 << 20), Pushed::Squashed);
        assert_eq!(queue.pop().map(|e| e.mask), Some(EventMask::ALARM | EventMask::VALUE));
    }

    #[test]
    fn large_entries_are_bounded_in_bytes_but_four_stay() {
        let mut queue = FeedQueue::default();
        for _ in 0..10 {
            let frame = update(Value::array(ArrayData::Double(vec![0.0; 1000])));
            queue.push(&frame, EventMask::VALUE, 64, 100);
        }
        assert_eq!(queue.len(), FeedQueue::FLOOR);
    }

    #[test]
    fn of_entries_larger_than_all_together_may_be_the_newest_stays() {
        let mut queue = FeedQueue::default();
        let frame = |size: usize| update(Value::array(ArrayData::Char(vec![0; size].into())));
        for size in [FeedQueue::LARGE / 2, FeedQueue::LARGE / 2, FeedQueue::LARGE, FeedQueue::LARGE + 8] {
            queue.push(&frame(size), EventMask::VALUE, 64, 1 << 20);
        }
        let sizes: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|e| e.update.value.wire_len()).collect();
        assert_eq!(sizes, [FeedQueue::LARGE / 2, FeedQueue::LARGE + 8]);
        for _ in 0..3 {
            queue.push(&frame(FeedQueue::LARGE + 8), EventMask::VALUE, 64, 1 << 20);
        }
        assert_eq!(queue.len(), 1);
    }
}
