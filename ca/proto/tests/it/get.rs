//! READ_NOTIFY and READ.

use ca_proto::dbr::Scalar;
use ca_proto::server::Ticket;
use ca_proto::{CloseReason, Eca, EventMask, Limits};

use crate::talk::{Message, Talk, clear, error, get, message};

/// Payload bytes of one element, before padding; rows of seven by class.
const SIZES: [usize; 35] = [
    40, 2, 4, 2, 1, 4, 8, 44, 6, 8, 6, 6, 8, 16, 52, 16, 16, 16, 16, 16, 24, 44, 26, 44, 424, 20, 40, 72, 44,
    30, 52, 424, 22, 48, 88,
];
/// Bytes of an element by native type.
const WIDTHS: [usize; 7] = [40, 2, 4, 2, 1, 4, 8];

fn ok(ty: u16, count: u32, ioid: u32, payload: Vec<u8>) -> Message {
    Message { command: 15, data_type: ty, count, p1: 1, p2: ioid, payload, extended: false }
}

#[test]
fn every_type_of_a_double_has_its_exact_size() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    for (ty, size) in SIZES.iter().enumerate() {
        let ty = ty as u16;
        for (count, elements) in [(1, 1), (0, 1), (3, 3)] {
            let answer = talk.ask_one(&get(ty, count, sid, 9));
            let size = size + (elements - 1) * WIDTHS[usize::from(ty) % 7];
            let expected = ok(ty, elements as u32, 9, Vec::new());
            assert_eq!(answer.payload.len(), size.next_multiple_of(8), "type {ty}");
            assert!(answer.payload[size..].iter().all(|&b| b == 0));
            assert_eq!(Message { payload: Vec::new(), ..answer }, expected, "type {ty}");
        }
    }
}

#[test]
fn the_value_stands_at_the_end_of_every_type() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    let native: [&[u8]; 7] = [b"1.500\0", &[0, 1], &[0x3F, 0xC0, 0, 0], &[0, 1], &[1], &[0, 0, 0, 1], {
        &[0x3F, 0xF8, 0, 0, 0, 0, 0, 0]
    }];
    for (ty, size) in SIZES.iter().enumerate() {
        let payload = talk.ask_one(&get(ty as u16, 1, sid, 9)).payload;
        let value = &payload[size - WIDTHS[ty % 7]..*size];
        assert!(value.starts_with(native[ty % 7]), "type {ty}: {value:?}");
    }
}

#[test]
fn time_double_is_laid_out_as_the_table_says() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    let stamp = [0x45, 0, 0, 0, 0x07, 0x5B, 0xCD, 0x15];
    let payload = [&[0; 4][..], &stamp, &[0; 4], &1.5f64.to_be_bytes()].concat();
    assert_eq!(talk.ask_one(&get(20, 1, sid, 9)), ok(20, 1, 9, payload));
}

#[test]
fn count_0_gives_the_current_length() {
    let mut talk = Talk::new();
    let (array, empty, text) = (talk.open(1, "array"), talk.open(2, "empty"), talk.open(3, "text"));
    let all = [1.0f64, 2.0, 3.0].map(f64::to_be_bytes).concat();
    assert_eq!(talk.ask_one(&get(6, 0, array, 9)), ok(6, 3, 9, all));
    assert_eq!(talk.ask_one(&get(6, 0, empty, 9)), ok(6, 0, 9, Vec::new()));
    let answer = talk.ask_one(&get(20, 0, empty, 9));
    assert_eq!((answer.count, answer.payload.len(), answer.p1), (0, 16, 1));
    assert_eq!(talk.ask_one(&get(4, 0, text, 9)), ok(4, 2, 9, b"hi\0\0\0\0\0\0".to_vec()));
}

#[test]
fn a_count_within_gives_the_first_and_one_beyond_is_filled_with_zeros() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "array");
    let two = [1.0f64, 2.0].map(f64::to_be_bytes).concat();
    assert_eq!(talk.ask_one(&get(6, 2, sid, 9)), ok(6, 2, 9, two));
    let five = [1.0f64, 2.0, 3.0, 0.0, 0.0].map(f64::to_be_bytes).concat();
    assert_eq!(talk.ask_one(&get(6, 5, sid, 9)), ok(6, 5, 9, five));
    let double = talk.open(2, "double");
    let two = [1.5f64, 0.0].map(f64::to_be_bytes).concat();
    assert_eq!(talk.ask_one(&get(6, 2, double, 9)), ok(6, 2, 9, two), "also beyond the capacity");
}

#[test]
fn a_large_array_leaves_whole_with_a_long_header() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "array");
    let values: Vec<f64> = (0..100_000).map(f64::from).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
    talk.pvs.post("array", ca_proto::dbr::Value::array(ca_proto::dbr::ArrayData::Double(values)), {
        EventMask::VALUE
    });
    let answer = talk.ask_one(&get(6, 0, sid, 9));
    assert_eq!((answer.count, answer.extended), (100_000, true));
    assert!(answer.payload == bytes);
    let part = talk.ask_one(&get(20, 50_000, sid, 9));
    assert_eq!((part.count, part.payload.len()), (50_000, 16 + 400_000));
    assert!(part.payload[16..] == bytes[..400_000]);
    let more = talk.ask_one(&crate::talk::extended(15, 6, 100_001, [sid, 9], 0));
    assert_eq!((more.count, more.payload.len()), (100_001, 800_008));
    assert_eq!(more.payload[800_000..], [0; 8]);
}

#[test]
fn an_enum_reads_as_its_label_and_lists_all() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "enum");
    let label = talk.ask_one(&get(0, 1, sid, 9));
    assert_eq!((label.payload.len(), &label.payload[..8]), (40, &b"running\0"[..]));
    let payload = talk.ask_one(&get(31, 1, sid, 9)).payload;
    assert_eq!((payload.len(), &payload[4..6], &payload[422..]), (424, &[0, 3][..], &[0, 1][..]));
    assert_eq!(&payload[6..11], b"idle\0");
}

#[test]
fn a_string_that_is_no_number_is_getfail_with_zeros_of_the_asked_size() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "string");
    for (ty, count, size) in [(6, 1, 8), (20, 1, 24), (34, 2, 96), (6, 0, 0), (20, 0, 16)] {
        let expected = Message { p1: 152, ..ok(ty, count.into(), 9, vec![0; size]) };
        assert_eq!(talk.ask_one(&get(ty, count, sid, 9)), expected, "type {ty}, count {count}");
    }
    assert_eq!(talk.ask_one(&get(0, 1, sid, 9)).p1, 1);
}

#[test]
fn without_read_access_the_answer_is_368_with_zeros() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "secret");
    let expected = Message { p1: 368, ..ok(6, 1, 9, vec![0; 8]) };
    assert_eq!(talk.ask_one(&get(6, 1, sid, 9)), expected);
    let request = message(3, 6, 1, [sid, 9], &[]);
    assert_eq!(error(&talk.ask_one(&request)), (1, 368, &request[..16]));
}

#[test]
fn types_35_and_36_cannot_be_read_and_39_closes_without_a_word() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    for ty in [35, 36] {
        let answer = talk.ask_one(&get(ty, 1, sid, 9));
        assert_eq!((answer.command, answer.p1, answer.p2), (15, 152, 9), "type {ty}");
        assert!(answer.payload.iter().all(|&b| b == 0));
    }
    talk.send(&get(39, 1, sid, 9));
    assert_eq!(talk.closed, Some(CloseReason::DataType(39)));
    assert_eq!(talk.take(), []);
}

#[test]
fn a_get_of_more_than_could_ever_be_there_is_error_72_and_the_circuit_stays() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    for count in [0x2000_0001, u32::MAX] {
        let request = crate::talk::extended(15, 6, count, [sid, 9], 0);
        assert_eq!(error(&talk.ask_one(&request)), (1, 72, &request[..24]));
    }
    assert_eq!(talk.ask_one(&get(6, 1, sid, 9)).p1, 1);
}

#[test]
fn the_old_read_answers_with_the_clients_channel_and_fails_by_error() {
    let mut talk = Talk::new();
    let (double, string) = (talk.open(7, "double"), talk.open(8, "string"));
    let answer = talk.ask_one(&message(3, 6, 1, [double, 9], &[]));
    let expected = ok(6, 1, 9, 1.5f64.to_be_bytes().to_vec());
    assert_eq!(answer, Message { command: 3, p1: 7, ..expected });
    let request = message(3, 6, 1, [string, 9], &[]);
    assert_eq!(error(&talk.ask_one(&request)), (8, 152, &request[..16]));
    let request = message(3, 39, 1, [string, 9], &[]);
    talk.send(&request);
    assert_eq!(error(&talk.take()[0]), (8, 114, &request[..16]));
    assert_eq!(talk.closed, Some(CloseReason::DataType(39)));
}

#[test]
fn types_37_and_38_tell_the_acknowledge_state_and_the_record_type() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "double");
    let plain = talk.ask_one(&get(7, 1, sid, 9)).payload;
    let answer = talk.ask_one(&get(37, 1, sid, 9));
    assert_eq!((answer.p1, answer.count, answer.payload.len()), (1, 1, 48));
    assert_eq!(answer.payload[..4], plain[..4], "status and severity");
    assert_eq!(answer.payload[4..8], [0, 1, 0, 2], "ACKT first, then ACKS");
    assert_eq!(answer.payload[8..48], plain[4..44], "the value as string");
    let class = talk.ask_one(&get(38, 1, sid, 9));
    assert_eq!((class.p1, &class.payload[..3], class.payload.len()), (1, &b"ao\0"[..], 40));
}

#[test]
fn a_client_before_4_9_is_told_464_where_its_header_is_too_short() {
    let mut talk = Talk::new();
    let sid = talk.open(1, "array");
    talk.ask(&crate::talk::version(0, 8));
    let request = get(6, 9_000, sid, 9);
    assert_eq!(error(&talk.ask_one(&request)), (1, 464, &request[..16]));
    let fits = talk.ask_one(&get(6, 8_000, sid, 9));
    assert_eq!((fits.p1, fits.extended, fits.payload.len()), (1, false, 64_000));
}

#[test]
fn the_current_length_is_bounded_for_every_type() {
    let mut talk = Talk::with(Limits { max_payload: 1000, ..Limits::default() });
    let sid = talk.open(1, "array");
    let put = message(19, 6, 100, [sid, 8], &[1; 800]);
    assert_eq!(talk.ask_one(&put).p1, 1);
    assert_eq!(talk.ask_one(&get(6, 0, sid, 9)).payload.len(), 800);
    for ty in [0, 14, 37] {
        assert_eq!(talk.ask_one(&get(ty, 0, sid, 9)).p1, 152, "type {ty}: 4000 bytes and more");
    }
}

/// A channel to the slow PV whose gets are held.
fn held() -> (Talk, u32) {
    let mut talk = Talk::new();
    let sid = talk.open(1, "slow");
    talk.pvs.held_gets = Some(Vec::new());
    (talk, sid)
}

fn held_ticket(talk: &mut Talk) -> Ticket {
    talk.pvs.held_gets.as_mut().and_then(Vec::pop).expect("a get waits")
}

#[test]
fn a_get_that_waits_delays_no_other_and_is_read_when_it_is_released() {
    let (mut talk, sid) = held();
    let other = talk.open(2, "double");
    assert_eq!(talk.ask(&get(6, 1, sid, 8)), []);
    assert_eq!(talk.ask_one(&get(6, 1, other, 9)).p2, 9);
    talk.pvs.post("slow", Scalar::Double(7.0), EventMask::VALUE);
    let ticket = held_ticket(&mut talk);
    talk.pvs.mailbox.release_get(ticket, Eca::NORMAL);
    assert_eq!(talk.take(), [ok(6, 1, 8, 7f64.to_be_bytes().to_vec())]);
}

#[test]
fn a_get_whose_wait_failed_says_so_and_one_of_a_cleared_channel_is_silent() {
    let (mut talk, sid) = held();
    talk.ask(&[get(6, 1, sid, 8), get(6, 1, sid, 9)].concat());
    let (later, first) = (held_ticket(&mut talk), held_ticket(&mut talk));
    talk.pvs.mailbox.release_get(first, Eca::GETFAIL);
    let failed = Message { p1: 152, ..ok(6, 1, 8, vec![0; 8]) };
    assert_eq!(talk.take(), [failed]);
    talk.ask(&clear(sid, 1));
    talk.pvs.mailbox.release_get(later, Eca::NORMAL);
    assert_eq!(talk.take(), []);
}
