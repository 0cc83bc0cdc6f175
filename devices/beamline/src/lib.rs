//! A middle man: a client of a motor that any IOC serves, which offers what an operator wants of it: insert, retract, jog.

mod device;
mod pvs;

pub use device::{Beamline, Settings};

/// Prefix of its PVs, unless another is given.
pub const PREFIX: &str = "BEAMLINE:SERVER.";
