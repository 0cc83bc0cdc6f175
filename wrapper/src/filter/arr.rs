//! `arr`: a part of an array.

use bytes::Bytes;
use ca::proto::dbr::{ArrayData, Value};

use super::error::FilterError;
use super::settings::{Settings, whole_number};

/// A slice: from `start` to `end`, both taken, each `increment`th element; negative ones count from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arr {
    start: i32,
    increment: i32,
    end: i32,
}

impl Default for Arr {
    fn default() -> Self {
        Self { start: 0, increment: 1, end: -1 }
    }
}

impl Arr {
    /// The names of its settings.
    pub(super) const SETTINGS: &[&str] = &["s", "i", "e"];

    /// The slice of these settings.
    pub(super) fn new(settings: &Settings) -> Result<Self, FilterError> {
        let all = Self::default();
        Ok(Self {
            start: settings.whole("s")?.unwrap_or(all.start),
            increment: settings.whole("i")?.unwrap_or(all.increment),
            end: settings.whole("e")?.unwrap_or(all.end),
        })
    }

    /// The slice of `i`, `s:e` or `s:i:e`, without the brackets.
    pub(super) fn shorthand(text: &str) -> Option<Self> {
        let part = |text: &str, default| if text.is_empty() { Some(default) } else { whole_number(text) };
        let all = Self::default();
        let parts: Vec<_> = text.split(':').collect();
        let (start, increment, end) = match parts[..] {
            [index] => {
                let index = whole_number(index)?;
                (index, all.increment, index)
            }
            [start, end] => (part(start, all.start)?, all.increment, part(end, all.end)?),
            [start, increment, end] => {
                (part(start, all.start)?, part(increment, all.increment)?, part(end, all.end)?)
            }
            _ => return None,
        };
        Some(Self { start, increment, end })
    }

    /// The first element taken of `length`, and how many are.
    fn window(&self, length: usize) -> (usize, usize) {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let from_front = |index: i32| {
            let index = i64::from(index);
            (if index < 0 { length.saturating_add(index) } else { index }).max(0)
        };
        let (start, end) = (from_front(self.start).min(length), from_front(self.end).min(length - 1));
        if end < start {
            return (0, 0);
        }
        // Both are in 0..length now.
        (start as usize, (end - start) as usize / self.step() + 1)
    }

    /// Base makes 1 of an increment that is not positive.
    fn step(&self) -> usize {
        usize::try_from(self.increment).map_or(1, |step| step.max(1))
    }

    /// The most elements that it leaves of an array of this capacity.
    pub(super) fn capacity(&self, capacity: u32) -> u32 {
        self.window(capacity as usize).1 as u32
    }

    /// The part of a value; a scalar is left as it is.
    pub(super) fn apply(&self, value: Value) -> Value {
        let Value::Array(array) = &value else { return value };
        let data = array.data();
        let (start, count) = self.window(data.len());
        let step = self.step();
        if count == data.len() {
            return value;
        }
        Value::array(match data {
            ArrayData::String(v) => ArrayData::String(take(v, start, step, count)),
            ArrayData::Short(v) => ArrayData::Short(take(v, start, step, count)),
            ArrayData::Float(v) => ArrayData::Float(take(v, start, step, count)),
            ArrayData::Enum(v) => ArrayData::Enum(take(v, start, step, count)),
            ArrayData::Char(v) => ArrayData::Char(take_bytes(v, start, step, count)),
            ArrayData::Text(v) => ArrayData::Text(take_bytes(v, start, step, count)),
            ArrayData::Long(v) => ArrayData::Long(take(v, start, step, count)),
            ArrayData::Double(v) => ArrayData::Double(take(v, start, step, count)),
        })
    }
}

/// `count` elements from `start` on, each `step`th.
fn take<T: Copy>(all: &[T], start: usize, step: usize, count: usize) -> Vec<T> {
    match step {
        1 => all[start..start + count].to_vec(),
        _ => all[start..].iter().step_by(step).take(count).copied().collect(),
    }
}

/// The same of bytes; neighbours are shared, not copied.
fn take_bytes(all: &Bytes, start: usize, step: usize, count: usize) -> Bytes {
    match step {
        1 => all.slice(start..start + count),
        _ => take(all, start, step, count).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ca::proto::dbr::{FixedString, Scalar};
    use proptest::prelude::*;

    fn doubles(slice: &str, length: u8) -> Vec<f64> {
        let value = Value::array(ArrayData::Double((0..length).map(f64::from).collect()));
        match Arr::shorthand(slice).unwrap().apply(value) {
            Value::Array(array) => match array.data() {
                ArrayData::Double(v) => v.clone(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    /// Observed with base 7.0.10: announced count of a waveform of NELM 10, values while it holds 0..=7.
    #[test]
    fn a_waveform_is_cut_as_base_cuts_it() {
        let cases: &[(&str, u32, &[u8])] = &[
            ("2:4", 3, &[2, 3, 4]),
            ("2", 1, &[2]),
            ("-1", 1, &[7]),
            ("-3:-1", 3, &[5, 6, 7]),
            ("8:9", 2, &[]),
            ("9", 1, &[]),
            ("20", 0, &[]),
            ("4:2", 0, &[]),
            (":", 10, &[0, 1, 2, 3, 4, 5, 6, 7]),
            ("::", 10, &[0, 1, 2, 3, 4, 5, 6, 7]),
            (":3", 4, &[0, 1, 2, 3]),
            ("3:", 7, &[3, 4, 5, 6, 7]),
            ("0:2:-1", 5, &[0, 2, 4, 6]),
            ("2:3:", 3, &[2, 5]),
            ("0:0:7", 8, &[0, 1, 2, 3, 4, 5, 6, 7]),
            ("0:-1:7", 8, &[0, 1, 2, 3, 4, 5, 6, 7]),
            ("0x2:0x4", 3, &[2, 3, 4]),
            (" 2: 4", 3, &[2, 3, 4]),
            ("010", 1, &[]),
            ("-100:2", 3, &[0, 1, 2]),
            ("2:100", 8, &[2, 3, 4, 5, 6, 7]),
            (":-100", 1, &[0]),
            ("5:1:-100", 0, &[]),
        ];
        for (slice, capacity, elements) in cases {
            assert_eq!(Arr::shorthand(slice).unwrap().capacity(10), *capacity, "{slice}");
            let wanted: Vec<_> = elements.iter().map(|e| f64::from(*e)).collect();
            assert_eq!(doubles(slice, 8), wanted, "{slice}");
        }
    }

    #[test]
    fn what_base_refuses_is_no_slice() {
        for text in ["", "1:2:3:4", "x", "2 :4", "1:2x", "2147483648", "1-2", "0x:", "-"] {
            assert_eq!(Arr::shorthand(text), None, "{text:?}");
        }
    }

    #[test]
    fn each_type_is_cut_and_keeps_its_type() {
        let cut = |data| match Arr::shorthand("1:2:-1").unwrap().apply(Value::array(data)) {
            Value::Array(array) => array.data().clone(),
            other => panic!("{other:?}"),
        };
        let text = |text: &str| FixedString::cut(text);
        for (whole, wanted) in [
            (
                ArrayData::String(["a", "b", "c", "d"].map(text).to_vec()),
                ArrayData::String(vec![text("b"), text("d")]),
            ),
            (ArrayData::Short(vec![1, 2, 3, 4]), ArrayData::Short(vec![2, 4])),
            (ArrayData::Float(vec![1.0, 2.0, 3.0, 4.0]), ArrayData::Float(vec![2.0, 4.0])),
            (ArrayData::Enum(vec![1, 2, 3, 4]), ArrayData::Enum(vec![2, 4])),
            (ArrayData::Char(Bytes::from_static(b"abcd")), ArrayData::Char(Bytes::from_static(b"bd"))),
            (ArrayData::Text(Bytes::from_static(b"abcd")), ArrayData::Text(Bytes::from_static(b"bd"))),
            (ArrayData::Long(vec![1, 2, 3, 4]), ArrayData::Long(vec![2, 4])),
            (ArrayData::Double(vec![1.0, 2.0, 3.0, 4.0]), ArrayData::Double(vec![2.0, 4.0])),
        ] {
            assert_eq!(cut(whole), wanted);
        }
    }

    #[test]
    fn bytes_and_the_whole_are_shared_not_copied() {
        let image = Bytes::from(vec![7; 1 << 16]);
        let value = Value::array(ArrayData::Char(image.clone()));
        match Arr::shorthand("16:-1").unwrap().apply(value.clone()) {
            Value::Array(array) => match array.data() {
                ArrayData::Char(part) => assert_eq!(part.as_ptr(), image[16..].as_ptr()),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
        match (&value, Arr::default().apply(value.clone())) {
            (Value::Array(whole), Value::Array(part)) => assert!(std::sync::Arc::ptr_eq(whole, &part)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_scalar_is_left_as_it_is() {
        let value = Value::Scalar(Scalar::Double(10.0));
        assert_eq!(Arr::shorthand("5:9").unwrap().apply(value.clone()), value);
    }

    /// Element by element, by the words of the manual.
    fn naive(length: i64, start: i64, step: i64, end: i64) -> Vec<i64> {
        let place = |index: i64| if index < 0 { (length + index).max(0) } else { index };
        let (start, end, step) = (place(start), place(end), if step <= 0 { 1 } else { step });
        (0..length).filter(|i| *i >= start && *i <= end && (*i - start) % step == 0).collect()
    }

    proptest! {
        #[test]
        fn a_slice_is_what_a_naive_one_is(
            length in 0usize..40,
            start in prop_oneof![-50i32..50, any::<i32>()],
            increment in prop_oneof![-3i32..10, any::<i32>()],
            end in prop_oneof![-50i32..50, any::<i32>()],
        ) {
            let arr = Arr { start, increment, end };
            let wanted = naive(length as i64, start.into(), increment.into(), end.into());
            let value = Value::array(ArrayData::Long((0..length as i32).collect()));
            let Value::Array(array) = arr.apply(value) else { panic!("a scalar") };
            let found: Vec<i64> = match array.data() {
                ArrayData::Long(v) => v.iter().map(|v| i64::from(*v)).collect(),
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(arr.capacity(length as u32) as usize, wanted.len());
            prop_assert_eq!(found, wanted);
        }
    }
}
