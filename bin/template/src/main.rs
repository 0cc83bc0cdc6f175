//! Serves the device.

use std::process::ExitCode;

use my_device::{Device, Instrument};

fn main() -> ExitCode {
    wrapper::launch("Heats a block", "my_device:", || {
        Box::new(Device::new(Instrument::new()))
    })
}
