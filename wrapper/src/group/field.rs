//! Fields of a record that the author serves: PVs of their own, under the names of fields.

use ca::proto::dbr::NativeType;

use super::{GroupBuilder, PvBuilder};
use crate::pv::{Field, Pv};
use crate::pv_type::{PvType, Shape};
use crate::record::FieldSpec;

impl GroupBuilder {
    /// Serves a field of `record` as a PV: with hooks, posts, monitors and alarms of its own, in place of what the
    /// field does otherwise.
    ///
    /// Type, choices and access are those of the record type, a STRING field is a
    /// [`FixedString`](crate::FixedString); units and decimals are those that the record has now. It is in no list,
    /// and goes with its record.
    ///
    /// ```
    /// use wrapper::GroupBuilder;
    /// let mut group = GroupBuilder::new("stage:");
    /// let x = group.pv("x", 0.0).units("mm").record("motor").add()?;
    /// let readback = group.field(&x, "RBV", 0.0).add()?;
    /// let raw = group.field(&x, "RVAL", 0).add()?;
    /// let motor = x.clone();
    /// group.on_put(&raw, move |_, steps| motor.put(f64::from(steps) / 1000.0).wait())?;
    /// readback.post(1.5); // seen by clients that monitor stage:x.RBV
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn field<T: PvType, R: PvType>(&mut self, record: &Pv<R>, field: &str, value: T) -> PvBuilder<'_, T> {
        let own = self.own(record).map(drop);
        let core = record.core();
        let spec = core.fixed.record.field(field).ok_or_else(|| {
            format!("the record type of {:?}, {}, has no field {field:?}", core.name, core.record_type())
        });
        let mut pv = self.pv(field, value);
        pv.name = format!("{}.{field}", core.name);
        pv.faults.extend(own.err().map(|error| error.to_string()));
        match spec.and_then(|spec| fits::<T>(spec).map(|()| spec)) {
            Ok(spec) => {
                pv.meta = (*Field::Of(spec).meta(&core.meta())).clone();
                pv.fixed.read_only = spec.read_only;
            }
            Err(rule) => pv.faults.push(rule),
        }
        pv.fixed.field_of = Some(core.record_type());
        pv
    }
}

/// Whether a Rust type is that of the field.
fn fits<T: PvType>(field: &FieldSpec) -> Result<(), String> {
    if T::SHAPE == Shape::Scalar && T::NATIVE == field.native {
        return Ok(());
    }
    let wanted = match field.native {
        NativeType::String => "FixedString",
        NativeType::Short => "i16",
        NativeType::Float => "f32",
        NativeType::Enum => "bool or a pv_enum!",
        NativeType::Char => return Err("no Rust type is that of a CHAR field".to_owned()),
        NativeType::Long => "i32",
        NativeType::Double => "f64",
    };
    Err(format!("the Rust type of this field is {wanted}"))
}
