//! Headers of any bytes.

use ca_proto::wire::Header;

/// Decodes the input as a header, in both forms, and each of its prefixes.
pub fn header(data: &[u8]) {
    for extended in [false, true] {
        let whole = Header::decode(data, extended);
        if let Ok(Some((header, length))) = whole {
            let long = extended && data[2..4] == [0xFF; 2];
            assert_eq!(length, if long { Header::EXTENDED } else { Header::SHORT });
            assert!(header.size % 8 == 0);
            survives(&header);
        }
        for end in 0..data.len().min(Header::EXTENDED) {
            let part = Header::decode(&data[..end], extended);
            assert!(part == Ok(None) || part == whole, "{end} bytes: {part:?}, all: {whole:?}");
            assert!(end >= Header::SHORT || part == Ok(None), "{end} bytes are no header");
        }
    }
}

/// What is encoded decodes to the same header.
fn survives(header: &Header) {
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    let same = Ok(Some((*header, bytes.len())));
    assert_eq!(Header::decode(&bytes, true), same);
    if !header.is_extended() {
        assert_eq!(bytes.len(), Header::SHORT);
        assert_eq!(Header::decode(&bytes, false), same);
    }
}
