//! The first device of the guide.

use std::time::Duration;
use wrapper::{
    ArgType, Command, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError, Pv, Reply, SystemDevice,
};

struct Pump {
    commands: Vec<CommandSpec>,
    volume: Option<Pv<f64>>,
}

impl SystemDevice for Pump {
    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        self.volume = Some(group.pv("volume", 0.0).units("ml").precision(2).read_only().add()?);
        Ok(())
    }

    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError> {
        let volume = self.volume.as_ref().ok_or("no PVs")?;
        let (before, wanted) = (volume.get(), command.number("volume")?);
        for step in 1..=(wanted / 0.1).ceil() as i32 {
            io.sleep(Duration::from_millis(100))?; // talk to the pump here
            let given = (0.1 * f64::from(step)).min(wanted);
            volume.post(before + given);
            io.progress(100.0 * given / wanted);
        }
        Ok(Reply::values(vec![volume.get()]).with_message(format!("gave {wanted} ml")))
    }
}

fn main() -> std::process::ExitCode {
    wrapper::launch("A syringe pump", "pump:", || {
        let give = CommandSpec::new("give", "pumps").arg("volume", ArgType::Number, "ml");
        Box::new(Pump { commands: vec![give], volume: None })
    })
}
