//! A device that does what its commands say.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use wrapper::{
    Arg, ArgType, Command, CommandSpec, Config, DeviceError, DeviceIo, GroupBuilder, GroupError, Ioc, Policy,
    Pv, Reply, SystemDevice,
};

use crate::raw::{Raw, eventually};

/// What a test and the robot share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remote {
    /// Lets `wait` end.
    pub(crate) release: Arc<AtomicBool>,
    /// Startups so far.
    pub(crate) startups: Arc<AtomicU32>,
    /// Startups fail while this is set.
    pub(crate) broken: Arc<AtomicBool>,
}

pub(crate) struct Robot {
    specs: Vec<CommandSpec>,
    remote: Remote,
    target: Option<Pv<f64>>,
    count: Option<Pv<i32>>,
}

impl Robot {
    pub(crate) fn new(remote: Remote) -> Self {
        let specs = vec![
            CommandSpec::new("", "gives the list back").arg("values", ArgType::List, ""),
            CommandSpec::new("say", "says it").arg("what", ArgType::Text, ""),
            CommandSpec::new("fail", "fails"),
            CommandSpec::new("panic", "panics"),
            CommandSpec::new("wait", "waits until it is released, aborted or told to stop"),
            CommandSpec::new("many", "gives more values than fit"),
            CommandSpec::new("nap", "sleeps three times"),
            CommandSpec::new("hang", "never returns"),
            CommandSpec::new("go", "goes").arg("to", ArgType::Number, "").optional_arg(
                "speed",
                ArgType::Number,
                "",
                2.0,
            ),
            CommandSpec::new("stop", "stops"),
            CommandSpec::new("count", "posts from two threads").arg("to", ArgType::Integer, ""),
        ];
        Self { specs, remote, target: None, count: None }
    }

    fn wait(&self, io: &DeviceIo) -> Result<Reply, DeviceError> {
        io.message("waiting");
        while !self.remote.release.load(SeqCst) {
            match io.sleep(Duration::from_millis(2)) {
                Err(wrapper::Interrupted::Urgent) => {
                    let urgent = io.urgent().ok_or("an urgent command was announced")?;
                    urgent.finish(Ok(Reply::done()));
                    return Ok(Reply::message("stopped"));
                }
                result => result?,
            }
        }
        Ok(Reply::message("released"))
    }

    fn count(&self, to: i32) -> Result<Reply, DeviceError> {
        let pv = self.count.clone().ok_or("no PVs")?;
        std::thread::spawn(move || (1..=to).for_each(|i| pv.post(i)))
            .join()
            .map_err(|_| DeviceError::new("the helper panicked"))?;
        Ok(Reply::done())
    }
}

impl SystemDevice for Robot {
    fn commands(&self) -> &[CommandSpec] {
        &self.specs
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        let go = |x: f64| Command::new("go").arg("to", x);
        self.target = Some(group.pv("target", 0.0).command(&port, go).add()?);
        group.pv("slider", 0.0).command_with(&port, Policy::Replace, go).add()?;
        group.pv("wrong", 0.0).command(&port, |_| Command::new("dance")).add()?;
        group.pv("stop", 0.0).command_with(&port, Policy::Urgent, |_| Command::new("stop")).add()?;
        self.count = Some(group.pv("count", 0).read_only().add()?);
        group.pv("free", 0.0).add()?;
        Ok(())
    }

    fn startup(&mut self, _io: &DeviceIo) -> Result<(), DeviceError> {
        self.remote.startups.fetch_add(1, SeqCst);
        if self.remote.broken.load(SeqCst) { Err("nobody at home".into()) } else { Ok(()) }
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        match command.name() {
            "" => Ok(Reply::values(command.get("values").and_then(Arg::numbers).unwrap_or_default())),
            "say" => {
                let what = command.get("what").and_then(Arg::as_text).unwrap_or_default();
                io.message("about to speak");
                Ok(Reply::message(what))
            }
            "fail" => Err("told to fail".into()),
            "panic" => panic!("told to panic"),
            "wait" => self.wait(io),
            "hang" => {
                io.message("waiting");
                loop {
                    std::thread::park();
                }
            }
            "count" => self.count(command.number("to")? as i32),
            "go" => Ok(Reply::values(vec![command.number("to")?, command.number("speed")?])),
            "many" => Ok(Reply::values(vec![0.0; 10_001])),
            "nap" => {
                (0..3).try_for_each(|_| io.sleep(Duration::from_millis(120)))?;
                Ok(Reply::done())
            }
            "stop" => Ok(Reply::done()),
            other => Err(DeviceError::new(format!("no command {other:?}"))),
        }
    }
}

/// A running IOC with one robot.
pub(crate) struct Lab {
    pub(crate) ioc: Ioc,
    pub(crate) remote: Remote,
}

impl Lab {
    pub(crate) fn start() -> Self {
        Self::start_with(Remote::default())
    }

    pub(crate) fn start_with(remote: Remote) -> Self {
        let device = Box::new(Robot::new(remote.clone()));
        let builder = Ioc::builder().device("robot", "r:", device).expect("good PVs");
        let builder = builder.template_without_device("none:").expect("good PVs");
        let ioc = builder.start(Config::isolated()).expect("loopback");
        Self { ioc, remote }
    }

    pub(crate) fn address(&self) -> SocketAddrV4 {
        self.ioc.tcp_addresses()[0]
    }

    pub(crate) fn connect(&self) -> Raw {
        Raw::connect(self.address())
    }

    /// Starts `wait()` and returns its id once the device is in it.
    pub(crate) fn start_waiting(&self, raw: &mut Raw) -> u32 {
        let (cmd, message) = (raw.channel("r:seq.CMD"), raw.channel("r:seq.message"));
        let ioid = raw.start_put_text(cmd, "wait()");
        eventually("it waits", || (raw.get_text(message) == "waiting").then_some(()));
        ioid
    }
}
