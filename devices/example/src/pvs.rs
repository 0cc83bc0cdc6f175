//! The example's PVs.

use wrapper::{GroupBuilder, GroupError, Pv};

/// What the example publishes beside the template.
#[derive(Clone, Debug)]
pub(crate) struct Pvs {
    pub(crate) val: Pv<f64>,
}

impl Pvs {
    pub(crate) fn build(group: &mut GroupBuilder) -> Result<Self, GroupError> {
        let val = group.pv("VAL", 0.0).precision(3).read_only().doc("where the example is").add()?;
        group.pv("example_pv", 0.0).doc("a number that anyone may put").autosave().add()?;
        Ok(Self { val })
    }
}
