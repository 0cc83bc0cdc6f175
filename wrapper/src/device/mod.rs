//! Devices: the trait an author implements, its queues, its OS thread.

mod command;
mod io;
mod port;
mod put_queue;
mod remote;
mod supervision;
mod thread;
mod watchdog;

use std::time::Duration;

use crate::group::{GroupBuilder, GroupError};
use crate::sequence::spec::CommandSpec;

pub use command::{Command, DeviceError, Reply};
pub use io::{CommandInbox, DeviceIo, Interrupted, Next};
pub use port::DevicePort;
pub(crate) use port::{Port, ThreadState};
pub(crate) use put_queue::PutQueue;
pub(crate) use remote::Remote;
pub use remote::Watch;
pub(crate) use supervision::Health;
pub use supervision::RestartPolicy;
pub(crate) use thread::DeviceThread;
pub(crate) use watchdog::Watchdog;

/// A piece of equipment that runs on its own OS thread and is served as PVs.
///
/// Commands reach [`SystemDevice::execute`] one by one, in the order in which they were put; each is
/// answered exactly once, with what `execute` returns. The device's PVs are posted from the same thread,
/// or from helper threads of its own.
///
/// ```
/// use wrapper::{Command, CommandSpec, DeviceError, DeviceIo, Reply, SystemDevice};
///
/// struct Doubler(Vec<CommandSpec>);
///
/// impl SystemDevice for Doubler {
///     fn commands(&self) -> &[CommandSpec] {
///         &self.0
///     }
///
///     fn execute(&mut self, command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
///         Ok(Reply::values(vec![2.0 * command.number("x")?]))
///     }
/// }
/// ```
pub trait SystemDevice: Send + 'static {
    /// The commands it knows.
    ///
    /// With a list, command text is parsed and checked against it before it is queued. Without one any
    /// text is accepted and handed over raw, parsed where it parses.
    fn commands(&self) -> &[CommandSpec] {
        &[]
    }

    /// What kind of equipment it is, in one word, such as `motor`; panels choose what they show by it.
    fn kind(&self) -> &'static str {
        ""
    }

    /// Adds the device's own PVs beside the template's.
    ///
    /// # Errors
    /// What [`GroupBuilder`] refuses: the IOC does not start.
    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let _ = group;
        Ok(())
    }

    /// Runs on the device thread before the first command, and again after a restart.
    ///
    /// # Errors
    /// The device stays offline and is started again later.
    fn startup(&mut self, io: &DeviceIo) -> Result<(), DeviceError> {
        let _ = io;
        Ok(())
    }

    /// Runs one command to its end on the device thread; may block as long as the equipment does.
    ///
    /// # Errors
    /// The command failed: the waiting client gets PUTFAIL, `ACK` and `ERROR` the reason.
    fn execute(&mut self, command: Command, io: &DeviceIo) -> Result<Reply, DeviceError>;

    /// Runs while no command waits; returns when to be called again, `None` for not until the next command.
    fn idle(&mut self, io: &DeviceIo) -> Option<Duration> {
        let _ = io;
        None
    }

    /// Runs last, also after a failed startup.
    fn shutdown(&mut self, io: &DeviceIo) {
        let _ = io;
    }

    /// The thread's loop. A device that must see new commands while one runs writes its own.
    fn run(&mut self, inbox: &CommandInbox, io: &DeviceIo) {
        inbox.execute_each(self, io);
    }
}
