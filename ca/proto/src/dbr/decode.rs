//! The elements of a put's payload, converted to what the PV holds.

use bytes::Bytes;

use super::convert::{self, Number};
use super::{ArrayData, ConvertError, DbrType, FixedString, NativeType, Scalar, text_from_bytes};

/// Bytes of a STRING element.
const CELL: usize = NativeType::String.width();

/// The value part of a put's payload, not yet converted.
#[derive(Clone, Copy, Debug)]
pub struct WireArray<'a> {
    /// Type of the elements.
    pub ty: NativeType,
    /// Number of elements.
    pub count: u32,
    /// The elements, big-endian; a single STRING may be shorter than its cell.
    pub bytes: &'a [u8],
}

impl<'a> WireArray<'a> {
    /// Finds the elements in a payload of any DBR type; its status, stamp and metadata are ignored.
    ///
    /// ```
    /// use ca_proto::dbr::{NativeType, Scalar, WireArray};
    /// let put = WireArray::from_put(NativeType::Long.plain(), 1, &[0, 0, 0, 7, 0, 0, 0, 0])?;
    /// assert_eq!(put.to_scalar(NativeType::Double, &[], 0), Ok(Scalar::Double(7.0)));
    /// # Ok::<(), ca_proto::dbr::ConvertError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Short` when the payload does not hold the announced elements; a single STRING may be cut anywhere.
    pub fn from_put(ty: DbrType, count: u32, payload: &'a [u8]) -> Result<Self, ConvertError> {
        let width = ty.native.width();
        let short = || ConvertError::Short { given: payload.len(), count, width };
        let rest = payload.get(ty.value_offset()..).ok_or_else(short)?;
        let needed = u64::from(count) * width as u64;
        // libca sends a single string as its length and the NUL, padded to 8
        let cut = ty.native == NativeType::String && count == 1;
        if needed > rest.len() as u64 && !cut {
            return Err(short());
        }
        let bytes = &rest[..rest.len().min(needed as usize)];
        Ok(Self { ty: ty.native, count, bytes })
    }

    /// The bytes of element `index`, or `None` past the end.
    #[inline]
    pub fn element_bytes(&self, index: usize) -> Option<&'a [u8]> {
        let width = self.ty.width();
        let bytes = self.bytes.get(index.checked_mul(width)?..)?;
        let bytes = &bytes[..bytes.len().min(width)];
        let complete = bytes.len() == width || self.ty == NativeType::String;
        (index < self.count as usize && complete).then_some(bytes)
    }

    /// Element `index` in its own type, or `None` past the end.
    #[inline]
    pub fn element(&self, index: usize) -> Option<Scalar> {
        let bytes = self.element_bytes(index)?;
        Some(match self.ty {
            NativeType::String => Scalar::String(FixedString::from_bytes(bytes)),
            NativeType::Short => Scalar::Short(i16::from_be_bytes(*bytes.first_chunk()?)),
            NativeType::Float => Scalar::Float(f32::from_be_bytes(*bytes.first_chunk()?)),
            NativeType::Enum => Scalar::Enum(u16::from_be_bytes(*bytes.first_chunk()?)),
            NativeType::Char => Scalar::Char(*bytes.first()?),
            NativeType::Long => Scalar::Long(i32::from_be_bytes(*bytes.first_chunk()?)),
            NativeType::Double => Scalar::Double(f64::from_be_bytes(*bytes.first_chunk()?)),
        })
    }

    /// The first element as a PV of type `native` takes it; `labels` and `precision` are the PV's.
    ///
    /// # Errors
    ///
    /// `Empty` without elements; text that is no number or label; a number out of range, or beyond the labels.
    pub fn to_scalar(
        &self,
        native: NativeType,
        labels: &[Box<str>],
        precision: i16,
    ) -> Result<Scalar, ConvertError> {
        let Some(first) = self.element(0) else { return Err(ConvertError::Empty) };
        if native != NativeType::Enum {
            if self.ty == native {
                return Ok(first);
            }
            // the labels are of the PV, not of the element: an ENUM element for a STRING PV is a number
            return convert::element(&first, native, &[], precision);
        }
        let value = convert::element(&first, native, labels, precision)?;
        if let Scalar::Enum(index) = value {
            check_index(index, labels)?;
        }
        Ok(value)
    }

    /// The elements as an array PV of type `native` takes them; those beyond its capacity are ignored.
    ///
    /// # Errors
    ///
    /// As for [`Self::to_scalar`], for any of the elements; an empty text is not a number here. No elements are
    /// no error.
    pub fn to_array(
        &self,
        native: NativeType,
        capacity: usize,
        labels: &[Box<str>],
        precision: i16,
    ) -> Result<ArrayData, ConvertError> {
        let count = capacity.min(self.count as usize);
        Ok(match native {
            NativeType::String => ArrayData::String(self.texts(count, precision)),
            NativeType::Short => ArrayData::Short(self.numbers(count)?),
            NativeType::Float => ArrayData::Float(self.numbers(count)?),
            NativeType::Enum => ArrayData::Enum(self.indices(count, labels)?),
            NativeType::Char if self.ty == NativeType::Char => {
                ArrayData::Char(Bytes::copy_from_slice(&self.bytes[..count.min(self.bytes.len())]))
            }
            NativeType::Char => ArrayData::Char(self.numbers::<u8>(count)?.into()),
            NativeType::Long => ArrayData::Long(self.numbers(count)?),
            NativeType::Double => ArrayData::Double(self.numbers(count)?),
        })
    }

    /// The text that a text PV of `capacity` bytes takes: CHAR up to the first NUL, or the first STRING.
    ///
    /// ```
    /// use ca_proto::dbr::{NativeType, WireArray};
    /// let put = WireArray::from_put(NativeType::Char.plain(), 5, b"move\0\0\0\0")?;
    /// assert_eq!(put.to_text(10000)?, "move");
    /// # Ok::<(), ca_proto::dbr::ConvertError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NoConversion` for numbers, `OutOfRange` for a text of more bytes than the capacity.
    pub fn to_text(&self, capacity: usize) -> Result<String, ConvertError> {
        let bytes = match self.ty {
            NativeType::Char => self.bytes,
            NativeType::String => &self.bytes[..self.bytes.len().min(FixedString::MAX)],
            from => return Err(ConvertError::NoConversion { from, to: NativeType::String }),
        };
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        let too_long = |len: usize| {
            ConvertError::OutOfRange(format!("text of {len} bytes for a capacity of {capacity}"))
        };
        if end > capacity {
            return Err(too_long(end));
        }
        // latin-1 grows in UTF-8
        let text = text_from_bytes(&bytes[..end]);
        if text.len() > capacity { Err(too_long(text.len())) } else { Ok(text) }
    }

    /// The first `count` STRING elements; what the payload lacks is empty.
    fn cells(&self, count: usize) -> impl Iterator<Item = FixedString> {
        let bytes = self.bytes;
        (0..count).map(move |index| {
            let cell = bytes.get(index * CELL..).unwrap_or_default();
            FixedString::from_bytes(&cell[..cell.len().min(CELL)])
        })
    }

    /// The first `count` elements as numbers.
    fn numbers<T: Number>(&self, count: usize) -> Result<Vec<T>, ConvertError> {
        Ok(match self.ty {
            NativeType::String => return self.cells(count).map(parse_cell).collect(),
            NativeType::Short => self.map(count, |b| i16::from_be_bytes(b).cast()),
            NativeType::Float => self.map(count, |b| f32::from_be_bytes(b).cast()),
            NativeType::Enum => self.map(count, |b| u16::from_be_bytes(b).cast()),
            NativeType::Char => self.map(count, |b| u8::from_be_bytes(b).cast()),
            NativeType::Long => self.map(count, |b| i32::from_be_bytes(b).cast()),
            NativeType::Double => self.map(count, |b| f64::from_be_bytes(b).cast()),
        })
    }

    /// The first `count` elements as texts.
    fn texts(&self, count: usize, precision: i16) -> Vec<FixedString> {
        match self.ty {
            NativeType::String => self.cells(count).collect(),
            NativeType::Short => self.map(count, |b| i16::from_be_bytes(b).text(precision)),
            NativeType::Float => self.map(count, |b| f32::from_be_bytes(b).text(precision)),
            NativeType::Enum => self.map(count, |b| u16::from_be_bytes(b).text(precision)),
            NativeType::Char => self.map(count, |b| u8::from_be_bytes(b).text(precision)),
            NativeType::Long => self.map(count, |b| i32::from_be_bytes(b).text(precision)),
            NativeType::Double => self.map(count, |b| f64::from_be_bytes(b).text(precision)),
        }
    }

    /// The first `count` elements as indices of the labels.
    fn indices(&self, count: usize, labels: &[Box<str>]) -> Result<Vec<u16>, ConvertError> {
        if self.ty == NativeType::String {
            return self.cells(count).map(|cell| convert::label_index(cell.as_bytes(), labels)).collect();
        }
        let indices = self.numbers(count)?;
        indices.iter().try_for_each(|&index| check_index(index, labels))?;
        Ok(indices)
    }

    /// One loop over whole elements of `W` bytes.
    fn map<T, const W: usize>(&self, count: usize, read: impl Fn([u8; W]) -> T) -> Vec<T> {
        self.bytes.as_chunks::<W>().0.iter().take(count).map(|&bytes| read(bytes)).collect()
    }
}

/// A number of an array; unlike a scalar's, an empty text is none.
fn parse_cell<T: Number>(cell: FixedString) -> Result<T, ConvertError> {
    match cell.as_bytes() {
        [] => Err(ConvertError::NotANumber(String::new())),
        text => T::parse(text),
    }
}

/// Refuses an index beyond the labels; without labels every index is good.
fn check_index(index: u16, labels: &[Box<str>]) -> Result<(), ConvertError> {
    if labels.is_empty() || usize::from(index) < labels.len() {
        return Ok(());
    }
    Err(ConvertError::OutOfRange(format!("index {index} for {} labels", labels.len())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dbr::{DbrClass, Meta, encode};

    fn labels() -> Vec<Box<str>> {
        ["off", "on"].map(Box::from).to_vec()
    }

    fn cells(texts: &[&str]) -> Vec<u8> {
        texts.iter().flat_map(|text| *FixedString::cut(text).cell()).collect()
    }

    fn put(native: NativeType, count: u32, payload: &[u8]) -> WireArray<'_> {
        WireArray::from_put(native.plain(), count, payload).unwrap()
    }

    fn put_text(text: &str, native: NativeType) -> Result<Scalar, ConvertError> {
        put(NativeType::String, 1, &cells(&[text])).to_scalar(native, &labels(), 6)
    }

    #[test]
    fn the_value_part_of_any_type_is_found() {
        for code in 0..35 {
            let ty = DbrType::from_code(code).unwrap();
            let mut payload = Vec::new();
            encode::header(ty, Default::default(), Default::default(), &Meta::new(), &mut payload);
            encode::scalar(&Scalar::Long(1), ty.native, &Meta::new(), &mut payload).unwrap();
            let wire = WireArray::from_put(ty, 1, &payload).unwrap();
            assert_eq!(wire.to_scalar(NativeType::Long, &[], 0), Ok(Scalar::Long(1)), "type {code}");
            let offset = ty.value_offset();
            if ty.native == NativeType::String {
                assert!(WireArray::from_put(ty, 1, &payload[..offset + 2]).is_ok());
            } else {
                let short = WireArray::from_put(ty, 1, &payload[..payload.len() - 1]);
                assert!(matches!(short, Err(ConvertError::Short { .. })), "type {code}");
            }
            if let Some(less) = offset.checked_sub(1) {
                assert!(WireArray::from_put(ty, 1, &payload[..less]).is_err(), "type {code}");
            }
        }
    }

    #[test]
    fn a_count_beyond_the_payload_is_refused_without_overflow() {
        for native in NativeType::ALL {
            let refused = WireArray::from_put(native.plain(), u32::MAX, &[0; 64]);
            let short = ConvertError::Short { given: 64, count: u32::MAX, width: native.width() };
            assert_eq!(refused.err(), Some(short));
        }
        assert!(WireArray::from_put(NativeType::String.plain(), 2, &[0; 79]).is_err());
        assert_eq!(put(NativeType::Short, 1, &[0, 7, 9, 9]).bytes, [0, 7]);
    }

    #[test]
    fn a_single_string_may_be_short_and_an_unterminated_one_is_cut() {
        let short = put(NativeType::String, 1, b"7\0\0\0\0\0\0\0");
        assert_eq!(short.to_scalar(NativeType::Long, &[], 0), Ok(Scalar::Long(7)));
        let none = put(NativeType::String, 1, b"");
        assert_eq!(none.to_scalar(NativeType::Long, &[], 0), Ok(Scalar::Long(0)));
        assert_eq!(none.to_text(10), Ok(String::new()));
        let full = [b'x'; 48];
        let full = put(NativeType::String, 1, &full);
        assert_eq!(full.bytes.len(), 40);
        assert_eq!(full.to_text(100).map(|t| t.len()), Ok(39));
        assert_eq!(full.element(0), Some(Scalar::String(FixedString::cut(&"x".repeat(39)))));
        assert_eq!(full.element(1), None);
    }

    #[test]
    fn text_puts_as_observed() {
        assert_eq!(put_text(" 7 ", NativeType::Long), Ok(Scalar::Long(7)));
        assert_eq!(put_text("1e3", NativeType::Long), Ok(Scalar::Long(1)));
        assert_eq!(put_text("0x10", NativeType::Long), Ok(Scalar::Long(16)));
        assert_eq!(put_text("", NativeType::Long), Ok(Scalar::Long(0)));
        assert_eq!(put_text("", NativeType::Double), Ok(Scalar::Double(0.0)));
        assert_eq!(put_text("on", NativeType::Enum), Ok(Scalar::Enum(1)));
        assert_eq!(put_text("1", NativeType::Enum), Ok(Scalar::Enum(1)));
        for (text, native) in [
            ("9999999999", NativeType::Long),
            ("zz", NativeType::Long),
            ("1e999", NativeType::Double),
            ("2", NativeType::Enum),
            ("", NativeType::Enum),
        ] {
            assert!(put_text(text, native).is_err(), "{text} as {native:?}");
        }
    }

    #[test]
    fn number_puts_cast_and_an_index_has_a_label() {
        let big = 1e30f64.to_be_bytes();
        let big = put(NativeType::Double, 1, &big);
        assert_eq!(big.to_scalar(NativeType::Long, &[], 0), Ok(Scalar::Long(i32::MIN)));
        assert_eq!(big.to_scalar(NativeType::String, &[], 0), Ok(Scalar::String("  1e+30".into())));
        let index = put(NativeType::Long, 1, &[0, 1, 0, 1]);
        assert_eq!(index.to_scalar(NativeType::Enum, &labels(), 0), Ok(Scalar::Enum(1)));
        let beyond = put(NativeType::Long, 1, &[0, 0, 0, 2]);
        let refused = beyond.to_scalar(NativeType::Enum, &labels(), 0).unwrap_err();
        assert_eq!(refused, ConvertError::OutOfRange("index 2 for 2 labels".into()));
        assert!(beyond.to_array(NativeType::Enum, 9, &labels(), 0).is_err());
        assert_eq!(beyond.to_scalar(NativeType::Enum, &[], 0), Ok(Scalar::Enum(2)));
        let state = put(NativeType::Enum, 1, &[0, 1]);
        assert_eq!(state.to_scalar(NativeType::String, &labels(), 0), Ok(Scalar::String("1".into())));
        let none = put(NativeType::Long, 0, &[]);
        assert_eq!(none.to_scalar(NativeType::Long, &[], 0), Err(ConvertError::Empty));
    }

    #[test]
    fn an_array_ignores_what_is_beyond_its_capacity() {
        let three = put(NativeType::Short, 3, &[0, 1, 0, 2, 0, 3]);
        let two = three.to_array(NativeType::Long, 2, &[], 0);
        assert_eq!(two, Ok(ArrayData::Long(vec![1, 2])));
        assert_eq!(three.to_array(NativeType::Short, 9, &[], 0), Ok(ArrayData::Short(vec![1, 2, 3])));
        assert_eq!(three.to_array(NativeType::Char, 2, &[], 0), Ok(ArrayData::Char(vec![1, 2].into())));
        let texts = three.to_array(NativeType::String, 2, &[], 0);
        assert_eq!(texts, Ok(ArrayData::String(vec!["1".into(), "2".into()])));
        let bytes = put(NativeType::Char, 4, b"abcd");
        assert_eq!(bytes.to_array(NativeType::Char, 3, &[], 0), Ok(ArrayData::Char(b"abc".to_vec().into())));
        let none = put(NativeType::Double, 0, &[]);
        assert_eq!(none.to_array(NativeType::Double, 3, &[], 0), Ok(ArrayData::Double(vec![])));
    }

    #[test]
    fn text_cells_of_an_array_are_numbers_and_never_empty() {
        let bytes = cells(&["1", "2.5", ""]);
        let wire = put(NativeType::String, 3, &bytes);
        assert_eq!(wire.to_array(NativeType::Double, 2, &[], 0), Ok(ArrayData::Double(vec![1.0, 2.5])));
        let refused = wire.to_array(NativeType::Double, 3, &[], 0);
        assert_eq!(refused, Err(ConvertError::NotANumber(String::new())));
        let same = wire.to_array(NativeType::String, 3, &[], 0);
        assert_eq!(same, Ok(ArrayData::String(vec!["1".into(), "2.5".into(), "".into()])));
        let states = cells(&["on", "0"]);
        let states = put(NativeType::String, 2, &states).to_array(NativeType::Enum, 2, &labels(), 0);
        assert_eq!(states, Ok(ArrayData::Enum(vec![1, 0])));
    }

    #[test]
    fn text_ends_at_the_first_nul_and_within_the_capacity() {
        assert_eq!(put(NativeType::Char, 8, b"stop\0old").to_text(4), Ok("stop".into()));
        assert_eq!(put(NativeType::Char, 0, b"").to_text(4), Ok(String::new()));
        assert_eq!(put(NativeType::Char, 2, "µ".as_bytes()).to_text(4), Ok("µ".into()));
        assert_eq!(put(NativeType::Char, 2, b"\xb5m").to_text(4), Ok("µm".into()));
        let grown = put(NativeType::Char, 2, b"\xb5m").to_text(2).unwrap_err();
        assert_eq!(grown, ConvertError::OutOfRange("text of 3 bytes for a capacity of 2".into()));
        let long = put(NativeType::Char, 5, b"start").to_text(4).unwrap_err();
        assert_eq!(long.to_string(), "text of 5 bytes for a capacity of 4 does not fit the type");
        assert_eq!(put(NativeType::String, 2, &cells(&["move(5)", "x"])).to_text(99), Ok("move(5)".into()));
        let number = put(NativeType::Long, 1, &[0; 4]).to_text(9).unwrap_err();
        assert_eq!(number, ConvertError::NoConversion { from: NativeType::Long, to: NativeType::String });
    }

    #[test]
    fn a_hand_made_array_with_too_few_bytes_is_no_panic() {
        for ty in NativeType::ALL {
            let wire = WireArray { ty, count: 3, bytes: &[b'1'; 7] };
            for native in NativeType::ALL {
                let _ = (wire.to_scalar(native, &[], 0), wire.to_array(native, 9, &[], 0), wire.to_text(9));
            }
            assert_eq!(wire.element(7), None);
        }
    }

    proptest! {
        #[test]
        fn any_payload_gives_elements_or_an_error(code in 0u16..35, count: u32, payload: Vec<u8>, small in 0u32..9) {
            for count in [count, small] {
                let Ok(wire) = WireArray::from_put(DbrType::from_code(code).unwrap(), count, &payload) else {
                    continue;
                };
                for native in NativeType::ALL {
                    let one = wire.to_scalar(native, &labels(), 3);
                    prop_assert!(one.is_err() || one.is_ok_and(|v| v.native() == native));
                    if let Ok(array) = wire.to_array(native, 5, &labels(), 3) {
                        prop_assert_eq!((array.native(), array.len()), (native, count.min(5) as usize));
                    }
                }
                let _ = wire.to_text(20);
            }
        }

        #[test]
        fn each_scalar_survives_the_wire(long: i32, double in -1e300..1e300f64, text in "[ -~]{0,39}") {
            for value in [Scalar::Long(long), Scalar::Double(double), Scalar::String(FixedString::cut(&text))] {
                for class in [DbrClass::Plain, DbrClass::Time, DbrClass::Ctrl] {
                    let ty = value.native().with(class);
                    let mut out = Vec::new();
                    encode::header(ty, Default::default(), Default::default(), &Meta::new(), &mut out);
                    encode::scalar(&value, ty.native, &Meta::new(), &mut out).unwrap();
                    let wire = WireArray::from_put(ty, 1, &out).unwrap();
                    prop_assert_eq!(wire.to_scalar(ty.native, &[], 0), Ok(value));
                }
            }
        }
    }
}
