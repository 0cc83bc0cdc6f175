//! The status PVs, each compared with what the operating system says, and the restart by a client.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::autosave::Folder;
use crate::launch::{SOON, Server, run_to_end, seqioc, wait_for};
use crate::raw::{Circuit, DBR_DOUBLE, DBR_LONG, DBR_STRING, NORMAL};

/// Longest measurement of a load.
const LOAD: Duration = Duration::from_millis(1500);

fn table(args: &[&str]) -> String {
    let output = run_to_end(&[&["run"], args, &["--list-pvs=markdown"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The rows of the status PVs, with those of autosave.
fn status_rows() -> Vec<String> {
    let table = table(&["clock", "--status-prefix", "IOC:", "--autosave", "nowhere"]);
    table.lines().filter(|row| row.starts_with("| IOC:")).map(str::to_owned).collect()
}

#[test]
fn the_page_has_the_table_that_is_served() {
    let page = include_str!("../../docs/services.md");
    let rows = status_rows().join("\n");
    assert!(rows.len() > 1000 && page.contains(&rows), "docs/services.md must have\n{rows}");
}

#[test]
fn they_are_listed_when_they_are_asked_for_and_off_when_that_is_said() {
    let plain = table(&["clock"]);
    assert_eq!(plain, table(&["clock", "--status-prefix", "off"]), "by default they are served unlisted");
    let has = |args: &[&str]| {
        let server = Server::with(args, 0);
        server.circuit().try_create("wt:ioc.HEARTBEAT").is_some()
    };
    assert!(has(&["clock"]) && !has(&["clock", "--status-prefix", "off"]));
    assert!(!has(&["clock", "--status-prefix", "IOC:"]));
    let long = "x".repeat(44);
    let server = Server::with(&["clock", "--prefix", &long], 0);
    wait_for("the warning", SOON, || server.log().contains("no status PVs").then_some(()));
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .trim()
        .to_owned()
}

fn link(path: String) -> String {
    std::fs::read_link(path).expect("a link").display().to_string()
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect("it runs");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

fn field(path: impl AsRef<Path>, key: &str) -> f64 {
    let text = read(path);
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).expect("the key");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

/// What a client sees, each PV taken out once.
struct Seen {
    circuit: Circuit,
    left: Vec<String>,
    channels: usize,
}

impl Seen {
    fn channel(&mut self, name: &str) -> crate::raw::Channel {
        let at = self.left.iter().position(|left| left == name);
        if let Some(at) = at {
            self.left.remove(at);
        }
        self.channels += 1;
        self.circuit.create(&format!("IOC:{name}"))
    }

    fn number(&mut self, name: &str) -> f64 {
        let channel = self.channel(name);
        self.circuit.get(channel, DBR_DOUBLE, 1).double(0)
    }

    fn text(&mut self, name: &str) -> String {
        let channel = self.channel(name);
        self.circuit.get(channel, DBR_STRING, 1).text()
    }

    fn long_text(&mut self, name: &str) -> String {
        let channel = self.channel(name);
        let long = self.circuit.create(&format!("IOC:{name}.$"));
        self.channels += 1;
        assert!(channel.rights == 1, "{name} is read-only");
        self.circuit.get(long, crate::raw::DBR_CHAR, 0).text()
    }
}

#[track_caller]
fn near(what: &str, told: f64, real: f64, part: f64, more: f64) {
    assert!((told - real).abs() <= real.abs() * part + more, "{what}: {told} is told, {real} is real");
}

fn files(pid: u32) -> f64 {
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("Linux").count() as f64
}

/// CPU time in ticks of 10 ms.
fn own_ticks(pid: u32) -> f64 {
    let stat = read(format!("/proc/{pid}/stat"));
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number")).sum()
}

/// Busy and all ticks of the host.
fn system_ticks() -> (f64, f64) {
    let stat = read("/proc/stat");
    let line = stat.lines().next().expect("a line").to_owned();
    let times: Vec<f64> =
        line.split_whitespace().skip(1).take(8).map(|time| time.parse().expect("a number")).collect();
    let all: f64 = times.iter().sum();
    (all - times[3] - times[4], all)
}

/// Established circuits to a port, from the kernel's table.
fn circuits(port: u16) -> usize {
    let wanted = format!("0100007F:{port:04X}");
    let table = read("/proc/net/tcp");
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.len() > 3 && row[1] == wanted && row[3] == "01").count()
}

#[test]
fn each_is_what_the_operating_system_says() {
    let folder = Folder::new("status");
    let date = || run("date", &["+%Y-%m-%d %H:%M:%S"]);
    let (before, begin) = (date(), Instant::now());
    let mut command = seqioc(&[
        "run",
        "clock",
        "--status-prefix",
        "IOC:",
        "--autosave",
        folder.path(),
        "--ready",
        "json",
        "--interfaces",
        "127.0.0.1",
    ]);
    command
        .env("ENGINEER", "A. Einstein")
        .env("LOCATION", "hutch 3, a name that is longer than 39 characters");
    let mut server = Server::spawn(command);
    server.ready();
    let (pid, ready) = (server.id(), date());
    let left = status_rows()
        .into_iter()
        .map(|row| row.split('|').nth(1).unwrap_or_default().trim()["IOC:".len()..].to_owned());
    let mut seen = Seen { circuit: server.circuit(), left: left.collect(), channels: 0 };

    identity(&mut seen, &server);
    let (start, now) = (seen.text("STARTTOD"), seen.text("TOD"));
    assert!(before <= start && start <= ready && start <= now && now <= date(), "{before} {start} {now}");
    let (beat, uptime) = (seen.number("HEARTBEAT"), seen.text("UPTIME"));
    assert!(beat <= begin.elapsed().as_secs_f64(), "{beat} s");
    assert!(uptime.starts_with("00:") && uptime.len() == 8, "{uptime}");

    near("MEM_USED", seen.number("MEM_USED"), field(format!("/proc/{pid}/status"), "VmRSS"), 0.2, 2000.0);
    near("MEM_FREE", seen.number("MEM_FREE"), field("/proc/meminfo", "MemAvailable"), 0.3, 100_000.0);
    assert_eq!(seen.number("MEM_MAX"), field("/proc/meminfo", "MemTotal"));
    assert_eq!(seen.number("NumThreads"), field(format!("/proc/{pid}/status"), "Threads"));
    let limits = read(format!("/proc/{pid}/limits"));
    let most = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a limit");
    let most: f64 = most.split_whitespace().next().and_then(|most| most.parse().ok()).expect("a number");
    assert_eq!((seen.number("FD_CNT"), seen.number("FD_MAX")), (files(pid), most));
    assert_eq!(seen.number("FD_FREE"), most - files(pid));
    loads(&mut seen, pid);
    clients(&mut seen, &server);
    devices(&mut seen, pid);
    saves(&mut seen, &folder);
    assert_eq!(seen.left, Vec::<String>::new(), "not compared with anything");
}

fn identity(seen: &mut Seen, server: &Server) {
    let pid = server.id();
    assert_eq!(seen.number("PROCESS_ID"), f64::from(pid));
    assert_eq!(seen.number("PARENT_ID"), f64::from(std::process::id()));
    assert_eq!(seen.text("HOSTNAME"), run("uname", &["-n"]));
    assert_eq!(seen.long_text("KERNEL_VERS"), run("uname", &["-sr"]));
    assert_eq!(
        seen.text("EPICS_VERSION"),
        format!("wrapper {}, Channel Access 4.13", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(seen.text("ENGINEER"), "A. Einstein");
    assert_eq!(seen.long_text("LOCATION"), "hutch 3, a name that is longer than 39 characters");
    assert_eq!(seen.long_text("APP_DIR"), link(format!("/proc/{pid}/cwd")));
    assert_eq!(seen.long_text("SOURCE_FILE"), link(format!("/proc/{pid}/exe")));
    assert_eq!(seen.number("CPU_CNT").to_string(), run("nproc", &[]));
    assert_eq!((seen.text("ACCESS"), seen.text("SYSRESET")), ("Running".to_owned(), "Idle".to_owned()));
    assert_eq!((seen.number("START_CNT"), seen.number("UPD_TIME")), (1.0, 15.0));
    assert_eq!(seen.number("RECORD_CNT"), server.pvs as f64);
}

/// Keeps the server busy between two looks at its load.
fn loads(seen: &mut Seen, pid: u32) {
    let (ioc, system) = (seen.channel("IOC_CPU_LOAD"), seen.channel("SYS_CPU_LOAD"));
    let look =
        |seen: &mut Seen| [ioc, system].map(|channel| seen.circuit.get(channel, DBR_DOUBLE, 1).double(0));
    let period = seen.circuit.create("IOC:UPD_TIME");
    seen.channels += 1;
    // A look that follows soon sees the former measurement: the one from here on is ours.
    let pause = Instant::now() + Duration::from_millis(600);
    let busy = |seen: &mut Seen, until: Instant| {
        while Instant::now() < until {
            (0..200).for_each(|_| _ = seen.circuit.push_get(period, DBR_LONG, 1));
            seen.circuit.flush();
            (0..200).for_each(|_| _ = seen.circuit.next());
        }
    };
    busy(seen, pause);
    look(seen);
    let (start, own, host) = (Instant::now(), own_ticks(pid), system_ticks());
    busy(seen, start + LOAD);
    let real = (own_ticks(pid) - own) / start.elapsed().as_secs_f64();
    let now = system_ticks();
    let told = look(seen);
    near("IOC_CPU_LOAD", told[0], real, 0.25, 10.0);
    assert!(told[0] > 3.0, "{} % of a busy server", told[0]);
    near("SYS_CPU_LOAD", told[1], 100.0 * (now.0 - host.0) / (now.1 - host.1), 0.25, 15.0);
}

fn clients(seen: &mut Seen, server: &Server) {
    let mut other = server.circuit();
    let watched = other.create("IOC:UPD_TIME");
    other.push_monitor(watched, DBR_DOUBLE, 1);
    other.flush();
    other.next();
    let counts = ["CA_CLNT_CNT", "CA_CONN_CNT", "CA_MON_CNT"].map(|name| seen.channel(name));
    let own = seen.channels as i32;
    let told = |seen: &mut Seen| counts.map(|count| seen.circuit.get(count, DBR_LONG, 1).long());
    let both = [2, own + 1, 1];
    wait_for("both circuits", SOON, || (told(seen) == both && circuits(server.tcp) == 2).then_some(()));
    drop(other);
    let one = [1, own, 0];
    wait_for("one circuit", SOON, || (told(seen) == one && circuits(server.tcp) == 1).then_some(()));
    assert!(seen.number("CA_REQUESTS") > 100.0 && seen.number("CA_UPDATES") >= 1.0);
    for none in ["CA_SQUASHED", "CA_REFUSED", "CA_OVER_LIMIT"] {
        assert_eq!(seen.number(none), 0.0, "{none}");
    }
    let (datagrams, dropped) = (seen.channel("UDP_CNT"), seen.channel("UDP_DROPPED"));
    let counts = |seen: &mut Seen| [datagrams, dropped].map(|c| seen.circuit.get(c, DBR_DOUBLE, 1).double(0));
    let before = counts(seen);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.send_to(&[0xFF; 40], ("127.0.0.1", server.udp)).expect("sent");
    let wanted = [before[0] + 1.0, before[1] + 1.0];
    wait_for("the datagram", SOON, || (counts(seen) == wanted).then_some(()));
}

fn devices(seen: &mut Seen, pid: u32) {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("Linux");
    let names: Vec<_> = tasks.map(|task| read(task.expect("a task").path().join("comm"))).collect();
    assert!(names.iter().any(|name| name == "dev-clock"), "{names:?}");
    assert_eq!((seen.text("THREAD_clock"), seen.number("SUSP_TASK_CNT")), ("Waiting".to_owned(), 0.0));
    for none in ["CMD_QUEUED", "CMD_REFUSED", "POST_QUEUED", "POST_FULL"] {
        assert_eq!(seen.number(none), 0.0, "{none}");
    }
}

fn saves(seen: &mut Seen, folder: &Folder) {
    let now = seen.channel("SAVE_NOW");
    seen.circuit.push_put_notify(now, DBR_LONG, 1, &1_i32.to_be_bytes());
    seen.circuit.flush();
    assert_eq!(seen.circuit.completion().1, NORMAL);
    let file = Path::new(folder.path()).join("seqioc.json");
    let written = file.metadata().and_then(|data| data.modified()).expect("a file");
    let written = written.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let told = seen.number("SAVE_TIME");
    let present = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs_f64();
    assert!(told >= written - 1.0 && told <= present, "{told}, the file is of {written}");
    let channel = seen.channel("SAVE_FILE");
    assert_eq!(seen.circuit.get(channel, crate::raw::DBR_CHAR, 0).text(), file.display().to_string());
    let channel = seen.channel("SAVE_MESSAGE");
    assert_eq!(seen.circuit.get(channel, crate::raw::DBR_CHAR, 0).text(), "4 PVs saved");
    let counts =
        ["SAVE_COUNT", "SAVE_FAILURES", "SAVE_RESTORED", "SAVE_MISFITS"].map(|name| seen.number(name));
    assert!(counts[0] >= 1.0 && counts[1..] == [0.0; 3], "{counts:?}");
}

#[test]
fn a_client_that_may_starts_the_ioc_again() {
    let folder = Folder::new("restart");
    let args = ["clock", "--status-prefix", "IOC:", "--autosave", folder.path(), "--allow-restart"];
    let mut server = Server::with(&args, 0);
    let began = read(format!("/proc/{}/stat", server.id()));
    let mut told = BTreeMap::new();
    for starts in 1..=3 {
        let mut circuit = server.circuit();
        let [count, delay, reset] =
            ["IOC:START_CNT", "wt:delay", "IOC:SYSRESET"].map(|name| circuit.create(name));
        assert_eq!(circuit.get(count, DBR_LONG, 1).long(), starts);
        told.insert(starts, circuit.get(delay, DBR_DOUBLE, 1).double(0));
        circuit.put_double(delay, f64::from(starts));
        if starts < 3 {
            circuit.push_put_notify(reset, DBR_LONG, 1, &1_i32.to_be_bytes());
            circuit.flush();
            assert_eq!(circuit.completion().1, NORMAL);
            server.ready();
        }
    }
    assert_eq!(told.into_values().collect::<Vec<_>>(), [0.2, 1.0, 2.0], "saved before each restart");
    let start = |stat: &str| {
        stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(19).map(str::to_owned))
    };
    assert_eq!(start(&began), start(&read(format!("/proc/{}/stat", server.id()))), "it is the same process");
    let (status, _, log) = server.stop("TERM");
    assert!(status.success() && log.matches("starting again").count() == 2, "{log}");
}
