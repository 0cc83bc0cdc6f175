//! The rules that a PV on its way into a group keeps.

use ca::proto::dbr::{Meta, NativeType};

use super::{MAX_NAME, PvBuilder};
use crate::hooks::PutHook;
use crate::pv::{is_range, number_of};
use crate::pv_type::{PvType, Shape};
use crate::record::ControlRule;

impl<T: PvType> PvBuilder<'_, T> {
    pub(super) fn validate(&self) -> Result<(), String> {
        if let Some(fault) = self.faults.first() {
            return Err(fault.clone());
        }
        if self.name.len() == self.group.prefix.len() {
            return Err("a PV needs a name behind its prefix".to_owned());
        }
        check_name(&self.name)?;
        if self.group.names.contains(&self.name) {
            return Err("the name is taken".to_owned());
        }
        check_meta::<T>(&self.meta)?;
        self.validate_first()?;
        if self.fixed.read_only && !matches!(self.fixed.hook, PutHook::Store) {
            return Err("a read-only PV takes no puts, so none can be a command".to_owned());
        }
        if self.fixed.capacity == 0 {
            return Err("an undefined array needs max_length".to_owned());
        }
        if self.value.len() > self.fixed.capacity as usize {
            return Err(format!("the value has {} elements, {} fit", self.value.len(), self.fixed.capacity));
        }
        Ok(())
    }

    /// The first value must be one that a client could put.
    fn validate_first(&self) -> Result<(), String> {
        if self.fixed.control == ControlRule::Show {
            return Ok(());
        }
        let control = self.meta.control;
        match number_of(&self.value) {
            Some(v) if self.defined && is_range(control) && !(control.low..=control.high).contains(&v) => {
                Err(format!("the value {v} is outside the control limits {}..={}", control.low, control.high))
            }
            _ => Ok(()),
        }
    }
}

/// The rules for names.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(format!("a name has 1 to {MAX_NAME} bytes, this one has {}", name.len()));
    }
    match name.chars().find(|c| c.is_whitespace() || c.is_control() || "$[]{}".contains(*c)) {
        Some(bad) => Err(format!("a name must not have {bad:?}")),
        None => Ok(()),
    }
}

pub(super) fn is_integer<T: PvType>() -> bool {
    T::SHAPE == Shape::Scalar && matches!(T::NATIVE, NativeType::Long | NativeType::Short)
}

/// The rules that metadata of a PV of type `T` keep.
pub(crate) fn check_meta<T: PvType>(meta: &Meta) -> Result<(), String> {
    let Meta { control, alarm, warning, display, labels, .. } = meta;
    if labels.len() > Meta::MAX_LABELS {
        return Err(format!("{} labels, at most {} fit", labels.len(), Meta::MAX_LABELS));
    }
    if let Some(long) = labels.iter().find(|label| label.len() > Meta::MAX_LABEL) {
        return Err(format!("label {long:?} has {} bytes, {} fit", long.len(), Meta::MAX_LABEL));
    }
    let declared = [control, alarm, warning, display].into_iter().any(|pair| is_range(*pair));
    if declared && T::SHAPE == Shape::Scalar && matches!(T::NATIVE, NativeType::String | NativeType::Enum) {
        return Err("limits need a number".to_owned());
    }
    if is_range(*alarm) && is_range(*warning) && (warning.low < alarm.low || warning.high > alarm.high) {
        return Err("the warning limits are outside the alarm limits".to_owned());
    }
    Ok(())
}
