//! A value with a time stamp of the author's own.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wrapper::{Launcher, Post, Pv, PvGroup};

#[derive(PvGroup)]
struct Timestamp {
    /// Trigger to update `value`
    #[pv(value = 0, put = Self::update)]
    update: Pv<i32>,
    /// What was put to `update`, at 65535 ns of the second
    #[pv(value = 1, read_only)]
    value: Pv<i32>,
}

impl Timestamp {
    fn update(&self, _pv: &Pv<i32>, value: i32) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let taken = UNIX_EPOCH + Duration::new(now.as_secs(), 65_535);
        self.value.post_with(value, Post::new().at(taken));
    }
}

fn main() -> ExitCode {
    Launcher::new("Time stamps of the author's own").prefix("raw:timestamp:").group(Timestamp::build).run()
}
