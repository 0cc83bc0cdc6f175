//! What of a PV outlives the process: which fields, how they are read, how they come back.

use std::sync::{Arc, OnceLock};

use ca::proto::dbr::Value;

use super::core::PvCore;
use super::field::{After, Field};
use super::{flags, on_the_wire};
use crate::answer::Putting;
use crate::hooks::PutError;
use crate::record::{FieldSpec, Live};

/// Rung when a PV that is saved may have changed.
pub(crate) type Changed = Arc<dyn Fn() + Send + Sync>;

/// What of a PV is saved.
#[derive(Default)]
pub(crate) struct Saved {
    /// In the order in which they are restored: the value last, so that it meets its limits.
    pub(crate) fields: Box<[Field]>,
    /// The value comes back by a put, through limits, checks, hook or device.
    pub(crate) by_put: bool,
    changed: OnceLock<Changed>,
}

impl Saved {
    pub(crate) fn new(mut fields: Vec<Field>, by_put: bool) -> Self {
        fields.sort_by_key(|field| (*field == Field::Val, field.number()));
        fields.dedup();
        Self { fields: fields.into(), by_put, changed: OnceLock::new() }
    }
}

/// True for what can be written back as it was read.
pub(crate) fn can_be_saved(field: &FieldSpec) -> bool {
    !field.read_only && !matches!(field.live, Live::Process | Live::Raw)
}

impl PvCore {
    /// What is saved; nothing of most PVs.
    pub(crate) fn saved(&self) -> Option<&Saved> {
        self.fixed.saved.as_deref()
    }

    /// Has changes told from now on.
    pub(crate) fn tell_changes(&self, changed: Changed) {
        if let Some(saved) = self.saved() {
            // Whoever saves a PV saves it to its end.
            let _ = saved.changed.set(changed);
            self.flag(flags::SAVED, true);
        }
    }

    /// Value or fields may have changed.
    pub(super) fn ring_saved(&self) {
        if let Some(changed) = self.saved().and_then(|saved| saved.changed.get()) {
            changed();
        }
    }

    /// What a field holds; nothing when the PV has no value yet.
    pub(crate) fn to_save(&self, field: Field) -> Option<Value> {
        let state = self.lock();
        (field != Field::Val || state.defined).then(|| field.value(self, &state))
    }

    /// Stores a field as it was saved; runs nothing but the author's `on_scan`.
    ///
    /// # Errors
    /// When it does not fit any more.
    pub(crate) fn restore_field(&self, field: &'static FieldSpec, value: &Value) -> Result<(), PutError> {
        let after = on_the_wire(value, |wire| {
            let written = field.convert(wire)?;
            self.retune(field.live.rules_alarm(), |state| field.store(self, state, &written))
        })?;
        if after == After::Scan {
            self.tell_scan();
        }
        Ok(())
    }

    /// Stores the value as it was saved; no check, hook or device sees it.
    ///
    /// # Errors
    /// When it does not fit any more.
    pub(crate) fn restore_value(&self, value: Value) -> Result<(), PutError> {
        self.fitting_saved(value).map(|value| self.keep(value))
    }

    /// Puts the value as it was saved.
    pub(crate) fn restore_by_put(self: &Arc<Self>, value: Value) -> Putting {
        self.put_from_code(value)
    }
}
