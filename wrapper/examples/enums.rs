//! PVs with labels: two of them given on the spot, two of Rust enums.

use std::process::ExitCode;

use wrapper::{Launcher, Pv, PvGroup, pv_enum};

pv_enum! {
    enum Count { Zero = "zero", One = "one", Two = "two", Three = "three", Four = "four" }
}

pv_enum! {
    enum Switch { Off = "off", On = "on", Unknown = "unknown" }
}

#[derive(PvGroup)]
struct Enums {
    #[pv(value = true, labels = ["Zero Value", "One Value"])]
    bo: Pv<bool>,
    #[pv(value = false, labels = ["a", "b"])]
    bi: Pv<bool>,
    #[pv(value = Count::One)]
    mbbi: Pv<Count>,
    #[pv(value = Switch::On)]
    enum_class: Pv<Switch>,
}

fn main() -> ExitCode {
    Launcher::new("PVs with labels").prefix("enum:").group(Enums::build).run()
}
