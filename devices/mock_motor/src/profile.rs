//! A motion as a pure function of time: trapezoids of constant acceleration.

/// How fast a motion may be, in mm/s and mm/s².
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ramp {
    /// Speed that needs no ramp: a motor starts and stops with it.
    pub(crate) base: f64,
    /// Speed between the ramps.
    pub(crate) speed: f64,
    pub(crate) acceleration: f64,
}

impl Ramp {
    /// The ramp from `base` to `speed` that takes `seconds`; without room between the two it is one from rest.
    pub(crate) fn new(base: f64, speed: f64, seconds: f64) -> Self {
        let rise = if speed > base { speed - base } else { speed };
        Self { base: base.min(speed), speed, acceleration: rise / seconds }
    }

    /// The way that is needed to get from one speed to a lower one.
    fn way(&self, from: f64, to: f64) -> f64 {
        ((from * from - to * to) / (2.0 * self.acceleration)).max(0.0)
    }
}

/// A piece with constant acceleration.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Segment {
    seconds: f64,
    from: f64,
    velocity: f64,
    acceleration: f64,
}

impl Segment {
    fn position(&self, t: f64) -> f64 {
        self.from + self.velocity * t + 0.5 * self.acceleration * t * t
    }
}

/// Where a motor is at each moment of a motion; positions in mm, velocities in mm/s.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Profile {
    segments: Vec<Segment>,
    end: f64,
}

impl Profile {
    /// Stays where it is.
    pub(crate) fn rest(at: f64) -> Self {
        Self { segments: Vec::new(), end: at }
    }

    /// From a position and a velocity to `target`, there at rest; turns round where the way is too short to stop.
    pub(crate) fn to(from: f64, velocity: f64, target: f64, ramp: &Ramp) -> Self {
        let direction = (target - from).signum();
        let speed = velocity * direction;
        let stop = ramp.way(speed, ramp.base.min(speed));
        if velocity != 0.0 && (speed < 0.0 || speed > ramp.speed || stop > (target - from).abs()) {
            let mut profile = Self::stop(from, velocity, ramp);
            profile.append(Self::to(profile.end, 0.0, target, ramp));
            return profile;
        }
        let mut profile = Self::rest(from);
        profile.trapezoid(direction, speed, target, ramp);
        profile
    }

    fn trapezoid(&mut self, direction: f64, speed: f64, target: f64, ramp: &Ramp) {
        let way = (target - self.end).abs();
        let start = speed.max(ramp.base);
        let highest = (ramp.acceleration * way + 0.5 * (start * start + ramp.base * ramp.base)).sqrt();
        let peak = highest.min(ramp.speed).max(start);
        let cruise = way - ramp.way(peak, start) - ramp.way(peak, ramp.base);
        self.ramp(direction * start, direction * peak, ramp.acceleration);
        self.run(direction * peak, (cruise / peak).max(0.0));
        self.ramp(direction * peak, direction * ramp.base, ramp.acceleration);
        // Sums of segments are off by rounding.
        self.end = target;
    }

    /// Slows down from a velocity to rest.
    pub(crate) fn stop(from: f64, velocity: f64, ramp: &Ramp) -> Self {
        let mut profile = Self::rest(from);
        let last = ramp.base.min(velocity.abs()).copysign(velocity);
        profile.ramp(velocity, last, ramp.acceleration);
        profile
    }

    /// Runs on at `target` mm/s until something else is wanted.
    pub(crate) fn jog(from: f64, velocity: f64, target: f64, ramp: &Ramp) -> Self {
        let mut profile = Self::rest(from);
        let base = ramp.base.min(target.abs()).copysign(target);
        let start = if velocity == 0.0 { base } else { velocity };
        profile.ramp(start, target, ramp.acceleration);
        profile.run(target, f64::INFINITY);
        profile
    }

    /// This motion, then another from where it ends.
    fn append(&mut self, other: Self) {
        self.segments.extend(other.segments);
        self.end = other.end;
    }

    fn ramp(&mut self, from: f64, to: f64, acceleration: f64) {
        let seconds = (to - from).abs() / acceleration;
        let signed = acceleration.copysign(to - from);
        self.push(Segment { seconds, from: self.end, velocity: from, acceleration: signed });
    }

    fn run(&mut self, velocity: f64, seconds: f64) {
        self.push(Segment { seconds, from: self.end, velocity, acceleration: 0.0 });
    }

    fn push(&mut self, segment: Segment) {
        if segment.seconds > 0.0 {
            self.end = segment.position(segment.seconds);
            self.segments.push(segment);
        }
    }

    /// How long it takes, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.segments.iter().map(|segment| segment.seconds).sum()
    }

    /// Where it ends.
    pub(crate) fn end(&self) -> f64 {
        self.end
    }

    /// Position and velocity after `t` seconds.
    pub(crate) fn at(&self, t: f64) -> (f64, f64) {
        if t >= self.seconds() {
            return (self.end, 0.0);
        }
        let mut t = t.max(0.0);
        for segment in &self.segments {
            if t < segment.seconds {
                return (segment.position(t), segment.velocity + segment.acceleration * t);
            }
            t -= segment.seconds;
        }
        (self.end, 0.0)
    }
}
