//! Coordinates: user, dial and steps; limits; saying where the motor is.

use super::{Put, Record};

impl Record {
    const fn direction(&self) -> f64 {
        if self.negative { -1.0 } else { 1.0 }
    }

    pub(super) fn to_user(&self, dial: f64) -> f64 {
        dial * self.direction() + self.off
    }

    pub(super) fn to_dial(&self, user: f64) -> f64 {
        (user - self.off) * self.direction()
    }

    pub(super) fn to_steps(&self, dial: f64) -> f64 {
        (dial / self.settings.mres).round()
    }

    /// Where the motor is, in user coordinates; at its target exactly what was put.
    pub(super) fn readback(&self) -> f64 {
        let dial = self.axis.dial();
        if dial == self.dval { self.val } else { self.to_user(dial) }
    }

    /// The lowest and the highest target in user coordinates.
    pub(super) fn user_limits(&self) -> (f64, f64) {
        let (low, high) = (self.to_user(self.settings.dllm), self.to_user(self.settings.dhlm));
        if self.negative { (high, low) } else { (low, high) }
    }

    pub(super) fn has_limits(&self) -> bool {
        self.settings.dllm != 0.0 || self.settings.dhlm != 0.0
    }

    /// Makes the target the place where the motor is.
    pub(super) fn sync(&mut self) {
        self.val = self.readback();
        self.dval = self.axis.dial();
    }

    /// Takes a new target, in user and dial coordinates.
    ///
    /// # Errors
    /// When it, or the place from which backlash is taken out, is outside the limits.
    pub(super) fn aim(&mut self, user: f64, dial: f64) -> Result<(), String> {
        if let Err(reason) = self.check_target(user, dial) {
            self.violated = true;
            return Err(reason);
        }
        self.violated = false;
        (self.val, self.dval) = (user, dial);
        Ok(())
    }

    fn check_target(&self, user: f64, dial: f64) -> Result<(), String> {
        let (low, high) = (self.settings.dllm, self.settings.dhlm);
        let is_outside = |dial: f64| self.has_limits() && !(low..=high).contains(&dial);
        let (llm, hlm) = self.user_limits();
        if is_outside(dial) {
            return Err(format!("{user} is outside {llm}..={hlm}"));
        }
        let turn = dial - self.settings.bdst;
        if self.takes_backlash(dial) && is_outside(turn) {
            let turn = self.to_user(turn);
            return Err(format!(
                "{user} is reached from {turn} to take out backlash, which is outside {llm}..={hlm}"
            ));
        }
        Ok(())
    }

    /// A way to this dial position ends with a piece against the backlash, from behind the target.
    pub(super) fn takes_backlash(&self, dial: f64) -> bool {
        let (bdst, way) = (self.settings.bdst, dial - self.axis.dial());
        let step = self.settings.mres.abs();
        bdst.abs() >= step && way.abs() >= 0.5 * step && (way > 0.0) != (bdst > 0.0)
    }

    /// Says where the motor is, in user coordinates: moves the offset, or the dial when that is frozen.
    pub(super) fn define_user(&mut self, user: f64) -> Result<Put, String> {
        self.needs_rest("the position")?;
        if self.frozen {
            return self.define_dial(self.to_dial(user));
        }
        self.off = user - self.dval * self.direction();
        self.val = user;
        Ok(Put::Done)
    }

    /// Says where the motor is, in dial coordinates.
    pub(super) fn define_dial(&mut self, dial: f64) -> Result<Put, String> {
        self.needs_rest("the position")?;
        self.axis.load(dial);
        // What the axis reads back is off by rounding.
        self.dval = self.axis.dial();
        if self.frozen {
            self.val = self.to_user(dial);
        } else {
            self.off = self.val - dial * self.direction();
        }
        Ok(Put::Done)
    }

    pub(super) fn set_offset(&mut self, off: f64) -> Result<Put, String> {
        self.needs_rest("OFF")?;
        self.off = off;
        self.val = self.to_user(self.dval);
        Ok(Put::Done)
    }

    pub(super) fn set_direction(&mut self, negative: bool) -> Result<Put, String> {
        self.needs_rest("DIR")?;
        self.negative = negative;
        if self.frozen {
            self.val = self.to_user(self.dval);
        } else {
            self.off = self.val - self.dval * self.direction();
        }
        Ok(Put::Done)
    }

    /// Changes the high or the low limit, in dial coordinates.
    pub(super) fn set_limit(&mut self, high: bool, dial: f64) -> Result<Put, String> {
        let (low_limit, high_limit) =
            if high { (self.settings.dllm, dial) } else { (dial, self.settings.dhlm) };
        if low_limit > high_limit {
            return Err(format!(
                "the low limit {low_limit} is above the high limit {high_limit} of the dial"
            ));
        }
        (self.settings.dllm, self.settings.dhlm) = (low_limit, high_limit);
        if self.has_limits() && !(low_limit..=high_limit).contains(&self.dval) {
            self.violated = true;
        }
        Ok(Put::Done)
    }

    /// Changes the high or the low limit, in user coordinates.
    pub(super) fn set_user_limit(&mut self, high: bool, user: f64) -> Result<Put, String> {
        self.set_limit(high != self.negative, self.to_dial(user))
    }
}
