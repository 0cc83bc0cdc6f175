//! A clock that takes its time: a put to `request` makes the device work for `delay` seconds, then it
//! publishes the Unix time in `response`.

mod device;
mod pvs;

pub use device::{Clock, Settings};

/// Prefix of its PVs, unless another is given.
pub const PREFIX: &str = "wt:";
