//! PVs without a struct: a function declares them, and one hook serves all types.

use std::fmt::Debug;
use std::process::ExitCode;

use wrapper::{GroupBuilder, GroupError, Launcher, Pv, PvType};

fn say<T: PvType + Debug>(pv: &Pv<T>, value: T) {
    println!("you put {value:?} to {}", pv.name());
}

fn build(group: &mut GroupBuilder) -> Result<(), GroupError> {
    let a = group.pv("a", 1).doc("An integer").record("bi").add()?;
    let b = group.pv("b", 2.0).doc("A float").record("ai").add()?;
    let c = group.pv("c", vec![1, 2, 3]).doc("An array of integers").record("waveform").add()?;
    group.on_put(&a, say)?;
    group.on_put(&b, say)?;
    group.on_put(&c, say)
}

fn main() -> ExitCode {
    Launcher::new("PVs without a struct").prefix("pvspec:").group(build).run()
}
