//! What a device holds while it runs: the way to its PVs, and its commands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::SystemDevice;
use super::command::Command;
use super::port::{Port, TICK};
use super::remote::Channels;

/// Why a sleep ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    /// ABORT was put, or RESTART.
    #[error("aborted")]
    Abort,
    /// The IOC stops; for a helper thread also: the device has ended, it gets a new one when it is started again.
    #[error("the IOC stops")]
    Stop,
    /// An urgent command waits: see [`DeviceIo::urgent`].
    #[error("interrupted by an urgent command")]
    Urgent,
}

/// The put end of a device: progress, messages, and the flags that end a command.
///
/// Clones may go to helper threads of the device.
#[derive(Clone)]
pub struct DeviceIo {
    pub(super) port: Arc<Port>,
    pub(super) channels: Channels,
    started: Instant,
    /// The device has ended since it was given this.
    ended: Arc<AtomicBool>,
}

impl std::fmt::Debug for DeviceIo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DeviceIo").field(&self.port).finish()
    }
}

impl DeviceIo {
    pub(crate) fn new(port: Arc<Port>) -> Self {
        Self { port, channels: Channels::default(), started: Instant::now(), ended: Arc::default() }
    }

    /// The same for the next start of the device; those who have this one are told to stop.
    pub(super) fn renewed(&self) -> Self {
        self.ended.store(true, Relaxed);
        Self { ended: Arc::default(), ..self.clone() }
    }

    /// The device's name.
    pub fn name(&self) -> &str {
        self.port.name()
    }

    /// Why the running command should end now, if it should.
    pub fn interrupted(&self) -> Option<Interrupted> {
        if self.port.is_stopping() || self.ended.load(Relaxed) {
            Some(Interrupted::Stop)
        } else if self.port.is_aborting() || self.port.is_restarting() {
            Some(Interrupted::Abort)
        } else if self.port.has_urgent() {
            Some(Interrupted::Urgent)
        } else {
            None
        }
    }

    /// True when ABORT was put or the IOC stops: end the command.
    pub fn cancelled(&self) -> bool {
        matches!(self.interrupted(), Some(Interrupted::Abort | Interrupted::Stop))
    }

    /// Sleeps, unless the command should end.
    ///
    /// A helper thread of the device sleeps with `std::thread::sleep` instead, and ends when [`DeviceIo::interrupted`] is
    /// [`Interrupted::Stop`], which it is too once the device has panicked and is started again: an ABORT is for the running
    /// command.
    ///
    /// ```
    /// # use wrapper::{DeviceIo, Interrupted, Pv};
    /// # use std::time::Duration;
    /// fn watch(io: DeviceIo, temperature: Pv<f64>, read: impl Fn() -> f64 + Send + 'static) {
    ///     std::thread::spawn(move || {
    ///         while io.interrupted() != Some(Interrupted::Stop) {
    ///             temperature.post(read());
    ///             std::thread::sleep(Duration::from_millis(200));
    ///         }
    ///     });
    /// }
    /// ```
    ///
    /// # Errors
    /// At once when ABORT is put, an urgent command comes, or the IOC stops.
    pub fn sleep(&self, time: Duration) -> Result<(), Interrupted> {
        let start = Instant::now();
        loop {
            if let Some(reason) = self.interrupted() {
                return Err(reason);
            }
            let left = time.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            let _ = self.port.nudged().recv_timeout(left.min(TICK));
            self.port.show_elapsed();
        }
    }

    /// Waits until [`DeviceIo::wake`] is called, or the time is over; it may also return for no reason.
    ///
    /// # Errors
    /// At once when ABORT is put, an urgent command comes, or the IOC stops.
    pub fn wait(&self, time: Duration) -> Result<(), Interrupted> {
        if let Some(reason) = self.interrupted() {
            return Err(reason);
        }
        let _ = self.port.nudged().recv_timeout(time.min(TICK));
        self.port.show_elapsed();
        self.interrupted().map_or(Ok(()), Err)
    }

    /// Ends a wait of the device in [`DeviceIo::wait`]; from any thread.
    pub fn wake(&self) {
        self.port.nudge();
    }

    /// Takes the next urgent command, if one waits.
    pub fn urgent(&self) -> Option<Command> {
        self.port.next_urgent()
    }

    /// Publishes how far the running command is, in percent.
    pub fn progress(&self, percent: f64) {
        self.port.show_elapsed();
        if let Some(template) = self.port.template() {
            template.progress(percent);
        }
    }

    /// Publishes a word in `message`.
    pub fn message(&self, text: impl Into<String>) {
        if let Some(template) = self.port.template() {
            template.message(text.into());
        }
    }

    /// Publishes numbers in `values` before the command ends.
    pub fn values(&self, values: Vec<f64>) {
        if let Some(template) = self.port.template() {
            template.values(values);
        }
    }

    /// Runs `posts`; every circuit is woken once, after it.
    pub fn batch<R>(&self, posts: impl FnOnce() -> R) -> R {
        ca::server::batch(posts)
    }

    /// Time since the device's thread started.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

/// What a device's loop is to do next.
#[derive(Debug)]
pub enum Next {
    /// Execute this.
    Command(Command),
    /// No command came until the given time, or ABORT was put while one is unanswered: see
    /// [`DeviceIo::interrupted`].
    Idle,
    /// End the loop.
    Stop,
}

/// The get end of a device's queue.
#[derive(Clone, Debug)]
pub struct CommandInbox {
    port: Arc<Port>,
}

impl CommandInbox {
    pub(crate) fn new(port: Arc<Port>) -> Self {
        Self { port }
    }

    /// Waits for the next command, at most until `until`; urgent ones come first.
    pub fn next(&self, until: Option<Instant>) -> Next {
        loop {
            if self.port.is_stopping() || self.port.is_restarting() {
                return Next::Stop;
            }
            if let Some(command) = self.port.try_next() {
                return Next::Command(command);
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Next::Idle;
            }
            if self.port.wait(until) {
                return Next::Idle;
            }
        }
    }

    /// The next command, if one waits already.
    pub fn try_next(&self) -> Option<Command> {
        if self.port.is_stopping() { None } else { self.port.try_next() }
    }

    /// Executes commands one by one until the IOC stops, and calls `idle` while none waits.
    pub fn execute_each<D: SystemDevice + ?Sized>(&self, device: &mut D, io: &DeviceIo) {
        let after = |gap: Option<Duration>| gap.and_then(|gap| Instant::now().checked_add(gap));
        let mut idle_at = after(device.idle(io));
        loop {
            match self.next(idle_at) {
                Next::Stop => return,
                Next::Idle => {}
                Next::Command(mut command) => {
                    // Held here, so that a panic in the device still answers.
                    let completion = command.take_completion();
                    let result = device.execute(command, io);
                    if let Some(completion) = completion {
                        completion.finish(result);
                    }
                }
            }
            if self.port.is_drained() && idle_at.is_none_or(|at| Instant::now() >= at) {
                idle_at = after(device.idle(io));
            }
        }
    }
}
