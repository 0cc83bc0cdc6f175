//! Speeds, times, sizes, and what they may be.

use crate::fields::Field;
use crate::profile::Ramp;

/// Longest time that can be set, in seconds.
const LONGEST: f64 = 3600.0;

/// What is set of the motor; lengths in mm, times in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    pub(super) mres: f64,
    pub(super) velo: f64,
    pub(super) vbas: f64,
    pub(super) vmax: f64,
    pub(super) accl: f64,
    pub(super) bdst: f64,
    pub(super) bvel: f64,
    pub(super) bacc: f64,
    pub(super) jvel: f64,
    pub(super) jar: f64,
    pub(super) hvel: f64,
    pub(super) twv: f64,
    pub(super) rdbd: f64,
    pub(super) rtry: f64,
    pub(super) dly: f64,
    pub(super) dhlm: f64,
    pub(super) dllm: f64,
    pub(super) hlsv: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mres: 0.001,
            velo: 1.0,
            vbas: 0.0,
            vmax: 10.0,
            accl: 0.2,
            bdst: 0.0,
            bvel: 1.0,
            bacc: 0.5,
            jvel: 1.0,
            jar: 5.0,
            hvel: 1.0,
            twv: 0.1,
            rdbd: 0.001,
            rtry: 10.0,
            dly: 0.0,
            dhlm: 7.0,
            dllm: -3.0,
            hlsv: 0.0,
        }
    }
}

impl Settings {
    /// The setting behind a field.
    pub(super) fn get(&self, field: Field) -> Option<f64> {
        Some(match field {
            Field::Mres => self.mres,
            Field::Velo => self.velo,
            Field::Vbas => self.vbas,
            Field::Vmax => self.vmax,
            Field::Accl => self.accl,
            Field::Bdst => self.bdst,
            Field::Bvel => self.bvel,
            Field::Bacc => self.bacc,
            Field::Jvel => self.jvel,
            Field::Jar => self.jar,
            Field::Hvel => self.hvel,
            Field::Twv => self.twv,
            Field::Rdbd => self.rdbd,
            Field::Rtry => self.rtry,
            Field::Dly => self.dly,
            Field::Dhlm => self.dhlm,
            Field::Dllm => self.dllm,
            Field::Hlsv => self.hlsv,
            _ => return None,
        })
    }

    /// Changes the setting behind a field; false when there is none.
    ///
    /// # Errors
    /// When the motor could not live with the value.
    pub(super) fn set(&mut self, field: Field, value: f64) -> Result<bool, String> {
        self.check(field, value)?;
        let place = match field {
            Field::Mres => &mut self.mres,
            Field::Velo => &mut self.velo,
            Field::Vbas => &mut self.vbas,
            Field::Vmax => &mut self.vmax,
            Field::Accl => &mut self.accl,
            Field::Bdst => &mut self.bdst,
            Field::Bvel => &mut self.bvel,
            Field::Bacc => &mut self.bacc,
            Field::Jvel => &mut self.jvel,
            Field::Jar => &mut self.jar,
            Field::Hvel => &mut self.hvel,
            Field::Twv => &mut self.twv,
            Field::Rdbd => &mut self.rdbd,
            Field::Rtry => &mut self.rtry,
            Field::Dly => &mut self.dly,
            Field::Hlsv => &mut self.hlsv,
            _ => return Ok(false),
        };
        *place = value;
        // A smaller deadband could never be met.
        self.rdbd = self.rdbd.max(self.mres.abs());
        Ok(true)
    }

    fn check(&self, field: Field, value: f64) -> Result<(), String> {
        let above = |limit: f64| value > limit;
        let rule = match field {
            Field::Velo if value < self.vbas => Some(format!("at least VBAS {}", self.vbas)),
            Field::Velo | Field::Bvel | Field::Jvel | Field::Hvel => {
                if !above(0.0) {
                    Some("above 0".to_owned())
                } else if self.vmax > 0.0 && above(self.vmax) {
                    Some(format!("at most VMAX {}", self.vmax))
                } else {
                    None
                }
            }
            Field::Vbas => {
                (!(0.0..=self.velo).contains(&value)).then(|| format!("in 0..=VELO {}", self.velo))
            }
            Field::Vmax => self.check_vmax(value),
            Field::Accl | Field::Bacc => {
                (!above(0.0) || above(LONGEST)).then(|| format!("above 0, at most {LONGEST}"))
            }
            Field::Jar => (!above(0.0)).then(|| "above 0".to_owned()),
            Field::Mres => (value == 0.0).then(|| "other than 0".to_owned()),
            Field::Rdbd | Field::Rtry => (value < 0.0).then(|| "at least 0".to_owned()),
            Field::Dly => (!(0.0..=LONGEST).contains(&value)).then(|| format!("in 0..={LONGEST}")),
            Field::Hlsv => (!(0.0..=3.0).contains(&value)).then(|| "in 0..=3".to_owned()),
            _ => None,
        };
        match rule {
            Some(rule) => Err(format!("{} {value} must be {rule}", field.spec().name)),
            None => Ok(()),
        }
    }

    fn check_vmax(&self, value: f64) -> Option<String> {
        let fastest = [self.velo, self.bvel, self.jvel, self.hvel].into_iter().fold(0.0, f64::max);
        let fits = value == 0.0 || value >= fastest;
        (!fits).then(|| format!("0 or at least {fastest}, the highest of VELO, BVEL, JVEL, HVEL"))
    }

    /// The ramp of a usual way.
    pub(super) fn slew(&self) -> Ramp {
        Ramp::new(self.vbas, self.velo, self.accl)
    }

    /// The ramp of the piece that takes out backlash.
    pub(super) fn slow(&self) -> Ramp {
        Ramp::new(self.vbas, self.bvel, self.bacc)
    }

    pub(super) fn home(&self) -> Ramp {
        Ramp::new(self.vbas, self.hvel, self.accl)
    }

    pub(super) fn jog(&self) -> Ramp {
        Ramp { base: self.vbas.min(self.jvel), speed: self.jvel, acceleration: self.jar }
    }
}
