//! The template: the PVs through which any device takes commands.

use ca::proto::dbr::FixedString;

use crate::device::{DeviceError, DevicePort, Reply};
use crate::group::{GroupBuilder, GroupError};
use crate::hooks::PutHook;
use crate::pv::{Post, Pv};

/// Capacity of CMD and `message`, in bytes.
const LONG: usize = 10_000;
/// Capacity of `values`.
pub(crate) const MAX_VALUES: usize = 10_000;

crate::pv_enum! {
    /// What a device is doing.
    pub enum State {
        /// Nothing yet.
        Idle = "Idle",
        /// A command runs.
        Busy = "Busy",
        /// The last command succeeded.
        Done = "Done",
        /// The last command failed.
        Failed = "Failed",
        /// The last command was aborted.
        Aborted = "Aborted",
        /// There is no device, or it is down.
        Offline = "Offline",
        /// A command runs, for longer than it should.
        Overrun = "Overrun",
    }
}

crate::pv_enum! {
    /// Whether a command runs.
    pub(crate) enum Busy {
        /// None.
        Idle = "Idle",
        /// One.
        Busy = "Busy",
    }
}

crate::pv_enum! {
    /// Whether an abort is under way.
    pub(crate) enum Abort {
        /// No.
        Idle = "Idle",
        /// Yes.
        Abort = "Abort",
    }
}

/// How a command ended.
pub(crate) struct Outcome<'a> {
    pub(crate) result: &'a Result<Reply, DeviceError>,
    pub(crate) aborted: bool,
    /// Its number.
    pub(crate) number: i32,
    pub(crate) elapsed: f64,
    /// No other command runs.
    pub(crate) idle: bool,
}

/// The PVs of the template.
pub(crate) struct Template {
    ack: Pv<FixedString>,
    values: Pv<Vec<f64>>,
    message: Pv<String>,
    state: Pv<State>,
    busy: Pv<Busy>,
    count: Pv<i32>,
    done: Pv<i32>,
    error: Pv<String>,
    progress: Pv<f64>,
    elapsed: Pv<f64>,
    queued: Pv<i32>,
    refused: Pv<i32>,
    abort: Pv<Abort>,
}

impl Template {
    /// Adds the template's PVs to a group; without a port it shows that there is no device.
    pub(crate) fn build(g: &mut GroupBuilder, port: Option<&DevicePort>) -> Result<Self, GroupError> {
        let (cmd, abort, state) = match port {
            Some(port) => (
                PutHook::CommandText { port: port.clone() },
                PutHook::Abort { port: port.clone() },
                State::Idle,
            ),
            None => (PutHook::NoDevice, PutHook::NoDevice, State::Offline),
        };
        let start = "This is command string".to_owned();
        g.pv("CMD", start).max_length(LONG).doc("command text; a put starts it").hook(cmd).add()?;
        let ack = g.pv("ACK", FixedString::cut("0")).read_only();
        let ack = ack.doc("0 while a command runs, 1 when the last one succeeded, 0: reason when it failed");
        let ack = ack.add()?;
        let values = g.pv("values", vec![f64::NAN, f64::NAN]).max_length(MAX_VALUES).read_only();
        let values = values.precision(6).doc("result or trajectory of the last command").add()?;
        let message = g.pv("message", String::new()).max_length(LONG).read_only();
        let message = message.doc("what the device last said").add()?;
        let state = g.pv("STATE", state).read_only().doc("what the device is doing").add()?;
        let busy = g.pv("BUSY", Busy::Idle).read_only().doc("whether a command runs").add()?;
        let count = g.pv("COUNT", 0).read_only().doc("number of the last accepted command").add()?;
        let done = g.pv("DONE", 0).read_only().doc("number of the last finished command").add()?;
        let error = g.pv("ERROR", String::new()).max_length(LONG).read_only();
        let error = error.doc("the last error, until the next success").add()?;
        let progress = g.pv("PROGRESS", 0.0).units("%").precision(1).read_only();
        let progress = progress.doc("how far the command is").add()?;
        let elapsed = g.pv("ELAPSED", 0.0).units("s").precision(3).read_only();
        let elapsed = elapsed.doc("time of the running or last command").add()?;
        let queued = g.pv("QUEUED", 0).read_only().doc("commands that wait").add()?;
        let refused = g.pv("REFUSED", 0).read_only().doc("commands refused, the queue was full").add()?;
        let abort =
            g.pv("ABORT", Abort::Idle).doc("1 ends the running command and empties the queue").hook(abort);
        let abort = abort.add()?;
        Ok(Self {
            ack,
            values,
            message,
            state,
            busy,
            count,
            done,
            error,
            progress,
            elapsed,
            queued,
            refused,
            abort,
        })
    }

    /// A command is about to run; with its number when it was accepted just now.
    pub(crate) fn begin(&self, number: Option<i32>) {
        set(&self.busy, Busy::Busy);
        if let Some(number) = number {
            self.accepted(number);
        }
        set(&self.ack, FixedString::cut("0"));
        set(&self.values, Vec::new());
        set(&self.state, State::Busy);
        set(&self.progress, 0.0);
        set(&self.elapsed, 0.0);
    }

    pub(crate) fn accepted(&self, number: i32) {
        set(&self.count, number);
    }

    pub(crate) fn queued(&self, depth: usize) {
        set(&self.queued, depth as i32);
    }

    pub(crate) fn refused(&self, number: i32) {
        set(&self.refused, number);
    }

    /// A put that did not become a command.
    pub(crate) fn refused_put(&self, reason: &str, online: bool, idle: bool) {
        if online {
            set(&self.error, cut(reason));
        }
        if idle {
            set(&self.ack, FixedString::cut(&format!("0: {reason}")));
        }
    }

    /// A command has ended, in the order in which clients are promised to see it.
    pub(crate) fn finish(&self, outcome: &Outcome<'_>) {
        let (ack, state) = match outcome.result {
            Ok(reply) => {
                if let Some(values) = &reply.values {
                    set(&self.values, values.clone());
                }
                if let Some(text) = &reply.message {
                    set(&self.message, cut(text));
                }
                set(&self.error, String::new());
                set(&self.progress, 100.0);
                (FixedString::cut("1"), State::Done)
            }
            Err(error) => {
                let reason = error.to_string();
                set(&self.error, cut(&reason));
                let state = if outcome.aborted { State::Aborted } else { State::Failed };
                (FixedString::cut(&format!("0: {reason}")), state)
            }
        };
        set(&self.elapsed, outcome.elapsed);
        set(&self.state, if outcome.idle { state } else { State::Busy });
        set(&self.done, outcome.number);
        // While another command runs, ACK is that one's.
        if outcome.idle {
            set(&self.ack, ack);
            set(&self.busy, Busy::Idle);
        }
    }

    /// The running command takes longer than it should.
    pub(crate) fn overrun(&self, word: String) {
        set(&self.state, State::Overrun);
        set(&self.message, word);
    }

    /// The running command takes longer than it should.
    pub(crate) fn is_overrun(&self) -> bool {
        self.state.get() == State::Overrun
    }

    pub(crate) fn abort_ended(&self) {
        set(&self.abort, Abort::Idle);
    }

    pub(crate) fn online(&self) {
        set(&self.state, State::Idle);
    }

    pub(crate) fn offline(&self, reason: &str, done: Option<i32>) {
        set(&self.error, cut(reason));
        if let Some(done) = done {
            set(&self.done, done);
        }
        set(&self.queued, 0);
        set(&self.busy, Busy::Idle);
        set(&self.state, State::Offline);
    }

    pub(crate) fn progress(&self, percent: f64) {
        self.progress.post(percent);
    }

    pub(crate) fn elapsed(&self, seconds: f64) {
        self.elapsed.post(seconds);
    }

    pub(crate) fn message(&self, text: String) {
        self.message.post(cut(&text));
    }

    pub(crate) fn values(&self, values: Vec<f64>) {
        self.values.post(values);
    }
}

/// Stores at once: the caller holds the books, which order the template's states.
fn set<T: crate::pv_type::PvType>(pv: &Pv<T>, value: T) {
    pv.core().apply(value.into_value(), Post::new());
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(LONG);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
