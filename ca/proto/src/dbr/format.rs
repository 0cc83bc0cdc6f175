//! Numbers to text, digit for digit as base writes them (`cvtFast.c`), without allocation.

use std::fmt::{self, Write};

use super::FixedString;

/// Magnitudes up to this take the fixed form by integer arithmetic.
const FIXED_MAX: f64 = 1e7;
/// Decimals up to this take the fixed form.
const FIXED_DECIMALS: u16 = 8;
/// Powers of ten by number of decimals.
const SCALE: [u32; FIXED_DECIMALS as usize + 1] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The text of a double with the PV's precision; a negative precision counts as huge.
///
/// ```
/// use ca_proto::dbr::format::double;
/// assert_eq!(double(2.5, 0).as_bytes(), b"3");
/// assert_eq!(double(1e20, 0).as_bytes(), b"  1e+20");
/// ```
pub fn double(value: f64, precision: i16) -> FixedString {
    let (precision, size) = (precision as u16, value.abs());
    if precision <= FIXED_DECIMALS && size <= FIXED_MAX {
        let whole = size as u32;
        let tenths = (size - f64::from(whole)) * f64::from(SCALE[usize::from(precision)]) * 10.0;
        fixed(value < 0.0, whole, tenths as u32, precision)
    } else if precision > FIXED_DECIMALS || size > 1e16 {
        let precision = precision.min(17);
        exponent(value, precision, precision + 7)
    } else {
        plain(value, precision.min(3))
    }
}

/// The text of a float with the PV's precision; a negative precision counts as huge.
///
/// ```
/// use ca_proto::dbr::format::float;
/// assert_eq!(float(0.1, 3).as_bytes(), b"0.100");
/// ```
pub fn float(value: f32, precision: i16) -> FixedString {
    let (precision, size) = (precision as u16, value.abs());
    if precision <= FIXED_DECIMALS && size <= FIXED_MAX as f32 {
        // base multiplies in single precision here, so the last digit may differ from the double's
        let whole = size as u32;
        let tenths = (size - whole as f32) * SCALE[usize::from(precision)] as f32 * 10.0;
        fixed(value < 0.0, whole, tenths as u32, precision)
    } else if precision > FIXED_DECIMALS || size >= 1e8 {
        let precision = precision.min(12);
        exponent(f64::from(value), precision, precision + 6)
    } else {
        plain(f64::from(value), precision.min(3))
    }
}

/// The decimal text of an integer.
///
/// ```
/// use ca_proto::dbr::format::integer;
/// assert_eq!(integer(-128).as_bytes(), b"-128");
/// ```
pub fn integer(value: i64) -> FixedString {
    let mut line = Line::new();
    if value < 0 {
        line.push(b'-');
    }
    line.digits(value.unsigned_abs(), 1);
    line.finish()
}

/// Fixed point; `tenths` is the fraction in tenths of the last digit, and its half rounds away from zero.
fn fixed(negative: bool, whole: u32, tenths: u32, precision: u16) -> FixedString {
    let scale = SCALE[usize::from(precision)];
    let fraction = (tenths + 5) / 10;
    let carry = fraction >= scale;
    let mut line = Line::new();
    if negative {
        line.push(b'-');
    }
    line.digits(u64::from(whole + u32::from(carry)), 1);
    if precision > 0 {
        line.push(b'.');
        line.digits(u64::from(if carry { fraction - scale } else { fraction }), usize::from(precision));
    }
    line.finish()
}

/// C's `%.*f`.
fn plain(value: f64, precision: u16) -> FixedString {
    let mut line = Line::new();
    if value.is_nan() {
        line.extend(b"nan");
    } else {
        line.show(format_args!("{value:.*}", usize::from(precision)));
    }
    line.finish()
}

/// C's `%*.*e`: blanks in front, at least two digits in the exponent.
fn exponent(value: f64, precision: u16, width: u16) -> FixedString {
    let mut body = Line::new();
    if value.is_nan() {
        body.extend(b"nan");
    } else if value.is_infinite() {
        body.extend(if value > 0.0 { b"inf" } else { b"-inf" });
    } else {
        body.scientific(value, usize::from(precision));
    }
    let mut line = Line::new();
    for _ in body.len..usize::from(width) {
        line.push(b' ');
    }
    line.extend(body.as_bytes());
    line.finish()
}

/// A text under construction on the stack; what does not fit is dropped.
struct Line {
    bytes: [u8; FixedString::MAX],
    len: usize,
}

impl Line {
    const fn new() -> Self {
        Self { bytes: [0; FixedString::MAX], len: 0 }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, byte: u8) {
        if let Some(free) = self.bytes.get_mut(self.len) {
            *free = byte;
            self.len += 1;
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.push(byte);
        }
    }

    /// Decimal digits with zeros in front up to `least` of them.
    fn digits(&mut self, mut value: u64, least: usize) {
        let mut buffer = [b'0'; 20];
        let mut at = buffer.len();
        while value > 0 {
            at -= 1;
            buffer[at] = b'0' + (value % 10) as u8;
            value /= 10;
        }
        self.extend(&buffer[at.min(buffer.len() - least)..]);
    }

    fn show(&mut self, arguments: fmt::Arguments<'_>) {
        // `write_str` below never fails
        let _ = self.write_fmt(arguments);
    }

    /// `1.5e20` as Rust writes it, with C's exponent.
    fn scientific(&mut self, value: f64, precision: usize) {
        self.show(format_args!("{value:.precision$e}"));
        let written = self.len;
        let Some(mark) = self.as_bytes().iter().position(|&b| b == b'e') else { return };
        let negative = self.bytes[mark + 1] == b'-';
        let first = mark + 1 + usize::from(negative);
        let power = self.bytes[first..written].iter().fold(0, |n, &b| n * 10 + u64::from(b - b'0'));
        self.len = mark + 1;
        self.push(if negative { b'-' } else { b'+' });
        self.digits(power, 2);
    }

    fn finish(&self) -> FixedString {
        FixedString::from_bytes(self.as_bytes())
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.extend(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn doubles(cases: &[(f64, i16, &str)]) {
        for &(value, precision, text) in cases {
            assert_eq!(double(value, precision).to_text(), text, "{value} with {precision}");
        }
    }

    #[track_caller]
    fn floats(cases: &[(f32, i16, &str)]) {
        for &(value, precision, text) in cases {
            assert_eq!(float(value, precision).to_text(), text, "{value} with {precision}");
        }
    }

    #[test]
    fn half_rounds_away_from_zero_as_observed() {
        doubles(&[
            (2.5, 0, "3"),
            (-2.5, 0, "-3"),
            (0.005, 2, "0.01"),
            (99.995, 2, "100.00"),
            (-0.0, 2, "0.00"),
            (-0.001, 2, "-0.00"),
            (0.0, 0, "0"),
            (1.0, 8, "1.00000000"),
            (0.999_999_999, 8, "1.00000000"),
            (9_999_999.999_999, 3, "10000000.000"),
            (1e7, 1, "10000000.0"),
            (-1e7, 0, "-10000000"),
            (3.25, 6, "3.250000"),
            (1_234.056_78, 3, "1234.057"),
        ]);
    }

    #[test]
    fn large_magnitudes_keep_three_decimals() {
        doubles(&[
            (10_000_000.5, 0, "10000000"),
            (10_000_001.5, 0, "10000002"),
            (10_000_000.125, 8, "10000000.125"),
            (10_000_000.062_5, 3, "10000000.062"),
            (-1e16, 2, "-10000000000000000.00"),
            (f64::NAN, 2, "nan"),
            (-f64::NAN, 2, "nan"),
        ]);
    }

    #[test]
    fn exponent_form_has_leading_blanks() {
        doubles(&[
            (1e20, 0, "  1e+20"),
            (1e20, 3, " 1.000e+20"),
            (-1e20, 3, "-1.000e+20"),
            (2.5e20, 0, "  2e+20"),
            (f64::INFINITY, 2, "      inf"),
            (f64::NEG_INFINITY, 2, "     -inf"),
            (f64::NAN, 9, "             nan"),
            (1.5, 9, " 1.500000000e+00"),
            (0.0, 10, " 0.0000000000e+00"),
            (1e-300, 9, "1.000000000e-300"),
            (1.0, -1, " 1.00000000000000000e+00"),
            (-1.25e-7, -1, "-1.24999999999999994e-07"),
            (1.0, 40, " 1.00000000000000000e+00"),
        ]);
    }

    #[test]
    fn floats_switch_to_exponents_earlier() {
        floats(&[
            (2.5, 0, "3"),
            (0.1, 3, "0.100"),
            (-0.001, 2, "-0.00"),
            (1e7, 1, "10000000.0"),
            (2e7, 5, "20000000.000"),
            (1e8, 2, "1.00e+08"),
            (-1e8, 2, "-1.00e+08"),
            (1.0, 9, "1.000000000e+00"),
            (1.0, -1, "1.000000000000e+00"),
            (f32::NAN, 2, "nan"),
            (f32::INFINITY, 2, "     inf"),
            (f32::NEG_INFINITY, 0, "  -inf"),
        ]);
    }

    #[test]
    fn integers_are_decimal() {
        for value in [0, 7, -7, 255, -128, i64::MAX, i64::MIN] {
            assert_eq!(integer(value).to_text(), value.to_string());
        }
    }

    proptest! {
        #[test]
        fn any_double_has_a_text_that_reads_back_near_it(value: f64, precision: i16) {
            let text = double(value, precision).to_text();
            let back: f64 = text.trim_start().parse().unwrap();
            if value.is_nan() {
                prop_assert!(back.is_nan());
            } else if value.is_finite() {
                prop_assert!((back - value).abs() <= 0.5 + value.abs() * 0.5);
            } else {
                prop_assert_eq!(back, value);
            }
        }

        #[test]
        fn fixed_form_is_within_half_a_unit(value in -1e7..1e7, precision in 0i16..=8) {
            let back: f64 = double(value, precision).to_text().parse().unwrap();
            let unit = 10f64.powi(-i32::from(precision));
            prop_assert!((back - value).abs() <= unit * 0.5 + 1e-8);
        }

        #[test]
        fn any_float_has_a_text(value: f32, precision: i16) {
            let text = float(value, precision).to_text();
            prop_assert!(text.trim_start().parse::<f32>().is_ok(), "{}", text);
        }
    }
}
