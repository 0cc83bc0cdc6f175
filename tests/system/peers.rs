//! Real EPICS clients: their virtual environment, and how a script of theirs is run against a server.

use std::fs::{self, File};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::launch::{Lines, isolated, wait_exit};

/// Longest time for the environment to be made.
const INSTALL: Duration = Duration::from_secs(400);
/// With this value of `CA_INTEROP` absent peers are a failure.
const REQUIRE: &str = "require";

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/peers")
}

/// A virtual environment of peers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peers {
    /// Clients and servers.
    Clients,
    /// ophyd, ophyd-async, bluesky and happi, whose requirements change more often.
    Ophyd,
    /// PyDM, on Qt.
    Screens,
}

impl Peers {
    fn requirements(self) -> PathBuf {
        scripts().join(match self {
            Self::Clients => "requirements.txt",
            Self::Ophyd => "requirements-motor.txt",
            Self::Screens => "requirements-screens.txt",
        })
    }
}

/// The Python of the peers; `None`, after a word about it, when it cannot be had and need not be.
fn python(peers: Peers) -> Option<&'static Path> {
    static PYTHON: [OnceLock<Result<PathBuf, String>>; 3] = [const { OnceLock::new() }; 3];
    match PYTHON[peers as usize].get_or_init(|| environment(peers)) {
        Ok(python) => Some(python),
        Err(reason) => {
            let required = std::env::var("CA_INTEROP").is_ok_and(|value| value == REQUIRE);
            assert!(!required, "CA_INTEROP={REQUIRE}, but there are no peers: {reason}");
            eprintln!("skipped, there are no peers: {reason}");
            None
        }
    }
}

/// Makes `target/venv-<hash of the requirements>` unless it is there already.
fn environment(peers: Peers) -> Result<PathBuf, String> {
    let requirements = peers.requirements();
    let pins = fs::read(&requirements).map_err(|e| format!("{}: {e}", requirements.display()))?;
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("the target folder has no parent")?;
    let home = target.join(format!("venv-{:016x}", fnv1a(&pins)));
    let lock = File::create(home.with_extension("lock")).map_err(|e| format!("lock file: {e}"))?;
    lock.lock().map_err(|e| format!("lock: {e}"))?;
    let python = home.join("bin/python");
    // The mark is made last: an environment without it was interrupted.
    let made = home.join("made");
    if made.exists() {
        return Ok(python);
    }
    if home.exists() {
        fs::remove_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    }
    run(Path::new("python3"), &["-m", "venv", &home.to_string_lossy()])?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    run(&python, &[&pip[..], &[&requirements.to_string_lossy()]].concat())?;
    File::create(&made).map_err(|e| format!("{}: {e}", made.display()))?;
    Ok(python)
}

fn run(program: &Path, args: &[&str]) -> Result<(), String> {
    let said = |e| format!("{} {args:?}: {e}", program.display());
    let mut command = isolated(program);
    command.args(args).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| said(e.to_string()))?;
    let mut errors = Lines::of(child.stderr.take().ok_or("no pipe")?);
    let status = wait_exit(&mut child, INSTALL);
    if status.is_none() {
        // Fails only when it has ended just now.
        let _ = child.kill();
        let _ = child.wait();
    }
    errors.join();
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(said(format!("{status}\n{}", errors.text()))),
        None => Err(said(format!("not within {INSTALL:?}"))),
    }
}

/// A hash that stays the same with every toolchain.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A script that runs against a server; killed when dropped.
pub(crate) struct Script {
    name: String,
    child: Child,
    out: Lines,
    errors: Lines,
    until: Instant,
    /// Holds the repeater's port: libca and caproto would start one of their own that outlives them.
    _held: Option<UdpSocket>,
}

impl Script {
    /// Starts a script of `tests/peers` that searches on this port; `None` when there are no peers.
    pub(crate) fn start(name: &str, udp: u16, deadline: Duration) -> Option<Self> {
        Self::start_with(name, &[], udp, deadline)
    }

    /// The same, with arguments.
    pub(crate) fn start_with(name: &str, args: &[&str], udp: u16, deadline: Duration) -> Option<Self> {
        Self::start_in(Peers::Clients, name, args, udp, deadline)
    }

    /// The same, for one that moves the motor.
    pub(crate) fn start_motor(name: &str, udp: u16, deadline: Duration) -> Option<Self> {
        Self::start_in(Peers::Ophyd, name, &[], udp, deadline)
    }

    /// The same, in an environment of choice.
    pub(crate) fn start_in(
        peers: Peers,
        name: &str,
        args: &[&str],
        udp: u16,
        deadline: Duration,
    ) -> Option<Self> {
        let repeater = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port is free");
        let port = repeater.local_addr().expect("a bound socket").port();
        let mut script = Self::spawn(python(peers)?, name, args, [udp, port], deadline);
        script._held = Some(repeater);
        Some(script)
    }

    /// The same, where a repeater is on this port, or will be.
    pub(crate) fn start_beside(
        name: &str,
        args: &[&str],
        udp: u16,
        repeater_port: u16,
        deadline: Duration,
    ) -> Option<Self> {
        Some(Self::spawn(python(Peers::Clients)?, name, args, [udp, repeater_port], deadline))
    }

    fn spawn(
        python: &Path,
        name: &str,
        args: &[&str],
        [udp, repeater_port]: [u16; 2],
        deadline: Duration,
    ) -> Self {
        let mut child = isolated(python)
            .arg("-u")
            .arg(scripts().join(name))
            .args(args)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("EPICS_CA_ADDR_LIST", "127.0.0.1")
            .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
            .env("EPICS_CA_SERVER_PORT", udp.to_string())
            .env("EPICS_CA_REPEATER_PORT", repeater_port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the environment has a Python");
        let out = Lines::of(child.stdout.take().expect("a pipe was asked for"));
        let errors = Lines::of(child.stderr.take().expect("a pipe was asked for"));
        let until = Instant::now() + deadline;
        Self { name: name.to_owned(), child, out, errors, until, _held: None }
    }

    /// Waits until the script prints this line.
    pub(crate) fn wait_line(&self, wanted: &str) {
        while let Some(line) = self.out.next(self.until) {
            if line == wanted {
                return;
            }
        }
        panic!("{} did not print {wanted:?}", self.name);
    }

    /// The next line that the script prints.
    pub(crate) fn line(&self) -> String {
        self.out.next(self.until).unwrap_or_else(|| panic!("{} printed no line", self.name))
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, which must be a good one; all that it printed.
    pub(crate) fn finish(mut self) -> String {
        let status = wait_exit(&mut self.child, self.until.saturating_duration_since(Instant::now()));
        let Some(status) = status else { panic!("{} did not end in time", self.name) };
        self.out.join();
        assert!(status.success(), "{}: {status}", self.name);
        let text = self.out.text();
        print!("{text}");
        text
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.out.join();
        self.errors.join();
        if std::thread::panicking() {
            eprintln!("{} said:\n{}{}", self.name, self.out.text(), self.errors.text());
        }
    }
}
