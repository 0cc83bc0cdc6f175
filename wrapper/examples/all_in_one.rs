//! Hooks that several PVs share, a name from the command line, a random number at each get.

use std::process::ExitCode;

use wrapper::{Launcher, Pv, PvGroup};

#[derive(PvGroup)]
struct AllInOne {
    #[pv(value = "b", max_length = 1, get = Self::always_a, put = Self::log)]
    single: Pv<String>,
    #[pv(value = 1, get = Self::read)]
    testa: Pv<i32>,
    #[pv(value = 2, get = Self::read)]
    testb: Pv<i32>,
    #[pv(value = 3, get = Self::read)]
    testc: Pv<i32>,
    #[pv(name = "{macro}", value = 0)]
    macroified: Pv<i32>,
    #[pv(value = "c", max_length = 1, put = Self::log)]
    newstyle: Pv<String>,
    #[pv(value = 0, get = Self::number)]
    random: Pv<i32>,
}

impl AllInOne {
    fn always_a(&self, _pv: &Pv<String>) -> Option<String> {
        Some("a".to_owned())
    }

    fn read(&self, pv: &Pv<i32>) {
        println!("{} is read", pv.name());
    }

    fn log(&self, pv: &Pv<String>, value: String) {
        println!("{value:?} is put to {}", pv.name());
    }

    fn number(&self, _pv: &Pv<i32>) -> Option<i32> {
        Some(fastrand::i32(1..=100))
    }
}

fn main() -> ExitCode {
    Launcher::new("Shared hooks, a macro, random numbers")
        .prefix("all_in_one:")
        .option("macro", Some("expanded"), "Name of one PV")
        .group(AllInOne::build)
        .run()
}
