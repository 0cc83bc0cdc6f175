//! Draws live charts and serves them as images.
//!
//! The data is its own counter, a list, or any PVs watched over the network; commands set what is drawn and how. A frame
//! is drawn only while somebody monitors or reads it.

mod axis;
mod canvas;
mod device;
mod encode;
mod painter;
mod plot;
mod pvs;
mod series;
mod settings;
mod signal;
mod text;

pub use device::{Capacity, Chart};

/// Prefix of its PVs, unless another is given.
pub const PREFIX: &str = "chart:";
