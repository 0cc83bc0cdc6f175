//! Names with macros, which are flags of the command line: `--beamline XF31ID --suffix detector`.

use std::process::ExitCode;

use wrapper::{Launcher, Pv, PvGroup};

#[derive(PvGroup)]
struct Macros {
    #[pv(name = "{beamline}:{suffix}.VAL", value = 0)]
    value: Pv<i32>,
    #[pv(name = "{beamline}:{suffix}.RBV", value = 0)]
    readback: Pv<i32>,
}

fn main() -> ExitCode {
    Launcher::new("Names made of macros")
        .prefix("macros:")
        .option("beamline", Some("my_beamline"), "Name of the beamline")
        .option("suffix", Some("thing"), "Last part of the names")
        .group(Macros::build)
        .run()
}
