//! A simulated motor with the fields of an EPICS motor record: trapezoids with backlash and retries, limits and
//! switches, jogs, home searches, and faults to order.
//!
//! The record is the prefix without its dot: `BEAMLINE:motor.VAL` is a field, `BEAMLINE:motor` the record.

mod asked;
mod axis;
mod choice;
mod device;
mod faults;
mod fields;
mod profile;
#[cfg(test)]
mod profile_tests;
mod pvs;
mod record;

pub use device::{MockMotor, UPDATE_PERIOD};

/// Prefix of its PVs, unless another is given.
pub const PREFIX: &str = "BEAMLINE:motor.";
