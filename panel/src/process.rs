//! What the system knows of this process; zeros where it does not say.

/// Ticks of the times in `/proc`, in a second: the same on every Linux.
const TICKS: f64 = 100.0;

/// CPU time, memory, threads.
#[derive(Debug, Default)]
pub(crate) struct Process {
    /// Seconds of all its threads.
    pub(crate) cpu: f64,
    /// Bytes in memory.
    pub(crate) memory: u64,
    pub(crate) threads: u64,
}

impl Process {
    pub(crate) fn now() -> Self {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let (stat, status) = (read("stat"), read("status"));
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        // Behind the name, which may hold anything, fields 14 and 15 of the line are the 12th and 13th.
        let times = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
        let ticks: u64 = times.filter_map(|time| time.parse::<u64>().ok()).sum();
        Self { cpu: ticks as f64 / TICKS, memory: field("VmRSS:") * 1024, threads: field("Threads:") }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_and_threads_and_takes_time() {
        let before = Process::now();
        assert!(before.memory > 1 << 20 && before.threads >= 1, "{before:?}");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while Process::now().cpu <= before.cpu {
            assert!(std::time::Instant::now() < deadline, "the time stands still");
        }
    }
}
