//! Three PVs that clients read and write: `cargo run --example simple`.

use std::process::ExitCode;

use wrapper::{Launcher, Pv, PvGroup};

#[derive(PvGroup)]
struct Simple {
    /// An integer
    #[pv(name = "A", value = 1)]
    a: Pv<i32>,
    /// A float
    #[pv(name = "B", value = 2.0)]
    b: Pv<f64>,
    /// An array of integers (at most 3)
    #[pv(name = "C", value = [1, 2, 3])]
    c: Pv<Vec<i32>>,
}

fn main() -> ExitCode {
    Launcher::new("Three PVs that clients read and write").prefix("simple:").group(Simple::build).run()
}
