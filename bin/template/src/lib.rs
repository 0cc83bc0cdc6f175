//! A device that heats a block.

mod device;
mod instrument;

pub use device::Device;
pub use instrument::{Instrument, InstrumentError};
