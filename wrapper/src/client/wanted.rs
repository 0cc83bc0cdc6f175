//! What can be asked of a channel, and what can be put.

use std::time::SystemTime;

use bytes::Bytes;
use ca::Error;
use ca::proto::dbr::{DbrClass, Meta, Reply, Scalar, Stamp, Value, encode};
use ca::proto::{Alarm, EventMask};

use super::raw::{Channel, Data};
use crate::pv_type::{PvType, Shape};

/// What a get or a monitor can bring.
///
/// | Rust | what comes |
/// |---|---|
/// | every [`PvType`], as `f64`, `Vec<f64>`, `bool`, an enum made by [`pv_enum!`](crate::pv_enum) | the value, converted by the server |
/// | `String` | the text of a CHAR array; the label of an enum; any other value as the server writes it, 39 bytes at most |
/// | [`Reading<T>`] | the same with alarm and time |
/// | [`Meta`] | units, precision, limits, labels |
/// | [`Reply`](super::Reply) | the value in the PV's own type, with alarm and time |
pub trait FromData: Sized + Send + 'static {
    /// The DBR type to ask for, one of the constants of [`raw::Channel`](super::raw::Channel) where it follows the PV's.
    const DATA_TYPE: u16;
    /// The number of elements to ask for, 0 for the present length.
    const COUNT: u32;
    /// The changes that a monitor is for.
    const MASK: EventMask = EventMask::VALUE.union(EventMask::ALARM);

    /// Reads what has come.
    ///
    /// # Errors
    /// [`Error::unfit`] with the rule when it is no `Self`.
    fn from_data(data: &Data) -> Result<Self, Error>;
}

/// A value with its alarm and its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading<T> {
    /// The value.
    pub value: T,
    /// Status and severity.
    pub alarm: Alarm,
    /// When the server says that it came to be; `None` from a PV that was never processed.
    pub time: Option<SystemTime>,
}

/// A value on its way to a PV.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// A plain DBR type, or [`raw::Channel::TEXT`](super::raw::Channel::TEXT).
    pub data_type: u16,
    /// Number of elements.
    pub count: u32,
    /// The elements, big-endian.
    pub payload: Bytes,
}

/// What can be put: every [`PvType`], and `&str`. The server converts it to the type of the PV.
///
/// A text goes to CHAR arrays whole, to everything else as a STRING of 39 bytes at most: an enum takes its labels, a number is
/// parsed.
pub trait IntoPut {
    /// The elements as they go out.
    fn into_put(self) -> Put;
}

impl<T: PvType> FromData for T {
    const DATA_TYPE: u16 = data_type::<T>(DbrClass::Plain);
    const COUNT: u32 = if matches!(T::SHAPE, Shape::Scalar) { 1 } else { 0 };

    fn from_data(data: &Data) -> Result<Self, Error> {
        let value = match T::SHAPE {
            Shape::Text => Value::text(&data.text().map_err(|error| Error::unfit(error.to_string()))?),
            Shape::Array => Value::array(Reply::from_data(data)?.elements),
            Shape::Scalar => {
                let first = data.array().ok().and_then(|array| array.element(0));
                first.map(Value::Scalar).ok_or_else(|| Error::unfit("no element came, one was wanted"))?
            }
        };
        T::from_value(&value).ok_or_else(|| unfit::<T>(&value))
    }
}

impl<T: PvType> FromData for Reading<T> {
    const DATA_TYPE: u16 = data_type::<T>(DbrClass::Time);
    const COUNT: u32 = <T as FromData>::COUNT;

    fn from_data(data: &Data) -> Result<Self, Error> {
        let (alarm, stamp) = (data.alarm().unwrap_or_default(), data.stamp());
        Ok(Self { value: T::from_data(data)?, alarm, time: stamp.map(Stamp::to_system) })
    }
}

impl FromData for Meta {
    const DATA_TYPE: u16 = Channel::CTRL;
    const COUNT: u32 = 1;
    const MASK: EventMask = EventMask::PROPERTY;

    fn from_data(data: &Data) -> Result<Self, Error> {
        // A PV of strings has none.
        Ok(Reply::from_data(data)?.meta.unwrap_or_default())
    }
}

impl FromData for Reply {
    const DATA_TYPE: u16 = Channel::TIME;
    const COUNT: u32 = 0;

    fn from_data(data: &Data) -> Result<Self, Error> {
        data.decode().map_err(|error| Error::unfit(error.to_string()))
    }
}

impl<T: PvType> IntoPut for T {
    fn into_put(self) -> Put {
        let value = self.into_value();
        let payload = match &value {
            Value::Array(array) => array.wire().clone(),
            Value::Scalar(scalar) => scalar_bytes(scalar),
        };
        let count = u32::try_from(value.len()).unwrap_or(u32::MAX);
        Put { data_type: data_type::<T>(DbrClass::Plain), count, payload }
    }
}

impl IntoPut for &str {
    fn into_put(self) -> Put {
        self.to_owned().into_put()
    }
}

fn scalar_bytes(scalar: &Scalar) -> Bytes {
    let mut out = Vec::new();
    match encode::scalar(scalar, scalar.native(), &Meta::new(), &mut out) {
        Ok(()) => out.into(),
        Err(error) => unreachable!("a scalar in its own type: {error}"),
    }
}

const fn data_type<T: PvType>(class: DbrClass) -> u16 {
    match (T::SHAPE, class) {
        (Shape::Text, DbrClass::Time) => Channel::TIME_TEXT,
        (Shape::Text, _) => Channel::TEXT,
        _ => T::NATIVE.with(class).code(),
    }
}

/// DBR type and count to ask for.
pub(super) const fn asked<T: FromData>() -> (u16, u32) {
    (T::DATA_TYPE, T::COUNT)
}

/// Reads data that came from a channel of this name.
pub(super) fn read<T: FromData>(name: &str, data: &Data) -> Result<T, Error> {
    T::from_data(data).map_err(|error| Error::unfit(format!("{name}: {error}")))
}

fn unfit<T: PvType>(value: &Value) -> Error {
    match value {
        Value::Scalar(Scalar::Enum(index)) if !T::LABELS.is_empty() => {
            Error::unfit(format!("{index} is no index of the labels {}", T::LABELS.join(", ")))
        }
        value => Error::unfit(format!("the server sent {:?} elements, not {:?}", value.native(), T::NATIVE)),
    }
}
