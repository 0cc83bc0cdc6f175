//! What the system knows of this process.

use super::os;

/// CPU time, memory and threads of this process; zeros where the system does not say.
///
/// ```
/// let now = wrapper::view::Process::now();
/// println!("{} s, {} bytes, {} threads", now.cpu, now.memory, now.threads);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Process {
    /// Seconds of all its threads.
    pub cpu: f64,
    /// Bytes in memory.
    pub memory: u64,
    /// Threads.
    pub threads: u64,
}

impl Process {
    /// What is known now.
    pub fn now() -> Self {
        let number = |key| os::own(key).unwrap_or_default() as u64;
        let ticks = os::own_ticks().unwrap_or_default();
        Self {
            cpu: ticks as f64 / os::TICKS_PER_SECOND,
            memory: number("VmRSS") * 1024,
            threads: number("Threads"),
        }
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
