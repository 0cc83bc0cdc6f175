//! From leg to leg: how a motion goes on, and how it ends.

use std::collections::VecDeque;

use super::{After, End, Leg, Phase, Put, Record, Run};
use crate::axis::Halt;
use crate::faults::Trip;

impl Record {
    /// Starts towards the target, or keeps it until SPMG lets it go.
    pub(super) fn set_out(&mut self, now: f64) -> Put {
        self.jog = None;
        self.begin_motion();
        if self.run.holds() {
            // A motor that still turns slows down meanwhile.
            self.phase = Phase::Held;
        } else {
            self.start_move(false, now);
        }
        Put::Moves
    }

    pub(super) fn begin_motion(&mut self) {
        self.done = false;
        self.retries = 0;
    }

    fn start_move(&mut self, retry: bool, now: f64) {
        let mut legs = self.plan();
        let slow = self.next_leg(&mut legs, now);
        self.phase = Phase::Move { legs, slow, retry };
    }

    /// The pieces of the way to the target: none when it is shorter than a step.
    fn plan(&self) -> VecDeque<Leg> {
        let (at, to) = (self.axis.dial(), self.dval);
        let leg = |to: f64, slow: bool| Leg { to, slow };
        if !self.axis.is_moving() && self.to_steps(at) == self.to_steps(to) {
            return VecDeque::new();
        }
        let s = &self.settings;
        let same_speed = s.bvel == s.velo && s.bacc == s.accl;
        let back = self.takes_backlash(to);
        if s.bdst.abs() < s.mres.abs() || (!back && same_speed) {
            VecDeque::from([leg(to, false)])
        } else if !back && (to - at).abs() <= s.bdst.abs() {
            VecDeque::from([leg(to, true)])
        } else {
            VecDeque::from([leg(to - s.bdst, false), leg(to, true)])
        }
    }

    /// Starts the first of these legs; true when it is one that takes out backlash.
    fn next_leg(&mut self, legs: &mut VecDeque<Leg>, now: f64) -> bool {
        let Some(leg) = legs.pop_front() else { return false };
        let ramp = if leg.slow { self.settings.slow() } else { self.settings.slew() };
        self.axis.go(now, leg.to, ramp);
        leg.slow
    }

    /// Goes on with what was held.
    pub(super) fn go_on(&mut self, now: f64) {
        match self.jog {
            Some(forward) => self.run_jog(forward, now),
            None => self.start_move(false, now),
        }
    }

    pub(super) fn run_jog(&mut self, forward: bool, now: f64) {
        let velocity = if forward == self.negative { -self.settings.jvel } else { self.settings.jvel };
        self.axis.jog(now, velocity, self.settings.jog());
        self.phase = Phase::Jog { forward };
    }

    /// True when a jog in this direction would soon leave the limits: within a second.
    pub(super) fn is_near_limit(&self, forward: bool) -> bool {
        let ((low, high), at, margin) = (self.user_limits(), self.readback(), self.settings.jvel);
        self.has_limits() && if forward { at > high - margin } else { at < low + margin }
    }

    /// Ends whatever is under way: the target is where the motor comes to rest.
    pub(crate) fn stop(&mut self, now: f64) -> Put {
        self.jog = None;
        if self.phase == Phase::Rest {
            return Put::Done;
        }
        self.slow_down(After::End(End::Stopped), now);
        Put::Joins
    }

    pub(super) fn slow_down(&mut self, after: After, now: f64) {
        if self.axis.is_moving() && !matches!(self.phase, Phase::Stopping(_)) {
            self.axis.stop(now);
        }
        self.phase = Phase::Stopping(after);
    }

    /// When the next thing happens by itself, if anything does.
    pub(crate) fn next_event(&self) -> Option<f64> {
        match self.phase {
            Phase::Settle { until } => Some(until),
            _ => self.axis.end(),
        }
    }

    /// Something is under way, be it held.
    pub(crate) fn is_busy(&self) -> bool {
        self.phase != Phase::Rest
    }

    /// Goes on to time `now`; says how a motion ended, when one did.
    pub(crate) fn tick(&mut self, now: f64) -> Option<End> {
        let mut halt = self.axis.advance(now);
        // Without a way to make, the next phase ends in the same moment.
        loop {
            let before = self.phase.clone();
            if let Some(end) = self.step(halt.take(), now) {
                self.end_motion(&end);
                return Some(end);
            }
            if before == self.phase || self.axis.is_moving() {
                return None;
            }
        }
    }

    fn step(&mut self, halt: Option<Halt>, now: f64) -> Option<End> {
        if self.axis.is_moving() {
            self.watch_jog(now);
            return None;
        }
        if let Some(reason) = halt.and_then(|halt| self.give_up(halt)) {
            self.sync();
            return Some(End::Failed(reason));
        }
        match std::mem::replace(&mut self.phase, Phase::Rest) {
            Phase::Rest => None,
            Phase::Move { legs, retry, .. } => self.after_leg(legs, retry, now),
            Phase::JogBacklash(legs) if legs.is_empty() => Some(End::Reached),
            Phase::JogBacklash(mut legs) => {
                self.next_leg(&mut legs, now);
                self.phase = Phase::JogBacklash(legs);
                None
            }
            // Only a switch or a fault ends a jog by itself.
            Phase::Jog { .. } => Some(End::Stopped),
            Phase::Home { .. } => {
                self.sync();
                Some(End::Reached)
            }
            Phase::Stopping(after) => self.after_stop(after, now),
            Phase::Held => {
                self.phase = Phase::Held;
                None
            }
            Phase::Settle { until } if now < until => {
                self.phase = Phase::Settle { until };
                None
            }
            Phase::Settle { .. } => self.arrive(now),
        }
    }

    /// Stops a jog that would soon leave the limits.
    fn watch_jog(&mut self, now: f64) {
        if let Phase::Jog { forward } = self.phase
            && self.is_near_limit(forward)
        {
            self.violated = true;
            self.jog = None;
            let reason = format!("stopped within a second of the limits, at {}", rounded(self.readback()));
            self.slow_down(After::End(End::Failed(reason)), now);
        }
    }

    /// Why a motion is over that came to rest before its target; a stop has no target.
    fn give_up(&self, halt: Halt) -> Option<String> {
        let at = rounded(self.readback());
        Some(match halt {
            Halt::High | Halt::Low if matches!(self.phase, Phase::Stopping(_)) => return None,
            Halt::High | Halt::Low => format!("stopped by a limit switch at {at}"),
            Halt::Tripped(Trip::Stall) => format!("stalled at {at}"),
            Halt::Tripped(Trip::Following) => format!("stopped at {at}, the following error was too large"),
        })
    }

    fn after_leg(&mut self, mut legs: VecDeque<Leg>, retry: bool, now: f64) -> Option<End> {
        if !legs.is_empty() {
            let slow = self.next_leg(&mut legs, now);
            self.phase = Phase::Move { legs, slow, retry };
            return None;
        }
        if self.settings.dly > 0.0 {
            self.phase = Phase::Settle { until: now + self.settings.dly };
            return None;
        }
        self.arrive(now)
    }

    /// All legs are done and it has settled: at the target, or to be tried again.
    fn arrive(&mut self, now: f64) -> Option<End> {
        let miss = self.dval - self.axis.dial();
        if self.settings.rtry == 0.0 || miss.abs() < self.settings.rdbd {
            self.missed = false;
            return Some(End::Reached);
        }
        if f64::from(self.retries) >= self.settings.rtry {
            self.missed = true;
            let miss = rounded(miss);
            return Some(End::Failed(format!("missed by {miss} after {} tries", self.retries)));
        }
        self.retries += 1;
        self.start_move(true, now);
        None
    }

    fn after_stop(&mut self, after: After, now: f64) -> Option<End> {
        match after {
            After::Pause => {
                self.phase = Phase::Held;
                None
            }
            After::End(end) => {
                self.sync();
                Some(end)
            }
            After::Jog => {
                self.sync();
                let s = &self.settings;
                if s.bdst.abs() < s.mres.abs() || self.run.holds() {
                    return Some(End::Reached);
                }
                let back = Leg { to: self.dval - s.bdst, slow: false };
                let mut legs = VecDeque::from([back, Leg { to: self.dval, slow: true }]);
                self.next_leg(&mut legs, now);
                self.phase = Phase::JogBacklash(legs);
                None
            }
        }
    }

    fn end_motion(&mut self, end: &End) {
        self.phase = Phase::Rest;
        self.jog = None;
        self.done = true;
        if *end == End::Reached && self.run == Run::Move {
            self.run = Run::Pause;
        }
    }
}

/// A length for people, to a millionth.
pub(super) fn rounded(length: f64) -> f64 {
    (length * 1e6).round() / 1e6
}
