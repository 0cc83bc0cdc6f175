//! Time stamps: seconds since 1990-01-01 00:00:00 UTC and nanoseconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds from the POSIX epoch to the EPICS epoch.
pub const EPICS_EPOCH: u64 = 631_152_000;

/// A time stamp as DBR_TIME_* carries it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Seconds since the EPICS epoch, modulo 2^32.
    pub seconds: u32,
    /// Nanoseconds, below 10^9.
    pub nanos: u32,
}

impl Stamp {
    /// The stamp of a moment; moments before 1990 become the EPICS epoch.
    ///
    /// ```
    /// use ca_proto::dbr::Stamp;
    /// use std::time::{Duration, UNIX_EPOCH};
    /// let stamp = Stamp::from_system(UNIX_EPOCH + Duration::from_secs(631_152_007));
    /// assert_eq!(stamp.seconds, 7);
    /// ```
    pub fn from_system(time: SystemTime) -> Self {
        let unix = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        match unix.as_secs().checked_sub(EPICS_EPOCH) {
            Some(seconds) => Self { seconds: seconds as u32, nanos: unix.subsec_nanos() },
            None => Self::default(),
        }
    }

    /// The moment of the stamp.
    pub fn to_system(self) -> SystemTime {
        UNIX_EPOCH + Duration::new(EPICS_EPOCH + u64::from(self.seconds), self.nanos)
    }

    /// One nanosecond later: the next stamp of a PV whose clock stood still.
    pub const fn next(self) -> Self {
        if self.nanos >= 999_999_999 {
            Self { seconds: self.seconds.wrapping_add(1), nanos: 0 }
        } else {
            Self { seconds: self.seconds, nanos: self.nanos + 1 }
        }
    }
}
