//! Child processes: our server and the peers, each on loopback with ports of its own, ended when dropped.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::ca::Circuit;
use crate::cpu;

/// A Python peer imports numpy and loads a database first.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// Lines of a child's output kept for a failure message.
const LOG_LINES: usize = 30;

type Shared<T> = Arc<Mutex<T>>;

static CHILDREN: Mutex<Vec<Weak<Mutex<Child>>>> = Mutex::new(Vec::new());

/// Which Python runs the peers, and where their scripts are.
#[derive(Clone, Debug, clap::Args)]
pub struct Python {
    /// Python interpreter of an environment with softioc and caproto
    #[arg(long, value_name = "PATH")]
    pub python: PathBuf,
    /// Folder of the peer scripts
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/peers"))]
    pub peers: PathBuf,
}

impl Python {
    /// Starts one peer script and waits until it serves.
    ///
    /// # Errors
    /// When it does not become ready; the message holds its last lines.
    pub fn start(&self, name: &'static str, script: &str) -> Result<Server> {
        self.start_with(name, script, &[])
    }

    /// The same, with arguments for the script.
    ///
    /// # Errors
    /// Those of [`Python::start`].
    pub fn start_with(&self, name: &'static str, script: &str, args: &[String]) -> Result<Server> {
        let mut command = Command::new(&self.python);
        command.arg("-u").arg("-B").arg(self.peers.join(script)).args(args);
        Server::spawn(name, command, free_port()?)
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// What the tables call it.
    pub name: &'static str,
    pid: u32,
    addr: SocketAddr,
    child: Shared<Child>,
    log: Shared<VecDeque<String>>,
    /// UDP port of its searches.
    udp: u16,
    lines: Receiver<String>,
    /// Peers end when this closes, also if this program is killed.
    stdin: Option<ChildStdin>,
    /// Held, so that nobody starts a repeater on it; beacons end here.
    _repeater: UdpSocket,
}

impl Server {
    /// Starts `seqioc run` with the clock and the example device and waits until it serves.
    ///
    /// # Errors
    /// When it does not become ready; the message holds its last lines.
    pub fn ours(path: &Path) -> Result<Self> {
        let mut command = Command::new(path);
        command.args(["run", "clock", "example", "--ready", "json", "--panel", "off"]);
        Self::spawn("ours", command, 0)
    }

    fn spawn(name: &'static str, mut command: Command, port: u16) -> Result<Self> {
        let repeater = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        isolate(&mut command, port, repeater.local_addr()?.port())?;
        let (mut server, ready) = Self::launch(name, command, repeater)?;
        let port_of = |key: &str| ready[key].as_u64().and_then(|p| u16::try_from(p).ok());
        server.addr.set_port(port_of("tcp").with_context(|| format!("no tcp port in {ready}"))?);
        server.udp = port_of("udp").unwrap_or(port);
        Ok(server)
    }

    /// Starts a client of this server that prints a ready line; it has the repeater of that port, or is it.
    ///
    /// # Errors
    /// When it does not become ready; the message holds its last lines.
    pub fn client(&self, name: &'static str, mut command: Command, repeater: Option<u16>) -> Result<Self> {
        let held = self._repeater.try_clone()?;
        let repeater = match repeater {
            Some(port) => port,
            None => held.local_addr()?.port(),
        };
        isolate(&mut command, self.udp, repeater)?;
        Ok(Self::launch(name, command, held)?.0)
    }

    fn launch(name: &'static str, mut command: Command, repeater: UdpSocket) -> Result<(Self, Value)> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("starting {:?}", command.get_program()))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let pid = child.id();
        let child = Arc::new(Mutex::new(child));
        lock(&CHILDREN).push(Arc::downgrade(&child));

        let (lines, log) = (channel(), Shared::default());
        follow(stdout.context("no stdout")?, &log, Some(lines.0));
        follow(stderr.context("no stderr")?, &log, None);
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Self { name, pid, addr, child, log, udp: 0, lines: lines.1, stdin, _repeater: repeater };
        let ready = server.wait_line("ready")?;
        Ok((server, ready))
    }

    /// Starts any other program of ours that prints a ready line.
    ///
    /// # Errors
    /// When it does not become ready; the message holds its last lines.
    pub fn program(name: &'static str, path: &Path, args: &[String]) -> Result<Self> {
        let mut command = Command::new(path);
        command.args(args);
        Self::spawn(name, command, 0)
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    /// When it does not read any more.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().context("no stdin")?;
        writeln!(stdin, "{line}").and_then(|()| stdin.flush()).map_err(|e| self.explain(e.into()))
    }

    /// Where it answers searches.
    pub fn udp_addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.udp))
    }

    /// How often its threads have been put on a core.
    pub fn wakeups(&self) -> f64 {
        cpu::wakeups(self.pid).unwrap_or(f64::NAN)
    }

    /// Resident memory in bytes.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn rss(&self) -> Result<f64> {
        cpu::resident(self.pid).map_err(|e| self.explain(e))
    }

    /// A new circuit to this server.
    ///
    /// # Errors
    /// When it does not accept.
    pub fn circuit(&self) -> Result<Circuit> {
        Circuit::connect(self.addr).map_err(|e| self.explain(e))
    }

    /// A new circuit with a fixed receive buffer.
    ///
    /// # Errors
    /// When it does not accept.
    pub fn circuit_with_buffer(&self, bytes: usize) -> Result<Circuit> {
        Circuit::connect_with_buffer(self.addr, bytes).map_err(|e| self.explain(e))
    }

    /// CPU seconds used so far.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn cpu_seconds(&self) -> Result<f64> {
        cpu::seconds(self.pid).map_err(|e| self.explain(e))
    }

    /// Adds the server's name and its last lines to an error.
    pub fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let mut text = format!("{}: {error:#}", self.name);
        let log = lock(&self.log);
        if !log.is_empty() {
            text.push_str("\n  its last lines:");
            log.iter().for_each(|line| text.extend(["\n  | ", line]));
        }
        anyhow::Error::msg(text)
    }

    /// The next line of its output that is JSON with this key.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn wait_line(&self, key: &str) -> Result<Value> {
        let until = Instant::now() + READY_TIMEOUT;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                // let the standard error arrive before it is quoted
                thread::sleep(Duration::from_millis(100));
                return Err(self.explain(anyhow::anyhow!("ended or said no {key} line in {READY_TIMEOUT:?}")));
            };
            match serde_json::from_str::<Value>(&line) {
                Ok(value) if value.get(key).is_some() => return Ok(value),
                _ => {}
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&self.child);
    }
}

/// Ends every server still running; for the signal handler and the watchdog.
pub fn end_all() {
    for child in lock(&CHILDREN).drain(..).filter_map(|c| c.upgrade()) {
        end(&child);
    }
}

fn end(child: &Mutex<Child>) {
    let mut child = lock(child);
    // an error means that it has ended already
    let _ = child.kill();
    let _ = child.wait();
}

/// Loopback only, no inherited EPICS settings, no search or beacon that leaves this run.
fn isolate(command: &mut Command, port: u16, repeater: u16) -> Result<()> {
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("EPICS_") {
            command.env_remove(key);
        }
    }
    let client_port = if port == 0 { free_port()? } else { port };
    command
        // base under root would take real-time priorities and lock all its memory, which no other server here does
        .env("EPICS_ALLOW_POSIX_THREAD_PRIORITY_SCHEDULING", "NO")
        .env("EPICS_CA_ADDR_LIST", "127.0.0.1")
        .env("EPICS_CA_AUTO_ADDR_LIST", "NO")
        .env("EPICS_CA_SERVER_PORT", client_port.to_string())
        .env("EPICS_CA_REPEATER_PORT", repeater.to_string())
        .env("EPICS_CAS_SERVER_PORT", port.to_string())
        .env("EPICS_CAS_BEACON_PORT", repeater.to_string())
        .env("EPICS_CAS_INTF_ADDR_LIST", "127.0.0.1")
        .env("EPICS_CAS_BEACON_ADDR_LIST", "127.0.0.1")
        .env("EPICS_CAS_AUTO_BEACON_ADDR_LIST", "NO");
    Ok(())
}

/// A port free for both TCP and UDP a moment ago, over 5000 as EPICS base demands.
pub fn free_port() -> Result<u16> {
    for _ in 0..50 {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = tcp.local_addr()?.port();
        if port > 5000 && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port found")
}

/// Reads a child's output to its end, so that the child never blocks on it.
fn follow(from: impl Read + Send + 'static, log: &Shared<VecDeque<String>>, lines: Option<Sender<String>>) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut log = lock(&log);
            if log.len() == LOG_LINES {
                log.pop_front();
            }
            log.push_back(line.clone());
            if let Some(lines) = &lines {
                // nobody listens once the ready line was seen
                let _ = lines.send(line);
            }
        }
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
