//! Groups in a group, each with its own prefix and arguments.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use wrapper::{Launcher, Pv, PvGroup, Scan};

#[derive(PvGroup)]
struct Dice {
    #[arg]
    max_value: i32,
    /// A random value
    #[pv(name = "random", value = 1, scan(Scan::every(Duration::from_secs(2)), Self::roll))]
    value: Pv<i32>,
}

impl Dice {
    fn roll(&self, pv: &Pv<i32>) {
        println!("{} gets a random value in 1..={}", pv.name(), self.max_value);
        pv.post(fastrand::i32(1..=self.max_value));
    }
}

#[derive(PvGroup)]
struct Groups {
    #[group(args(5))]
    group1: Arc<Dice>,
    #[group(prefix = "group2:", args(20))]
    group2: Arc<Dice>,
    #[group(prefix = "group3:", with = |group| Dice::build(group, 10))]
    group3: Arc<Dice>,
}

fn main() -> ExitCode {
    Launcher::new("Groups of groups of PVs").prefix("subgroups:").group(Groups::build).run()
}
