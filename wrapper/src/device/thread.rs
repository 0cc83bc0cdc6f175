//! A device's OS thread: starts it, restarts it after a failure, joins it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use tracing::{error, info};

use super::io::{CommandInbox, DeviceIo};
use super::port::Port;
use super::{DeviceError, SystemDevice};

/// Time between a failure and the next start.
pub(crate) const BACK_OFF: Duration = Duration::from_millis(200);

/// A running device.
pub(crate) struct DeviceThread {
    port: Arc<Port>,
    handle: JoinHandle<()>,
    ended: Receiver<()>,
}

impl DeviceThread {
    /// Starts the thread.
    pub(crate) fn spawn(device: Box<dyn SystemDevice>, port: Arc<Port>) -> std::io::Result<Self> {
        let (alive, ended) = bounded::<()>(0);
        let name = format!("dev-{}", port.name());
        let own = port.clone();
        let handle = std::thread::Builder::new().name(name).spawn(move || {
            supervise(device, &own);
            drop(alive);
        })?;
        Ok(Self { port, handle, ended })
    }

    /// Asks the device to stop.
    pub(crate) fn stop(&self) {
        self.port.stop();
    }

    /// Waits until the thread has ended; false when it is stuck and left behind.
    pub(crate) fn join(self, deadline: Instant) -> bool {
        // The channel closes when the thread ends; nothing is ever sent.
        let ended = matches!(
            self.ended.recv_deadline(deadline),
            Err(crossbeam_channel::RecvTimeoutError::Disconnected)
        );
        if ended {
            let _ = self.handle.join();
        } else {
            error!("{}: stuck in a command, left behind", self.port.name());
        }
        ended
    }
}

fn supervise(mut device: Box<dyn SystemDevice>, port: &Arc<Port>) {
    let io = DeviceIo::new(port.clone());
    let inbox = CommandInbox::new(port.clone());
    let mut last_reason = String::new();
    while !port.is_stopping() {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            device.startup(&io)?;
            if port.up() {
                info!("{}: up again", port.name());
            }
            device.run(&inbox, &io);
            Err::<(), _>(DeviceError::new("its loop ended"))
        }));
        if port.is_stopping() {
            break;
        }
        let reason = match ended {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(payload) => format!("panicked: {}", panic_text(&*payload)),
        };
        // A device that cannot start says so once, not five times a second.
        if reason != last_reason {
            error!("{}: {reason}; it is tried again every {BACK_OFF:?}", port.name());
        }
        port.down(&reason);
        last_reason = reason;
        let restart = Instant::now() + BACK_OFF;
        while Instant::now() < restart && !port.is_stopping() {
            let _ = port.nudged().recv_deadline(restart);
        }
    }
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| device.shutdown(&io))) {
        error!("{}: panicked in shutdown: {}", port.name(), panic_text(&*payload));
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}
