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
use super::supervision::{RECOVERED, RestartPolicy};
use super::{DeviceError, SystemDevice};

/// How long a device that stays down sleeps at once; whoever wants something of it wakes it.
const IDLE: Duration = Duration::from_secs(3600);

/// A running device.
pub(crate) struct DeviceThread {
    port: Arc<Port>,
    handle: JoinHandle<()>,
    ended: Receiver<()>,
}

impl DeviceThread {
    /// Starts the thread.
    pub(crate) fn spawn(
        device: Box<dyn SystemDevice>,
        port: Arc<Port>,
        policy: RestartPolicy,
    ) -> std::io::Result<Self> {
        let (alive, ended) = bounded::<()>(0);
        let name = format!("dev-{}", port.name());
        let own = port.clone();
        let handle = std::thread::Builder::new().name(name).spawn(move || {
            supervise(device, &own, policy);
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

fn supervise(mut device: Box<dyn SystemDevice>, port: &Arc<Port>, policy: RestartPolicy) {
    let mut io = DeviceIo::new(port.clone());
    let inbox = CommandInbox::new(port.clone());
    let mut failures = Failures::default();
    while !port.is_stopping() {
        let started = Instant::now();
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
        io = io.renewed();
        if port.take_restart() {
            info!("{}: started again, as it was asked for", port.name());
            port.down("started again, as it was asked for");
            failures = Failures::default();
        } else {
            let reason = match ended {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(payload) => format!("panicked: {}", panic_text(&*payload)),
            };
            failures.wait(reason, started, policy, port);
        }
        if let Some(health) = port.health().filter(|_| !port.is_stopping()) {
            health.restarted();
        }
    }
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| device.shutdown(&io))) {
        error!("{}: panicked in shutdown: {}", port.name(), panic_text(&*payload));
    }
}

/// Failures in a row.
#[derive(Default)]
struct Failures {
    count: u32,
    last: String,
}

impl Failures {
    /// Shows a failure, and waits until the device may start again.
    fn wait(&mut self, reason: String, started: Instant, policy: RestartPolicy, port: &Port) {
        if started.elapsed() >= RECOVERED {
            *self = Self::default();
        }
        self.count = self.count.saturating_add(1);
        let wait = policy.wait(self.count);
        // A device that cannot start says so once, not with every try.
        if reason != self.last || wait.is_none() {
            let then = match wait {
                Some(wait) => format!("it is tried again in {wait:?}, then less often"),
                None => "it stays down until RESTART is put".to_owned(),
            };
            error!("{}: {reason}; {then}", port.name());
        }
        port.down(&reason);
        port.restart_failed(&reason);
        self.last = reason;
        let until = wait.and_then(|wait| Instant::now().checked_add(wait));
        while until.is_none_or(|until| Instant::now() < until) && !port.is_stopping() {
            if port.take_restart() {
                *self = Self::default();
                return;
            }
            let _ = port.nudged().recv_deadline(until.unwrap_or_else(|| Instant::now() + IDLE));
        }
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}
