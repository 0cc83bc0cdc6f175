//! What runs beside an IOC for as long as it serves, such as a web page.

use std::net::SocketAddr;

use crate::handle::IocHandle;

/// Something that an IOC binary runs beside the IOC, with flags of its own: it derives `clap::Args`, and the command line of
/// [`Launcher::service`](crate::Launcher::service) has them.
///
/// ```no_run
/// use wrapper::launch::{Running, Service, Serving};
///
/// /// Counts the PVs.
/// #[derive(clap::Args)]
/// #[group(skip)]
/// struct Count {
///     /// Say how many PVs there are
///     #[arg(long)]
///     count: bool,
/// }
///
/// impl Service for Count {
///     fn start(self: Box<Self>, serving: &Serving) -> Running {
///         let line = format!("{} PVs", serving.handle.names().len());
///         Running { lines: if self.count { vec![line] } else { Vec::new() }, ..Running::default() }
///     }
/// }
///
/// fn main() -> std::process::ExitCode {
///     wrapper::Launcher::new("A thermometer")
///         .group(|group| group.pv("temperature", 21.5).add())
///         .service::<Count>()
///         .run()
/// }
/// ```
pub trait Service {
    /// Starts it, once the IOC serves; what goes wrong is logged, and stops nothing else.
    fn start(self: Box<Self>, serving: &Serving) -> Running;
}

/// An IOC that serves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Serving {
    /// Its PVs.
    pub handle: IocHandle,
    /// Where it accepts circuits.
    pub addresses: Vec<SocketAddr>,
}

/// A service that runs.
#[derive(Default)]
pub struct Running {
    /// What is printed behind the ready line, where that is text.
    pub lines: Vec<String>,
    /// What the ready line has more as JSON.
    pub ready: Vec<(String, serde_json::Value)>,
    /// Ends it, in a fraction of a second; called before the IOC stops.
    pub stop: Option<Box<dyn FnOnce()>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("lines", &self.lines).finish_non_exhaustive()
    }
}
