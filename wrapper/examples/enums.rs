//! Records with labels: two of them given on the spot, two of Rust enums.

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
    #[pv(value = true, labels = ["Zero Value", "One Value"], record = "bo")]
    bo: Pv<bool>,
    #[pv(value = false, labels = ["a", "b"], record = "bi")]
    bi: Pv<bool>,
    #[pv(value = Count::One, record = "mbbi")]
    mbbi: Pv<Count>,
    #[pv(value = Switch::On, record = "mbbi")]
    enum_class: Pv<Switch>,
}

fn main() -> ExitCode {
    Launcher::new("PVs with labels").prefix("enum:").group(Enums::build).run()
}
