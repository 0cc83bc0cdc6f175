//! Segmentation, oversize and malformed input, byte soup.

use ca_proto::wire::DecodeError;
use ca_proto::{CloseReason, Limits};
use proptest::prelude::*;

use crate::support::pvs;
use crate::talk::{
    Talk, cancel, clear, create, echo, error, events, extended, get, message, messages, monitor, put,
    put_notify, version,
};

/// A conversation with something of everything; ids of channels start at 0.
fn conversation() -> Vec<u8> {
    let mut array = extended(19, 6, 4, [2, 11], 32);
    array.extend([5.0f64; 4].iter().flat_map(|v| v.to_be_bytes()));
    [
        get(6, 1, 0, 1),
        version(3, 13),
        message(20, 0, 0, [0, 0], b"user\0"),
        message(21, 0, 0, [0, 0], b"host\0"),
        [create(1, "double"), create(2, "nobody"), create(3, "enum"), create(4, "array")].concat(),
        [get(34, 1, 0, 2), put(0, 1, 2.5), get(20, 0, 0, 3), get(31, 1, 1, 4)].concat(),
        message(4, 0, 1, [1, 3], b"wild\0"),
        array,
        [monitor(20, 0, 2, 30, 5), get(6, 9, 2, 5), put_notify(0, 12, 3.0), echo(b"12345678")].concat(),
        [cancel(20, 0, 2, 30), message(6, 10, 13, [8, 8], b"nobody\0"), clear(0, 1), get(6, 1, 0, 6)]
            .concat(),
        put(0, 1, 9.0),
    ]
    .concat()
}

/// Two ways to end: with an update that comes by itself, and with an error that closes.
fn endings() -> [Vec<u8>; 2] {
    [
        [events(false), monitor(3, 1, 1, 31, 1), echo(b""), events(true)].concat(),
        [cancel(20, 0, 2, 99), echo(b"never")].concat(),
    ]
}

/// Everything that is sent when the input comes in these segments.
fn answers<'a>(segments: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Option<CloseReason>) {
    let mut talk = Talk::silent(pvs(), Limits::default(), 0);
    segments.for_each(|segment| talk.send(segment));
    (talk.sent, talk.closed)
}

#[test]
fn every_split_into_two_segments_gives_the_same_bytes() {
    for (ending, sent) in endings().iter().zip([24, 23]) {
        let bytes = [&conversation()[..], ending].concat();
        let whole = answers([&bytes[..]].into_iter());
        assert_eq!(messages(&whole.0).len(), sent);
        for at in 1..bytes.len() {
            assert!(answers([&bytes[..at], &bytes[at..]].into_iter()) == whole, "split at {at}");
        }
    }
}

#[test]
fn one_byte_at_a_time_gives_the_same_bytes() {
    for ending in endings() {
        let bytes = [conversation(), ending].concat();
        assert!(answers(bytes.chunks(1)) == answers([&bytes[..]].into_iter()));
    }
}

#[test]
fn an_output_that_is_always_full_gives_the_same_bytes() {
    for ending in endings() {
        let bytes = [conversation(), ending].concat();
        let mut talk = Talk::silent(pvs(), Limits { output_high_water: 1, ..Limits::default() }, 0);
        talk.send(&bytes);
        assert!((talk.sent, talk.closed) == answers([&bytes[..]].into_iter()));
        assert!(talk.peak < 1000);
    }
}

#[test]
fn execution_stops_at_the_high_water_mark_plus_one_message() {
    let mut talk = Talk::with(Limits { output_high_water: 1000, ..Limits::default() });
    let sid = talk.open(1, "double");
    talk.input = (0..1000).flat_map(|n| get(6, 1, sid, n)).collect();
    let used = talk.execute();
    assert_eq!(used, 42 * 16);
    assert_eq!(talk.out.len(), 42 * 24);
    assert_eq!(talk.take().len(), 1000);
}

#[test]
fn a_truncated_conversation_gets_the_first_part_of_the_answers() {
    let bytes = conversation();
    let whole = answers([&bytes[..]].into_iter()).0;
    for end in 0..bytes.len() {
        let part = answers([&bytes[..end]].into_iter()).0;
        assert!(whole.starts_with(&part), "cut at {end}");
    }
}

/// A message of type `command` with `size` payload bytes that say 0xAB.
fn large(command: u16, ids: [u32; 2], size: u32) -> Vec<u8> {
    let mut bytes = extended(command, 6, 1, ids, size);
    bytes.resize(24 + size as usize, 0xAB);
    bytes
}

#[test]
fn an_oversize_payload_is_refused_drained_and_the_circuit_kept() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    for (command, ids, cid) in [(23, [7, 8], u32::MAX), (18, [5, 13], u32::MAX), (4, [sid, 1], 1)] {
        let request = large(command, ids, 100_000);
        talk.send(&request[..24]);
        talk.send(&request[24..50_000]);
        let answer = talk.ask_one(&request[50_000..]);
        assert_eq!(error(&answer), (cid, 72, &request[..24]), "command {command}");
        assert_eq!(talk.ask_one(&get(6, 1, sid, 9)).p1, 1);
    }
}

#[test]
fn an_oversize_payload_is_refused_also_when_it_comes_in_one_piece() {
    let mut talk = Talk::new();
    let request = echo(&[0xAB; 20_000]);
    let answer = talk.ask_one(&request);
    assert_eq!((answer.command, answer.payload.len() < 512), (11, true));
    assert_eq!(error(&answer), (u32::MAX, 72, &request[..16]));
    assert_eq!(talk.ask_one(&echo(b"")).command, 23);
}

#[test]
fn a_large_put_fits_where_the_channel_is_large() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "array");
    let mut request = extended(19, 6, 100_000, [sid, 8], 800_000);
    request.extend((0..100_000).flat_map(|n| f64::from(n).to_be_bytes()));
    let whole = talk.ask_one(&request);
    assert_eq!((whole.command, whole.count, whole.extended, whole.p1), (19, 100_000, true, 1));
    for segment in request.chunks(65_536) {
        talk.send(segment);
    }
    assert_eq!(talk.take(), [whole]);
    assert_eq!(talk.ask_one(&get(6, 0, sid, 9)).payload, request[24..]);
}

#[test]
fn a_payload_of_4_gigabytes_that_never_comes_costs_nothing() {
    for command in [4, 18, 19, 23] {
        let mut talk = Talk::new();
        let sid = talk.open(1, "double");
        let request = extended(command, 6, 1, [sid, 8], 0xFFFF_FFF8);
        assert_eq!(error(&talk.ask_one(&request)).1, 72);
        talk.send(&[0; 100_000]);
        assert!(talk.take().is_empty() && talk.input.is_empty());
    }
}

#[test]
fn a_misaligned_payload_is_142_and_closes() {
    let mut talk = Talk::new();
    let mut request = echo(b"");
    request[3] = 4;
    talk.send(&request);
    assert_eq!(talk.closed, Some(CloseReason::Malformed(DecodeError::Misaligned(4))));
    let answers = talk.take();
    assert_eq!(error(&answers[0]), (u32::MAX, 142, &request[..16]));
}

#[test]
fn a_web_browser_gets_nothing_but_the_greeting() {
    let mut talk = Talk::silent(pvs(), Limits::default(), 0);
    talk.send(b"GET / HTTP/1.1\r\nHost: somewhere\r\nAccept: text/html\r\n\r\n");
    assert_eq!(messages(&talk.sent).len(), 1);
}

/// Messages that make sense more often than not.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let command = prop_oneof![
        8 => prop::sample::select(&[1u16, 2, 3, 4, 12, 15, 18, 19][..]),
        2 => prop::sample::select(&[0u16, 6, 8, 9, 10, 20, 21, 23][..]),
        1 => 0u16..30,
    ];
    let id = prop_oneof![5 => 0u32..6, 1 => any::<u32>()];
    let count = prop_oneof![4 => 0u32..4, 1 => any::<u32>()];
    let payload = prop_oneof![
        prop::sample::select(&["double\0", "array\0", "enum\0", "slow\0", "text\0", "readonly\0"][..])
            .prop_map(|name| name.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..64),
        Just(vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0]),
    ];
    (command, 0u16..41, count, [id.clone(), id], payload, any::<bool>()).prop_map(
        |(command, ty, count, ids, payload, long)| {
            if !long {
                return message(command, ty, count as u16, ids, &payload);
            }
            let size = payload.len().next_multiple_of(8);
            let mut bytes = extended(command, ty, count, ids, size as u32);
            bytes.extend(payload);
            bytes.resize(24 + size, 0);
            bytes
        },
    )
}

/// A circuit with a channel to each PV and a subscription; the first sid is 0.
fn busy() -> Talk {
    let mut talk = Talk::silent(pvs(), Limits { output_high_water: 4096, ..Limits::default() }, 0);
    talk.send(&version(0, 13));
    talk.take();
    for (cid, name) in ["double", "array", "enum", "slow", "text", "readonly"].iter().enumerate() {
        talk.open(cid as u32, name);
    }
    talk.ask(&[monitor(6, 1, 0, 1, 1), monitor(20, 0, 1, 2, 5)].concat());
    talk
}

/// What must be true of a circuit whatever was sent to it.
fn check(talk: &mut Talk, given: usize) -> Result<(), TestCaseError> {
    let consumed = given - talk.input.len();
    prop_assert!(talk.closed.is_some() || talk.input.len() <= 1 << 20, "{consumed} of {given} consumed");
    // the largest message is "array" as strings
    prop_assert!(talk.peak < 4096 + 40 * 100_000 + 1024, "the output held {} bytes", talk.peak);
    for message in messages(&talk.sent) {
        prop_assert!(message.command != 11 || message.payload.len() >= 24);
    }
    talk.circuit.close(&mut talk.pvs);
    prop_assert_eq!(talk.pvs.feed_count(), 0, "no feed is left behind");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn byte_soup_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..3000), hello: bool) {
        let mut talk = Talk::silent(pvs(), Limits::default(), 0);
        if hello {
            talk.send(&version(0, 13));
        }
        talk.send(&bytes);
        check(&mut talk, bytes.len())?;
    }

    #[test]
    fn requests_in_any_order_never_panic_and_leave_nothing_behind(
        requests in prop::collection::vec(request(), 1..40),
        cut in 0usize..64,
    ) {
        let mut talk = busy();
        let bytes = requests.concat();
        let end = bytes.len().saturating_sub(cut);
        talk.send(&bytes[..end]);
        let tickets = std::mem::take(&mut talk.pvs.pending);
        tickets.into_iter().for_each(|ticket| talk.pvs.mailbox.answer(ticket, ca_proto::Eca::NORMAL));
        talk.run();
        check(&mut talk, end)?;
    }

    #[test]
    fn a_flipped_byte_in_a_conversation_never_panics(at in 0usize..900, value: u8) {
        let mut bytes = conversation();
        let at = at % bytes.len();
        bytes[at] = value;
        let mut talk = Talk::silent(pvs(), Limits::default(), 0);
        talk.send(&bytes);
        check(&mut talk, bytes.len())?;
    }
}

#[test]
fn a_large_put_to_a_cleared_channel_is_answered_and_drained() {
    let mut talk = Talk::new();
    let (gone, sid) = (talk.open(1, "array"), talk.open(2, "double"));
    talk.ask_one(&clear(gone, 1));
    let request = large(19, [gone, 8], 100_000);
    let answer = talk.ask_one(&request);
    assert_eq!((answer.command, answer.p1, answer.p2), (19, 160, 8));
    assert_eq!(talk.ask_one(&get(6, 1, sid, 9)).p1, 1);
}

#[test]
fn a_message_that_is_given_up_is_48_and_skipped_as_it_arrives() {
    let mut talk = Talk::new();
    let array = talk.open(1, "array");
    let large = large(4, [array, 1], 400_000);
    talk.send(&large[..100_000]);
    talk.circuit.give_up(&talk.input, &mut talk.out);
    talk.run();
    assert!(talk.input.is_empty(), "nothing of it is kept");
    let answers = talk.ask(&[&large[100_000..], &echo(b"")].concat());
    assert_eq!(error(&answers[0]).1, 48);
    assert_eq!((answers.len(), answers[1].command), (2, 23));
}
