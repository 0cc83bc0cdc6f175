//! What the record shows.

use wrapper::{Alarm, AlarmSeverity, AlarmStatus};

use super::{After, Phase, Record};
use crate::axis::Halt;
use crate::fields::Field;

/// Bits of MIP.
mod mip {
    pub(super) const JOGF: u16 = 0x1;
    pub(super) const JOGR: u16 = 0x2;
    pub(super) const JOG_BACKLASH: u16 = 0x4000;
    pub(super) const HOMF: u16 = 0x8;
    pub(super) const HOMR: u16 = 0x10;
    pub(super) const MOVE: u16 = 0x20;
    pub(super) const RETRY: u16 = 0x40;
    pub(super) const BACKLASH: u16 = 0x100;
    pub(super) const STOP: u16 = 0x200;
    pub(super) const DELAY: u16 = 0x400;
    pub(super) const JOG_STOP: u16 = 0x2000;
}

/// Bits of MSTA.
mod msta {
    pub(super) const DIRECTION: u32 = 0x1;
    pub(super) const DONE: u32 = 0x2;
    pub(super) const HIGH: u32 = 0x4;
    pub(super) const HOME: u32 = 0x8;
    pub(super) const STALL: u32 = 0x40;
    pub(super) const ENCODER: u32 = 0x100;
    pub(super) const PROBLEM: u32 = 0x200;
    pub(super) const MOVING: u32 = 0x400;
    pub(super) const LOW: u32 = 0x2000;
    pub(super) const HOMED: u32 = 0x4000;
}

impl Record {
    /// The present value of a field, a choice as its index.
    pub(crate) fn value(&self, field: Field) -> f64 {
        if let Some(value) = self.settings.get(field) {
            return value;
        }
        let dial = self.axis.dial();
        match field {
            Field::Val => self.val,
            Field::Rbv => self.readback(),
            Field::Dval => self.dval,
            Field::Drbv => dial,
            Field::Rval => self.to_steps(self.dval),
            Field::Rrbv | Field::Rmp | Field::Rep => self.to_steps(dial),
            Field::Diff => self.dval - dial,
            Field::Rdif => self.to_steps(self.dval) - self.to_steps(dial),
            Field::Off => self.off,
            Field::Hlm => self.user_limits().1,
            Field::Llm => self.user_limits().0,
            Field::Spmg => f64::from(self.run as u8),
            Field::Rcnt => f64::from(self.retries),
            Field::Mip => f64::from(self.mip() as i16),
            Field::Msta => f64::from(self.msta()),
            Field::Rvel => (self.axis.velocity().abs() / self.settings.mres.abs()).round(),
            flag => f64::from(u8::from(self.flag(flag))),
        }
    }

    /// The fields that are yes or no; buttons that act at once read 0.
    fn flag(&self, field: Field) -> bool {
        match field {
            Field::Dmov => self.done,
            Field::Movn => self.axis.is_moving(),
            Field::Lvio => self.violated,
            Field::Hls => self.is_switched(true),
            Field::Lls => self.is_switched(false),
            Field::Rhls => self.is_step_switched(true),
            Field::Rlls => self.is_step_switched(false),
            Field::Dir => self.negative,
            Field::Foff => self.frozen,
            Field::Set => self.setting,
            Field::Jogf => self.jog == Some(true),
            Field::Jogr => self.jog == Some(false),
            Field::Homf => self.phase == Phase::Home { forward: true },
            Field::Homr => self.phase == Phase::Home { forward: false },
            Field::Athm => self.axis.is_at_home(),
            Field::Miss => self.missed,
            Field::Tdir | Field::Cdir => self.axis.is_forward() == (self.settings.mres > 0.0),
            _ => false,
        }
    }

    /// At the limit switch in this direction of the user.
    pub(super) fn is_switched(&self, high: bool) -> bool {
        if high != self.negative { self.axis.is_at_high() } else { self.axis.is_at_low() }
    }

    fn is_step_switched(&self, high: bool) -> bool {
        if high == (self.settings.mres > 0.0) { self.axis.is_at_high() } else { self.axis.is_at_low() }
    }

    fn mip(&self) -> u16 {
        match &self.phase {
            Phase::Rest => 0,
            Phase::Move { slow, retry, .. } => {
                let retry = if *retry { mip::RETRY } else { 0 };
                retry | if *slow { mip::BACKLASH } else { mip::MOVE }
            }
            Phase::JogBacklash(_) => mip::JOG_BACKLASH,
            Phase::Jog { forward: true } => mip::JOGF,
            Phase::Jog { forward: false } => mip::JOGR,
            Phase::Home { forward: true } => mip::HOMF,
            Phase::Home { forward: false } => mip::HOMR,
            Phase::Stopping(After::Jog) => mip::JOG_STOP,
            Phase::Stopping(_) | Phase::Held => mip::STOP,
            Phase::Settle { .. } => mip::DELAY,
        }
    }

    fn msta(&self) -> u32 {
        let tripped = matches!(self.axis.halt(), Some(Halt::Tripped(_)));
        let bits = [
            (self.flag(Field::Tdir), msta::DIRECTION),
            (!self.axis.is_moving(), msta::DONE),
            (self.is_step_switched(true), msta::HIGH),
            (self.axis.is_at_home(), msta::HOME),
            (tripped, msta::STALL | msta::PROBLEM),
            (true, msta::ENCODER),
            (self.flag(Field::Movn), msta::MOVING),
            (self.is_step_switched(false), msta::LOW),
            (self.axis.is_homed(), msta::HOMED),
        ];
        bits.into_iter().filter(|(on, _)| *on).fold(0, |all, (_, bit)| all | bit)
    }

    /// The alarm of the record itself, which wins over that of its limits.
    pub(crate) fn alarm(&self) -> Option<Alarm> {
        let at_switch = AlarmSeverity::from_code(self.settings.hlsv as u16).unwrap_or(AlarmSeverity::NoAlarm);
        let (high, low) = (self.is_switched(true), self.is_switched(false));
        if at_switch != AlarmSeverity::NoAlarm && (high || low) {
            let status = if high { AlarmStatus::High } else { AlarmStatus::Low };
            return Some(Alarm::new(status, at_switch));
        }
        let tripped = matches!(self.axis.halt(), Some(Halt::Tripped(_)));
        tripped.then(|| Alarm::new(AlarmStatus::State, AlarmSeverity::Major))
    }
}
