//! Starts `seqioc` with ports of its own, and leaves no process behind.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::raw::Circuit;

/// Longest wait for anything that should take an instant: the machine may be busy.
pub(crate) const SOON: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(2);

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn wait_for<R>(what: &str, deadline: Duration, mut ask: impl FnMut() -> Option<R>) -> R {
    let until = Instant::now() + deadline;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "{what}: not within {deadline:?}");
        std::thread::sleep(POLL);
    }
}

/// A command whose EPICS settings are ours alone.
pub(crate) fn isolated(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("EPICS_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// `seqioc` with these arguments.
pub(crate) fn seqioc(args: &[&str]) -> Command {
    seqioc_of(env!("CARGO_BIN_EXE_seqioc"), args)
}

/// A program that becomes `seqioc`.
pub(crate) fn seqioc_of(program: &str, args: &[&str]) -> Command {
    let mut command = isolated(program);
    command
        .args(args)
        .env("EPICS_CAS_SERVER_PORT", "0")
        .env("EPICS_CAS_BEACON_ADDR_LIST", "127.0.0.1")
        .env("EPICS_CAS_AUTO_BEACON_ADDR_LIST", "NO");
    if args.first() == Some(&"run") {
        // What its devices follow is in the same process, unless a test says otherwise.
        command.env("EPICS_CA_AUTO_ADDR_LIST", "NO").env("EPICS_CA_REPEATER_PORT", free_port().to_string());
        if !args.contains(&"--panel") {
            command.args(["--panel", "off"]);
        }
    }
    command
}

/// Runs `seqioc` to its end.
pub(crate) fn run_to_end(args: &[&str]) -> Output {
    let mut command = seqioc(args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let readers = (read_all(child.stdout.take()), read_all(child.stderr.take()));
    let status = wait_exit(&mut child, SOON);
    if status.is_none() {
        child.kill().expect("it can be killed");
        child.wait().expect("it can be waited for");
    }
    let stdout = readers.0.join().expect("the reader ends");
    let stderr = readers.1.join().expect("the reader ends");
    let Some(status) = status else { panic!("seqioc {args:?} still runs after {SOON:?}") };
    Output { status, stdout, stderr }
}

fn read_all(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before an error is all there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// Waits until a child ends; `None` when it did not in time.
pub(crate) fn wait_exit(child: &mut Child, deadline: Duration) -> Option<ExitStatus> {
    let until = Instant::now() + deadline;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be asked") {
            return Some(status);
        }
        if Instant::now() >= until {
            return None;
        }
        std::thread::sleep(POLL);
    }
}

/// A port that nobody had a moment ago, over UDP and TCP.
pub(crate) fn free_port() -> u16 {
    wait_for("a free port", SOON, || {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let port = udp.local_addr().ok()?.port();
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|_| port)
    })
}

/// Output of a child, line by line as it comes.
pub(crate) struct Lines {
    all: Arc<Mutex<String>>,
    new: Mutex<Receiver<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Lines {
    pub(crate) fn of(pipe: impl Read + Send + 'static) -> Self {
        let all = Arc::new(Mutex::new(String::new()));
        let (sender, new) = channel();
        let kept = all.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let mut all = kept.lock().expect("no holder panics");
                all.push_str(&line);
                all.push('\n');
                let _nobody_listens = sender.send(line);
            }
        });
        Self { all, new: Mutex::new(new), reader: Some(reader) }
    }

    /// The next line, unless the output ended or the time is over.
    pub(crate) fn next(&self, until: Instant) -> Option<String> {
        let new = self.new.lock().expect("no holder panics");
        new.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
    }

    /// All of it so far.
    pub(crate) fn text(&self) -> String {
        self.all.lock().expect("no holder panics").clone()
    }

    /// Waits for the end of the output.
    pub(crate) fn join(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader ends");
        }
    }
}

/// A running `seqioc run`; killed when dropped.
pub(crate) struct Server {
    child: Child,
    log: Lines,
    out: Lines,
    pub(crate) udp: u16,
    pub(crate) tcp: u16,
    pub(crate) pvs: usize,
}

impl Server {
    /// All demo devices on free ports.
    pub(crate) fn start() -> Self {
        Self::with(&[], 0)
    }

    /// With more arguments, on a port of choice.
    pub(crate) fn with(args: &[&str], port: u16) -> Self {
        let all = [&["run"], args, &["--ready", "json", "--interfaces", "127.0.0.1"]].concat();
        let mut command = seqioc(&all);
        command.env("EPICS_CAS_SERVER_PORT", port.to_string());
        let mut server = Self::spawn(command);
        server.ready();
        server
    }

    /// Waits for the ready line and takes the ports from it.
    pub(crate) fn ready(&mut self) {
        // A program may print lines of its own before.
        let line = std::iter::repeat_with(|| self.line()).find(|line| line.starts_with('{'));
        let line = line.unwrap_or_default();
        let ready: serde_json::Value = serde_json::from_str(&line).expect("the ready line is JSON");
        assert_eq!(ready["ready"], true, "{line}");
        let number = |key: &str| ready[key].as_u64().unwrap_or_else(|| panic!("no {key} in {line}"));
        self.udp = u16::try_from(number("udp")).expect("a port");
        self.tcp = u16::try_from(number("tcp")).expect("a port");
        self.pvs = usize::try_from(number("pvs")).expect("a count");
    }

    /// Only starts it: its ports are not known.
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let log = Lines::of(child.stderr.take().expect("a pipe was asked for"));
        let out = Lines::of(child.stdout.take().expect("a pipe was asked for"));
        Self { child, log, out, udp: 0, tcp: 0, pvs: 0 }
    }

    /// The next line of its standard output.
    pub(crate) fn line(&self) -> String {
        self.out
            .next(Instant::now() + SOON)
            .unwrap_or_else(|| panic!("no line on standard output; log:\n{}", self.log.text()))
    }

    /// A raw circuit to it.
    pub(crate) fn circuit(&self) -> Circuit {
        Circuit::open(SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.tcp))
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(status.success(), "kill -s {name} {pid}: {status}");
    }

    /// Sends a signal; how the process ended and how long that took, and its log.
    pub(crate) fn stop(mut self, signal: &str) -> (ExitStatus, Duration, String) {
        let start = Instant::now();
        self.signal(signal);
        let Some(status) = wait_exit(&mut self.child, SOON) else {
            panic!("it runs on after {signal}; log:\n{}", self.log.text());
        };
        let time = start.elapsed();
        self.log.join();
        (status, time, self.log.text())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.log.join();
        self.out.join();
        if std::thread::panicking() {
            eprintln!("log of the server:\n{}", self.log.text());
        }
    }
}
