//! The table of the status PVs that are computed.

use std::time::SystemTime;

use super::live::Told;
use super::os;
use super::sources::{self, Sources};

/// Element type of a PV.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Long,
    /// With so many decimals; also for counts beyond 2^31.
    Double(u8),
    Text,
}

/// How often it is computed while somebody monitors it.
#[derive(Clone, Copy)]
pub(super) enum Pace {
    Second,
    /// Every UPD_TIME.
    Slow,
}

/// A PV.
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) units: &'static str,
    pub(super) pace: Pace,
    pub(super) doc: &'static str,
    pub(super) read: fn(&mut Sources) -> Option<Told>,
}

macro_rules! specs {
    ($($name:ident $kind:expr, $units:literal, $pace:ident, $doc:literal, $read:expr;)+) => {
        &[$(Spec {
            name: stringify!($name),
            kind: $kind,
            units: $units,
            pace: Pace::$pace,
            doc: $doc,
            read: $read,
        }),+]
    };
}

use Kind::{Double, Long, Text};

pub(super) const SPECS: &[Spec] = specs! {
    HEARTBEAT Long, "s", Second, "seconds since the start", |s| number(s.uptime().as_secs() as f64);
    TOD Text, "", Second, "time of the host", |_| text(sources::local(SystemTime::now()));
    STARTTOD Text, "", Slow, "time of the start", |s| text(s.started());
    UPTIME Text, "", Second, "time since the start", |s| text(sources::days(s.uptime()));
    PROCESS_ID Long, "", Slow, "number of the process", |_| number(f64::from(std::process::id()));
    PARENT_ID Long, "", Slow, "number of the process that started it", |_| os::parent().and_then(number);
    HOSTNAME Text, "", Slow, "name of the host", |_| text(ca::host_name());
    KERNEL_VERS Text, "", Slow, "the operating system", |_| os::kernel().and_then(text);
    EPICS_VERSION Text, "", Slow, "this library", |_| text(version());
    ENGINEER Text, "", Slow, "the variable ENGINEER", |_| variable("ENGINEER");
    LOCATION Text, "", Slow, "the variable LOCATION", |_| variable("LOCATION");
    APP_DIR Text, "", Slow, "the folder in which it runs", |_| os::path(std::env::current_dir()).and_then(text);
    SOURCE_FILE Text, "", Slow, "the program", |_| os::path(std::env::current_exe()).and_then(text);
    CPU_CNT Long, "", Slow, "CPUs that the process may use", |_| cpus().and_then(number);
    SYS_CPU_LOAD Double(1), "%", Slow, "load of all CPUs by all processes", |s| s.system_load().and_then(number);
    IOC_CPU_LOAD Double(2), "%", Slow, "load by the IOC, 100 is one CPU", |s| s.ioc_load().and_then(number);
    MEM_USED Double(0), "kB", Slow, "memory of the IOC", |_| os::own("VmRSS").and_then(number);
    MEM_FREE Double(0), "kB", Slow, "memory that the host has left", |_| os::memory("MemAvailable").and_then(number);
    MEM_MAX Double(0), "kB", Slow, "memory of the host", |_| os::memory("MemTotal").and_then(number);
    FD_CNT Long, "", Slow, "open files and sockets", |_| os::files().and_then(number);
    FD_MAX Long, "", Slow, "the most of them", |_| os::most_files().and_then(number);
    FD_FREE Long, "", Slow, "how many more", |_| number((os::most_files()? - os::files()?).max(0.0));
    NumThreads Long, "", Slow, "threads of the process", |_| os::own("Threads").and_then(number);
    SUSP_TASK_CNT Long, "", Slow, "devices that are down, or late with a command",
        |s| s.devices(|port| f64::from(u8::from(sources::is_suspended(port)))).and_then(number);
    RECORD_CNT Long, "", Slow, "PVs served", |s| s.pvs().and_then(number);
    CA_CLNT_CNT Long, "", Slow, "clients: open circuits", |s| number(s.report()?.circuits.len() as f64);
    CA_CONN_CNT Long, "", Slow, "channels that they have open",
        |s| number(s.report()?.circuits.iter().map(|circuit| circuit.channels).sum::<u64>() as f64);
    CA_MON_CNT Long, "", Slow, "monitors that they have",
        |s| number(s.report()?.circuits.iter().map(|circuit| circuit.subscriptions).sum::<u64>() as f64);
    CA_REQUESTS Double(0), "", Slow, "requests so far", |s| number(s.report()?.requests as f64);
    CA_UPDATES Double(0), "", Slow, "updates sent so far", |s| number(s.report()?.updates as f64);
    CA_SQUASHED Double(0), "", Slow, "updates that a newer one replaced, since their client was slow",
        |s| number(s.report()?.squashed as f64);
    CA_REFUSED Double(0), "", Slow, "circuits refused because there were too many",
        |s| s.report().and_then(|report| number((report.refused + report.refused_per_peer) as f64));
    CA_OVER_LIMIT Double(0), "", Slow, "requests refused because they asked for too much",
        |s| s.report().and_then(|report| number((report.over_limit + report.given_up) as f64));
    UDP_CNT Double(0), "", Slow, "search datagrams so far", |s| number(s.report()?.datagrams as f64);
    UDP_DROPPED Double(0), "", Slow, "those dropped: too many, malformed, of ignored hosts",
        |s| s.report().and_then(|r| number((r.over_rate + r.malformed + r.ignored) as f64));
    CMD_QUEUED Long, "", Slow, "commands that wait for devices",
        |s| s.devices(|port| port.waiting() as f64).and_then(number);
    CMD_REFUSED Double(0), "", Slow, "commands refused because the queue of their device was full",
        |s| s.devices(|port| port.refused() as f64).and_then(number);
    POST_QUEUED Long, "", Slow, "posts of devices that wait to be published",
        |s| s.devices(|port| port.outlet().waiting() as f64).and_then(number);
    POST_FULL Double(0), "", Slow, "times that a device had to wait before it could post",
        |s| s.devices(|port| port.outlet().full() as f64).and_then(number);
};

fn number(number: f64) -> Option<Told> {
    Some(Told::Number(number))
}

fn text(text: String) -> Option<Told> {
    Some(Told::Text(text))
}

/// A variable of the environment, empty where it is not set.
fn variable(name: &str) -> Option<Told> {
    text(std::env::var(name).unwrap_or_default())
}

fn version() -> String {
    format!("wrapper {}, Channel Access 4.{}", env!("CARGO_PKG_VERSION"), ca::proto::MINOR_VERSION)
}

fn cpus() -> Option<f64> {
    std::thread::available_parallelism().ok().map(|count| count.get() as f64)
}
