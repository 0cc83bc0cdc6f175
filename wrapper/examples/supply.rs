//! A power supply that is asked in lines over TCP or a serial port: setpoints, readbacks, and what happens when it does not
//! answer. `simulated_supply` is one to talk to.

use std::fs::File;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use wrapper::{
    Alarm, AlarmGroup, ArgType, Command, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError,
    Launcher, Pv, Reply, SystemDevice,
};

/// How long the instrument may take for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(500);

/// Lines to and from an instrument.
struct Link {
    from: BufReader<Box<dyn Read + Send>>,
    to: Box<dyn Write + Send>,
}

impl Link {
    /// `host:port`, or the path of a serial port that `stty -F PATH 9600 raw -echo min 0 time 20` has set up.
    fn open(address: &str) -> Result<Self, Error> {
        if address.starts_with('/') {
            let port = File::options().read(true).write(true).open(address)?;
            return Ok(Self::of(port.try_clone()?, port));
        }
        let found = address.to_socket_addrs()?.next();
        let address = found.ok_or_else(|| Error::new(ErrorKind::NotFound, "the host has no address"))?;
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self::of(socket.try_clone()?, socket))
    }

    fn of(from: impl Read + Send + 'static, to: impl Write + Send + 'static) -> Self {
        Self { from: BufReader::new(Box::new(from)), to: Box::new(to) }
    }

    fn tell(&mut self, order: &str) -> Result<(), DeviceError> {
        Ok(self.to.write_all(format!("{order}\n").as_bytes())?)
    }

    fn ask(&mut self, question: &str) -> Result<String, DeviceError> {
        self.tell(question)?;
        let mut answer = String::new();
        match self.from.read_line(&mut answer) {
            Ok(_) if answer.ends_with('\n') => Ok(answer.trim_end().to_owned()),
            Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(error.into())
            }
            // A socket that is silent is an error, a serial port that is silent reads nothing.
            _ => Err(format!("no answer to {question:?}").into()),
        }
    }

    fn ask_number(&mut self, question: &str) -> Result<f64, DeviceError> {
        let answer = self.ask(question)?;
        answer.parse().map_err(|_| format!("{answer:?} is no number, {question:?} asks for one").into())
    }
}

/// What it publishes.
struct Pvs {
    voltage: Pv<f64>,
    output: Pv<bool>,
    measured_voltage: Pv<f64>,
    measured_current: Pv<f64>,
    link: AlarmGroup,
}

impl Pvs {
    fn build(group: &mut GroupBuilder) -> Result<Self, GroupError> {
        let port = group.port()?;
        let set = |volts| Command::new("set").arg("volts", volts);
        let switch = |on| Command::new("output").arg("on", on);
        let voltage = group.pv("voltage", 0.0).units("V").precision(2).control_limits(0.0..=32.0);
        let voltage = voltage.command(&port, set).add()?;
        let output = group.pv("output", false).command(&port, switch).add()?;
        let mut measured = |name, units| {
            group.pv_undefined(name).units(units).precision(3).read_only().alarm_group("link").add()
        };
        let (measured_voltage, measured_current) =
            (measured("voltage_RBV", "V")?, measured("current_RBV", "A")?);
        Ok(Self { voltage, output, measured_voltage, measured_current, link: group.alarm_group("link") })
    }
}

struct Supply {
    address: String,
    commands: Vec<CommandSpec>,
    pvs: Option<Pvs>,
    link: Option<Link>,
}

impl Supply {
    fn new() -> Self {
        let commands = vec![
            CommandSpec::new("set", "sets the voltage").arg("volts", ArgType::Number, "V"),
            CommandSpec::new("output", "switches the output").arg("on", ArgType::Bool, ""),
            CommandSpec::new("identify", "asks who it is"),
        ];
        Self { address: String::new(), commands, pvs: None, link: None }
    }

    /// Opens the link if need be. One on which something went wrong is closed: the next answer may be to an old question.
    fn with_link<R>(
        &mut self,
        talk: impl FnOnce(&mut Link) -> Result<R, DeviceError>,
    ) -> Result<R, DeviceError> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None => self.connect().map_err(|error| format!("{}: {error}", self.address))?,
        };
        let result = talk(&mut link)?;
        self.link = Some(link);
        Ok(result)
    }

    /// A new link; somebody may have turned a knob meanwhile.
    fn connect(&self) -> Result<Link, DeviceError> {
        let mut link = Link::open(&self.address)?;
        self.show_settings(&mut link)?;
        Ok(link)
    }

    fn show_settings(&self, link: &mut Link) -> Result<(), DeviceError> {
        if let Some(pvs) = &self.pvs {
            pvs.voltage.post(link.ask_number("VOLT?")?);
            pvs.output.post(link.ask_number("OUTP?")? != 0.0);
        }
        Ok(())
    }

    /// Gives an order, asks whether it was taken, and shows the settings when it was not: a PV has kept what was put.
    fn order(&mut self, order: &str) -> Result<Reply, DeviceError> {
        let error = self.with_link(|link| {
            link.tell(order)?;
            link.ask("SYST:ERR?")
        })?;
        if error.starts_with("0,") {
            return Ok(Reply::done());
        }
        let mut link = self.link.take().ok_or("the link is closed")?;
        self.show_settings(&mut link)?;
        self.link = Some(link);
        Err(format!("{order}: {error}").into())
    }

    fn measure(&mut self) -> Result<(), DeviceError> {
        let measure = |link: &mut Link| Ok((link.ask_number("MEAS:VOLT?")?, link.ask_number("MEAS:CURR?")?));
        let (volts, amperes) = self.with_link(measure)?;
        if let Some(pvs) = &self.pvs {
            pvs.measured_voltage.post(volts);
            pvs.measured_current.post(amperes);
        }
        Ok(())
    }
}

impl SystemDevice for Supply {
    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        group.macro_value("address").unwrap_or_default().clone_into(&mut self.address);
        self.pvs = Some(Pvs::build(group)?);
        Ok(())
    }

    fn execute(&mut self, command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        match command.name() {
            "set" => self.order(&format!("VOLT {}", command.number("volts")?)),
            "output" => {
                let on = command.get("on").and_then(|on| on.as_bool()).ok_or("on or off?")?;
                self.order(if on { "OUTP ON" } else { "OUTP OFF" })
            }
            _ => Ok(Reply::message(self.with_link(|link| link.ask("*IDN?"))?)),
        }
    }

    fn idle(&mut self, _io: &DeviceIo) -> Option<Duration> {
        let measured = self.measure();
        if let Some(pvs) = &self.pvs {
            match measured {
                Ok(()) => pvs.link.clear(),
                Err(error) => pvs.link.post(Alarm::COMM, &error.to_string()),
            }
        }
        Some(POLL)
    }
}

fn main() -> ExitCode {
    Launcher::new("A power supply")
        .prefix("supply:")
        .option("address", Some("127.0.0.1:5025"), "host:port, or the path of a serial port")
        .device(|| Box::new(Supply::new()))
        .run()
}
