//! What the operating system says of this process and its host; nothing where it has no `/proc`.

use std::fs;
use std::path::Path;

/// The kernel counts CPU time in these, for all processes alike (USER_HZ).
pub(super) const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticks {
    pub(super) busy: u64,
    pub(super) all: u64,
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// CPU time of this process, user and system, in ticks.
pub(super) fn own_ticks() -> Option<u64> {
    own_ticks_of(&read("/proc/self/stat")?)
}

fn own_ticks_of(stat: &str) -> Option<u64> {
    // The name of the process may have blanks and parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

/// CPU time of all CPUs.
pub(super) fn system_ticks() -> Option<Ticks> {
    system_ticks_of(&read("/proc/stat")?)
}

fn system_ticks_of(stat: &str) -> Option<Ticks> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let times: Vec<u64> = line.split_whitespace().map_while(|time| time.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; what guests take is in user too.
    let all = times.iter().take(8).sum();
    let idle: u64 = times.iter().skip(3).take(2).sum();
    (times.len() >= 5).then(|| Ticks { busy: all - idle, all })
}

/// A line `KEY: NUMBER unit`.
fn number_of(text: &str, key: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A number that the kernel tells of this process.
pub(super) fn own(key: &str) -> Option<f64> {
    number_of(&read("/proc/self/status")?, key)
}

/// A number that the kernel tells of the memory of the host, in kB.
pub(super) fn memory(key: &str) -> Option<f64> {
    number_of(&read("/proc/meminfo")?, key)
}

/// Open files and sockets.
pub(super) fn files() -> Option<f64> {
    // The folder that is read is one of them.
    fs::read_dir("/proc/self/fd").ok().map(|open| open.count().saturating_sub(1) as f64)
}

/// The most of them.
pub(super) fn most_files() -> Option<f64> {
    most_files_of(&read("/proc/self/limits")?)
}

fn most_files_of(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Name and version of the kernel.
pub(super) fn kernel() -> Option<String> {
    let part = |name: &str| read(&format!("/proc/sys/kernel/{name}")).map(|text| text.trim().to_owned());
    Some(format!("{} {}", part("ostype")?, part("osrelease")?))
}

/// The process that started this one.
pub(super) fn parent() -> Option<f64> {
    own("PPid")
}

pub(super) fn path(path: std::io::Result<impl AsRef<Path>>) -> Option<String> {
    path.ok().map(|path| path.as_ref().display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 100 0 0";
        assert_eq!(own_ticks_of(stat), Some(300));
        assert_eq!(own_ticks_of("7 (a) S"), None);
    }

    #[test]
    fn guests_are_not_counted_twice_and_waiting_is_idle() {
        let stat = "cpu  100 10 40 800 50 1 2 3 99 9\ncpu0 1 2 3 4 5\n";
        assert_eq!(system_ticks_of(stat), Some(Ticks { busy: 156, all: 1006 }));
        assert_eq!(system_ticks_of("cpu  1 2\n"), None);
    }

    #[test]
    fn numbers_go_by_their_whole_key() {
        let text = "VmRSSx: 1 kB\nVmRSS:\t   5120 kB\n";
        assert_eq!(number_of(text, "VmRSS"), Some(5120.0));
        assert_eq!(number_of(text, "Vm"), None);
        assert_eq!(most_files_of("Limit\nMax open files            1024    4096   files\n"), Some(1024.0));
        assert_eq!(most_files_of("Max open files            unlimited  unlimited  files\n"), None);
    }
}
