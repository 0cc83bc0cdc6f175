//! Puts: each field to what it does.

use super::{After, End, Phase, Put, Record, Run};
use crate::fields::{Access, Field, Kind};

impl Record {
    /// Puts a field, at time `now`.
    ///
    /// # Errors
    /// With the value and the rule; nothing has changed then but LVIO.
    pub(crate) fn put(&mut self, field: Field, value: f64, now: f64) -> Result<Put, String> {
        let spec = field.spec();
        if spec.access == Access::Ro {
            return Err(format!("{} is read-only", spec.name));
        }
        if !value.is_finite() {
            return Err(format!("{} {value} must be a finite number", spec.name));
        }
        if let Kind::Choice(labels) = spec.kind
            && !(value.fract() == 0.0 && (0.0..labels.len() as f64).contains(&value))
        {
            return Err(format!("{} {value} must be one of 0..={}", spec.name, labels.len() - 1));
        }
        if Self::is_idle_button(field, value) {
            return self.idle_button(field);
        }
        match self.put_target(field, value, now) {
            Some(put) => put,
            None => self.put_other(field, value, now),
        }
    }

    fn idle_button(&self, field: Field) -> Result<Put, String> {
        if matches!((&self.phase, field), (Phase::Home { .. }, Field::Homf | Field::Homr)) {
            return Err(format!("{} cannot be taken back, STOP ends a home search", field.spec().name));
        }
        Ok(Put::Done)
    }

    /// The fields that are a target.
    fn put_target(&mut self, field: Field, value: f64, now: f64) -> Option<Result<Put, String>> {
        Some(match field {
            Field::Val => self.put_user(value, now),
            Field::Rlv => self.put_user(self.val + value, now),
            Field::Twf => self.put_user(self.val + self.settings.twv, now),
            Field::Twr => self.put_user(self.val - self.settings.twv, now),
            Field::Dval => self.put_dial(value, now),
            Field::Rval => self.put_dial(value * self.settings.mres, now),
            _ => return None,
        })
    }

    fn put_other(&mut self, field: Field, value: f64, now: f64) -> Result<Put, String> {
        match field {
            Field::Stop => Ok(self.stop(now)),
            Field::Spmg => self.put_run(value, now),
            Field::Jogf | Field::Jogr => self.put_jog(field == Field::Jogf, value != 0.0, now),
            Field::Homf | Field::Homr => self.put_home(field == Field::Homf, now),
            Field::Hlm | Field::Llm => self.set_user_limit(field == Field::Hlm, value),
            Field::Dhlm | Field::Dllm => self.set_limit(field == Field::Dhlm, value),
            Field::Off => self.set_offset(value),
            Field::Dir => self.set_direction(value != 0.0),
            Field::Foff => {
                self.frozen = value != 0.0;
                Ok(Put::Done)
            }
            Field::Set => {
                self.setting = value != 0.0;
                Ok(Put::Done)
            }
            Field::Sync => {
                self.needs_rest("VAL by SYNC")?;
                self.sync();
                Ok(Put::Done)
            }
            Field::Mres => {
                self.needs_rest("MRES")?;
                self.settings.set(field, value).map(|_| Put::Done)
            }
            _ => self.put_setting(field, value, now),
        }
    }

    fn put_setting(&mut self, field: Field, value: f64, now: f64) -> Result<Put, String> {
        if !self.settings.set(field, value)? {
            return Err(format!("{} takes no puts", field.spec().name));
        }
        if let (Field::Jvel | Field::Jar, Phase::Jog { forward }) = (field, &self.phase) {
            self.run_jog(*forward, now);
        }
        Ok(Put::Done)
    }

    fn put_user(&mut self, user: f64, now: f64) -> Result<Put, String> {
        if self.setting {
            return self.define_user(user);
        }
        self.aim(user, self.to_dial(user))?;
        Ok(self.set_out(now))
    }

    fn put_dial(&mut self, dial: f64, now: f64) -> Result<Put, String> {
        if self.setting {
            return self.define_dial(dial);
        }
        self.aim(self.to_user(dial), dial)?;
        Ok(self.set_out(now))
    }

    fn put_run(&mut self, value: f64, now: f64) -> Result<Put, String> {
        let run = Run::from_index(value as u16).ok_or_else(|| format!("SPMG {value} must be in 0..=3"))?;
        if std::mem::replace(&mut self.run, run) == run {
            return Ok(Put::Done);
        }
        match run {
            Run::Stop => Ok(self.stop(now)),
            Run::Pause => {
                self.pause(now);
                Ok(Put::Done)
            }
            Run::Move | Run::Go => {
                self.resume(now);
                Ok(Put::Done)
            }
        }
    }

    fn pause(&mut self, now: f64) {
        match &self.phase {
            Phase::Rest | Phase::Held | Phase::Stopping(_) => {}
            Phase::Settle { .. } => self.phase = Phase::Held,
            // A search has no target to go on to.
            Phase::Home { .. } => self.slow_down(After::End(End::Stopped), now),
            Phase::Move { .. } | Phase::JogBacklash(_) | Phase::Jog { .. } => {
                self.slow_down(After::Pause, now);
            }
        }
    }

    fn resume(&mut self, now: f64) {
        match self.phase {
            Phase::Stopping(After::Pause) | Phase::Held => self.go_on(now),
            _ => {}
        }
    }

    fn put_jog(&mut self, forward: bool, on: bool, now: f64) -> Result<Put, String> {
        if !on {
            return Ok(self.let_go(forward, now));
        }
        let name = if forward { "JOGF" } else { "JOGR" };
        if self.is_switched(forward) {
            return Err(format!("{name}: the motor is at the limit switch"));
        }
        if self.is_near_limit(forward) {
            self.violated = true;
            let (llm, hlm) = self.user_limits();
            return Err(format!(
                "{name}: {} is less than a second of JVEL {} from the end of {llm}..={hlm}",
                super::motion::rounded(self.readback()),
                self.settings.jvel
            ));
        }
        self.begin_motion();
        self.jog = Some(forward);
        if self.run.holds() {
            self.phase = Phase::Held;
        } else {
            self.run_jog(forward, now);
        }
        Ok(Put::Moves)
    }

    fn let_go(&mut self, forward: bool, now: f64) -> Put {
        if self.jog != Some(forward) {
            return Put::Done;
        }
        self.jog = None;
        match self.phase {
            Phase::Jog { .. } => self.slow_down(After::Jog, now),
            Phase::Stopping(After::Pause) => self.phase = Phase::Stopping(After::Jog),
            // It was held before it began: the next tick ends it where the motor is.
            Phase::Held => self.slow_down(After::End(End::Reached), now),
            _ => {}
        }
        Put::Joins
    }

    fn put_home(&mut self, forward: bool, now: f64) -> Result<Put, String> {
        if let Phase::Home { .. } = self.phase {
            return Err("a home search is under way already".to_owned());
        }
        if self.run.holds() {
            return Err("no home search while SPMG is Stop or Pause".to_owned());
        }
        self.jog = None;
        self.begin_motion();
        self.axis.home(now, forward, self.settings.home());
        self.phase = Phase::Home { forward };
        Ok(Put::Moves)
    }
}
