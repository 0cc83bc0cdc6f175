//! Numbers as C's `printf` writes them.

/// How integers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Radix {
    #[default]
    Decimal,
    Binary,
    Octal,
    Hexadecimal,
}

/// How floating numbers are written: `%e`, `%f` or `%g`, and digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FloatFormat {
    /// `e`, `f` or `g`.
    pub(crate) letter: u8,
    pub(crate) digits: usize,
}

impl FloatFormat {
    /// C's `%g`.
    pub(crate) const GENERAL: Self = Self { letter: b'g', digits: 6 };

    /// The text of a number.
    pub(crate) fn text(self, value: f64) -> String {
        if value.is_nan() {
            return if value.is_sign_negative() { "-nan" } else { "nan" }.to_owned();
        }
        if value.is_infinite() {
            return if value < 0.0 { "-inf" } else { "inf" }.to_owned();
        }
        match self.letter {
            b'e' => exponent(value, self.digits),
            b'f' => format!("{value:.*}", self.digits),
            _ => general(value, self.digits),
        }
    }
}

/// Mantissa with `digits` decimals, and power of ten.
fn scientific(value: f64, digits: usize) -> (String, i32) {
    let text = format!("{value:.digits$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.to_owned(), power.parse().unwrap_or(0))
}

/// An exponent has a sign and at least two digits.
fn with_power(mantissa: &str, power: i32) -> String {
    let sign = if power < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", power.abs())
}

fn exponent(value: f64, digits: usize) -> String {
    let (mantissa, power) = scientific(value, digits);
    with_power(&mantissa, power)
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn general(value: f64, digits: usize) -> String {
    let digits = digits.max(1);
    let (mantissa, power) = scientific(value, digits - 1);
    if power < -4 || power >= digits as i32 {
        return with_power(without_zeros(&mantissa), power);
    }
    let decimals = (digits as i32 - 1 - power) as usize;
    without_zeros(&format!("{value:.decimals$}")).to_owned()
}

/// The text of an integer.
pub(crate) fn integer(value: i32, radix: Radix) -> String {
    match radix {
        Radix::Decimal => value.to_string(),
        Radix::Binary => format!("{value:b}"),
        Radix::Octal => format!("0o{value:o}"),
        Radix::Hexadecimal => format!("0x{value:X}"),
    }
}

/// The nearest integer, half away from zero, as x86-64 casts it: -2^31 for what no `i32` holds.
pub(crate) fn rounded(value: f64) -> i32 {
    let value = if value > 0.0 { value + 0.5 } else { value - 0.5 };
    if value > -2_147_483_649.0 && value < 2_147_483_648.0 { value as i32 } else { i32::MIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floating_numbers_are_those_of_printf() {
        for (letter, digits, value, wanted) in [
            (b'g', 6, 12.3456, "12.3456"),
            (b'g', 6, 0.000012345, "1.2345e-05"),
            (b'g', 6, 1e9, "1e+09"),
            (b'g', 6, 1e5, "100000"),
            (b'g', 6, 999_999.5, "1e+06"),
            (b'g', 6, 0.0001, "0.0001"),
            (b'g', 6, -0.0, "-0"),
            (b'g', 6, 100.0, "100"),
            (b'g', 0, 25.0, "2e+01"),
            (b'g', 18, 0.1, "0.100000000000000006"),
            (b'e', 3, 12.3456, "1.235e+01"),
            (b'e', 0, 1.5e-100, "2e-100"),
            (b'f', 1, 1.5e20, "150000000000000000000.0"),
            (b'f', 0, 2.5, "2"),
            (b'g', 6, f64::NAN, "nan"),
            (b'g', 6, -f64::NAN, "-nan"),
            (b'f', 2, f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(FloatFormat { letter, digits }.text(value), wanted);
        }
    }

    #[test]
    fn integers_in_every_radix_are_32_bits() {
        assert_eq!(integer(-2, Radix::Hexadecimal), "0xFFFFFFFE");
        assert_eq!(integer(-3, Radix::Octal), "0o37777777775");
        assert_eq!(integer(0, Radix::Binary), "0");
        assert_eq!(integer(5, Radix::Binary), "101");
        assert_eq!(integer(-5, Radix::Decimal), "-5");
        let cases = [(2.5, 3), (-2.5, -3), (0.4, 0), (1.5e20, i32::MIN), (f64::NAN, i32::MIN)];
        assert!(cases.iter().all(|&(value, wanted)| rounded(value) == wanted));
    }
}
