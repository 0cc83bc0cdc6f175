//! A put hook that stores what it likes.

use std::process::ExitCode;

use wrapper::{Launcher, PutDecision, Pv, PvGroup};

#[derive(PvGroup)]
struct SkipWrite {
    /// An integer that may only become 85
    #[pv(value = 1, put = Self::set)]
    value: Pv<i32>,
}

impl SkipWrite {
    fn set(&self, pv: &Pv<i32>, value: i32) -> PutDecision<i32> {
        if value != 85 {
            println!("sorry, I like the magic number 85, not {value}");
            pv.post(85);
        }
        PutDecision::Skip
    }
}

fn main() -> ExitCode {
    Launcher::new("A PV that only becomes 85").prefix("skip:").group(SkipWrite::build).run()
}
