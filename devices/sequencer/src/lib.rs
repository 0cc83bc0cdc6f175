//! A sequencer: publishes one index after the other for all that follow it, by the clock or in lock step.

mod device;
mod followers;
mod pvs;

pub use device::{Sequencer, Settings};
pub use followers::FollowerSettings;

/// Prefix of its PVs, unless another is given.
pub const PREFIX: &str = "MOCK:";
