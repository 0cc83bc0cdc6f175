//! Searches in datagrams.

use ca_proto::server::search::{MAX_REPLY, handle_datagram};

use super::wire::{messages, u16_at, u32_at};

const PORT: u16 = 5064;

fn is_known(name: &str) -> bool {
    name.starts_with("g:") || name == "k"
}

/// Answers the input as a datagram, and compares the answers with those of a second, simple implementation.
pub fn datagram(data: &[u8]) {
    let expected = expected(data);
    let mut found = Vec::new();
    let mut replies = 0;
    handle_datagram(data, PORT, is_known, |reply| {
        replies += 1;
        assert!(!reply.is_empty() && reply.len() <= MAX_REPLY, "a reply of {} bytes", reply.len());
        for (at, message) in messages(reply).iter().enumerate() {
            match message.command {
                0 => assert!(at == 0 && message.count == 13 && message.payload.is_empty()),
                6 => {
                    assert_eq!((message.data_type, message.count, message.p1), (PORT, 0, u32::MAX));
                    assert_eq!(message.payload, [0, 13, 0, 0, 0, 0, 0, 0]);
                    found.push(message.p2);
                }
                other => panic!("a reply with command {other}"),
            }
        }
    });
    assert_eq!(found, expected);
    assert!(replies <= found.len());
}

/// The ids of the searches that must be answered.
fn expected(mut rest: &[u8]) -> Vec<u32> {
    let mut known = Vec::new();
    let mut minor = 0;
    while rest.len() >= 16 {
        let size = usize::from(u16_at(rest, 2));
        if size % 8 != 0 || rest.len() < 16 + size {
            break;
        }
        let (message, behind) = rest.split_at(16 + size);
        rest = behind;
        let count = u16_at(message, 6);
        match u16_at(message, 0) {
            0 => minor = count,
            6 if minor < 4 => {}
            6 if count < 4 => break,
            6 => known.extend(is_asked_for(&message[16..]).then(|| u32_at(message, 12))),
            _ => break,
        }
    }
    known
}

fn is_asked_for(payload: &[u8]) -> bool {
    let end = payload.iter().position(|&byte| byte == 0).unwrap_or(payload.len().saturating_sub(1));
    let text: String = match std::str::from_utf8(&payload[..end]) {
        Ok(text) => text.to_owned(),
        Err(_) => payload[..end].iter().map(|&byte| char::from(byte)).collect(),
    };
    end > 0 && end <= MAX_REPLY && is_known(&text)
}
