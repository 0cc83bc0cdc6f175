//! Values that outlive the process: `--autosave DIR` saves those that ask for it, and restores them at the next start.

use std::process::ExitCode;
use std::sync::Arc;

use wrapper::{Launcher, Pv, PvGroup};

#[derive(PvGroup)]
struct Subgroup {
    #[pv(name = "A", value = 1, record = "ao", autosave)]
    a: Pv<i32>,
    #[pv(name = "B", value = 2.0)]
    b: Pv<f64>,
    #[pv(name = "C", value = [1, 2, 3], autosave)]
    c: Pv<Vec<i32>>,
}

#[derive(PvGroup)]
struct Autosaved {
    /// An integer that is saved
    #[pv(name = "A", value = 1, record = "ao", autosave)]
    a: Pv<i32>,
    /// A float that is not
    #[pv(name = "B", value = 2.0)]
    b: Pv<f64>,
    /// An array of integers that is saved
    #[pv(name = "C", value = [1, 2, 3], autosave)]
    c: Pv<Vec<i32>>,
    #[group]
    subgroup: Arc<Subgroup>,
}

fn main() -> ExitCode {
    Launcher::new("Values that are saved").prefix("autosaved_simple:").group(Autosaved::build).run()
}
