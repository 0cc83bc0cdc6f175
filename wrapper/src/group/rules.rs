//! The rules that PVs keep, checked when they are added.

use ca::proto::dbr::{Meta, NativeType};

use super::{MAX_NAME, PvBuilder};
use crate::hooks::PutHook;
use crate::pv::{is_range, number_of};
use crate::pv_type::{PvType, Shape};
use crate::record::ControlRule;

impl<T: PvType> PvBuilder<'_, T> {
    /// All of them, the first one that is broken as error.
    pub(super) fn validate(&self) -> Result<(), String> {
        if let Some(fault) = self.faults.first() {
            return Err(fault.clone());
        }
        if self.name.len() == self.group.prefix.len() {
            return Err("a PV needs a name behind its prefix".to_owned());
        }
        if self.fixed.field_of.is_none() {
            check_name(&self.name)?;
        }
        if self.group.names.contains(&self.name) {
            return Err("the name is taken".to_owned());
        }
        check_meta::<T>(&self.meta)?;
        self.validate_first()?;
        if self.fixed.read_only && !matches!(self.fixed.hook, PutHook::Store) {
            return Err("a read-only PV takes no puts, so none can be a command".to_owned());
        }
        if self.fixed.capacity == 0 {
            return Err("an array that starts empty needs max_length".to_owned());
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
    let number = !matches!(T::NATIVE, NativeType::String | NativeType::Enum) && T::SHAPE != Shape::Text;
    if declared && T::SHAPE != Shape::Array && !number {
        return Err("limits need a number".to_owned());
    }
    if is_range(*alarm) && is_range(*warning) && (warning.low < alarm.low || warning.high > alarm.high) {
        return Err("the warning limits are outside the alarm limits".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::group::{GroupBuilder, PvBuilder};
    use crate::pv_type::PvType;

    fn refused<T: PvType>(
        name: &str,
        value: T,
        change: impl FnOnce(PvBuilder<'_, T>) -> PvBuilder<'_, T>,
    ) -> String {
        let mut group = GroupBuilder::new("p:");
        group.pv("taken", 0).add().expect("a good PV");
        change(group.pv(name, value)).add().expect_err("a mistake").to_string()
    }

    #[test]
    fn every_mistake_names_the_pv_and_the_rule() {
        assert_eq!(refused("taken", 0, |b| b), r#"PV "p:taken": the name is taken"#);
        assert!(refused("a b", 0, |b| b).contains("must not have ' '"));
        assert!(refused(&"x".repeat(59), 0, |b| b).contains("this one has 61"));
        assert!(refused("v", 0.0, |b| b.control_limits(2.0..=1.0)).contains("must be below"));
        assert!(refused("v", 9.0, |b| b.control_limits(0.0..=1.0)).contains("value 9 is outside"));
        let outside = refused("v", 0.5, |b| b.alarm_limits(0.0..=1.0).warning_limits(0.0..=2.0));
        assert!(outside.contains("warning limits"));
        assert!(refused("v", true, |b| b.control_limits(0.0..=1.0)).contains("need a number"));
        assert!(refused("", 0, |b| b).contains("behind its prefix"));
        assert!(refused("v", true, |b| b.labels(&[""; 17])).contains("17 labels"));
        assert!(refused("v", true, |b| b.labels(&["x", &"y".repeat(26)])).contains("26 bytes, 25 fit"));
        assert!(refused("v", vec![0.0; 4], |b| b.max_length(3)).contains("4 elements, 3 fit"));
        assert!(refused("v", Vec::<f64>::new(), |b| b).contains("starts empty needs max_length"));
        assert!(refused("v", 1, |b| b.max_length(3)).contains("scalar"));
        assert!(refused("v", 1, |b| b.feed_depth(0)).contains("not in 1..=4096"));
    }

    #[test]
    fn an_undefined_pv_is_udf_until_the_first_post() {
        let mut group = GroupBuilder::new("p:");
        let pv = group.pv_undefined::<f64>("v").add().expect("a good PV");
        assert_eq!(pv.alarm(), ca::proto::Alarm::UDF);
        pv.post(1.0);
        assert_eq!((pv.get(), pv.alarm()), (1.0, ca::proto::Alarm::NONE));
    }

    #[test]
    fn a_posted_value_that_does_not_fit_is_an_alarm_and_not_stored() {
        let mut group = GroupBuilder::new("p:");
        let pv = group.pv("v", vec![1.0]).max_length(2).add().expect("a good PV");
        pv.post(vec![0.0; 3]);
        assert_eq!((pv.get(), pv.alarm()), (vec![1.0], ca::proto::Alarm::WRITE));
    }
}
