//! The type of a PV is that of its field; one here is read-only.

use std::process::ExitCode;

use wrapper::{Launcher, Pv, PvGroup};

#[derive(PvGroup)]
struct Simple {
    /// An integer
    #[pv(name = "A", value = 1)]
    a: Pv<i32>,
    /// A read-only floating point value
    #[pv(name = "B", value = 2.0, read_only)]
    b: Pv<f64>,
    /// An array of integers (at most 3)
    #[pv(name = "C", value = [1, 2, 3])]
    c: Pv<Vec<i32>>,
    /// A floating point value with ai fields
    #[pv(name = "D", value = 4.5, record = "ai", units = "mm", precision = 2, display_limits = 0.0..=10.0)]
    d: Pv<f64>,
}

fn main() -> ExitCode {
    Launcher::new("PVs of several types, one read-only").prefix("simple:").group(Simple::build).run()
}
