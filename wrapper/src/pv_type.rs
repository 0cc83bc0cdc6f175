//! Rust types that a PV can hold, and their Channel Access types.

use bytes::Bytes;
use ca::proto::dbr::{ArrayData, FixedString, NativeType, Scalar, Value, text_from_bytes};

/// How the elements of a PV are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One element.
    Scalar,
    /// Any number of elements up to the PV's capacity.
    Array,
    /// A text: a CHAR array that clients may also read and write as a string.
    Text,
}

/// A Rust type that a PV can hold.
///
/// | Rust | Channel Access |
/// |---|---|
/// | `i16`, `i32`, `f32`, `f64` | SHORT, LONG, FLOAT, DOUBLE |
/// | `u32`, `i64`, `u64` | DOUBLE, as base serves them; exact up to 2^53 |
/// | `bool`, enums made by [`pv_enum!`](crate::pv_enum), [`Choice`] | ENUM |
/// | `String` | CHAR array that is text |
/// | [`FixedString`] | STRING, 39 bytes |
/// | [`Bytes`] | CHAR array, shared instead of copied: for images |
/// | `Vec<u8>`, `Vec<i16>`, `Vec<i32>`, `Vec<f32>`, `Vec<f64>`, `Vec<FixedString>` | arrays |
#[diagnostic::on_unimplemented(
    message = "a PV cannot hold `{Self}`",
    note = "use bool, i16, i32, f32, f64, String, FixedString, Vec<f64> and other arrays, or an enum made by pv_enum!"
)]
pub trait PvType: Sized + Send + 'static {
    /// Element type on the wire.
    const NATIVE: NativeType;
    /// How the elements are held.
    const SHAPE: Shape;
    /// Labels of an enum.
    const LABELS: &'static [&'static str] = &[];

    /// The value to store.
    fn into_value(self) -> Value;

    /// The typed value; `None` when `value` is of another type.
    fn from_value(value: &Value) -> Option<Self>;

    /// What a PV without a declared value holds.
    fn unset() -> Value;
}

macro_rules! scalar {
    ($($rust:ty => $native:ident, $wire:ty);+ $(;)?) => {$(
        impl PvType for $rust {
            const NATIVE: NativeType = NativeType::$native;
            const SHAPE: Shape = Shape::Scalar;

            fn into_value(self) -> Value {
                Value::Scalar(Scalar::$native(self as $wire))
            }

            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::Scalar(Scalar::$native(v)) => Some(*v as $rust),
                    _ => None,
                }
            }

            fn unset() -> Value {
                (0 as $rust).into_value()
            }
        }
    )+};
}

scalar! {
    i16 => Short, i16;
    i32 => Long, i32;
    f32 => Float, f32;
    f64 => Double, f64;
    u32 => Double, f64;
    i64 => Double, f64;
    u64 => Double, f64;
}

macro_rules! array {
    ($($rust:ty => $native:ident);+ $(;)?) => {$(
        impl PvType for Vec<$rust> {
            const NATIVE: NativeType = NativeType::$native;
            const SHAPE: Shape = Shape::Array;

            fn into_value(self) -> Value {
                Value::array(ArrayData::$native(self.into()))
            }

            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::Array(array) => match array.data() {
                        ArrayData::$native(v) => Some(v.to_vec()),
                        _ => None,
                    },
                    Value::Scalar(_) => None,
                }
            }

            fn unset() -> Value {
                Self::new().into_value()
            }
        }
    )+};
}

array! {
    u8 => Char;
    i16 => Short;
    i32 => Long;
    f32 => Float;
    f64 => Double;
    FixedString => String;
}

/// As `Vec<u8>`, but shared: what is posted is not copied.
impl PvType for Bytes {
    const NATIVE: NativeType = NativeType::Char;
    const SHAPE: Shape = Shape::Array;

    fn into_value(self) -> Value {
        Value::array(ArrayData::Char(self))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Array(array) => match array.data() {
                ArrayData::Char(bytes) => Some(bytes.clone()),
                _ => None,
            },
            Value::Scalar(_) => None,
        }
    }

    fn unset() -> Value {
        Self::new().into_value()
    }
}

impl PvType for String {
    const NATIVE: NativeType = NativeType::Char;
    const SHAPE: Shape = Shape::Text;

    fn into_value(self) -> Value {
        Value::array(ArrayData::Text(Bytes::from(self)))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Array(array) => match array.data() {
                ArrayData::Text(bytes) => Some(text_from_bytes(bytes)),
                _ => None,
            },
            Value::Scalar(_) => None,
        }
    }

    fn unset() -> Value {
        Self::new().into_value()
    }
}

impl PvType for FixedString {
    const NATIVE: NativeType = NativeType::String;
    const SHAPE: Shape = Shape::Scalar;

    fn into_value(self) -> Value {
        Value::Scalar(Scalar::String(self))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Scalar(Scalar::String(text)) => Some(*text),
            _ => None,
        }
    }

    fn unset() -> Value {
        Self::EMPTY.into_value()
    }
}

/// A Rust enum whose variants are the labels of an ENUM; made by [`pv_enum!`](crate::pv_enum).
pub trait PvEnum: Copy + Send + 'static {
    /// The labels, in order.
    const LABELS: &'static [&'static str];

    /// The index of the variant.
    fn index(self) -> u16;

    /// The variant of an index.
    fn from_index(index: u16) -> Option<Self>;
}

impl<T: PvEnum> PvType for T {
    const NATIVE: NativeType = NativeType::Enum;
    const SHAPE: Shape = Shape::Scalar;
    const LABELS: &'static [&'static str] = T::LABELS;

    fn into_value(self) -> Value {
        Value::Scalar(Scalar::Enum(self.index()))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Scalar(Scalar::Enum(index)) => T::from_index(*index),
            _ => None,
        }
    }

    fn unset() -> Value {
        Value::Scalar(Scalar::Enum(0))
    }
}

/// The index of a choice whose labels are not a Rust enum; see [`PvBuilder::labels`](crate::PvBuilder::labels).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice(pub u16);

impl PvType for Choice {
    const NATIVE: NativeType = NativeType::Enum;
    const SHAPE: Shape = Shape::Scalar;

    fn into_value(self) -> Value {
        Value::Scalar(Scalar::Enum(self.0))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Scalar(Scalar::Enum(index)) => Some(Self(*index)),
            _ => None,
        }
    }

    fn unset() -> Value {
        Value::Scalar(Scalar::Enum(0))
    }
}

impl PvEnum for bool {
    const LABELS: &'static [&'static str] = &["Off", "On"];

    fn index(self) -> u16 {
        u16::from(self)
    }

    fn from_index(index: u16) -> Option<Self> {
        match index {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// Declares an enum that a PV can hold: each variant with its label.
///
/// ```
/// wrapper::pv_enum! {
///     /// Position of a filter.
///     pub enum Filter {
///         /// In the beam.
///         Inserted = "Insert",
///         /// Out of the beam.
///         Retracted = "Retract",
///     }
/// }
/// use wrapper::PvEnum;
/// assert_eq!(Filter::LABELS, ["Insert", "Retract"]);
/// assert_eq!(Filter::Retracted.index(), 1);
/// ```
#[macro_export]
macro_rules! pv_enum {
    ($(#[$doc:meta])* $vis:vis enum $name:ident {
        $($(#[$vdoc:meta])* $variant:ident = $label:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$vdoc])* $variant),+
        }

        impl $crate::PvEnum for $name {
            const LABELS: &'static [&'static str] = &[$($label),+];

            fn index(self) -> u16 {
                self as u16
            }

            fn from_index(index: u16) -> Option<Self> {
                [$(Self::$variant),+].get(usize::from(index)).copied()
            }
        }
    };
}
