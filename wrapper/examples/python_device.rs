//! A device that is a Python class. It runs as a child process that talks in lines of JSON, so that what was written for
//! sequence-server-wrapper is served as it is; when the process ends, its PVs go into alarm and it is started again.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tracing::{error, info, warn};
use wrapper::{
    Command, CommandInbox, DeviceError, DeviceIo, GroupBuilder, GroupError, Launcher, Next, Pv, Reply,
    SystemDevice,
};

/// How often the process is looked after.
const LOOK: Duration = Duration::from_millis(100);
/// How long `init()` may take.
const INIT: Duration = Duration::from_secs(30);
const ADAPTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/python_device.py");
const STAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/stage.py");

/// A line that the process writes.
#[derive(serde::Deserialize)]
struct Line {
    #[serde(default)]
    put: HashMap<String, Value>,
    #[serde(default)]
    done: bool,
    error: Option<String>,
}

/// What the process publishes, and where.
#[derive(Clone)]
struct Outlet {
    io: DeviceIo,
    pvs: Arc<HashMap<String, Pv<f64>>>,
    /// What the class has last put into ACK: the class decides whether a command has succeeded.
    ack: Arc<Mutex<Option<String>>>,
}

impl Outlet {
    fn put(&self, name: &str, value: &Value) {
        let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
        match (name, self.pvs.get(name)) {
            (_, Some(pv)) => pv.post(number(value)),
            ("values", _) => {
                self.io.values(value.as_array().map_or_else(Vec::new, |v| v.iter().map(number).collect()))
            }
            ("message", _) => self.io.message(text()),
            ("ACK", _) => *self.ack.lock().unwrap_or_else(PoisonError::into_inner) = Some(text()),
            _ => warn!("the class puts {name:?}, which is no PV of it"),
        }
    }

    /// The outcome of a command by the ACK that the class has put: `0` and a reason is a failure.
    fn outcome(&self) -> Result<Reply, DeviceError> {
        let ack = self.ack.lock().unwrap_or_else(PoisonError::into_inner).take();
        match ack.as_deref().and_then(|ack| ack.strip_prefix('0')).map(str::trim) {
            Some(reason) if !reason.is_empty() => Err(reason.into()),
            _ => Ok(Reply::done()),
        }
    }
}

/// The process; killed when dropped.
struct Python {
    child: Child,
    to: ChildStdin,
    answers: Receiver<Result<(), String>>,
}

impl Python {
    fn start(script: &str, class: &str, outlet: Outlet) -> Result<Self, DeviceError> {
        let mut child = std::process::Command::new("python3")
            .args([ADAPTER, script, class])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        info!("{script}: Python process {}", child.id());
        let (to, from) = (child.stdin.take().ok_or("no pipe")?, child.stdout.take().ok_or("no pipe")?);
        let (sender, answers) = channel();
        thread::spawn(move || {
            BufReader::new(from).lines().map_while(Result::ok).for_each(|line| read(&line, &outlet, &sender));
        });
        Ok(Self { child, to, answers })
    }

    fn call(&mut self, pv_name: &str, value: &Value, io: &DeviceIo) -> Result<(), DeviceError> {
        writeln!(self.to, "{}", json!({ "pv_name": pv_name, "value": value }))?;
        self.answer(None, io)
    }

    fn answer(&mut self, until: Option<Instant>, io: &DeviceIo) -> Result<(), DeviceError> {
        loop {
            match self.answers.recv_timeout(LOOK) {
                Ok(answer) => return answer.map_err(DeviceError::new),
                Err(RecvTimeoutError::Disconnected) => return Err("the Python process has ended".into()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(reason) = io.interrupted() {
                // Python cannot be told to end what it does.
                let _ = self.child.kill();
                return Err(reason.into());
            }
            if until.is_some_and(|until| Instant::now() > until) {
                return Err(format!("init() takes more than {INIT:?}").into());
            }
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(line: &str, outlet: &Outlet, answers: &Sender<Result<(), String>>) {
    let line: Line = match serde_json::from_str(line) {
        Ok(line) => line,
        Err(error) => return warn!("{line:?} is not one of the lines: {error}"),
    };
    line.put.iter().for_each(|(name, value)| outlet.put(name, value));
    if line.done || line.error.is_some() {
        // Nobody waits when the device was started again meanwhile.
        let _ = answers.send(line.error.map_or(Ok(()), Err));
    }
}

#[derive(Default)]
struct PythonDevice {
    script: String,
    class: String,
    pvs: Arc<HashMap<String, Pv<f64>>>,
    outlet: Option<Outlet>,
    python: Option<Python>,
}

impl PythonDevice {
    fn call(&mut self, command: &Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        let (python, outlet) =
            (self.python.as_mut().ok_or("no process")?, self.outlet.as_ref().ok_or("no PVs")?);
        match command.get("value").and_then(|value| value.as_f64()) {
            Some(number) if self.pvs.contains_key(command.name()) => {
                python.call(command.name(), &number.into(), io)?;
            }
            _ => python.call("CMD", &command.text().unwrap_or_default().into(), io)?,
        }
        outlet.outcome()
    }

    fn has_ended(&mut self) -> bool {
        let status = self.python.as_mut().and_then(|python| python.child.try_wait().ok().flatten());
        if let Some(status) = status {
            error!("{}: the Python process has ended: {status}", self.script);
        }
        status.is_some()
    }
}

impl SystemDevice for PythonDevice {
    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        let value = |name| group.macro_value(name).unwrap_or_default().to_owned();
        (self.script, self.class) = (value("script"), value("class"));
        let (puts, posts) = (value("puts"), value("posts"));
        let names = |list: &str| {
            list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut pvs = HashMap::new();
        for name in names(&puts) {
            let command = name.clone();
            let make = move |value: f64| Command::new(command.clone()).arg("value", value);
            pvs.insert(name.clone(), group.pv(&name, 0.0).command(&port, make).add()?);
        }
        for name in names(&posts) {
            pvs.insert(name.clone(), group.pv(&name, 0.0).read_only().add()?);
        }
        self.pvs = Arc::new(pvs);
        Ok(())
    }

    fn startup(&mut self, io: &DeviceIo) -> Result<(), DeviceError> {
        let outlet = Outlet { io: io.clone(), pvs: self.pvs.clone(), ack: Arc::default() };
        let mut python = Python::start(&self.script, &self.class, outlet.clone())?;
        python.answer(Some(Instant::now() + INIT), io)?;
        (self.python, self.outlet) = (Some(python), Some(outlet));
        Ok(())
    }

    fn execute(&mut self, _command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        Err("the commands are executed in run".into())
    }

    /// Its end is a failure: all PVs go to COMM/INVALID, and the supervisor starts the device again.
    fn run(&mut self, inbox: &CommandInbox, io: &DeviceIo) {
        while !self.has_ended() {
            match inbox.next(Some(Instant::now() + LOOK)) {
                Next::Stop => return,
                Next::Idle => {}
                Next::Command(command) => {
                    let result = self.call(&command, io);
                    command.finish(result);
                }
            }
        }
    }

    fn shutdown(&mut self, _io: &DeviceIo) {
        self.python = None;
    }
}

fn main() -> ExitCode {
    Launcher::new("A device written in Python")
        .prefix("py:")
        .option("script", Some(STAGE), "File with the class")
        .option("class", Some("Stage"), "Name of the class")
        .option("puts", Some("VAL"), "Numbers that clients may put, separated by commas")
        .option("posts", Some("RBV"), "Numbers that only the class puts")
        .device(|| Box::new(PythonDevice::default()))
        .run()
}
