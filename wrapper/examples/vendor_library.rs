//! A library of a vendor that blocks, returns error codes, and calls back on a thread of its own. It is used from the thread
//! of the device alone; everything else goes on meanwhile. The library is simulated.

use std::process::ExitCode;
use std::time::Duration;

use wrapper::{
    ArgType, Command, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError, Launcher, Pv, Reply,
    SystemDevice,
};

/// What the vendor delivers.
mod vendor {
    use std::rc::Rc;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::thread;
    use std::time::Duration;

    pub(crate) const BUSY: i32 = -7;

    /// A spectrometer; by its `Rc` it may not leave the thread that opened it, as many such handles.
    pub(crate) struct Spectrometer {
        _driver: Rc<()>,
        open: Arc<AtomicBool>,
    }

    impl Spectrometer {
        /// `report` is called with the temperature of the detector, on a thread of the library.
        pub(crate) fn open(report: impl Fn(f64) + Send + 'static) -> Result<Self, i32> {
            let open = Arc::new(AtomicBool::new(true));
            let watched = open.clone();
            thread::spawn(move || {
                for tick in (0..4).cycle().take_while(|_| watched.load(Relaxed)) {
                    report(-10.0 - f64::from(tick) / 10.0);
                    thread::sleep(Duration::from_millis(100));
                }
            });
            Ok(Self { _driver: Rc::new(()), open })
        }

        /// One point; blocks for the integration time.
        pub(crate) fn measure(&mut self, wavelength: f64, integrate: Duration) -> Result<f64, i32> {
            thread::sleep(integrate);
            if wavelength > 1000.0 { Err(BUSY) } else { Ok((-((wavelength - 500.0) / 50.0).powi(2)).exp()) }
        }
    }

    impl Drop for Spectrometer {
        fn drop(&mut self) {
            self.open.store(false, Relaxed);
        }
    }
}

/// The words for a code of the vendor.
fn failed(what: &str, code: i32) -> DeviceError {
    let reason = if code == vendor::BUSY { "the grating is busy" } else { "see the vendor's manual" };
    DeviceError::new(format!("{what}: error {code}, {reason}"))
}

struct Spectrometer {
    commands: Vec<CommandSpec>,
    temperature: Option<Pv<f64>>,
    integration: Option<Pv<f64>>,
}

impl Spectrometer {
    fn new() -> Self {
        let scan = CommandSpec::new("scan", "measures a spectrum")
            .arg("from", ArgType::Number, "nm")
            .arg("to", ArgType::Number, "nm")
            .optional_arg("step", ArgType::Number, "nm", 10.0);
        Self { commands: vec![scan], temperature: None, integration: None }
    }

    fn scan(
        &self,
        spectrometer: &mut vendor::Spectrometer,
        command: &Command,
        io: &DeviceIo,
    ) -> Result<Reply, DeviceError> {
        let (from, to, step) = (command.number("from")?, command.number("to")?, command.number("step")?);
        if step <= 0.0 || to < from {
            return Err(format!(
                "from {from} to {to} by {step}: the step must lead from the first to the last"
            )
            .into());
        }
        let time = self.integration.as_ref().map_or(0.01, Pv::get);
        let mut spectrum = Vec::new();
        let mut wavelength = from;
        while wavelength <= to {
            // The library cannot be interrupted; between two of its calls ABORT is heard.
            if let Some(reason) = io.interrupted() {
                return Err(reason.into());
            }
            let point = spectrometer.measure(wavelength, Duration::from_secs_f64(time));
            spectrum.push(point.map_err(|code| failed("measure", code))?);
            io.progress(100.0 * (wavelength - from) / (to - from).max(step));
            wavelength += step;
        }
        Ok(Reply::values(spectrum))
    }
}

impl SystemDevice for Spectrometer {
    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        self.temperature = Some(group.pv_undefined("temperature").units("C").precision(1).read_only().add()?);
        let integration = group.pv("integration", 0.02).units("s").precision(3).control_limits(0.001..=60.0);
        self.integration = Some(integration.add()?);
        Ok(())
    }

    fn execute(&mut self, _command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        Err("the commands are executed in run, where the library is open".into())
    }

    /// The handle may not change threads, so it lives in the loop and not in the device.
    fn run(&mut self, inbox: &wrapper::CommandInbox, io: &DeviceIo) {
        let temperature = self.temperature.clone();
        let report = move |celsius| temperature.iter().for_each(|pv| pv.post(celsius));
        let mut spectrometer = match vendor::Spectrometer::open(report) {
            Ok(spectrometer) => spectrometer,
            // Its end is a failure: the supervisor starts it again.
            Err(code) => return io.message(failed("open", code).to_string()),
        };
        loop {
            match inbox.next(None) {
                wrapper::Next::Stop => return,
                wrapper::Next::Idle => {}
                wrapper::Next::Command(command) => {
                    let result = self.scan(&mut spectrometer, &command, io);
                    command.finish(result);
                }
            }
        }
    }
}

fn main() -> ExitCode {
    Launcher::new("A spectrometer").prefix("spec:").device(|| Box::new(Spectrometer::new())).run()
}
