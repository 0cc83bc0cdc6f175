//! The output: small messages inline, large payloads shared.

use std::io::IoSlice;

use bytes::Bytes;
use ca_proto::server::Output;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Inline(usize),
    Share(usize),
    /// The socket takes at most this many bytes, of at most this many slices.
    Send(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![0usize..40, 0usize..3000, Just(300_000)];
    let step = prop_oneof![
        2 => size.clone().prop_map(Step::Inline),
        2 => size.clone().prop_map(Step::Share),
        3 => (prop_oneof![size, Just(usize::MAX)], 1usize..18).prop_map(|(n, slices)| Step::Send(n, slices)),
    ];
    prop::collection::vec(step, 1..60)
}

/// Bytes that differ from their neighbours, and from those of other calls.
fn numbered(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(|n| (n % 251) as u8).collect()
}

/// Sends at most `limit` bytes in one vectored write of at most `most` slices.
fn send(out: &mut Output, limit: usize, most: usize, sent: &mut Vec<u8>) {
    let mut taken = 0;
    let mut slices = [IoSlice::new(&[]); 17];
    let filled = out.slices(&mut slices[..most.min(17)]);
    for slice in &slices[..filled] {
        assert!(!slice.is_empty(), "an empty slice looks like the end of the stream");
        let step = slice.len().min(limit - taken);
        sent.extend_from_slice(&slice[..step]);
        taken += step;
    }
    assert!(filled > 0 || out.is_empty(), "something to send is offered");
    out.advance(taken);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_bytes_leave_in_order_whatever_the_socket_takes(steps in steps()) {
        let mut out = Output::default();
        let (mut written, mut sent) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Inline(count) | Step::Share(count) => {
                    let bytes = numbered(written.len(), count);
                    written.extend_from_slice(&bytes);
                    match step {
                        Step::Share(_) => out.share(Bytes::from(bytes)),
                        _ => out.buffer().extend_from_slice(&bytes),
                    }
                }
                Step::Send(limit, slices) => send(&mut out, limit, slices, &mut sent),
            }
            prop_assert_eq!(out.len(), written.len() - sent.len());
        }
        while !out.is_empty() {
            send(&mut out, usize::MAX, 17, &mut sent);
        }
        prop_assert!(sent == written);
    }
}

#[test]
fn a_shared_payload_is_offered_as_it_is_and_not_copied() {
    let mut out = Output::default();
    let payload = Bytes::from(vec![7; 100_000]);
    out.buffer().extend_from_slice(&[1; 16]);
    out.share(payload.clone());
    let mut slices = [IoSlice::new(&[]); 17];
    assert_eq!(out.slices(&mut slices), 2);
    assert_eq!((slices[0].len(), slices[1].as_ptr()), (16, payload.as_ptr()));
    assert!(out.capacity() < 1000);
}

#[test]
fn a_large_buffer_is_given_back_when_all_is_sent() {
    let mut out = Output::default();
    out.buffer().resize(8 << 20, 1);
    out.advance(8 << 20);
    assert!(out.is_empty() && out.capacity() <= 256 * 1024);
}
