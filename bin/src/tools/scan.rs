//! Numbers as C reads them from an argument: `sscanf` and `strtod`.

use ca_proto::dbr::convert::parse_double;

/// What C's `isspace` takes.
fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|&&b| is_blank(b)).count()..]
}

/// Sign, and the digits at the front; `None` without digits.
fn signed_digits(text: &[u8]) -> Option<(bool, &[u8])> {
    let text = skip_blanks(text);
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let digits = &text[..text.iter().take_while(|b| b.is_ascii_digit()).count()];
    (!digits.is_empty()).then_some((negative, digits))
}

fn magnitude(digits: &[u8]) -> u128 {
    digits.iter().fold(0, |n: u128, &b| n.saturating_mul(10).saturating_add(u128::from(b - b'0')))
}

/// `sscanf(text, "%d", ..)`; too large a number keeps its low bits, as with glibc.
pub(crate) fn int(text: &[u8]) -> Option<i32> {
    let (negative, digits) = signed_digits(text)?;
    let size = i128::try_from(magnitude(digits)).unwrap_or(i128::MAX);
    let value = if negative { -size } else { size };
    Some(value.clamp(i64::MIN.into(), i64::MAX.into()) as i32)
}

/// `sscanf(text, "%lu", ..)`: a minus negates modulo 2^64.
pub(crate) fn unsigned(text: &[u8]) -> Option<u64> {
    let (negative, digits) = signed_digits(text)?;
    let size = u64::try_from(magnitude(digits)).ok();
    Some(match size {
        None => u64::MAX,
        Some(size) if negative => size.wrapping_neg(),
        Some(size) => size,
    })
}

/// Bytes that `strtod` reads, blanks in front included; 0 if there is no number.
fn double_length(text: &[u8]) -> usize {
    let blanks = text.len() - skip_blanks(text).len();
    let sign = usize::from(matches!(text.get(blanks), Some(b'-' | b'+')));
    let start = blanks + sign;
    let body = &text[start..];
    let has = |word: &[u8]| body.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let length = if has(b"infinity") {
        8
    } else if has(b"inf") || has(b"nan") {
        3
    } else if has(b"0x") && body.get(2).is_some_and(|b| b.is_ascii_hexdigit() || *b == b'.') {
        2 + digits_length(&body[2..], 16, b'p')
    } else {
        digits_length(body, 10, b'e')
    };
    if length == 0 { 0 } else { start + length }
}

/// Digits, a point, digits, and an exponent behind `mark`.
fn digits_length(text: &[u8], radix: u32, mark: u8) -> usize {
    let count = |text: &[u8], radix| text.iter().take_while(|&&b| char::from(b).is_digit(radix)).count();
    let whole = count(text, radix);
    let mut length = whole;
    if text.get(whole) == Some(&b'.') {
        let fraction = count(&text[whole + 1..], radix);
        if whole + fraction > 0 {
            length += 1 + fraction;
        }
    }
    if length > 0 && text.get(length).is_some_and(|b| b.eq_ignore_ascii_case(&mark)) {
        let sign = usize::from(matches!(text.get(length + 1), Some(b'-' | b'+')));
        let power = count(&text[(length + 1 + sign).min(text.len())..], 10);
        if power > 0 {
            length += 1 + sign + power;
        }
    }
    length
}

/// The number at the front of a text, as `strtod`; `None` if there is none.
pub(crate) fn leading_double(text: &[u8]) -> Option<f64> {
    match double_length(text) {
        0 => None,
        length => Some(parse_double(&text[..length]).unwrap_or(f64::INFINITY)),
    }
}

/// A text that is a number and nothing else but blanks.
pub(crate) fn whole_double(text: &[u8]) -> Option<f64> {
    match double_length(text) {
        0 => None,
        length if skip_blanks(&text[length..]).is_empty() => parse_double(&text[..length]).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_sscanf_reads_them() {
        for (text, wanted) in [
            ("5", Some(5)),
            (" -5x", Some(-5)),
            ("+7", Some(7)),
            ("0x10", Some(0)),
            ("4294967297", Some(1)),
            ("99999999999999999999", Some(-1)),
            ("x", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(int(text.as_bytes()), wanted, "{text}");
        }
        assert_eq!(unsigned(b"-1"), Some(u64::MAX));
        assert_eq!(unsigned(b"12"), Some(12));
        assert_eq!(unsigned(b"99999999999999999999"), Some(u64::MAX));
    }

    #[test]
    fn doubles_are_read_as_strtod_reads_them() {
        for (text, leading, whole) in [
            ("2", Some(2.0), Some(2.0)),
            (" 1.5 ", Some(1.5), Some(1.5)),
            ("-.5e1", Some(-5.0), Some(-5.0)),
            ("1.5s", Some(1.5), None),
            ("1e", Some(1.0), None),
            ("5.", Some(5.0), Some(5.0)),
            ("0x10", Some(16.0), Some(16.0)),
            ("inf", Some(f64::INFINITY), Some(f64::INFINITY)),
            ("1e999", Some(f64::INFINITY), None),
            (".", None, None),
            ("", None, None),
            ("zero", None, None),
        ] {
            assert_eq!(leading_double(text.as_bytes()), leading, "{text}");
            assert_eq!(whole_double(text.as_bytes()), whole, "{text}");
        }
    }
}
