//! Two PVs: what is wanted, and what is.

use ca::proto::dbr::Value;

use super::{GroupBuilder, GroupError, PvBuilder};
use crate::pv::Pv;
use crate::pv_type::PvType;

/// A setpoint that clients put to and its readback, made by [`GroupBuilder::pair`].
#[derive(Clone, Debug)]
pub struct PvPair<T> {
    /// What is wanted.
    pub setpoint: Pv<T>,
    /// What is; clients cannot put to it.
    pub readback: Pv<T>,
}

/// Which PVs of a pair a change is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Both,
    Setpoint,
    Readback,
}

type Change<'a, T> = Box<dyn for<'b> Fn(PvBuilder<'b, T>) -> PvBuilder<'b, T> + 'a>;

/// A [`PvPair`] on its way into a group; ends with [`PairBuilder::add`].
#[must_use = "a pair exists once it is added"]
pub struct PairBuilder<'a, T> {
    group: &'a mut GroupBuilder,
    name: String,
    value: Option<Value>,
    setpoint_suffix: String,
    readback_suffix: String,
    copies: bool,
    changes: Vec<(End, Change<'a, T>)>,
}

impl GroupBuilder {
    /// Declares a setpoint `NAME` and its readback `NAME_RBV`, which clients cannot put to.
    ///
    /// What is put to the setpoint is posted to the readback at once; see [`PairBuilder::without_copy`] for
    /// equipment that says itself where it is.
    ///
    /// ```
    /// use wrapper::GroupBuilder;
    /// let mut group = GroupBuilder::new("heater:");
    /// let power = group
    ///     .pair("power", 0.0)
    ///     .both(|pv| pv.units("W").precision(1))
    ///     .setpoint(|pv| pv.control_limits(0.0..=50.0))
    ///     .add()?;
    /// assert_eq!(power.setpoint.name(), "heater:power");
    /// assert_eq!(power.readback.name(), "heater:power_RBV");
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn pair<T: PvType>(&mut self, name: &str, value: T) -> PairBuilder<'_, T> {
        PairBuilder::new(self, name, Some(value.into_value()))
    }

    /// As [`GroupBuilder::pair`]; both are undefined, UDF and INVALID, until the first put or post.
    pub fn pair_undefined<T: PvType>(&mut self, name: &str) -> PairBuilder<'_, T> {
        PairBuilder::new(self, name, None)
    }
}

impl<'a, T: PvType> PairBuilder<'a, T> {
    fn new(group: &'a mut GroupBuilder, name: &str, value: Option<Value>) -> Self {
        Self {
            group,
            name: name.to_owned(),
            value,
            setpoint_suffix: String::new(),
            readback_suffix: "_RBV".to_owned(),
            copies: true,
            changes: Vec::new(),
        }
    }

    /// Ends the name of the setpoint, nothing without it.
    pub fn setpoint_suffix(mut self, suffix: &str) -> Self {
        suffix.clone_into(&mut self.setpoint_suffix);
        self
    }

    /// Ends the name of the readback, `_RBV` without it.
    pub fn readback_suffix(mut self, suffix: &str) -> Self {
        suffix.clone_into(&mut self.readback_suffix);
        self
    }

    /// Describes both PVs.
    pub fn both(self, change: impl for<'b> Fn(PvBuilder<'b, T>) -> PvBuilder<'b, T> + 'a) -> Self {
        self.change(End::Both, change)
    }

    /// Describes the setpoint alone.
    pub fn setpoint(self, change: impl for<'b> Fn(PvBuilder<'b, T>) -> PvBuilder<'b, T> + 'a) -> Self {
        self.change(End::Setpoint, change)
    }

    /// Describes the readback alone.
    pub fn readback(self, change: impl for<'b> Fn(PvBuilder<'b, T>) -> PvBuilder<'b, T> + 'a) -> Self {
        self.change(End::Readback, change)
    }

    fn change(
        mut self,
        end: End,
        change: impl for<'b> Fn(PvBuilder<'b, T>) -> PvBuilder<'b, T> + 'a,
    ) -> Self {
        self.changes.push((end, Box::new(change)));
        self
    }

    /// Leaves the readback to the author: puts are stored in the setpoint alone, and may have a hook of their
    /// own ([`GroupBuilder::on_put`]).
    pub fn without_copy(mut self) -> Self {
        self.copies = false;
        self
    }

    fn one(&mut self, end: End) -> Result<Pv<T>, GroupError> {
        let suffix = if end == End::Setpoint { &self.setpoint_suffix } else { &self.readback_suffix };
        let name = format!("{}{suffix}", self.name);
        let pv = match &self.value {
            Some(value) => self.group.pv_of_value(&name, value.clone()),
            None => self.group.pv_undefined(&name),
        };
        let changes = self.changes.iter().filter(|(of, _)| *of == End::Both || *of == end);
        let pv = changes.fold(pv, |pv, (_, change)| change(pv));
        if end == End::Readback { pv.read_only().add() } else { pv.add() }
    }

    /// Adds both PVs to their group.
    ///
    /// # Errors
    /// Those of [`PvBuilder::add`], for each of them; when the setpoint is a command and the pair copies.
    pub fn add(mut self) -> Result<PvPair<T>, GroupError> {
        let (setpoint, readback) = (self.one(End::Setpoint)?, self.one(End::Readback)?);
        if self.copies {
            let copy = readback.clone();
            self.group.on_put(&setpoint, move |_, value| copy.post(value))?;
        }
        Ok(PvPair { setpoint, readback })
    }
}
