//! A PV of any type.

use std::sync::Arc;

use ca::proto::Alarm;
use ca::proto::dbr::{Meta, NativeType, Value, WireArray, encode};

use super::Pv;
use super::core::PvCore;
use crate::answer::Putting;
use crate::pv_type::{PvType, Shape};

/// A PV whose type is not known where it is used: in hooks of groups, and for other ways to serve it.
#[derive(Clone, Debug)]
pub struct AnyPv(Arc<PvCore>);

impl AnyPv {
    pub(crate) const fn new(core: Arc<PvCore>) -> Self {
        Self(core)
    }

    /// The full name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The current value.
    pub fn get(&self) -> Value {
        self.0.read(false).update.value
    }

    /// The current alarm.
    pub fn alarm(&self) -> Alarm {
        self.0.read(false).update.alarm
    }

    /// Units, precision, limits, labels.
    pub fn meta(&self) -> Arc<Meta> {
        self.0.meta()
    }

    /// The same PV with its type; `None` when it is of another.
    pub fn typed<T: PvType>(&self) -> Option<Pv<T>> {
        let fixed = &self.0.fixed;
        (fixed.native == T::NATIVE && fixed.shape == T::SHAPE).then(|| Pv::new(self.0.clone()))
    }

    /// Puts a value as [`Pv::put`] does, converted to the type of the PV.
    pub fn put(&self, value: &Value) -> Putting {
        on_the_wire(value, |wire| self.0.put_converted(wire))
    }

    /// Puts what somebody has typed: a text, a number, the label or the index of a choice.
    ///
    /// ```
    /// use wrapper::GroupBuilder;
    /// let pv = GroupBuilder::new("x:").pv("v", 1.0).add()?;
    /// assert!(pv.any().put_text("2.5").wait().is_ok());
    /// assert_eq!(pv.get(), 2.5);
    /// assert!(pv.any().put_text("two").wait().is_err());
    /// # Ok::<(), wrapper::GroupError>(())
    /// ```
    pub fn put_text(&self, text: &str) -> Putting {
        let (ty, count) = match self.0.fixed.shape {
            Shape::Text => (NativeType::Char, text.len() as u32),
            Shape::Scalar | Shape::Array => (NativeType::String, 1),
        };
        self.0.put_converted(WireArray { ty, count, bytes: text.as_bytes() })
    }
}

/// Hands a value over in the form in which a client would put it.
pub(crate) fn on_the_wire<R>(value: &Value, put: impl FnOnce(WireArray<'_>) -> R) -> R {
    let mut bytes = Vec::new();
    let (ty, count) = (value.native(), value.len() as u32);
    // A value is always one of its own type.
    let encoded = encode::value(value, ty, count, &Meta::new(), &mut bytes);
    debug_assert!(encoded.is_ok());
    put(WireArray { ty, count, bytes: &bytes })
}
