//! Devices and a group of one IOC that know each other: a valve that opens when two gauges are below a limit.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wrapper::{
    Alarm, Command, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError, Launcher, Pv, Reply,
    SystemDevice, pv_enum,
};

/// A PV that one part declares and others read.
type Shared<T> = Arc<OnceLock<Pv<T>>>;

/// A gauge; a real one is asked over a line.
struct Gauge {
    pressure: Shared<f64>,
    leak: Option<Pv<f64>>,
}

impl SystemDevice for Gauge {
    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let pressure = group.pv_undefined("pressure").units("mbar").read_only().add()?;
        self.pressure.get_or_init(|| pressure);
        self.leak = Some(group.pv("leak", 1e-7).units("mbar").doc("what it is made to show").add()?);
        Ok(())
    }

    fn idle(&mut self, _io: &DeviceIo) -> Option<Duration> {
        if let (Some(pressure), Some(leak)) = (self.pressure.get(), &self.leak) {
            pressure.post(leak.get());
        }
        Some(Duration::from_millis(100))
    }

    fn execute(&mut self, _: Command, _: &DeviceIo) -> Result<Reply, DeviceError> {
        Err("a gauge takes no commands".into())
    }
}

pv_enum! {
    /// Where a valve is.
    enum Position {
        /// Shut.
        Closed = "Closed",
        /// On its way.
        Moving = "Moving",
        /// Open.
        Open = "Open",
    }
}

/// A valve.
struct Valve {
    commands: Vec<CommandSpec>,
    gauges: [Shared<f64>; 2],
    limit: Shared<f64>,
    position: Option<Pv<Position>>,
}

impl Valve {
    /// Why it must stay shut, if it must.
    fn obstacle(&self) -> Option<String> {
        let limit = self.limit.get()?.get();
        let gauges = self.gauges.iter().filter_map(|gauge| gauge.get());
        let bad =
            |gauge: &&Pv<f64>| gauge.alarm() != Alarm::NONE || gauge.get().is_nan() || gauge.get() > limit;
        gauges
            .into_iter()
            .find(bad)
            .map(|gauge| format!("{} is {:e}, above {limit:e}, or not known", gauge.name(), gauge.get()))
    }

    fn go(&self, to: Position, io: &DeviceIo) -> Result<Reply, DeviceError> {
        let position = self.position.as_ref().ok_or("no PVs")?;
        position.post(Position::Moving);
        io.sleep(Duration::from_millis(300))?;
        position.post(to);
        Ok(Reply::done())
    }
}

impl SystemDevice for Valve {
    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        self.position = Some(group.pv("position", Position::Closed).read_only().add()?);
        Ok(())
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        match (command.name(), self.obstacle()) {
            ("open", Some(obstacle)) => Err(obstacle.into()),
            ("open", None) => self.go(Position::Open, io),
            _ => self.go(Position::Closed, io),
        }
    }
}

fn main() -> std::process::ExitCode {
    let (limit, gauges) = (Shared::default(), [Shared::default(), Shared::default()]);
    let (declared, [first, second]) = (limit.clone(), gauges.clone());
    let commands = [("open", "opens"), ("close", "closes")];
    let commands = commands.map(|(name, doc)| CommandSpec::new(name, doc).within(Duration::from_secs(3)));
    let valve = Valve { commands: commands.into(), gauges, limit, position: None };
    Launcher::new("A vacuum")
        .name("vacuum")
        .prefix("VAC:")
        // Groups are built first, then the devices in their order; what runs later finds all PVs.
        .group(move |group| {
            let limit = group.pv("limit", 1e-5).units("mbar").autosave().add()?;
            declared.get_or_init(|| limit);
            Ok(())
        })
        .device_at("gauge1", "VAC:G1:", || Box::new(Gauge { pressure: first, leak: None }))
        .device_at("gauge2", "VAC:G2:", || Box::new(Gauge { pressure: second, leak: None }))
        .device_at("valve", "VAC:V1:", || Box::new(valve))
        .run()
}
