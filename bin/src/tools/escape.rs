//! Texts with C's escapes, as base prints and reads them.

/// The letter behind a backslash, for bytes that have one.
const LETTERS: [(u8, u8); 11] = [
    (0x07, b'a'),
    (0x08, b'b'),
    (0x0c, b'f'),
    (b'\n', b'n'),
    (b'\r', b'r'),
    (b'\t', b't'),
    (0x0b, b'v'),
    (b'\\', b'\\'),
    (b'\'', b'\''),
    (b'"', b'"'),
    (0, b'0'),
];

/// Appends bytes, those that do not print as escapes.
pub(crate) fn escape(raw: &[u8], out: &mut Vec<u8>) {
    for &byte in raw {
        if let Some((_, letter)) = LETTERS.iter().find(|(plain, _)| *plain == byte) {
            out.extend([b'\\', *letter]);
        } else if (0x20..0x7f).contains(&byte) {
            out.push(byte);
        } else {
            out.extend(format!("\\x{byte:02x}").bytes());
        }
    }
}

/// The bytes that a text with escapes stands for, at most `limit` of them.
pub(crate) fn unescape(text: &[u8], limit: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some((&letter, after)) = rest.split_first() else { break };
        rest = after;
        if letter == b'x' {
            rest = hexadecimal(rest, &mut out);
            continue;
        }
        let plain = LETTERS.iter().find(|(_, known)| *known == letter).map_or(letter, |(plain, _)| *plain);
        out.push(plain);
    }
    out.truncate(limit);
    out
}

/// One or two digits; without any, nothing is appended and what follows is plain text.
fn hexadecimal<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let digits = text.iter().take(2).take_while(|b| b.is_ascii_hexdigit());
    let value = digits.clone().fold(0, |n, &b| n << 4 | char::from(b).to_digit(16).unwrap_or(0) as u8);
    let count = digits.count();
    if count > 0 {
        out.push(value);
    }
    &text[count..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_do_not_print_are_escaped() {
        let mut out = Vec::new();
        escape(b"a\n\"\0\x1b\xb5\\", &mut out);
        assert_eq!(out, br#"a\n\"\0\x1b\xb5\\"#);
    }

    #[test]
    fn escapes_become_bytes() {
        for (text, wanted) in [
            (&br"a\tb"[..], &b"a\tb"[..]),
            (br"\x41\x4z\xg", b"A\x04zg"),
            (br"\x414", b"A4"),
            (br"\q\\", br"q\"),
            (br"\", b""),
            (br"\x", b""),
            (br"\0x", b"\0x"),
        ] {
            assert_eq!(unescape(text, 99), wanted, "{}", String::from_utf8_lossy(text));
        }
        assert_eq!(unescape(b"abcdef", 3), b"abc");
    }
}
