//! The template example: stores trajectories, moves, fails when told to, follows a sequencer.

mod device;
mod pvs;
mod trajectory;

pub use device::Example;

/// Prefix of its PVs, unless another is given.
pub const PREFIX: &str = "TEST:SERVER.";
