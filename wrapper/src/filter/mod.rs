//! Channel filters: what a client writes behind a PV name to see less of it, or something else.
//!
//! [`split`] cuts a name, [`Filters::open`] makes the chain of one channel, [`Filters::read`] is for its gets and
//! [`Filters::monitor`] for each of its subscriptions. All of it is pure: no socket, no lock, and time is an argument
//! (the local time zone, which `ts` writes texts in, is looked up once when a chain opens).
//!
//! Filters act in the order written. Base runs `dbnd`, `dec` and `ts: {}` ahead of `arr` and the other `ts`,
//! whatever the order. `utag` is not served.

mod arr;
mod dbnd;
mod dec;
mod error;
mod name;
mod settings;
mod sync;
mod ts;

use ca::proto::EventMask;
use ca::proto::dbr::{NativeType, Stamp};
use ca::server::Update;

use self::arr::Arr;
use self::dbnd::{Dbnd, DbndState};
use self::dec::{Dec, DecState};
use self::settings::Written;
use self::sync::{SyncRule, SyncRun};
use self::ts::Ts;

use crate::states::States;

pub(crate) use self::error::FilterError;
pub(crate) use self::name::{Modifiers, split};

/// Most bytes of filters that are read.
const LONGEST: usize = 1024;

/// One filter of a chain.
#[derive(Clone, Debug)]
enum Filter {
    /// A part of the array.
    Arr(Arr),
    /// What moved far enough.
    Dbnd(Dbnd),
    /// Each Nth.
    Dec(Dec),
    /// By a state of the group.
    Sync(SyncRule),
    /// Another time stamp, or the time stamp as value.
    Ts(Ts),
}

/// The filters of one channel, in the order they act, and what the channel announces with them.
#[derive(Clone, Debug)]
pub(crate) struct Filters {
    chain: Vec<Filter>,
    native: NativeType,
    capacity: u32,
    writable: bool,
}

impl Filters {
    /// The chain that `text` writes, on a PV of this native type and capacity.
    ///
    /// `text` is what [`split`] leaves: a slice `[..]`, filters `{..}`, both in this order, or nothing. An `arr` on what
    /// announces one element or none is dropped, as in base: `X.[5:9]` of a scalar is the scalar.
    ///
    /// # Errors
    ///
    /// When the text is no chain of filters that are served here; then the channel does not open.
    pub(crate) fn open(
        text: &str,
        native: NativeType,
        capacity: u32,
        states: &States,
    ) -> Result<Self, FilterError> {
        let mut filters = Self { chain: Vec::new(), native, capacity, writable: true };
        for filter in parse(text, states)? {
            filters.add(filter);
        }
        Ok(filters)
    }

    /// Adds a filter and what it makes of the channel.
    fn add(&mut self, filter: Filter) {
        let replaced = match &filter {
            Filter::Arr(_) if self.capacity <= 1 => return,
            Filter::Arr(arr) => Some((self.native, arr.capacity(self.capacity))),
            Filter::Ts(ts) => ts.announce(),
            Filter::Dbnd(_) | Filter::Dec(_) | Filter::Sync(_) => None,
        };
        if let Some((native, capacity)) = replaced {
            (self.native, self.capacity, self.writable) = (native, capacity, false);
        }
        self.chain.push(filter);
    }

    /// True when nothing is filtered.
    pub(crate) fn is_empty(&self) -> bool {
        self.chain.is_empty()
    }

    /// The native type that the channel announces.
    pub(crate) fn native(&self) -> NativeType {
        self.native
    }

    /// The capacity that the channel announces; 0 for a slice that is always empty.
    pub(crate) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// False when the channel shows something else than what a put to it would change.
    ///
    /// Base filters no put: one to `X.[2:4]` overwrites the elements from 0 on and cuts the array, one of a time to
    /// `X.{ts: {num: "dbl"}}` becomes the value. Here such channels are read-only.
    pub(crate) fn writable(&self) -> bool {
        self.writable
    }

    /// What a get sees: `arr` and `ts` act, `dbnd` and `dec` do not.
    pub(crate) fn read(&self, update: Update, now: Stamp) -> Update {
        self.chain.iter().fold(update, |update, filter| match filter {
            Filter::Arr(arr) => Update { value: arr.apply(update.value), ..update },
            Filter::Ts(ts) => ts.apply(update, now),
            Filter::Dbnd(_) | Filter::Dec(_) | Filter::Sync(_) => update,
        })
    }

    /// The fresh state of one subscription, or `None` when nothing is filtered.
    pub(crate) fn monitor(&self) -> Option<MonitorFilter> {
        let step = |filter: &Filter| match filter {
            Filter::Arr(arr) => Step::Arr(*arr),
            Filter::Dbnd(dbnd) => Step::Dbnd(DbndState::new(*dbnd)),
            Filter::Dec(dec) => Step::Dec(DecState::new(*dec)),
            Filter::Sync(sync) => Step::Sync(SyncRun::new(*sync)),
            Filter::Ts(ts) => Step::Ts(ts.clone()),
        };
        (!self.is_empty()).then(|| MonitorFilter { steps: self.chain.iter().map(step).collect() })
    }
}

/// One filter of a subscription and its state.
#[derive(Debug)]
enum Step {
    Arr(Arr),
    Dbnd(DbndState),
    Dec(DecState),
    Sync(SyncRun),
    Ts(Ts),
}

/// The filters of one subscription; base shares the state of `dbnd` and `dec` among all of a channel.
#[derive(Debug)]
pub(crate) struct MonitorFilter {
    steps: Vec<Step>,
}

impl MonitorFilter {
    /// What becomes of one update: what is sent, and for which kinds of change, or `None`.
    ///
    /// `mask` holds the kinds of change that the subscription asked for and that occurred: others must not be
    /// counted. The first update always passes, with its whole mask.
    pub(crate) fn pass(
        &mut self,
        mut update: Update,
        mut mask: EventMask,
        now: Stamp,
    ) -> Option<(Update, EventMask)> {
        for step in &mut self.steps {
            match step {
                Step::Arr(arr) => update.value = arr.apply(update.value),
                Step::Dbnd(dbnd) => mask = dbnd.pass(&update.value, mask)?,
                Step::Dec(dec) => {
                    if !dec.pass(mask) {
                        return None;
                    }
                }
                Step::Sync(sync) => update = sync.pass(update, mask)?,
                Step::Ts(ts) => update = ts.apply(update, now),
            }
        }
        Some((update, mask))
    }
}

/// A slice, filters, both or nothing.
fn parse(text: &str, states: &States) -> Result<Vec<Filter>, FilterError> {
    if text.len() > LONGEST {
        return Err(FilterError::TooLong { length: text.len(), most: LONGEST });
    }
    let (slice, rest) = match text.strip_prefix('[') {
        Some(slice) => {
            let no_slice = || FilterError::Slice(text.to_owned());
            let (slice, rest) = slice.split_once(']').ok_or_else(no_slice)?;
            (Some(Arr::shorthand(slice).ok_or_else(no_slice)?), rest)
        }
        None => (None, text),
    };
    let written = match rest.as_bytes() {
        [] => Vec::new(),
        [b'{', ..] => settings::parse(rest)?,
        _ => return Err(FilterError::LeftOver(rest.to_owned())),
    };
    slice
        .map(Filter::Arr)
        .map(Ok)
        .into_iter()
        .chain(written.into_iter().map(|written| filter(written, states)))
        .collect()
}

/// The filter of this name with its settings.
fn filter(written: Written, states: &States) -> Result<Filter, FilterError> {
    let not_served = |filter, reason| Err(FilterError::NotServed { filter, reason });
    match written.name.as_str() {
        "arr" => Ok(Filter::Arr(Arr::new(&written.settings("arr", Arr::SETTINGS)?)?)),
        "dbnd" => Ok(Filter::Dbnd(Dbnd::new(&written.settings("dbnd", Dbnd::SETTINGS)?)?)),
        "dec" => Ok(Filter::Dec(Dec::new(&written.settings("dec", Dec::SETTINGS)?)?)),
        "ts" => Ok(Filter::Ts(Ts::new(&written.settings("ts", Ts::SETTINGS)?)?)),
        "sync" => {
            let settings = written.settings("sync", SyncRule::SETTINGS)?;
            Ok(Filter::Sync(SyncRule::new(&settings, |name| states.find(name))?))
        }
        "utag" => not_served("utag", "updates have no user tag"),
        _ => Err(FilterError::Unknown(written.name)),
    }
}

#[cfg(test)]
mod tests;
