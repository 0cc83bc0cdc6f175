//! What its commands do.

use std::time::Duration;

use wrapper::{
    ArgType, Command, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError, PutDecision,
    Pv, Reply, SystemDevice,
};

use crate::instrument::{Instrument, InstrumentError};

/// Steps of a ramp per second.
const STEPS: f64 = 20.0;
/// Most points of a measurement: as many as `seq.values` holds.
const MOST_POINTS: i64 = 10_000;

/// The PVs that it posts to.
struct Pvs {
    temperature: Pv<f64>,
    offset: Pv<f64>,
    target: Pv<f64>,
}

/// A heater with a sensor.
pub struct Device {
    instrument: Instrument,
    commands: Vec<CommandSpec>,
    pvs: Option<Pvs>,
}

impl Device {
    /// A device that talks to this instrument.
    pub fn new(instrument: Instrument) -> Self {
        let commands = vec![
            CommandSpec::new("heat", "goes to a temperature; can be aborted")
                .arg("to", ArgType::Number, "C")
                .optional_arg("rate", ArgType::Number, "C/s", 10.0),
            CommandSpec::new(
                "measure",
                "reads the sensor again and again; can be aborted",
            )
            .arg("points", ArgType::Integer, "")
            .optional_arg("time", ArgType::Number, "s", 1.0),
        ];
        Self {
            instrument,
            commands,
            pvs: None,
        }
    }

    fn heat(&mut self, to: f64, rate: f64, io: &DeviceIo) -> Result<Reply, DeviceError> {
        if !(rate.is_finite() && rate > 0.0) {
            return Err(DeviceError::new(format!(
                "rate {rate} C/s: it must be above 0"
            )));
        }
        let (from, hottest) = (
            self.instrument.read().map_err(refused)?,
            self.instrument.hottest().map_err(refused)?,
        );
        if !(0.0..=hottest).contains(&to) {
            return Err(DeviceError::new(format!(
                "{to} C is outside 0..={hottest} C"
            )));
        }
        if let Some(pvs) = &self.pvs {
            pvs.target.post(to); // also when `heat` was typed
        }
        let steps = ((to - from).abs() / rate * STEPS).ceil().max(1.0);
        for step in 1..=steps as u64 {
            let part = step as f64 / steps;
            self.instrument
                .set(from + (to - from) * part)
                .map_err(refused)?;
            self.show()?;
            io.progress(100.0 * part);
            io.sleep(Duration::from_secs_f64(1.0 / STEPS))?; // ends at once on ABORT
        }
        Ok(Reply::values(vec![to]).with_message(format!("at {to} C")))
    }

    fn measure(&mut self, points: f64, time: f64, io: &DeviceIo) -> Result<Reply, DeviceError> {
        if !(1.0..=MOST_POINTS as f64).contains(&points) {
            return Err(DeviceError::new(format!(
                "{points} points: 1 to {MOST_POINTS} fit"
            )));
        }
        let pause = Duration::try_from_secs_f64(time / points)
            .map_err(|_| DeviceError::new(format!("time {time} s: it must be 0 or more")))?;
        let mut values = Vec::new();
        for point in 1..=points as u64 {
            values.push(self.show()?);
            io.progress(100.0 * point as f64 / points);
            io.sleep(pause)?;
        }
        let mean = values.iter().sum::<f64>() / points;
        Ok(Reply::values(values).with_message(format!("mean {mean:.3} C")))
    }

    /// Reads the sensor and publishes what it says.
    fn show(&mut self) -> Result<f64, DeviceError> {
        let pvs = self.pvs.as_ref().ok_or("the device has no PVs")?;
        let temperature = self.instrument.read().map_err(refused)? + pvs.offset.get();
        pvs.temperature.post(temperature);
        Ok(temperature)
    }
}

/// What clients are told in `ACK` and `ERROR`.
fn refused(error: InstrumentError) -> DeviceError {
    DeviceError::new(error.to_string())
}

/// The hook of `offset`: what is put is rounded, and a large one refused.
fn round(value: f64) -> Result<PutDecision<f64>, String> {
    if value.abs() > 5.0 {
        return Err(format!("an offset of {value} C is outside -5..=5 C"));
    }
    Ok(PutDecision::Replace((value * 10.0).round() / 10.0))
}

impl SystemDevice for Device {
    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let port = group.port()?;
        let temperature = group
            .pv_undefined("temperature")
            .units("C")
            .precision(3)
            .alarm_limits(0.0..=150.0);
        let temperature = temperature.read_only().doc("what the sensor says").add()?;
        let offset = group
            .pv("offset", 0.0)
            .units("C")
            .precision(1)
            .doc("added to what the sensor says")
            .add()?;
        group.on_put(&offset, |_, value| round(value))?;
        let target = group
            .pv("target", 20.0)
            .units("C")
            .precision(1)
            .control_limits(0.0..=200.0);
        let target = target
            .doc("a put heats")
            .command(&port, |to| Command::new("heat").arg("to", to))
            .add()?;
        self.pvs = Some(Pvs {
            temperature,
            offset,
            target,
        });
        Ok(())
    }

    fn startup(&mut self, _io: &DeviceIo) -> Result<(), DeviceError> {
        self.show().map(drop)
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        match command.name() {
            "heat" => self.heat(command.number("to")?, command.number("rate")?, io),
            "measure" => self.measure(command.number("points")?, command.number("time")?, io),
            other => Err(DeviceError::new(format!("no command {other:?}"))),
        }
    }
}
