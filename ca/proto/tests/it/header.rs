//! Headers: short, extended, incomplete.

use ca_proto::wire::{DecodeError, Header, padded};
use proptest::prelude::*;

use crate::talk::{extended, message};

fn encoded(header: &Header) -> Vec<u8> {
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    bytes
}

#[test]
fn the_short_form_is_used_up_to_65528_bytes_and_65534_elements() {
    for (size, count, length) in
        [(65528, 0, 16), (0, 65534, 16), (65536, 0, 24), (0, 65535, 24), (0, 70000, 24)]
    {
        let header = Header { size, count, ..Header::default() };
        assert_eq!(encoded(&header).len(), length, "{size} bytes, {count} elements");
    }
}

#[test]
fn an_extended_header_has_size_ffff_count_0_and_both_in_32_bits() {
    let header = Header { command: 15, size: 800_000, data_type: 6, count: 100_000, p1: 1, p2: 2 };
    assert_eq!(encoded(&header), extended(15, 6, 100_000, [1, 2], 800_000));
}

#[test]
fn an_extended_header_may_announce_little() {
    let bytes = extended(18, 6, 3, [1, 2], 8);
    let header = Header { command: 18, size: 8, data_type: 6, count: 3, p1: 1, p2: 2 };
    assert_eq!(Header::decode(&bytes, true), Ok(Some((header, 24))));
}

#[test]
fn size_ffff_is_a_literal_length_before_minor_9() {
    let bytes = extended(18, 6, 3, [1, 2], 8);
    assert_eq!(Header::decode(&bytes, false), Err(DecodeError::Misaligned(0xFFFF)));
}

#[test]
fn a_payload_that_is_no_multiple_of_8_is_no_message() {
    for size in [1, 4, 7, 9, 0xFFFC] {
        let mut bytes = message(15, 6, 1, [1, 2], &[]);
        bytes[2..4].copy_from_slice(&u16::to_be_bytes(size));
        assert_eq!(Header::decode(&bytes, true), Err(DecodeError::Misaligned(size.into())));
    }
    let bytes = extended(4, 6, 1, [1, 2], 0xFFFF_FFF1);
    assert_eq!(Header::decode(&bytes, true), Err(DecodeError::Misaligned(0xFFFF_FFF1)));
}

#[test]
fn padding_goes_to_the_next_multiple_of_8_beyond_32_bits() {
    let sizes = [0, 1, 8, 9, u64::from(u32::MAX)];
    assert_eq!(sizes.map(padded), [0, 8, 8, 16, 1 << 32]);
}

fn headers() -> impl Strategy<Value = Header> {
    let size = prop_oneof![0u32..9000, 0x1FFE..0x2002u32, 0..0x1FFF_FFFFu32].prop_map(|words| words * 8);
    let count = prop_oneof![0u32..70, 0xFFFDu32..0x10002, any::<u32>()];
    (any::<u16>(), size, any::<u16>(), count, any::<u32>(), any::<u32>()).prop_map(
        |(command, size, data_type, count, p1, p2)| Header { command, size, data_type, count, p1, p2 },
    )
}

proptest! {
    #[test]
    fn every_header_survives_and_every_prefix_is_incomplete(header in headers()) {
        let bytes = encoded(&header);
        prop_assert_eq!(Header::decode(&bytes, true), Ok(Some((header, bytes.len()))));
        for end in 0..bytes.len() {
            prop_assert_eq!(Header::decode(&bytes[..end], true), Ok(None));
        }
    }

    #[test]
    fn any_bytes_decode_or_fail_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), long: bool) {
        if let Ok(Some((header, length))) = Header::decode(&bytes, long) {
            prop_assert!(length <= bytes.len() && header.size % 8 == 0);
        }
    }
}
