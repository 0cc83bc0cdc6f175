//! One core for the client and the servers of a row in which their placement would weigh more than their work.

use std::fs;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

/// This thread is on one core; undone when dropped.
pub struct Pinned(CpuSet);

impl Pinned {
    /// Puts this thread and every thread of these processes on one core.
    pub fn with(pids: impl Iterator<Item = u32>) -> Result<Self> {
        let before = sched_getaffinity(None).context("which cores there are")?;
        // interrupts go to the first one, mostly
        let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| before.is_set(*cpu)).context("no core")?;
        let mut one = CpuSet::new();
        one.set(last);
        for pid in pids {
            for thread in threads(pid)? {
                sched_setaffinity(Some(thread), &one).context("a server's thread to a core")?;
            }
        }
        sched_setaffinity(None, &one).context("the client to a core")?;
        Ok(Self(before))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // it had all of them before
        let _ = sched_setaffinity(None, &self.0);
    }
}

fn threads(pid: u32) -> Result<Vec<Pid>> {
    let folder = fs::read_dir(format!("/proc/{pid}/task")).context("the server process is gone")?;
    let number = |name: &str| name.parse().ok().and_then(Pid::from_raw);
    Ok(folder.flatten().filter_map(|task| number(task.file_name().to_str()?)).collect())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn cores(pid: Option<Pid>) -> u32 {
        sched_getaffinity(pid).expect("the cores").count()
    }

    #[test]
    fn this_thread_and_the_processes_are_on_one_core_until_the_end() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat");
        let before = cores(None);
        let pinned = Pinned::with([child.id()].into_iter()).expect("a core");
        assert_eq!([cores(None), cores(Some(Pid::from_child(&child)))], [1, 1]);
        drop(pinned);
        assert_eq!(cores(None), before);
        drop(child.stdin.take());
        child.wait().expect("cat ends with its input");
    }
}
