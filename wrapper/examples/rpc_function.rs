//! A function as PVs: its arguments, `Process` that calls it, its result.

use std::process::ExitCode;
use std::sync::Arc;

use wrapper::{FixedString, Launcher, Pv, PvGroup};

#[derive(PvGroup)]
struct GetRandom {
    /// The lowest that may come
    #[pv(value = 100)]
    low: Pv<i32>,
    /// The highest that may come
    #[pv(value = 1000)]
    high: Pv<i32>,
    /// Success, or why there is no result
    #[pv(name = "Status", value = FixedString::cut("Init"), read_only)]
    status: Pv<FixedString>,
    /// The result
    #[pv(name = "Retval", value = 0, read_only)]
    result: Pv<i32>,
    /// A put calls the function
    #[pv(name = "Process", value = 0, put = Self::call)]
    process: Pv<i32>,
}

impl GetRandom {
    fn call(&self, _pv: &Pv<i32>, _value: i32) -> Result<(), String> {
        let (low, high) = (self.low.get(), self.high.get());
        if low > high {
            let reason = format!("low {low} is above high {high}");
            self.status.post(FixedString::cut(&reason));
            return Err(reason);
        }
        self.result.post(fastrand::i32(low..=high));
        self.status.post(FixedString::cut("Success"));
        Ok(())
    }
}

#[derive(PvGroup)]
struct Rpc {
    /// A number from 1 to 100
    #[pv(value = 0, get = Self::random)]
    fixed_random: Pv<i32>,
    #[group]
    get_random: Arc<GetRandom>,
}

impl Rpc {
    fn random(&self, _pv: &Pv<i32>) -> Option<i32> {
        Some(fastrand::i32(1..=100))
    }
}

fn main() -> ExitCode {
    Launcher::new("A function as PVs").prefix("rpc:").group(Rpc::build).run()
}
