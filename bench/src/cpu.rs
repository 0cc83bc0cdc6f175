//! CPU time and memory of a server process, from `/proc`.

use std::fs;

use anyhow::{Context, Result};

/// Linux reports `utime` and `stime` in units of 1/100 s on every platform we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of CPU the living threads of a process have used.
///
/// The threads' `schedstat` counts nanoseconds; `/proc/PID/stat`, which counts 10 ms ticks, is used where the kernel has no
/// `schedstat`.
///
/// # Errors
/// When the process is gone.
pub fn seconds(pid: u32) -> Result<f64> {
    match schedstat(pid, 0) {
        Some(ns) if ns > 0.0 => Ok(ns / 1e9),
        _ => stat(pid),
    }
}

/// How often the living threads of a process have been put on a core; `None` where the kernel does not say.
pub fn wakeups(pid: u32) -> Option<f64> {
    schedstat(pid, 2)
}

/// The sum over the threads of a field of `schedstat`.
fn schedstat(pid: u32, field: usize) -> Option<f64> {
    let mut sum = 0.0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        // a thread may end between the listing and the reading
        let Ok(text) = fs::read_to_string(task.ok()?.path().join("schedstat")) else { continue };
        sum += text.split_whitespace().nth(field)?.parse::<f64>().ok()?;
    }
    Some(sum)
}

fn stat(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).context("the server process is gone")?;
    // the second field is the name in parentheses and may hold blanks
    let (_, rest) = text.rsplit_once(')').context("unreadable /proc/PID/stat")?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|f| f.parse::<f64>().ok()).context("unreadable /proc/PID/stat");
    Ok((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

/// Resident bytes of a process, exact where the kernel has `smaps_rollup`.
///
/// # Errors
/// When the process is gone.
pub fn resident(pid: u32) -> Result<f64> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}"));
    let text = read("smaps_rollup").or_else(|_| read("status")).context("the server process is gone")?;
    let line = text.lines().find_map(|l| l.strip_prefix("Rss:").or_else(|| l.strip_prefix("VmRSS:")));
    let kb = line.and_then(|l| l.trim().strip_suffix("kB")).and_then(|n| n.trim().parse::<f64>().ok());
    Ok(kb.context("no resident size in /proc")? * 1024.0)
}
