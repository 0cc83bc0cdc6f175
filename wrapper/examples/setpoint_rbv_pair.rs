//! Setpoints and their readbacks, `NAME` and `NAME_RBV`.

use std::process::ExitCode;

use wrapper::{Launcher, Pv, PvGroup, PvPair};

#[derive(PvGroup)]
struct Pairs {
    /// A pair with a put hook, which says what the readback is
    #[pair(value = 0, put = Self::set)]
    pair: PvPair<i32>,
    /// A pair without one: the readback follows at once
    #[pair(value = 0.0)]
    pair2: PvPair<f64>,
    /// A pair of choices
    #[pair(value = false, labels = ["No", "Yes"], setpoint(record = "bo"), readback(record = "bi"))]
    pair3: PvPair<bool>,
}

impl Pairs {
    fn set(&self, pv: &Pv<i32>, value: i32) {
        println!("{} is put to {value}", pv.name());
        self.pair.readback.post(value);
    }
}

fn main() -> ExitCode {
    Launcher::new("Setpoints and readbacks").prefix("setpoint_rbv:").group(Pairs::build).run()
}
