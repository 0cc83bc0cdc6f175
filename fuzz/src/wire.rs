//! What a server may send, as a client sees it; decoded here, not by the code under test.

use std::io::IoSlice;

use ca_proto::dbr::DbrType;
use ca_proto::server::Output;
use ca_proto::wire::padded;

/// A message in a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Message<'a> {
    pub(super) command: u16,
    pub(super) data_type: u16,
    pub(super) count: u32,
    pub(super) p1: u32,
    pub(super) p2: u32,
    pub(super) payload: &'a [u8],
    pub(super) extended: bool,
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) << 16 | u32::from(u16_at(bytes, at + 2))
}

/// Takes the first message off a stream; `None` while it is incomplete.
pub(super) fn split_message<'a>(bytes: &mut &'a [u8]) -> Option<Message<'a>> {
    let all = *bytes;
    let extended = u16_at(all.get(..16)?, 2) == 0xFFFF;
    let (head, size, count) = match extended {
        true => (24, u32_at(all.get(..24)?, 16), u32_at(all, 20)),
        false => (16, u32::from(u16_at(all, 2)), u32::from(u16_at(all, 6))),
    };
    // An ECHO is the client's own header.
    let own = matches!(u16_at(all, 0), 10 | 23);
    assert!(!extended || own || u16_at(all, 6) == 0, "caproto asks for a count of 0 in a long header");
    assert_eq!(size % 8, 0, "payloads are padded");
    let payload = all.get(head..head + size as usize)?;
    *bytes = &all[head + size as usize..];
    let (command, data_type) = (u16_at(all, 0), u16_at(all, 4));
    Some(Message { command, data_type, count, p1: u32_at(all, 8), p2: u32_at(all, 12), payload, extended })
}

/// Splits a stream into messages; the last one must be complete.
pub(super) fn messages(mut bytes: &[u8]) -> Vec<Message<'_>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.push(split_message(&mut bytes).expect("a whole message"));
    }
    all
}

/// Checks what every message of a server's circuit must be.
pub(super) fn check(message: &Message<'_>) {
    let size = message.payload.len() as u64;
    match message.command {
        0 | 6 | 12 | 14 | 18 | 19 | 22 | 26 => assert_eq!(size, 0, "{message:?}"),
        10 | 23 => {}
        11 => check_error(message),
        1 | 3 | 15 => {
            // the confirmation of a cancel, and the answer about a channel that was cleared
            let nothing = size == 0 && (message.command == 1 || message.p1 == 152);
            if let (Some(ty), false) = (DbrType::from_code(message.data_type), nothing) {
                // a refusal has room for one element, so that libca does not take it for a confirmation
                let refusal = (message.command, message.p1) == (1, 368);
                let count = if refusal { message.count.max(1) } else { message.count };
                assert_eq!(size, padded(ty.size(count)), "{message:?}");
            }
        }
        other => panic!("no server sends command {other}"),
    }
}

/// An ERROR holds the header of a request that libca knows, and a text with its end.
fn check_error(message: &Message<'_>) {
    let payload = message.payload;
    let head = if u16_at(payload, 2) == 0xFFFF { 24 } else { 16 };
    assert!(u16_at(payload, 0) <= 27, "libca indexes a table of 28: {message:?}");
    assert!(payload.len() > head && payload.len() - head <= 512 && payload.last() == Some(&0), "{message:?}");
}

/// Takes up to `most` bytes out of an output.
pub(super) fn drain(out: &mut Output, most: usize, to: &mut Vec<u8>) -> usize {
    let end = to.len() + most.min(out.len());
    let start = to.len();
    while to.len() < end {
        let before = to.len();
        let mut slices = [IoSlice::new(&[]); 17];
        let filled = out.slices(&mut slices);
        for slice in &slices[..filled] {
            to.extend_from_slice(&slice[..slice.len().min(end - to.len())]);
        }
        assert!(to.len() > before, "an output of {} bytes gave nothing", out.len());
        out.advance(to.len() - before);
    }
    to.len() - start
}

/// A request in the short form.
pub(super) fn request(command: u16, data_type: u16, count: u16, ids: [u32; 2], payload: &[u8]) -> Vec<u8> {
    let size = payload.len().next_multiple_of(8);
    let mut bytes = Vec::with_capacity(16 + size);
    [command, size as u16, data_type, count].iter().for_each(|half| bytes.extend(half.to_be_bytes()));
    ids.iter().for_each(|id| bytes.extend(id.to_be_bytes()));
    bytes.extend(payload);
    bytes.resize(16 + size, 0);
    bytes
}
