//! One element from one native type to another, with base's rules.
//!
//! Numbers convert as C casts do on x86-64: truncation toward zero, low bits kept, and -2^31 for what no `i32`
//! holds. A double becomes a float clamped to the finite floats. Text is read up to the end of its number.

use super::{ConvertError, FixedString, Meta, NativeType, Scalar, format, text_from_bytes};

/// What an enum shows beyond its labels.
const ILLEGAL: &str = "Illegal_Value";

/// Converts an element for a client that asked for type `to`.
///
/// ```
/// use ca_proto::dbr::{Meta, NativeType, Scalar, convert};
/// let long = convert::scalar(&Scalar::Double(-2.9), NativeType::Long, &Meta::new());
/// assert_eq!(long, Ok(Scalar::Long(-2)));
/// ```
///
/// # Errors
///
/// Text that is no number, no label, or a number out of range.
pub fn scalar(value: &Scalar, to: NativeType, meta: &Meta) -> Result<Scalar, ConvertError> {
    element(value, to, &meta.labels, meta.precision)
}

/// Converts an element; `labels` are those of the enum side, if there is one.
pub(crate) fn element(
    value: &Scalar,
    to: NativeType,
    labels: &[Box<str>],
    precision: i16,
) -> Result<Scalar, ConvertError> {
    Ok(match *value {
        Scalar::String(text) => return from_text(text, to, labels),
        Scalar::Enum(index) if to == NativeType::String => Scalar::String(enum_text(index, labels)),
        Scalar::Short(v) => from_number(v, to, precision),
        Scalar::Float(v) => from_number(v, to, precision),
        Scalar::Enum(v) => from_number(v, to, precision),
        Scalar::Char(v) => from_number(v, to, precision),
        Scalar::Long(v) => from_number(v, to, precision),
        Scalar::Double(v) => from_number(v, to, precision),
    })
}

fn from_number<S: Number>(value: S, to: NativeType, precision: i16) -> Scalar {
    match to {
        NativeType::String => Scalar::String(value.text(precision)),
        NativeType::Short => Scalar::Short(value.cast()),
        NativeType::Float => Scalar::Float(value.cast()),
        NativeType::Enum => Scalar::Enum(value.cast()),
        NativeType::Char => Scalar::Char(value.cast()),
        NativeType::Long => Scalar::Long(value.cast()),
        NativeType::Double => Scalar::Double(value.cast()),
    }
}

fn from_text(text: FixedString, to: NativeType, labels: &[Box<str>]) -> Result<Scalar, ConvertError> {
    let bytes = text.as_bytes();
    Ok(match to {
        NativeType::String => Scalar::String(text),
        NativeType::Short => Scalar::Short(Number::parse(bytes)?),
        NativeType::Float => Scalar::Float(Number::parse(bytes)?),
        NativeType::Enum => Scalar::Enum(label_index(bytes, labels)?),
        NativeType::Char => Scalar::Char(Number::parse(bytes)?),
        NativeType::Long => Scalar::Long(Number::parse(bytes)?),
        NativeType::Double => Scalar::Double(Number::parse(bytes)?),
    })
}

/// The label of an index; the number where there are no labels.
pub(crate) fn enum_text(index: u16, labels: &[Box<str>]) -> FixedString {
    match labels.get(usize::from(index)) {
        Some(label) => FixedString::cut(label),
        None if labels.is_empty() => format::integer(i64::from(index)),
        None => FixedString::cut(ILLEGAL),
    }
}

/// The index that a text names: a label in full, else a decimal index of one.
///
/// ```
/// use ca_proto::dbr::convert::label_index;
/// let labels = ["off".into(), "on".into()];
/// assert_eq!(label_index(b"on", &labels), Ok(1));
/// assert_eq!(label_index(b"0", &labels), Ok(0));
/// ```
///
/// # Errors
///
/// `NoLabel` for any other text.
pub fn label_index(text: &[u8], labels: &[Box<str>]) -> Result<u16, ConvertError> {
    if let Some(index) = labels.iter().position(|label| label.as_bytes() == text) {
        return Ok(index as u16);
    }
    let digits = text.trim_ascii();
    let digits = digits.strip_prefix(b"+").unwrap_or(digits);
    // base takes no trailing text here
    if let (number @ [_, ..], []) = split_digits(digits, 10)
        && let Some(index) = integer(number, 10, false)
        && index < labels.len() as i64
    {
        return Ok(index as u16);
    }
    let labels = labels.iter().map(|label| label.to_string()).collect();
    Err(ConvertError::NoLabel { given: text_from_bytes(text), labels })
}

/// The integer at the front of a text: blanks, a sign, decimal digits or `0x` and hexadecimal ones, then anything.
///
/// ```
/// use ca_proto::dbr::convert::parse_integer;
/// assert_eq!(parse_integer(b" 7 "), Ok(7));
/// assert_eq!(parse_integer(b"1e3"), Ok(1));
/// assert_eq!(parse_integer(b"0x10"), Ok(16));
/// assert_eq!(parse_integer(b""), Ok(0));
/// ```
///
/// # Errors
///
/// `NotANumber` without a digit, `OutOfRange` beyond an `i64`.
pub fn parse_integer(text: &[u8]) -> Result<i64, ConvertError> {
    if text.is_empty() {
        return Ok(0);
    }
    let (negative, rest) = signed(text);
    let (digits, radix) = match hex_digits(rest) {
        Some(rest) => (split_digits(rest, 16).0, 16),
        None => (split_digits(rest, 10).0, 10),
    };
    if digits.is_empty() {
        return Err(not_a_number(text));
    }
    integer(digits, radix, negative).ok_or_else(|| out_of_range(text))
}

/// The floating number at the front of a text, as C's `strtod` reads it.
///
/// ```
/// use ca_proto::dbr::convert::parse_double;
/// assert_eq!(parse_double(b" -1.5e3 mm"), Ok(-1500.0));
/// assert_eq!(parse_double(b"inf"), Ok(f64::INFINITY));
/// ```
///
/// # Errors
///
/// `NotANumber` without a digit, `OutOfRange` beyond the normal doubles.
pub fn parse_double(text: &[u8]) -> Result<f64, ConvertError> {
    if text.is_empty() {
        return Ok(0.0);
    }
    let (negative, digits) = signed(text);
    let size = if starts_with(digits, b"nan") {
        f64::NAN
    } else if starts_with(digits, b"inf") {
        f64::INFINITY
    } else {
        let (size, zero) = match hex_digits(digits) {
            Some(digits) => hexadecimal(digits),
            None => decimal(digits).ok_or_else(|| not_a_number(text))?,
        };
        if !(size.is_normal() || zero) {
            return Err(out_of_range(text));
        }
        size
    };
    Ok(if negative { -size } else { size })
}

/// Skips blanks and a sign; true for a minus.
fn signed(text: &[u8]) -> (bool, &[u8]) {
    // C's isspace has the vertical tab that trim_ascii_start leaves
    let blanks = text.iter().take_while(|&&b| b.is_ascii_whitespace() || b == 0x0b).count();
    match &text[blanks..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    }
}

/// What follows `0x`, if a hexadecimal digit does.
fn hex_digits(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'0', b'x' | b'X', rest @ ..] if rest.first()?.is_ascii_hexdigit() => Some(rest),
        _ => None,
    }
}

fn starts_with(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// The digits at the front, and what follows them.
fn split_digits(text: &[u8], radix: u32) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|&&b| char::from(b).is_digit(radix)).count())
}

/// The value of digits; `None` beyond an `i64`.
fn integer(digits: &[u8], radix: u32, negative: bool) -> Option<i64> {
    let sign = if negative { -1 } else { 1 };
    digits.iter().try_fold(0i64, |value, &byte| {
        let digit = char::from(byte).to_digit(radix)?;
        value.checked_mul(i64::from(radix))?.checked_add(sign * i64::from(digit))
    })
}

/// The decimal number at the front, and whether all of its digits are zeros.
fn decimal(text: &[u8]) -> Option<(f64, bool)> {
    let count = |from: usize| text[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = count(0);
    let mut end = whole;
    if text.get(end) == Some(&b'.') {
        let fraction = count(end + 1);
        if whole + fraction == 0 {
            return None;
        }
        end += 1 + fraction;
    }
    let zero = text[..end].iter().all(|&b| matches!(b, b'0' | b'.'));
    if let Some(b'e' | b'E') = text.get(end) {
        let digits = end + 1 + usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        if text.get(digits).is_some_and(u8::is_ascii_digit) {
            end = digits + count(digits);
        }
    }
    let number = std::str::from_utf8(&text[..end]).ok()?.parse().ok()?;
    Some((number, zero))
}

/// The number behind `0x`, with fraction and power of two, and whether all of its digits are zeros.
fn hexadecimal(text: &[u8]) -> (f64, bool) {
    let (mut value, mut power, mut point, mut at) = (0.0f64, 0i32, false, 0);
    for &byte in text {
        match char::from(byte).to_digit(16) {
            Some(digit) => {
                value = value * 16.0 + f64::from(digit);
                power -= if point { 4 } else { 0 };
            }
            None if byte == b'.' && !point => point = true,
            None => break,
        }
        at += 1;
    }
    if value == 0.0 {
        // 0 times a huge power of two would be NaN
        return (0.0, true);
    }
    if let [b'p' | b'P', rest @ ..] = &text[at..] {
        let (negative, rest) = match rest {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let bound = if negative { -5000 } else { 5000 };
        let given = integer(split_digits(rest, 10).0, 10, negative).unwrap_or(bound);
        power += given.clamp(-5000, 5000) as i32;
    }
    (value * 2f64.powi(power), false)
}

fn not_a_number(text: &[u8]) -> ConvertError {
    ConvertError::NotANumber(text_from_bytes(text))
}

fn out_of_range(text: &[u8]) -> ConvertError {
    ConvertError::OutOfRange(text_from_bytes(text))
}

/// An element type that is a number; a cast to the type itself changes nothing.
pub(crate) trait Number: Copy {
    /// From `i32`, `i16`, `u16`, `u8`: low bits, or the nearest floating number.
    fn from_int(value: i32) -> Self;
    /// From `f32`.
    fn from_float(value: f32) -> Self;
    /// From `f64`.
    fn from_double(value: f64) -> Self;
    /// To any other element type.
    fn cast<T: Number>(self) -> T;
    /// The text of the number; the precision counts for floating ones.
    fn text(self, precision: i16) -> FixedString;
    /// The number at the front of a text; the empty text is 0.
    fn parse(text: &[u8]) -> Result<Self, ConvertError>;
}

macro_rules! integers {
    ($($ty:ident from $lowest:expr),+) => {
        $(impl Number for $ty {
            fn from_int(value: i32) -> Self {
                value as Self
            }

            fn from_float(value: f32) -> Self {
                truncate(f64::from(value)) as Self
            }

            fn from_double(value: f64) -> Self {
                truncate(value) as Self
            }

            fn cast<T: Number>(self) -> T {
                T::from_int(i32::from(self))
            }

            fn text(self, _precision: i16) -> FixedString {
                format::integer(i64::from(self))
            }

            fn parse(text: &[u8]) -> Result<Self, ConvertError> {
                let value = parse_integer(text)?;
                if ($lowest..=i64::from($ty::MAX)).contains(&value) {
                    Ok(value as Self)
                } else {
                    Err(out_of_range(text))
                }
            }
        })+
    };
}

// base reads unsigned types with strtoul, which negates modulo 2^n: "-1" as CHAR is 255
integers!(i16 from i64::from(i16::MIN), i32 from i64::from(i32::MIN), u8 from -255, u16 from -65_535);

impl Number for f32 {
    fn from_int(value: i32) -> Self {
        value as Self
    }

    fn from_float(value: f32) -> Self {
        value
    }

    fn from_double(value: f64) -> Self {
        narrow(value)
    }

    fn cast<T: Number>(self) -> T {
        T::from_float(self)
    }

    fn text(self, precision: i16) -> FixedString {
        format::float(self, precision)
    }

    fn parse(text: &[u8]) -> Result<Self, ConvertError> {
        let value = parse_double(text)?;
        let size = value.abs();
        let fits = size > f64::from(Self::MIN_POSITIVE) && size < f64::from(Self::MAX);
        if fits || value == 0.0 || !value.is_finite() { Ok(value as Self) } else { Err(out_of_range(text)) }
    }
}

impl Number for f64 {
    fn from_int(value: i32) -> Self {
        Self::from(value)
    }

    fn from_float(value: f32) -> Self {
        Self::from(value)
    }

    fn from_double(value: f64) -> Self {
        value
    }

    fn cast<T: Number>(self) -> T {
        T::from_double(self)
    }

    fn text(self, precision: i16) -> FixedString {
        format::double(self, precision)
    }

    fn parse(text: &[u8]) -> Result<Self, ConvertError> {
        parse_double(text)
    }
}

/// Toward zero; -2^31 for NaN and for what no `i32` holds, as x86-64 does it.
fn truncate(value: f64) -> i32 {
    if value > -2_147_483_649.0 && value < 2_147_483_648.0 { value as i32 } else { i32::MIN }
}

/// A double as a float of the same sign: finite stays finite, non-zero stays a normal float.
pub(crate) fn narrow(value: f64) -> f32 {
    if value == 0.0 || !value.is_finite() {
        return value as f32;
    }
    let size = value.abs().clamp(f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX));
    size.copysign(value) as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dbr::Scalar::{Char, Double, Enum, Float, Long, Short};

    fn labels() -> Vec<Box<str>> {
        ["off", "on", "7"].map(Box::from).to_vec()
    }

    fn meta() -> Meta {
        Meta { precision: 2, labels: labels(), ..Meta::new() }
    }

    fn text(text: &str) -> Scalar {
        Scalar::String(text.into())
    }

    #[track_caller]
    fn reads(cases: &[(Scalar, Scalar)]) {
        for (from, to) in cases {
            assert_eq!(scalar(from, to.native(), &meta()).as_ref(), Ok(to), "{from:?}");
        }
    }

    #[test]
    fn floating_to_integer_truncates_and_keeps_low_bits() {
        reads(&[
            (Double(-2.9), Long(-2)),
            (Double(2_147_483_647.9), Long(i32::MAX)),
            (Double(-2_147_483_648.9), Long(i32::MIN)),
            (Double(1e30), Long(i32::MIN)),
            (Double(f64::NAN), Long(i32::MIN)),
            (Float(f32::INFINITY), Long(i32::MIN)),
            (Double(65_537.0), Short(1)),
            (Double(1e30), Short(0)),
            (Double(-1.0), Enum(65_535)),
            (Double(300.7), Char(44)),
            (Float(-1.5), Char(255)),
        ]);
    }

    #[test]
    fn integers_narrow_by_their_low_bits() {
        reads(&[
            (Long(65_536 + 5), Short(5)),
            (Long(-1), Char(255)),
            (Short(-1), Enum(65_535)),
            (Char(255), Short(255)),
            (Enum(65_535), Short(-1)),
            (Long(16_777_217), Float(16_777_216.0)),
            (Char(200), Double(200.0)),
        ]);
    }

    #[test]
    fn double_to_float_clamps_to_normal_floats() {
        reads(&[
            (Double(1e300), Float(f32::MAX)),
            (Double(-1e300), Float(f32::MIN)),
            (Double(f64::from(f32::MAX)), Float(f32::MAX)),
            (Double(1e-300), Float(f32::MIN_POSITIVE)),
            (Double(-1e-300), Float(-f32::MIN_POSITIVE)),
            (Double(0.0), Float(0.0)),
            (Double(f64::NEG_INFINITY), Float(f32::NEG_INFINITY)),
            (Double(1.5), Float(1.5)),
        ]);
        assert!(narrow(f64::NAN).is_nan());
        assert!(narrow(-0.0).is_sign_negative());
    }

    #[test]
    fn numbers_become_text_with_the_precision() {
        reads(&[
            (Double(0.005), text("0.01")),
            (Float(0.5), text("0.50")),
            (Char(200), text("200")),
            (Long(-5), text("-5")),
        ]);
    }

    #[test]
    fn enum_reads_as_label_then_illegal_value() {
        reads(&[(Enum(1), text("on")), (Enum(3), text("Illegal_Value")), (Enum(1), Double(1.0))]);
        assert_eq!(scalar(&Enum(3), NativeType::String, &Meta::new()), Ok(text("3")));
    }

    #[test]
    fn text_reads_as_its_leading_number() {
        reads(&[
            (text(" 7 "), Long(7)),
            (text("1e3"), Long(1)),
            (text("0x10"), Long(16)),
            (text(""), Long(0)),
            (text("-1"), Char(255)),
            (text("1e3 mm"), Double(1000.0)),
            (text(""), Double(0.0)),
            (text("0x10"), Double(16.0)),
            (text("1e-3x"), Float(1e-3)),
            (text("on"), Enum(1)),
            (text("same"), text("same")),
        ]);
        let refused = [
            ("9999999999", NativeType::Long),
            ("zz", NativeType::Long),
            ("hello", NativeType::Double),
            ("32768", NativeType::Short),
            ("256", NativeType::Char),
            ("-256", NativeType::Char),
            ("1e39", NativeType::Float),
            ("-1e39", NativeType::Float),
            ("1e-40", NativeType::Float),
            ("maybe", NativeType::Enum),
        ];
        for (given, to) in refused {
            assert!(scalar(&text(given), to, &meta()).is_err(), "{given} as {to:?}");
        }
    }

    #[test]
    fn integers_parse_as_strtol_does() {
        let good: &[(&[u8], i64)] = &[
            (b"\t\n\x0b 12", 12),
            (b"+5", 5),
            (b"-0x1fz", -31),
            (b"0x", 0),
            (b"010", 10),
            (b"9223372036854775807", i64::MAX),
            (b"-9223372036854775808", i64::MIN),
        ];
        for (given, value) in good {
            assert_eq!(parse_integer(given), Ok(*value));
        }
        for given in [&b" "[..], b"-", b"- 5", b"+-5", b".5", b"nan", b"\xff"] {
            assert!(matches!(parse_integer(given), Err(ConvertError::NotANumber(_))), "{given:?}");
        }
        for given in [&b"9223372036854775808"[..], b"-9223372036854775809", b"0xffffffffffffffff"] {
            assert!(matches!(parse_integer(given), Err(ConvertError::OutOfRange(_))), "{given:?}");
        }
    }

    #[test]
    fn doubles_parse_as_strtod_does() {
        let good: &[(&[u8], f64)] = &[
            (b" 1.5", 1.5),
            (b".5", 0.5),
            (b"5.", 5.0),
            (b"1e", 1.0),
            (b"1e+", 1.0),
            (b"1E+2.5", 100.0),
            (b"1.2.3", 1.2),
            (b"-INFinity", f64::NEG_INFINITY),
            (b"0e999", 0.0),
            (b"0x1.8p1", 3.0),
            (b"0x1p-2", 0.25),
            (b"0xg", 0.0),
            (b"0x0p9999", 0.0),
            (b"0.1", 0.1),
        ];
        for (given, value) in good {
            assert_eq!(parse_double(given), Ok(*value), "{given:?}");
        }
        assert!(parse_double(b"NaN(1)").unwrap().is_nan());
        for given in [&b" "[..], b".", b"-", b"e5", b"hello", b"i", b"\xff"] {
            assert!(matches!(parse_double(given), Err(ConvertError::NotANumber(_))), "{given:?}");
        }
        for given in
            [&b"1e999"[..], b"-1e999", b"1e-999", b"4e-320", b"0x1p99999", b"0x1p-99999999999999999999"]
        {
            assert!(matches!(parse_double(given), Err(ConvertError::OutOfRange(_))), "{given:?}");
        }
    }

    #[test]
    fn label_goes_before_index() {
        assert_eq!(label_index(b"7", &labels()), Ok(2));
        assert_eq!(label_index(b"on", &labels()), Ok(1));
        assert_eq!(label_index(b" 1 ", &labels()), Ok(1));
        for given in [&b"3"[..], b"-1", b"", b"1x", b"ON", b"65537", b"99999999999999999999"] {
            assert!(matches!(label_index(given, &labels()), Err(ConvertError::NoLabel { .. })), "{given:?}");
        }
        assert!(label_index(b"0", &[]).is_err());
    }

    proptest! {
        #[test]
        fn parsing_any_bytes_gives_a_value_or_an_error(bytes: Vec<u8>) {
            let _ = (parse_integer(&bytes), parse_double(&bytes), label_index(&bytes, &labels()));
        }

        #[test]
        fn written_numbers_read_back(integer: i64, double: f64) {
            prop_assert_eq!(parse_integer(integer.to_string().as_bytes()), Ok(integer));
            if double.is_normal() {
                prop_assert_eq!(parse_double(format!("{double:e}").as_bytes()), Ok(double));
            }
        }
    }
}
