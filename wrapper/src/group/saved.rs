//! What of a PV is saved, as its author says it.

use super::PvBuilder;
use crate::pv::{Field, Saved, can_be_saved};
use crate::pv_type::PvType;

/// The fields by name, until the record type is known.
#[derive(Debug, Default)]
pub(super) struct SavedChoice {
    fields: Vec<String>,
    by_put: bool,
}

impl<T: PvType> PvBuilder<'_, T> {
    /// Saves the value, where the IOC runs with autosave, and restores it before the next start serves.
    ///
    /// No check, put hook or device sees the restored value: a device finds it in its PV when
    /// [`startup`](crate::SystemDevice::startup) runs. See [`Autosave`](crate::Autosave) for all rules.
    ///
    /// ```
    /// use wrapper::GroupBuilder;
    /// let mut group = GroupBuilder::new("oven:");
    /// let setpoint = group.pv("setpoint", 20.0).units("C").autosave().add()?;
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn autosave(self) -> Self {
        self.autosave_fields(["VAL"])
    }

    /// Saves fields: alarm limits that engineers change while the IOC runs, a description; the value is `VAL`.
    ///
    /// ```
    /// use wrapper::GroupBuilder;
    /// let mut group = GroupBuilder::new("oven:");
    /// let block = group.pv("block", 20.0).alarm_limits(0.0..=90.0).autosave_fields(["HIHI", "LOLO"]).add()?;
    /// let wrong = group.pv("lid", 20.0).autosave_fields(["HUHU"]).add().unwrap_err();
    /// assert!(wrong.to_string().contains("HUHU"));
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn autosave_fields(mut self, fields: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.saved.fields.extend(fields.into_iter().map(|field| field.as_ref().to_owned()));
        self
    }

    /// Saves the value, and restores it by a put, as soon as hooks and devices run: limits, checks, hook or device
    /// see it, and may refuse it.
    ///
    /// ```
    /// use wrapper::GroupBuilder;
    /// let mut group = GroupBuilder::new("oven:");
    /// let units = group.pv("units", 0).autosave_by_put().add()?;
    /// group.on_put(&units, |_pv, _value: i32| println!("also after a restart"))?;
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn autosave_by_put(mut self) -> Self {
        self.saved.by_put = true;
        self.autosave()
    }

    /// The fields, now that the record type is known.
    pub(super) fn settle_saved(&mut self) {
        let names = std::mem::take(&mut self.saved.fields);
        if names.is_empty() {
            return;
        }
        let mut fields = Vec::new();
        for name in names {
            match self.field_to_save(&name) {
                Ok(field) => fields.push(field),
                Err(rule) => self.faults.push(rule),
            }
        }
        self.fixed.saved = Some(Box::new(Saved::new(fields, self.saved.by_put)));
    }

    fn field_to_save(&self, name: &str) -> Result<Field, String> {
        let record = self.fixed.record;
        match name {
            "VAL" => Ok(Field::Val),
            name => match record.field(name) {
                None => Err(format!("autosave: there is no field {name:?}")),
                Some(field) if !can_be_saved(field) => {
                    Err(format!("autosave: field {name:?} cannot be written back"))
                }
                Some(field) => Ok(Field::Of(field)),
            },
        }
    }
}
