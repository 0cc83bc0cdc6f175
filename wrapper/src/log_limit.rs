//! Log lines that a client could cause without end.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lets so many lines a second through and counts the others.
pub(crate) struct LogLimit {
    per_second: u32,
    state: Mutex<State>,
}

struct State {
    second: Option<Instant>,
    lines: u32,
    left_out: u32,
}

impl LogLimit {
    pub(crate) const fn new(per_second: u32) -> Self {
        Self { per_second, state: Mutex::new(State { second: None, lines: 0, left_out: 0 }) }
    }

    /// Calls `line` if one more may be written; its argument tells how many were left out before.
    pub(crate) fn log(&self, line: impl FnOnce(&str)) {
        if let Some(left_out) = self.admit(Instant::now()) {
            let note =
                if left_out > 0 { format!(" ({left_out} more like this left out)") } else { String::new() };
            line(&note);
        }
    }

    fn admit(&self, now: Instant) -> Option<u32> {
        let mut state = self.state.lock();
        if state.second.is_none_or(|start| now.duration_since(start) >= Duration::from_secs(1)) {
            (state.second, state.lines) = (Some(now), 0);
        }
        if state.lines == self.per_second {
            state.left_out = state.left_out.saturating_add(1);
            return None;
        }
        state.lines += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_lines_a_second_pass_and_the_next_tells_of_the_others() {
        let limit = LogLimit::new(2);
        let start = Instant::now();
        let passed: Vec<_> = (0..5).map(|_| limit.admit(start)).collect();
        assert_eq!(passed, [Some(0), Some(0), None, None, None]);
        assert_eq!(limit.admit(start + Duration::from_secs(1)), Some(3));
    }
}
