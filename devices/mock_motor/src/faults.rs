//! What can be wrong with the motor, for tests of what stands behind it.

/// Distance by which a motor may lag behind its controller before this gives up, in mm.
pub(crate) const FOLLOWING_LIMIT: f64 = 0.5;

/// Faults that were asked for and are not repaired.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Faults {
    /// It does not turn.
    pub(crate) stalled: bool,
    /// The next motion ends so far short of its target, in mm.
    pub(crate) lost: f64,
    /// The high limit switch is stuck.
    pub(crate) high: bool,
    /// The low limit switch is stuck.
    pub(crate) low: bool,
    /// How far it lags behind at full speed, in mm.
    pub(crate) lag: f64,
}

/// Why the controller gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trip {
    Stall,
    Following,
}
