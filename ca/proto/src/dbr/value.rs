//! Values as a PV holds them: a scalar inline, an array shared.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::NativeType;

/// A DBR_STRING element: at most 39 bytes and a NUL, always padded with zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FixedString([u8; 40]);

impl FixedString {
    /// The empty string.
    pub const EMPTY: Self = Self([0; 40]);
    /// Most bytes that fit in front of the NUL.
    pub const MAX: usize = 39;

    /// The text up to its first NUL, cut at 39 bytes on a character boundary.
    ///
    /// ```
    /// use ca_proto::dbr::FixedString;
    /// assert_eq!(FixedString::cut("idle").as_bytes(), b"idle");
    /// assert_eq!(FixedString::cut(&"µ".repeat(30)).as_bytes().len(), 38);
    /// ```
    pub fn cut(text: &str) -> Self {
        let mut end = text.len().min(Self::MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self::from_bytes(&text.as_bytes()[..end])
    }

    /// The bytes up to the first NUL, at most 39 of them.
    #[inline]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        if let Some(whole) = bytes.first_chunk() {
            return Self::from_cell(whole);
        }
        let mut cell = [0; 40];
        cell[..bytes.len()].copy_from_slice(bytes);
        Self::from_cell(&cell)
    }

    /// Eight bytes at a time: nearly every client sends whole cells.
    #[inline]
    fn from_cell(from: &[u8; 40]) -> Self {
        /// All bits of each byte but the highest.
        const LOW: u64 = u64::MAX / 255 * 0x7F;
        let mut cell = [0; 40];
        for (from, to) in from.as_chunks().0.iter().zip(cell.as_chunks_mut().0) {
            let word = u64::from_be_bytes(*from);
            // the highest bit of each byte that is 0
            let nuls = !(((word & LOW) + LOW) | word | LOW);
            if nuls != 0 {
                *to = (word & !(u64::MAX >> nuls.leading_zeros())).to_be_bytes();
                return Self(cell);
            }
            *to = *from;
        }
        cell[Self::MAX] = 0;
        Self(cell)
    }

    /// The bytes in front of the NUL.
    pub fn as_bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|&b| b == 0).unwrap_or(Self::MAX);
        &self.0[..end]
    }

    /// The whole 40-byte cell as it stands on the wire.
    pub fn cell(&self) -> &[u8; 40] {
        &self.0
    }

    /// The text; bytes that are not UTF-8 are read as latin-1.
    pub fn to_text(&self) -> String {
        text_from_bytes(self.as_bytes())
    }
}

impl fmt::Debug for FixedString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_text())
    }
}

impl From<&str> for FixedString {
    fn from(text: &str) -> Self {
        Self::cut(text)
    }
}

/// Reads bytes as UTF-8, or as latin-1 when they are not.
pub fn text_from_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&b| char::from(b)).collect(),
    }
}

/// One element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// DBR_STRING.
    String(FixedString),
    /// DBR_SHORT.
    Short(i16),
    /// DBR_FLOAT.
    Float(f32),
    /// DBR_ENUM: the index of a label.
    Enum(u16),
    /// DBR_CHAR, unsigned.
    Char(u8),
    /// DBR_LONG.
    Long(i32),
    /// DBR_DOUBLE.
    Double(f64),
}

impl Scalar {
    /// The element type.
    pub const fn native(&self) -> NativeType {
        match self {
            Self::String(_) => NativeType::String,
            Self::Short(_) => NativeType::Short,
            Self::Float(_) => NativeType::Float,
            Self::Enum(_) => NativeType::Enum,
            Self::Char(_) => NativeType::Char,
            Self::Long(_) => NativeType::Long,
            Self::Double(_) => NativeType::Double,
        }
    }

    /// The number, or `None` for a string.
    pub fn as_f64(&self) -> Option<f64> {
        Some(match *self {
            Self::String(_) => return None,
            Self::Short(v) => f64::from(v),
            Self::Float(v) => f64::from(v),
            Self::Enum(v) => f64::from(v),
            Self::Char(v) => f64::from(v),
            Self::Long(v) => f64::from(v),
            Self::Double(v) => v,
        })
    }
}

/// The elements of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrayData {
    /// DBR_STRING elements.
    String(Vec<FixedString>),
    /// DBR_SHORT elements.
    Short(Vec<i16>),
    /// DBR_FLOAT elements.
    Float(Vec<f32>),
    /// DBR_ENUM elements.
    Enum(Vec<u16>),
    /// DBR_CHAR elements that are numbers.
    Char(Bytes),
    /// DBR_CHAR elements that are text: a DBR_STRING get gives the first 39 bytes, not a number each.
    Text(Bytes),
    /// DBR_LONG elements.
    Long(Vec<i32>),
    /// DBR_DOUBLE elements.
    Double(Vec<f64>),
}

impl ArrayData {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::String(v) => v.len(),
            Self::Short(v) => v.len(),
            Self::Float(v) => v.len(),
            Self::Enum(v) => v.len(),
            Self::Char(v) | Self::Text(v) => v.len(),
            Self::Long(v) => v.len(),
            Self::Double(v) => v.len(),
        }
    }

    /// True without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element type.
    pub const fn native(&self) -> NativeType {
        match self {
            Self::String(_) => NativeType::String,
            Self::Short(_) => NativeType::Short,
            Self::Float(_) => NativeType::Float,
            Self::Enum(_) => NativeType::Enum,
            Self::Char(_) | Self::Text(_) => NativeType::Char,
            Self::Long(_) => NativeType::Long,
            Self::Double(_) => NativeType::Double,
        }
    }

    /// Element `index`, or `None` past the end.
    pub fn get(&self, index: usize) -> Option<Scalar> {
        Some(match self {
            Self::String(v) => Scalar::String(*v.get(index)?),
            Self::Short(v) => Scalar::Short(*v.get(index)?),
            Self::Float(v) => Scalar::Float(*v.get(index)?),
            Self::Enum(v) => Scalar::Enum(*v.get(index)?),
            Self::Char(v) | Self::Text(v) => Scalar::Char(*v.get(index)?),
            Self::Long(v) => Scalar::Long(*v.get(index)?),
            Self::Double(v) => Scalar::Double(*v.get(index)?),
        })
    }
}

/// An array and its wire form in its own type, made once by the first circuit that sends it.
#[derive(Debug)]
pub struct Array {
    data: ArrayData,
    wire: OnceLock<Bytes>,
}

impl Array {
    /// The elements.
    pub fn data(&self) -> &ArrayData {
        &self.data
    }

    /// The big-endian elements in the array's own type, shared by all who send it.
    pub fn wire(&self) -> &Bytes {
        self.wire.get_or_init(|| match &self.data {
            ArrayData::Char(v) | ArrayData::Text(v) => v.clone(),
            data => {
                let mut out = Vec::with_capacity(data.len() * data.native().width());
                super::encode::native_elements(data, data.len(), &mut out);
                out.into()
            }
        })
    }
}

/// What a PV holds: cheap to clone, never changed in place.
#[derive(Clone, Debug)]
pub enum Value {
    /// One element, copied.
    Scalar(Scalar),
    /// Any number of elements, shared.
    Array(Arc<Array>),
}

impl Value {
    /// An array of these elements.
    pub fn array(data: ArrayData) -> Self {
        Self::Array(Arc::new(Array { data, wire: OnceLock::new() }))
    }

    /// A text, as the elements of a CHAR array.
    pub fn text(text: &str) -> Self {
        Self::array(ArrayData::Text(Bytes::copy_from_slice(text.as_bytes())))
    }

    /// The element type.
    pub fn native(&self) -> NativeType {
        match self {
            Self::Scalar(s) => s.native(),
            Self::Array(a) => a.data.native(),
        }
    }

    /// Number of elements now.
    pub fn len(&self) -> usize {
        match self {
            Self::Scalar(_) => 1,
            Self::Array(a) => a.data.len(),
        }
    }

    /// True without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the elements take on the wire in their own type.
    pub fn wire_len(&self) -> usize {
        self.len() * self.native().width()
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => Arc::ptr_eq(a, b) || a.data == b.data,
            _ => false,
        }
    }
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        Self::Scalar(scalar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths from none to beyond a cell, a NUL at each place or at none, bytes that a sum over words would carry into.
    #[test]
    fn a_fixed_string_ends_at_its_first_nul_or_after_39_bytes() {
        for filler in [1, b'a', 0x7F, 0x80, 0xFF] {
            for len in 0..=48 {
                for nul in 0..=len {
                    let mut bytes = vec![filler; len];
                    bytes[nul..].iter_mut().step_by(3).for_each(|byte| *byte = 0);
                    let text = FixedString::from_bytes(&bytes);
                    let end = nul.min(FixedString::MAX);
                    assert_eq!(text.as_bytes(), &bytes[..end], "{len} bytes of {filler}, NUL at {nul}");
                    assert!(text.cell()[end..].iter().all(|byte| *byte == 0), "padded with zeros");
                }
            }
        }
    }
}
