//! Two devices of one's own in one IOC, each with a name and a prefix.

use wrapper::{ArgType, Command, CommandSpec, DeviceError, DeviceIo, Launcher, Reply, SystemDevice};

struct Pump([CommandSpec; 1]);

impl Pump {
    fn boxed() -> Box<dyn SystemDevice> {
        Box::new(Self([CommandSpec::new("give", "pumps").arg("volume", ArgType::Number, "ml")]))
    }
}

impl SystemDevice for Pump {
    fn commands(&self) -> &[CommandSpec] {
        &self.0
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        Ok(Reply::message(format!("{} gave {} ml", io.name(), command.number("volume")?)))
    }
}

fn main() -> std::process::ExitCode {
    Launcher::new("Pumps for water and oil")
        .name("pumps")
        .option("site", Some("lab"), "Where they are")
        .device_at("water", "{site}:water:", Pump::boxed)
        .device_at("oil", "{site}:oil:", Pump::boxed)
        .run()
}
