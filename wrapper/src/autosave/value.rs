//! Values in the file: JSON, with words for what JSON has no numbers for.

use std::fmt;

use ca::proto::dbr::{ArrayData, FixedString, NativeType, Scalar, Value};
use serde::de::{Error, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Characters of a value in an error.
const SHOWN: usize = 40;
/// The key of a text that is not UTF-8: each character is a byte.
const LATIN1: &str = "latin1";

/// A value on its way into the file; a choice goes by its label.
pub(super) struct Saving<'a> {
    pub(super) value: &'a Value,
    pub(super) labels: &'a [Box<str>],
}

impl Serialize for Saving<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Scalar(Scalar::Enum(index)) => match label(self.labels, *index) {
                Some(label) => to.serialize_str(label),
                None => to.serialize_u16(*index),
            },
            Value::Scalar(scalar) => scalar_to(*scalar, to),
            Value::Array(array) => array_to(array.data(), to),
        }
    }
}

/// The label, when it stands for this choice alone.
fn label(labels: &[Box<str>], index: u16) -> Option<&str> {
    let label = labels.get(usize::from(index)).filter(|label| !label.is_empty())?;
    (labels.iter().filter(|other| *other == label).count() == 1).then_some(label)
}

fn scalar_to<S: Serializer>(scalar: Scalar, to: S) -> Result<S::Ok, S::Error> {
    match scalar {
        Scalar::String(text) => text_to(text.as_bytes(), to),
        Scalar::Short(number) => to.serialize_i16(number),
        Scalar::Long(number) => to.serialize_i32(number),
        Scalar::Char(number) => to.serialize_u8(number),
        Scalar::Enum(number) => to.serialize_u16(number),
        Scalar::Float(number) => Number(number.into()).serialize(to),
        Scalar::Double(number) => Number(number).serialize(to),
    }
}

fn array_to<S: Serializer>(data: &ArrayData, to: S) -> Result<S::Ok, S::Error> {
    match data {
        ArrayData::Text(text) => text_to(text, to),
        ArrayData::String(texts) => {
            let mut list = to.serialize_seq(Some(texts.len()))?;
            texts.iter().try_for_each(|text| list.serialize_element(&Text(text.as_bytes())))?;
            list.end()
        }
        ArrayData::Short(numbers) => to.collect_seq(numbers),
        ArrayData::Long(numbers) => to.collect_seq(numbers),
        ArrayData::Enum(numbers) => to.collect_seq(numbers),
        ArrayData::Char(numbers) => to.collect_seq(numbers.iter()),
        ArrayData::Float(numbers) => to.collect_seq(numbers.iter().map(|number| Number((*number).into()))),
        ArrayData::Double(numbers) => to.collect_seq(numbers.iter().map(|number| Number(*number))),
    }
}

struct Text<'a>(&'a [u8]);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        text_to(self.0, to)
    }
}

fn text_to<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => to.serialize_str(text),
        Err(_) => {
            let text: String = bytes.iter().copied().map(char::from).collect();
            let mut map = to.serialize_map(Some(1))?;
            map.serialize_entry(LATIN1, &text)?;
            map.end()
        }
    }
}

/// A number; what JSON does not have is `"nan"`, `"inf"`, `"-inf"`.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            number if number.is_nan() => to.serialize_str("nan"),
            number if number.is_infinite() => to.serialize_str(if number > 0.0 { "inf" } else { "-inf" }),
            number => to.serialize_f64(number),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"a number, "nan", "inf" or "-inf""#)
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Number, E> {
                match word {
                    "nan" => Ok(Number(f64::NAN)),
                    "inf" => Ok(Number(f64::INFINITY)),
                    "-inf" => Ok(Number(f64::NEG_INFINITY)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(word), &self)),
                }
            }
        }

        from.deserialize_any(Any)
    }
}

/// The bytes of a text.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Utf8(String),
            Latin1 { latin1: String },
        }
        match Written::deserialize(from)? {
            Written::Utf8(text) => Ok(Self(text.into_bytes())),
            Written::Latin1 { latin1 } => {
                let bytes: Result<_, _> = latin1.chars().map(|c| u8::try_from(u32::from(c))).collect();
                bytes.map(Self).map_err(|_| D::Error::custom("a character that latin-1 does not have"))
            }
        }
    }
}

/// What a value of the file is to become.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) native: NativeType,
    pub(super) array: bool,
    pub(super) text: bool,
    pub(super) labels: &'a [Box<str>],
}

impl Wanted<'_> {
    /// The value.
    ///
    /// # Errors
    /// With the rule that it breaks.
    pub(super) fn read(&self, raw: &RawValue) -> Result<Value, String> {
        let text = raw.get();
        let value = match (self.text, self.array) {
            (true, _) => parse::<Bytes>(text).map(|bytes| Value::array(ArrayData::Text(bytes.0.into()))),
            (false, true) => self.read_array(text),
            (false, false) => self.read_scalar(text).map(Value::Scalar),
        };
        value.ok_or_else(|| format!("{} is not {}", cut(text), self.name()))
    }

    fn read_scalar(&self, text: &str) -> Option<Scalar> {
        match self.native {
            NativeType::String => fixed(parse(text)?).map(Scalar::String),
            NativeType::Enum => self.read_choice(text).map(Scalar::Enum),
            native => element(native, parse::<Number>(text)?.0),
        }
    }

    fn read_choice(&self, text: &str) -> Option<u16> {
        if let Some(label) = parse::<String>(text) {
            return self.labels.iter().position(|known| **known == *label).map(|at| at as u16);
        }
        let index = parse::<u16>(text)?;
        (self.labels.is_empty() || usize::from(index) < self.labels.len()).then_some(index)
    }

    fn read_array(&self, text: &str) -> Option<Value> {
        if self.native == NativeType::String {
            let texts: Option<Vec<_>> = parse::<Vec<Bytes>>(text)?.into_iter().map(fixed).collect();
            return texts.map(|texts| Value::array(ArrayData::String(texts)));
        }
        let numbers = parse::<Vec<Number>>(text)?;
        macro_rules! all {
            ($native:ident, $rust:ty) => {{
                let whole: Option<Vec<$rust>> = numbers.iter().map(|n| whole::<$rust>(n.0)).collect();
                ArrayData::$native(whole?.into())
            }};
        }
        Some(Value::array(match self.native {
            NativeType::Short => all!(Short, i16),
            NativeType::Long => all!(Long, i32),
            NativeType::Enum => all!(Enum, u16),
            NativeType::Char => all!(Char, u8),
            NativeType::Float => ArrayData::Float(numbers.iter().map(|number| number.0 as f32).collect()),
            NativeType::Double | NativeType::String => {
                ArrayData::Double(numbers.iter().map(|number| number.0).collect())
            }
        }))
    }

    fn name(&self) -> String {
        let one = match self.native {
            _ if self.text => return "a text".to_owned(),
            NativeType::String => "text of at most 39 bytes",
            NativeType::Short => "whole number of 16 bits",
            NativeType::Long => "whole number of 32 bits",
            NativeType::Char => "whole number of 0 to 255",
            NativeType::Enum if !self.array => {
                return format!("one of the choices {}", self.labels.join(", "));
            }
            NativeType::Enum => "whole number of 0 to 65535",
            NativeType::Float | NativeType::Double => "number",
        };
        if self.array { format!("a list, each a {one}") } else { format!("a {one}") }
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

fn fixed(bytes: Bytes) -> Option<FixedString> {
    (bytes.0.len() <= FixedString::MAX).then(|| FixedString::from_bytes(&bytes.0))
}

fn element(native: NativeType, number: f64) -> Option<Scalar> {
    Some(match native {
        NativeType::Short => Scalar::Short(whole(number)?),
        NativeType::Long => Scalar::Long(whole(number)?),
        NativeType::Char => Scalar::Char(whole(number)?),
        NativeType::Enum => Scalar::Enum(whole(number)?),
        NativeType::Float => Scalar::Float(number as f32),
        NativeType::Double => Scalar::Double(number),
        NativeType::String => return None,
    })
}

/// A whole number that the type can hold.
fn whole<T: TryFrom<i64>>(number: f64) -> Option<T> {
    let exact = number as i64;
    T::try_from(exact).ok().filter(|_| exact as f64 == number)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(value: Value, labels: &[&str]) -> Value {
        let labels: Vec<Box<str>> = labels.iter().map(|label| (*label).into()).collect();
        let text = serde_json::to_string(&Saving { value: &value, labels: &labels }).expect("JSON");
        read(&value, &labels, &text).unwrap_or_else(|rule| panic!("{text}: {rule}"))
    }

    fn read(like: &Value, labels: &[Box<str>], text: &str) -> Result<Value, String> {
        let raw = RawValue::from_string(text.to_owned()).expect("JSON");
        let is_text = matches!(like, Value::Array(array) if matches!(array.data(), ArrayData::Text(_)));
        let array = matches!(like, Value::Array(_));
        Wanted { native: like.native(), array, text: is_text, labels }.read(&raw)
    }

    #[test]
    fn numbers_come_back_bit_by_bit() {
        for number in [0.1, -0.0, 1e308, 5e-324, 0.1 + 0.2, f64::MAX, f64::INFINITY, f64::NEG_INFINITY] {
            let back = there_and_back(Scalar::Double(number).into(), &[]);
            assert_eq!(back, Scalar::Double(number).into());
            let Value::Scalar(Scalar::Double(back)) = back else { panic!("another type") };
            assert_eq!(back.to_bits(), number.to_bits());
        }
        let Value::Scalar(nan) = there_and_back(Scalar::Double(f64::NAN).into(), &[]) else {
            panic!("no scalar")
        };
        assert!(nan.as_f64().is_some_and(f64::is_nan));
        for number in [0.1_f32, f32::MIN_POSITIVE, f32::NEG_INFINITY] {
            assert_eq!(there_and_back(Scalar::Float(number).into(), &[]), Scalar::Float(number).into());
        }
        for value in [Scalar::Long(i32::MIN), Scalar::Short(i16::MAX), Scalar::Char(255)] {
            assert_eq!(there_and_back(value.into(), &[]), value.into());
        }
    }

    #[test]
    fn texts_come_back_byte_by_byte() {
        for bytes in [&b"plain"[..], "µm \"quoted\" \n\0".as_bytes(), b"\xB5m \xC3\xA9 \xFF", b""] {
            let text = Value::array(ArrayData::Text(bytes.to_vec().into()));
            assert_eq!(there_and_back(text.clone(), &[]), text);
            let cell = Value::Scalar(Scalar::String(FixedString::from_bytes(bytes)));
            assert_eq!(there_and_back(cell.clone(), &[]), cell);
        }
    }

    #[test]
    fn arrays_of_all_types_come_back() {
        for data in [
            ArrayData::Double(vec![1.5, f64::INFINITY]),
            ArrayData::Float(vec![0.1]),
            ArrayData::Long(vec![1, -2]),
            ArrayData::Short(vec![]),
            ArrayData::Enum(vec![3]),
            ArrayData::Char(vec![0, 255].into()),
            ArrayData::String(vec![FixedString::cut("a"), FixedString::from_bytes(b"\xB5")]),
        ] {
            let value = Value::array(data);
            assert_eq!(there_and_back(value.clone(), &[]), value);
        }
    }

    #[test]
    fn a_choice_goes_by_its_label_where_it_has_one_of_its_own() {
        let choice = Value::from(Scalar::Enum(1));
        for labels in [&["Closed", "Open"][..], &["a", "a"], &["", ""], &[]] {
            assert_eq!(there_and_back(choice.clone(), labels), choice, "{labels:?}");
        }
        let now: Vec<Box<str>> = ["Open".into(), "Closed".into()].into();
        assert_eq!(read(&choice, &now, "\"Open\""), Ok(Scalar::Enum(0).into()), "the choices were reordered");
        let gone = read(&choice, &now, "\"Ajar\"").expect_err("there is no such choice");
        assert_eq!(gone, "\"Ajar\" is not one of the choices Open, Closed");
        assert!(read(&choice, &now, "2").is_err());
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_rule() {
        let long = Value::from(Scalar::Long(0));
        let refused = |like: &Value, text: &str| read(like, &[], text).expect_err("it must not fit");
        assert_eq!(refused(&long, "1.5"), "1.5 is not a whole number of 32 bits");
        assert_eq!(refused(&long, "3000000000"), "3000000000 is not a whole number of 32 bits");
        assert_eq!(refused(&long, "\"nan\""), "\"nan\" is not a whole number of 32 bits");
        assert_eq!(refused(&long, "[1]"), "[1] is not a whole number of 32 bits");
        let double = Value::from(Scalar::Double(0.0));
        assert_eq!(refused(&double, "\"two\""), "\"two\" is not a number");
        assert_eq!(refused(&double, "null"), "null is not a number");
        let bytes = Value::array(ArrayData::Char(vec![].into()));
        assert_eq!(refused(&bytes, "[256]"), "[256] is not a list, each a whole number of 0 to 255");
        let cell = Value::from(Scalar::String(FixedString::EMPTY));
        let forty = format!("\"{}\"", "x".repeat(40));
        assert!(refused(&cell, &forty).ends_with("... is not a text of at most 39 bytes"));
        assert_eq!(refused(&Value::text(""), "5"), "5 is not a text");
    }
}
