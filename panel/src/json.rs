//! Values as JSON: NaN and the infinities as texts, long arrays shortened.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use wrapper::view::{Snapshot, text_from_bytes};
use wrapper::{ArrayData, Scalar, Value};

/// Longest array that `plot` gives whole.
const PLOT: usize = 2000;
/// Pairs of a longer one.
const PAIRS: usize = 1000;
/// Elements of `text`.
const FIRST: usize = 32;
/// Bytes of a text in `text`.
const FIRST_BYTES: usize = 1000;

/// How much of an array is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Depth {
    /// All of it.
    Full,
    /// What a plot can show: of a long array the least and the greatest of each part.
    #[default]
    Plot,
    /// The front.
    Text,
}

/// A number that JSON may not know.
pub(crate) trait Number: Copy {
    fn write(self, out: &mut Vec<u8>);
    fn as_f64(self) -> f64;
}

macro_rules! numbers {
    ($($ty:ty),*) => {$(
        impl Number for $ty {
            fn write(self, out: &mut Vec<u8>) {
                if f64::from(self).is_finite() {
                    put(out, &self);
                } else {
                    put(out, &odd(f64::from(self)));
                }
            }

            fn as_f64(self) -> f64 {
                f64::from(self)
            }
        }
    )*};
}

numbers!(u8, i16, u16, i32, f32, f64);

/// What JSON has no number for.
fn odd(value: f64) -> &'static str {
    match value {
        value if value.is_nan() => "NaN",
        value if value > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

/// Appends a value.
pub(crate) fn put(out: &mut Vec<u8>, value: &impl Serialize) {
    // What is written here has text keys, and a Vec takes all.
    if let Err(error) = serde_json::to_writer(out, value) {
        unreachable!("plain data as JSON: {error}");
    }
}

/// Seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> f64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

/// Appends `"value":..`, and `"of":..` for an array that is shortened.
pub(crate) fn value(out: &mut Vec<u8>, value: &Value, depth: Depth) {
    out.extend_from_slice(b"\"value\":");
    let of = match value {
        Value::Scalar(scalar) => {
            element(out, *scalar);
            None
        }
        Value::Array(array) => elements(out, array.data(), depth),
    };
    if let Some(of) = of {
        out.extend_from_slice(b",\"of\":");
        put(out, &of);
    }
}

/// Appends `"value":..` to `"time":..`: what an update says.
pub(crate) fn update(out: &mut Vec<u8>, snapshot: &Snapshot, message: Option<&str>, depth: Depth) {
    value(out, &snapshot.value, depth);
    let severity = snapshot.alarm.severity as u16;
    out.extend_from_slice(b",\"severity\":");
    put(out, &severity);
    out.extend_from_slice(b",\"status\":");
    put(out, &snapshot.alarm.status.name());
    if let Some(message) = message {
        out.extend_from_slice(b",\"message\":");
        put(out, &message);
    }
    out.extend_from_slice(b",\"time\":");
    put(out, &seconds(snapshot.time));
}

fn element(out: &mut Vec<u8>, scalar: Scalar) {
    match scalar {
        Scalar::String(text) => put(out, &text.to_text()),
        Scalar::Short(v) => v.write(out),
        Scalar::Float(v) => v.write(out),
        Scalar::Enum(v) => v.write(out),
        Scalar::Char(v) => v.write(out),
        Scalar::Long(v) => v.write(out),
        Scalar::Double(v) => v.write(out),
    }
}

/// Appends an array; the whole length when it is shortened.
fn elements(out: &mut Vec<u8>, data: &ArrayData, depth: Depth) -> Option<usize> {
    match data {
        ArrayData::Text(bytes) => text(out, bytes, depth),
        ArrayData::String(texts) => {
            let shown = match depth {
                Depth::Full => texts.len(),
                Depth::Plot => texts.len().min(PLOT),
                Depth::Text => texts.len().min(FIRST),
            };
            list(out, &texts[..shown], |out, text| put(out, &text.to_text()));
            (shown < texts.len()).then_some(texts.len())
        }
        ArrayData::Short(v) => numbers(out, v, depth),
        ArrayData::Float(v) => numbers(out, v, depth),
        ArrayData::Enum(v) => numbers(out, v, depth),
        ArrayData::Char(v) => numbers(out, v, depth),
        ArrayData::Long(v) => numbers(out, v, depth),
        ArrayData::Double(v) => numbers(out, v, depth),
    }
}

fn text(out: &mut Vec<u8>, bytes: &[u8], depth: Depth) -> Option<usize> {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut text = text_from_bytes(bytes);
    if depth != Depth::Text || text.len() <= FIRST_BYTES {
        put(out, &text);
        return None;
    }
    cut(&mut text, FIRST_BYTES);
    put(out, &text);
    Some(bytes.len())
}

/// Cuts a text at a character, so that it has at most so many bytes.
pub(crate) fn cut(text: &mut String, most: usize) {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or_default());
}

fn numbers<T: Number>(out: &mut Vec<u8>, elements: &[T], depth: Depth) -> Option<usize> {
    let len = elements.len();
    match depth {
        Depth::Plot if len > PLOT => {
            let parts: Vec<_> = (0..PAIRS).map(|part| part * len / PAIRS..(part + 1) * len / PAIRS).collect();
            list(out, &parts, |out, part| pair(out, &elements[part.clone()]));
        }
        Depth::Text if len > FIRST => list(out, &elements[..FIRST], |out, element| element.write(out)),
        Depth::Full | Depth::Plot | Depth::Text => {
            list(out, elements, |out, element| element.write(out));
            return None;
        }
    }
    Some(len)
}

/// The least and the greatest number; NaN where there is none.
fn pair<T: Number>(out: &mut Vec<u8>, part: &[T]) {
    let ends = part.iter().filter(|each| !each.as_f64().is_nan()).fold(None, |ends, each| {
        let (least, greatest) = ends.unwrap_or((*each, *each));
        let less = each.as_f64() < least.as_f64();
        let greater = each.as_f64() > greatest.as_f64();
        Some((if less { *each } else { least }, if greater { *each } else { greatest }))
    });
    match ends.or_else(|| part.first().map(|nan| (*nan, *nan))) {
        Some((least, greatest)) => list(out, &[least, greatest], |out, end| end.write(out)),
        None => out.extend_from_slice(b"[]"),
    }
}

/// Appends a list.
pub(crate) fn list<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// What was written as JSON, as a text.
pub(crate) fn text_of(out: Vec<u8>) -> String {
    match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => unreachable!("JSON is UTF-8: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(data: ArrayData, depth: Depth) -> serde_json::Value {
        let mut out = b"{".to_vec();
        value(&mut out, &Value::array(data), depth);
        out.push(b'}');
        serde_json::from_slice(&out).expect("JSON")
    }

    #[test]
    fn numbers_that_json_lacks_are_texts() {
        let data = vec![1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300];
        let list = shown(ArrayData::Double(data), Depth::Full);
        assert_eq!(list["value"], serde_json::json!([1.5, "NaN", "Infinity", "-Infinity", 1e300]));
        assert_eq!(shown(ArrayData::Float(vec![0.1]), Depth::Full)["value"].to_string(), "[0.1]");
    }

    #[test]
    fn a_long_array_is_plotted_as_the_ends_of_its_parts() {
        let mut data: Vec<f64> = (0..5000).map(f64::from).collect();
        data[7] = 1e6;
        data[12] = f64::NAN;
        let plot = shown(ArrayData::Double(data.clone()), Depth::Plot);
        let pairs = plot["value"].as_array().expect("pairs");
        assert_eq!((pairs.len(), plot["of"].as_u64()), (1000, Some(5000)));
        assert_eq!(pairs[1], serde_json::json!([5.0, 1e6]), "no spike is lost");
        assert_eq!(pairs[2], serde_json::json!([10.0, 14.0]));
        assert_eq!(pairs[999], serde_json::json!([4995.0, 4999.0]));
        let whole = shown(ArrayData::Double(data[..2000].to_vec()), Depth::Plot);
        assert!(
            whole["value"].as_array().is_some_and(|list| list.len() == 2000) && whole.get("of").is_none()
        );
        let nan = shown(ArrayData::Double(vec![f64::NAN; 3000]), Depth::Plot);
        assert_eq!(nan["value"][0], serde_json::json!(["NaN", "NaN"]));
    }

    #[test]
    fn the_front_is_cut_and_says_of_what() {
        let front = shown(ArrayData::Long((0..100).collect()), Depth::Text);
        assert!(front["value"].as_array().is_some_and(|list| list.len() == 32) && front["of"] == 100);
        let text = "µ".repeat(600);
        let front = shown(ArrayData::Text(text.into_bytes().into()), Depth::Text);
        assert_eq!((front["value"].as_str().map(str::len), &front["of"]), (Some(1000), &1200.into()));
        let latin = shown(ArrayData::Text(b"50 \xB5m\0rest".to_vec().into()), Depth::Plot);
        assert_eq!(latin["value"], "50 µm");
    }
}
