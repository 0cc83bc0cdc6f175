//! Time stamps as base prints them, in local time.

use ca_proto::dbr::{EPICS_EPOCH, Stamp};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Nanoseconds of a second.
const SECOND: u32 = 1_000_000_000;

/// `2026-11-20 13:02:11.865243`, or `<undefined>` for a stamp of zeros.
pub(crate) fn local(stamp: Stamp, zone: &TimeZone) -> String {
    if stamp == Stamp::default() {
        return "<undefined>".to_owned();
    }
    format!("{}.{}", date(stamp, zone, "%Y-%m-%d %H:%M:%S"), fraction(stamp.nanos))
}

/// `Fri Nov 20 2026 13:02:11.865242912`, as in an exception's report.
pub(crate) fn exact(stamp: Stamp, zone: &TimeZone) -> String {
    format!("{}.{:09}", date(stamp, zone, "%a %b %d %Y %H:%M:%S"), stamp.nanos)
}

fn date(stamp: Stamp, zone: &TimeZone, format: &str) -> String {
    let unix = EPICS_EPOCH as i64 + i64::from(stamp.seconds);
    let moment = Timestamp::from_second(unix).unwrap_or_default();
    moment.to_zoned(zone.clone()).strftime(format).to_string()
}

/// Six digits, rounded, but never up to the next second.
fn fraction(nanos: u32) -> String {
    if nanos >= SECOND {
        return "OVF".to_owned();
    }
    format!("{:06}", (nanos + 500).min(SECOND - 1) / 1000)
}

/// Seconds from one stamp to a later one.
pub(crate) fn seconds_between(earlier: Stamp, later: Stamp) -> f64 {
    let nanos = |stamp: Stamp| i64::from(stamp.seconds) * i64::from(SECOND) + i64::from(stamp.nanos);
    (nanos(later) - nanos(earlier)) as f64 * 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(seconds: u32, nanos: u32) -> Stamp {
        Stamp { seconds, nanos }
    }

    #[test]
    fn stamps_are_local_and_rounded() {
        let berlin = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(local(stamp(0, 0), &berlin), "<undefined>");
        assert_eq!(local(stamp(1, 1_499), &berlin), "1990-01-01 01:00:01.000001");
        assert_eq!(local(stamp(1, 1_500), &TimeZone::UTC), "1990-01-01 00:00:01.000002");
        assert_eq!(local(stamp(1, 999_999_999), &TimeZone::UTC), "1990-01-01 00:00:01.999999");
        assert_eq!(local(stamp(1, 4_000_000_000), &TimeZone::UTC), "1990-01-01 00:00:01.OVF");
        assert_eq!(exact(stamp(86_400, 5), &TimeZone::UTC), "Tue Jan 02 1990 00:00:00.000000005");
        assert_eq!(local(stamp(u32::MAX, 0), &TimeZone::UTC), "2126-02-07 06:28:15.000000");
    }

    #[test]
    fn differences_are_signed() {
        assert_eq!(seconds_between(stamp(5, 500_000_000), stamp(7, 0)), 1.5);
        assert_eq!(seconds_between(stamp(7, 0), stamp(5, 500_000_000)), -1.5);
    }
}
