//! What happens when a client puts, and how a put is refused; the hooks of authors.

mod decision;
mod guard;
mod lane;
mod plan;
mod scan;
mod thread;
mod turn;

use ca::proto::Eca;
use ca::proto::dbr::{ConvertError, Value};

use crate::device::{Command, DevicePort};
pub use decision::{IntoDone, IntoGet, IntoPut, PutDecision};
pub(crate) use guard::guarded;
pub(crate) use lane::HookEnd;
pub(crate) use plan::{DoneFlow, Flow, OnceHook, Plan, ScanHook};
pub use scan::Scan;
pub(crate) use thread::{HookThread, is_hook_thread};

/// Why a put was refused; nothing was stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The value cannot become a value of the PV.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// The value is outside the control limits.
    #[error("{value} is outside {low}..={high}")]
    OutsideLimits {
        /// What was put.
        value: String,
        /// The lower control limit.
        low: String,
        /// The upper control limit.
        high: String,
    },
    /// Clients may not put to this PV.
    #[error("this PV is read-only")]
    ReadOnly,
    /// A check of the PV, its hook, its command text, or the device refused it.
    #[error("{0}")]
    Refused(String),
    /// It was accepted, and failed then.
    #[error("{0}")]
    Failed(String),
    /// The queue of the device is full.
    #[error("{queued} commands wait already, the limit of the device's queue")]
    QueueFull {
        /// Commands that wait.
        queued: usize,
    },
    /// The PV's field DISP is 1.
    #[error("this PV takes no puts while its DISP is 1")]
    Disabled,
    /// The device that would execute the command is down.
    #[error("the device is offline")]
    Offline,
}

impl PutError {
    /// The status that the client sees.
    pub fn eca(&self) -> Eca {
        match self {
            Self::ReadOnly => Eca::NOWTACCESS,
            Self::Convert(_)
            | Self::OutsideLimits { .. }
            | Self::Refused(_)
            | Self::Failed(_)
            | Self::QueueFull { .. }
            | Self::Disabled
            | Self::Offline => Eca::PUTFAIL,
        }
    }
}

/// What to do with commands of one PV that pile up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Wait in line; refused when the queue is full.
    #[default]
    Queue,
    /// The newest target wins: a waiting command of the same PV is answered as superseded.
    Replace,
    /// Seen at once through [`DeviceIo::urgent`](crate::DeviceIo::urgent), ahead of the line.
    Urgent,
}

pub(crate) type Check = Box<dyn Fn(&Value) -> Result<(), String> + Send + Sync>;
pub(crate) type MakeCommand = Box<dyn Fn(&Value) -> Result<Command, PutError> + Send + Sync>;

/// What an accepted value starts.
pub(crate) enum PutHook {
    /// Nothing: it is stored.
    Store,
    /// A command of the device.
    Command { port: DevicePort, policy: Policy, make: MakeCommand },
    /// A command given as text: a DBR_STRING put of 39 characters is refused, it may be a cut one.
    CommandText { port: DevicePort },
    /// The end of the running command.
    Abort { port: DevicePort },
    /// The start of the device from anew; it reads Idle at once.
    Restart { port: DevicePort },
    /// A CMD without a device behind it.
    NoDevice,
}
