//! The motor record: its coordinates and its states, as functions of puts and of the time.
//!
//! Nothing here knows a clock, a thread or a PV: `now` is an argument, in seconds. The rules are those of the
//! EPICS motor record; where they differ `docs/motor.md` says so.

mod command;
mod motion;
mod position;
mod settings;
mod status;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::axis::Axis;
use crate::faults::Faults;
use crate::fields::Field;
use settings::Settings;

/// What a put has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// All of it.
    Done,
    /// A motion has begun; the one before it is superseded.
    Moves,
    /// It is done when the present motion has ended.
    Joins,
}

/// How a motion ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// At its target, or as a jog that was let go.
    Reached,
    /// By STOP or SPMG.
    Stopped,
    /// By a limit, a fault, or because it missed.
    Failed(String),
}

/// The run switch, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Stop,
    Pause,
    Move,
    Go,
}

impl Run {
    const fn from_index(index: u16) -> Option<Self> {
        Some(match index {
            0 => Self::Stop,
            1 => Self::Pause,
            2 => Self::Move,
            3 => Self::Go,
            _ => return None,
        })
    }

    /// Nothing may move.
    const fn holds(self) -> bool {
        matches!(self, Self::Stop | Self::Pause)
    }
}

/// One piece of a way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Leg {
    /// In dial coordinates.
    to: f64,
    /// With the speed that takes out backlash.
    slow: bool,
}

/// Why a motor slows down.
#[derive(Clone, Debug, PartialEq)]
enum After {
    /// The target is kept.
    Pause,
    /// A jog was let go: backlash is taken out.
    Jog,
    /// The motion ends so.
    End(End),
}

/// What is under way.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    Rest,
    /// The legs behind the present one.
    Move {
        legs: VecDeque<Leg>,
        slow: bool,
        retry: bool,
    },
    /// Backlash of a jog.
    JogBacklash(VecDeque<Leg>),
    Jog {
        forward: bool,
    },
    Home {
        forward: bool,
    },
    Stopping(After),
    /// The target waits until SPMG lets it go.
    Held,
    Settle {
        until: f64,
    },
}

/// The record.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    axis: Axis,
    settings: Settings,
    /// Target in user and in dial coordinates: both are kept, so that a put reads back as it was.
    val: f64,
    dval: f64,
    off: f64,
    negative: bool,
    frozen: bool,
    setting: bool,
    run: Run,
    phase: Phase,
    done: bool,
    violated: bool,
    jog: Option<bool>,
    retries: i16,
    missed: bool,
}

impl Record {
    /// A motor at 0, at rest.
    pub(crate) fn new() -> Self {
        Self {
            axis: Axis::new(),
            settings: Settings::default(),
            val: 0.0,
            dval: 0.0,
            off: 0.0,
            negative: false,
            frozen: false,
            setting: false,
            run: Run::Go,
            phase: Phase::Rest,
            done: true,
            violated: false,
            jog: None,
            retries: 0,
            missed: false,
        }
    }

    /// Faults that were asked for.
    pub(crate) const fn faults_mut(&mut self) -> &mut Faults {
        &mut self.axis.faults
    }

    /// Somebody has refused a target outside the limits on behalf of the record.
    pub(crate) const fn note_violation(&mut self) {
        self.violated = true;
    }

    /// Whether a put to a field would do nothing, as of a button that is let go and was not pressed.
    fn is_idle_button(field: Field, value: f64) -> bool {
        value == 0.0
            && matches!(
                field,
                Field::Twf | Field::Twr | Field::Stop | Field::Sync | Field::Homf | Field::Homr
            )
    }

    fn needs_rest(&self, what: &str) -> Result<(), String> {
        if self.phase == Phase::Rest {
            return Ok(());
        }
        Err(format!("{what} cannot change while a motion is under way"))
    }
}
