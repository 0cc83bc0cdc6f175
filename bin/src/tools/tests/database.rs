//! The records of `cases.json`, as far as the captured output shows them.

use ca_proto::alarm::{Alarm, AlarmSeverity, AlarmStatus};
use ca_proto::dbr::convert::{label_index, parse_double};
use ca_proto::dbr::{
    ArrayData, ConvertError, DbrType, FixedString, LimitPair, Meta, NativeType, STSACK_STRING, Scalar, Stamp,
    Value, WireArray, encode,
};

/// A field of a record that a channel can be opened to.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    /// The record type.
    class: &'static str,
    pub(super) value: Value,
    /// Elements that an array can hold; 1 for a scalar.
    pub(super) capacity: u32,
    meta: Meta,
    /// The labels that text is made of: those of a record's empty states too.
    states: Vec<Box<str>>,
    pub(super) alarm: Alarm,
    pub(super) stamp: Stamp,
    /// A put is held within these.
    drive: Option<LimitPair>,
}

impl Field {
    fn new(name: &'static str, class: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        Self {
            name,
            class,
            value,
            capacity: 1,
            meta: Meta::new(),
            states: Vec::new(),
            alarm: Alarm::NONE,
            stamp: Stamp::default(),
            drive: None,
        }
    }

    fn array(name: &'static str, capacity: u32, data: ArrayData) -> Self {
        Self { capacity, ..Self::new(name, "waveform", Value::array(data)) }
    }

    fn states(name: &'static str, class: &'static str, index: u16, labels: &[&str], most: usize) -> Self {
        let mut field = Self::new(name, class, Scalar::Enum(index));
        field.meta.labels = labels.iter().map(|&label| label.into()).collect();
        field.states = field.meta.labels.clone();
        field.states.resize(most.max(labels.len()), "".into());
        field
    }

    fn precision(mut self, precision: i16) -> Self {
        self.meta.precision = precision;
        self
    }

    pub(super) fn native(&self) -> NativeType {
        self.value.native()
    }

    /// The payload of a get, and the number of elements; `None` where the server answers GETFAIL.
    pub(super) fn read(&self, data_type: u16, count: u32) -> Option<(Vec<u8>, u32)> {
        let mut out = Vec::new();
        let native = match DbrType::from_code(data_type) {
            Some(ty) => {
                encode::header(ty, self.alarm, self.stamp, &self.meta, &mut out);
                ty.native
            }
            None if data_type == STSACK_STRING => {
                out.extend([0, self.alarm.status as u8, 0, self.alarm.severity as u8, 0, 1, 0, 0]);
                NativeType::String
            }
            None => {
                out.extend_from_slice(FixedString::cut(self.class).cell());
                out.resize(40 * count as usize, 0);
                return Some((out, count));
            }
        };
        let meta = Meta { labels: self.states.clone(), ..self.meta.clone() };
        let given = encode::value(&self.value, native, count, &meta, &mut out).ok()?;
        if self.name.ends_with('$') && native == NativeType::Char {
            // a long string ends with a NUL, however little of it was asked for
            *out.last_mut()? = 0;
        }
        Some((out, given))
    }

    /// A put of plain elements.
    pub(super) fn write(
        &mut self,
        native: NativeType,
        count: u32,
        payload: &[u8],
    ) -> Result<(), ConvertError> {
        let wire = WireArray::from_put(native.plain(), count, payload)?;
        let (own, precision) = (self.native(), self.meta.precision);
        self.value = match &self.value {
            Value::Array(_) => Value::array(wire.to_array(own, self.capacity as usize, &[], precision)?),
            Value::Scalar(_) => Value::Scalar(self.scalar(&wire)?),
        };
        self.alarm = Alarm::NONE;
        Ok(())
    }

    fn scalar(&self, wire: &WireArray<'_>) -> Result<Scalar, ConvertError> {
        let text = wire.element(0).ok_or(ConvertError::Empty)?;
        Ok(match (self.native(), text) {
            (NativeType::Enum, Scalar::String(text)) => {
                Scalar::Enum(label_index(text.as_bytes(), &self.states)?)
            }
            (NativeType::Double, Scalar::String(text)) => {
                let value = parse_double(text.as_bytes())?;
                Scalar::Double(self.drive.map_or(value, |drive| value.clamp(drive.low, drive.high)))
            }
            // the base that was captured read no hexadecimal numbers
            (NativeType::Long, Scalar::String(text)) if text.as_bytes().starts_with(b"0x") => Scalar::Long(0),
            (own, _) => wire.to_scalar(own, &[], self.meta.precision)?,
        })
    }
}

fn pair(size: f64) -> LimitPair {
    LimitPair::new(-size, size)
}

fn chars(text: &str) -> ArrayData {
    let bytes = [text.as_bytes(), b"\0"].concat();
    ArrayData::Char(bytes.into())
}

/// All fields that the captured calls name.
pub(super) fn fields() -> Vec<Field> {
    let units = |units: &str| Meta { units: units.into(), ..Meta::new() };
    let ao = Meta {
        precision: 3,
        display: pair(20.0),
        alarm: pair(14.0),
        warning: pair(13.0),
        control: pair(15.0),
        ..units("mm")
    };
    let hihi = Alarm::new(AlarmStatus::HiHi, AlarmSeverity::Major);
    let mut bo = Field::states("g:bo", "bo", 1, &["Closed", "Open"], 2);
    bo.meta.control = LimitPair::new(0.0, 65_535.0);
    let scans = ["Passive", "Event", "I/O Intr", "10 second"];
    let wfs = ArrayData::String(vec!["first".into(), "second one".into()]);
    let doubles = vec![1.0, 2.5, -3.0, 1e9, 0.001];
    let text = |name, class, text: &str| Field::new(name, class, Scalar::String(text.into()));
    vec![
        Field { meta: ao, drive: Some(pair(15.0)), ..Field::new("g:ao", "ao", Scalar::Double(12.3456)) },
        Field::new("g:small", "ao", Scalar::Double(0.000_012_345)),
        Field::new("g:big", "ao", Scalar::Double(1.5e20)).precision(2),
        Field { alarm: hihi, ..Field::new("g:alarm", "ao", Scalar::Double(99.0)) },
        Field { alarm: Alarm::UDF, ..Field::new("g:undefined", "ai", Scalar::Double(0.0)) },
        Field { meta: units("counts"), ..Field::new("g:long", "longout", Scalar::Long(-123_456)) },
        text("g:string", "stringout", "hello, lab"),
        bo,
        Field::states("g:mbbo", "mbbo", 2, &["zero", "one thing", "two", "three"], 16),
        Field::new("g:nostates", "mbbo", Scalar::Long(5)),
        Field::array("g:wfd", 8, ArrayData::Double(doubles)).precision(3),
        Field::array("g:wfl", 5, ArrayData::Long(vec![1, -2, 65_536])),
        Field::array("g:wfc", 60, chars("a text in a char array")),
        Field::array("g:wfs", 4, wfs),
        Field { alarm: Alarm::UDF, ..Field::array("g:empty", 4, ArrayData::Float(Vec::new())) },
        text("g:ao.DESC", "ao", "an analog out"),
        text("g:ao.EGU", "ao", "mm"),
        Field::array("g:ao.DESC$", 41, chars("an analog out")),
        text("g:bo.ZNAM", "bo", "Closed"),
        Field::states("g:ao.SCAN", "ao", 0, &scans, 4),
        Field::new("g:wfd.NORD", "waveform", Scalar::Double(5.0)),
    ]
}
