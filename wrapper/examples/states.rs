//! A state to which clients tie their monitors: `camonitor 'state:value.{"sync":{"while":"my_stately_state"}}'`.

use std::process::ExitCode;
use std::time::Duration;

use wrapper::{Launcher, Pv, PvGroup, Scan, SyncState};

#[derive(PvGroup)]
struct States {
    #[group(with = |group| group.state("my_stately_state"))]
    state: SyncState,
    /// Counts from 0 to 9, ten times a second
    #[pv(value = 1, scan(Scan::every(Duration::from_millis(100)), Self::count))]
    value: Pv<i32>,
    /// Any put switches the state off
    #[pv(value = false, put = Self::disable)]
    disable_state: Pv<bool>,
    /// Any put switches the state on
    #[pv(value = false, put = Self::enable)]
    enable_state: Pv<bool>,
    /// The state
    #[pv(value = 0)]
    my_stately_state: Pv<i32>,
}

impl States {
    fn count(&self, value: &Pv<i32>) {
        value.post((value.get() + 1) % 10);
    }

    fn disable(&self, _pv: &Pv<bool>, _value: bool) {
        self.switch(false);
    }

    fn enable(&self, _pv: &Pv<bool>, _value: bool) {
        self.switch(true);
    }

    fn switch(&self, on: bool) {
        self.state.set(on);
        self.my_stately_state.post(on.into());
    }
}

fn main() -> ExitCode {
    Launcher::new("A state for the filter sync").prefix("state:").group(States::build).run()
}
