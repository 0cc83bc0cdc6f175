//! The middle man's PVs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use wrapper::{Alarm, Command, GroupBuilder, GroupError, Post, Pv};

wrapper::pv_enum! {
    /// Where the motor is, and where it shall go.
    pub(crate) enum Place {
        /// In the beam.
        Insert = "Insert",
        /// Out of the beam.
        Retract = "Retract",
        /// Neither.
        Elsewhere = " ",
    }
}

/// Position of `Insert`, in the motor's units.
const INSERT: f64 = 0.0;
/// Position of `Retract`.
const RETRACT: f64 = 5.0;
/// How far off still counts as there.
const TOLERANCE: f64 = 0.002;

impl Place {
    /// The place of a position.
    pub(crate) fn of(position: f64) -> Self {
        let near = |place: f64| (position - place).abs() <= TOLERANCE;
        match (near(INSERT), near(RETRACT)) {
            (true, _) => Self::Insert,
            (_, true) => Self::Retract,
            (false, false) => Self::Elsewhere,
        }
    }

    /// The position of a place, when it has one.
    pub(crate) fn position(self) -> Option<f64> {
        match self {
            Self::Insert => Some(INSERT),
            Self::Retract => Some(RETRACT),
            Self::Elsewhere => None,
        }
    }
}

/// What the middle man publishes, and what it is told.
#[derive(Clone, Debug)]
pub(crate) struct Pvs {
    pub(crate) choices: Pv<Place>,
    pub(crate) jog: Pv<f64>,
    pub(crate) running: Pv<i32>,
    /// The motor is there.
    pub(crate) there: Arc<AtomicBool>,
}

impl Pvs {
    pub(crate) fn build(group: &mut GroupBuilder, motor: &str) -> Result<Self, GroupError> {
        let port = group.port()?;
        let there = Arc::new(AtomicBool::new(false));
        let needed = |there: &Arc<AtomicBool>| {
            let (there, motor) = (there.clone(), motor.to_owned());
            move || if there.load(SeqCst) { Ok(()) } else { Err(format!("{motor}VAL is not there")) }
        };
        let check = needed(&there);
        let choices = group.pv("choices", Place::Elsewhere).check(move |_| check());
        let choices = choices.doc("where the motor is; a put moves it and completes when it is there");
        let choices = choices
            .command(&port, |place: Place| Command::new("choose").arg("place", i64::from(place as u8)));
        let choices = choices.add()?;
        let check = needed(&there);
        let jog = group.pv("jog", 0.0).check(move |_| check());
        let jog = jog.doc("1 goes 0.5 up and back, then reads 0 again; other values do nothing");
        let jog = jog.command(&port, |to| Command::new("jog").arg("value", to)).add()?;
        let running = group.pv("running", 1).read_only().doc("running of the motor").add()?;
        Ok(Self { choices, jog, running, there })
    }

    /// The motor is lost: what is shown of it is old.
    pub(crate) fn lost(&self) {
        self.there.store(false, SeqCst);
        self.choices.post_with(self.choices.get(), Post::new().alarm(Alarm::LINK));
        self.jog.post_with(self.jog.get(), Post::new().alarm(Alarm::LINK));
        self.running.post_with(self.running.get(), Post::new().alarm(Alarm::LINK));
    }

    /// The motor is told to be at a position.
    pub(crate) fn at(&self, position: f64) {
        self.there.store(true, SeqCst);
        self.choices.post(Place::of(position));
        self.jog.post(self.jog.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_within_the_tolerance() {
        let places = [0.0, -0.002, 0.0021, 4.998, 5.003, f64::NAN].map(|at| Place::of(at) as u8);
        assert_eq!(places, [0, 0, 2, 1, 2, 2]);
    }
}
