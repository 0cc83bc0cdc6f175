//! Why the filters of a channel name are refused.

/// A mistake in the filters of a channel name; the channel does not open.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum FilterError {
    /// More text than any sensible chain has.
    #[error("filters of {length} bytes: at most {most} are read")]
    TooLong {
        /// Bytes given.
        length: usize,
        /// Bytes read.
        most: usize,
    },
    /// Not a JSON5 object of objects.
    #[error("filters are a json5 object of objects: {0}")]
    Json(String),
    /// A slice that is none.
    #[error("{0:?} is no slice: [i], [s:e] or [s:i:e], with whole numbers of 32 bits")]
    Slice(String),
    /// More text behind the slice and the filters.
    #[error("{0:?} is left over: behind the field come $, [slice] and {{filters}}, once and in this order")]
    LeftOver(String),
    /// No such filter.
    #[error("no filter is called {0:?}: only arr, dbnd, dec, sync and ts")]
    Unknown(String),
    /// A filter of EPICS base that has nothing to work on here.
    #[error("filter {filter:?} is not served: {reason}")]
    NotServed {
        /// Its name.
        filter: &'static str,
        /// What it would need.
        reason: &'static str,
    },
    /// `sync` with `m` or `s` beside a mode with its state, or two such.
    #[error("sync says its mode twice: either m and s, or one of before, first, last, after, while, unless")]
    TwoModes,
    /// A state that the group of the PV does not have.
    #[error("the group of this PV has no state {0:?}")]
    NoState(String),
    /// The same filter twice in one object.
    #[error("filter {0:?} is written twice: one key stands once in an object")]
    FilterTwice(String),
    /// The same setting twice.
    #[error("setting {name:?} of {filter} is written twice: one key stands once in an object")]
    SettingTwice {
        /// The filter.
        filter: &'static str,
        /// The setting.
        name: String,
    },
    /// No such setting.
    #[error("{filter} has no setting {name:?}: only {known:?}")]
    UnknownSetting {
        /// The filter.
        filter: &'static str,
        /// What was written.
        name: String,
        /// What could have been.
        known: &'static [&'static str],
    },
    /// A setting with a value that it cannot have.
    #[error("setting {name:?} of {filter} is {given}: it must be {wanted}")]
    Setting {
        /// The filter.
        filter: &'static str,
        /// The setting.
        name: &'static str,
        /// Its value.
        given: String,
        /// The rule.
        wanted: String,
    },
    /// A setting that must be given is not.
    #[error("{filter} needs its setting {name:?}")]
    Missing {
        /// The filter.
        filter: &'static str,
        /// The setting.
        name: &'static str,
    },
    /// Settings that exclude each other.
    #[error("the settings of dbnd exclude each other: abs, or rel, or d with m")]
    TwoBands,
}
