//! The simulated motor, its controller and its switches.
//!
//! Inside are positions of the hardware, in mm from the home switch; outside are dial positions.

use crate::faults::{FOLLOWING_LIMIT, Faults, Trip};
use crate::profile::{Profile, Ramp};

/// Where the limit switches are, in mm from the home switch.
pub(crate) const SWITCHES: (f64, f64) = (-5.0, 9.0);
/// Half the width of the home switch, in mm.
const HOME_WIDTH: f64 = 5e-4;
/// A home search aims so far beyond a limit switch, in mm, to be sure to hit it.
const BEYOND: f64 = 1.0;
/// What sums of pieces of a way may be off, in mm.
const ROUNDING: f64 = 1e-9;
/// Time between two looks at the motor by its controller, in seconds.
const STEP: f64 = 0.01;

/// How the last motion ended, when not at its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    High,
    Low,
    Tripped(Trip),
}

#[derive(Clone, Debug)]
pub(crate) struct Axis {
    /// Position of the hardware where the dial is 0.
    zero: f64,
    /// Where the motor is, and where the controller believes it to be while it moves.
    position: f64,
    believed: f64,
    velocity: f64,
    profile: Profile,
    ramp: Ramp,
    started: f64,
    /// The last moment that was looked at.
    seen: f64,
    from: f64,
    /// Part of the way that is made; below 1 when steps are lost.
    made: f64,
    moving: bool,
    /// A home search; true once it has turned round.
    homing: Option<bool>,
    homed: bool,
    forward: bool,
    halt: Option<Halt>,
    pub(crate) faults: Faults,
}

impl Axis {
    pub(crate) fn new() -> Self {
        Self {
            zero: 0.0,
            position: 0.0,
            believed: 0.0,
            velocity: 0.0,
            profile: Profile::rest(0.0),
            ramp: Ramp { base: 0.0, speed: 1.0, acceleration: 1.0 },
            started: 0.0,
            seen: 0.0,
            from: 0.0,
            made: 1.0,
            moving: false,
            homing: None,
            homed: false,
            forward: true,
            halt: None,
            faults: Faults::default(),
        }
    }

    /// Position in dial coordinates, in mm.
    pub(crate) fn dial(&self) -> f64 {
        self.position - self.zero
    }

    /// In mm/s.
    pub(crate) const fn velocity(&self) -> f64 {
        self.velocity
    }

    pub(crate) const fn is_moving(&self) -> bool {
        self.moving
    }

    /// The direction in which it moves or has moved last.
    pub(crate) const fn is_forward(&self) -> bool {
        self.forward
    }

    pub(crate) const fn is_homed(&self) -> bool {
        self.homed
    }

    pub(crate) fn is_at_home(&self) -> bool {
        self.position.abs() <= HOME_WIDTH
    }

    pub(crate) fn is_at_high(&self) -> bool {
        self.faults.high || self.position >= SWITCHES.1
    }

    pub(crate) fn is_at_low(&self) -> bool {
        self.faults.low || self.position <= SWITCHES.0
    }

    /// How the last motion ended, when not at its target.
    pub(crate) const fn halt(&self) -> Option<Halt> {
        self.halt
    }

    /// Says that it is here, without moving.
    pub(crate) fn load(&mut self, dial: f64) {
        self.zero = self.position - dial;
    }

    /// Starts towards a dial position, at time `now` in seconds.
    pub(crate) fn go(&mut self, now: f64, dial: f64, ramp: Ramp) {
        let target = dial + self.zero;
        self.start(now, Profile::to(self.believed, self.velocity, target, &ramp), ramp);
        let way = (target - self.from).abs();
        if way > 0.0 && self.faults.lost > 0.0 {
            self.made = (1.0 - self.faults.lost / way).max(0.0);
            self.faults.lost = 0.0;
        }
        self.forward = if way > 0.0 { target > self.from } else { self.forward };
    }

    /// Runs on at this velocity, in mm/s.
    pub(crate) fn jog(&mut self, now: f64, velocity: f64, ramp: Ramp) {
        self.start(now, Profile::jog(self.believed, self.velocity, velocity, &ramp), ramp);
        self.forward = velocity > 0.0;
    }

    /// Looks for the home switch in this direction first, beyond the limit switch in the other.
    pub(crate) fn home(&mut self, now: f64, forward: bool, ramp: Ramp) {
        let ahead = if forward { self.position <= 0.0 } else { self.position >= 0.0 };
        let end = if forward { SWITCHES.1 + BEYOND } else { SWITCHES.0 - BEYOND };
        let target = if ahead { 0.0 } else { end };
        self.start(now, Profile::to(self.believed, self.velocity, target, &ramp), ramp);
        self.homing = Some(ahead);
        self.forward = forward;
    }

    /// Slows down to rest.
    pub(crate) fn stop(&mut self, now: f64) {
        let profile = Profile::stop(self.believed, self.velocity, &self.ramp);
        let ramp = self.ramp;
        self.start(now, profile, ramp);
    }

    fn start(&mut self, now: f64, profile: Profile, ramp: Ramp) {
        self.profile = profile;
        self.ramp = ramp;
        self.started = now;
        self.seen = now;
        self.from = self.believed;
        self.made = 1.0;
        self.moving = true;
        self.homing = None;
        self.halt = None;
    }

    /// When the present motion ends; never, when it is a jog.
    pub(crate) fn end(&self) -> Option<f64> {
        let end = self.started + self.profile.seconds();
        (self.moving && end.is_finite()).then_some(end)
    }

    /// Goes on to time `now`, in seconds; says what has ended the motion before its target, if anything has.
    pub(crate) fn advance(&mut self, now: f64) -> Option<Halt> {
        // In small steps: whoever comes late sees the same as who looked all the time.
        while self.moving && self.seen < now {
            self.seen = (self.seen + STEP).min(now);
            let halt = self.step(self.seen);
            if halt.is_some() {
                return halt;
            }
        }
        if self.moving { self.step(now) } else { None }
    }

    fn step(&mut self, now: f64) -> Option<Halt> {
        let ended = self.end().is_some_and(|end| now >= end);
        let (wanted, velocity) =
            if ended { (self.profile.end(), 0.0) } else { self.profile.at(now - self.started) };
        let wanted = if self.made < 1.0 { self.from + (wanted - self.from) * self.made } else { wanted };
        let actual = self.follow(wanted, velocity);
        self.velocity = velocity;
        if let Some(trip) = self.tripped(wanted, actual, ended) {
            self.rest(self.position, Some(Halt::Tripped(trip)));
            return self.halt;
        }
        if let Some((at, halt)) = self.switched(actual) {
            self.halted(now, at, halt);
            return self.halt;
        }
        self.position = actual;
        self.believed = wanted;
        if ended {
            self.homed |= self.homing.is_some();
            if self.homing.is_some() {
                self.zero = 0.0;
            }
            self.rest(actual, None);
        }
        None
    }

    /// Where the motor is when the controller wants it there.
    fn follow(&self, wanted: f64, velocity: f64) -> f64 {
        if self.faults.stalled {
            return self.position;
        }
        if self.faults.lag == 0.0 {
            return wanted;
        }
        let behind = wanted - self.faults.lag * velocity / self.ramp.speed;
        // To lag is not to go back.
        if velocity > 0.0 {
            behind.max(self.position)
        } else if velocity < 0.0 {
            behind.min(self.position)
        } else {
            wanted
        }
    }

    fn tripped(&self, wanted: f64, actual: f64, ended: bool) -> Option<Trip> {
        let behind = (wanted - actual).abs();
        if self.faults.stalled {
            return (behind > FOLLOWING_LIMIT || (ended && behind > 0.0)).then_some(Trip::Stall);
        }
        (behind > FOLLOWING_LIMIT).then_some(Trip::Following)
    }

    /// The limit switch that ends the way to `next`, and where.
    fn switched(&self, next: f64) -> Option<(f64, Halt)> {
        let (low, high) = SWITCHES;
        if next > self.position + ROUNDING && (self.faults.high || next > high + ROUNDING) {
            let at = if self.faults.high { self.position } else { high };
            return Some((at, Halt::High));
        }
        if next < self.position - ROUNDING && (self.faults.low || next < low - ROUNDING) {
            let at = if self.faults.low { self.position } else { low };
            return Some((at, Halt::Low));
        }
        None
    }

    fn halted(&mut self, now: f64, at: f64, halt: Halt) {
        let turns = self.homing == Some(false);
        let ramp = self.ramp;
        self.rest(at, Some(halt));
        if turns {
            self.start(now, Profile::to(at, 0.0, 0.0, &ramp), ramp);
            self.homing = Some(true);
            self.forward = at < 0.0;
        }
    }

    fn rest(&mut self, at: f64, halt: Option<Halt>) {
        self.position = at;
        self.believed = at;
        self.velocity = 0.0;
        self.moving = false;
        self.homing = None;
        self.halt = halt;
    }
}
