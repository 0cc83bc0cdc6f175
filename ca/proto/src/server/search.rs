//! Name search over UDP: one datagram in, at most one out.

use crate::dbr::text_from_bytes;
use crate::wire::msg::{circuit, search};
use crate::wire::{Command, Header, terminated};
use crate::{Cid, OLDEST_MINOR};

/// Most bytes that base puts into one datagram.
pub const MAX_REPLY: usize = 1024;

/// The PV name in a payload; `None` when it is empty or longer than `limit` bytes.
pub fn name(payload: &[u8], limit: usize) -> Option<String> {
    let name = terminated(payload);
    (!name.is_empty() && name.len() <= limit).then(|| text_from_bytes(name))
}

/// What a datagram said before its first SEARCH.
struct Datagram {
    minor: u16,
    sequence: u32,
}

/// What one datagram came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Searched {
    /// Names that are served here.
    pub found: u32,
    /// Names that are not.
    pub missing: u32,
    /// Something in it was no search, and what follows it was not looked at.
    pub malformed: bool,
}

/// What one message of a datagram came to.
enum Message {
    Nothing,
    Found(Cid),
    Missing,
    Malformed,
}

/// Answers the searches of one datagram.
///
/// `exists` says whether a name is served here; `reply` gets each datagram to send back, of at most
/// [`MAX_REPLY`] bytes. Nothing is ever sent to a malformed datagram or for an unknown name.
pub fn handle_datagram(
    datagram: &[u8],
    port: u16,
    mut exists: impl FnMut(&str) -> bool,
    mut reply: impl FnMut(&[u8]),
) -> Searched {
    let mut rest = datagram;
    let mut searched = Searched::default();
    let mut state = Datagram { minor: 0, sequence: 0 };
    let mut out = Vec::new();
    // Extended headers are legal only where minor 9 is known; no datagram needs one.
    while let Ok(Some((header, length))) = Header::decode(rest, false) {
        let Some(payload) = rest.get(length..length + header.size as usize) else { break };
        rest = &rest[length + header.size as usize..];
        let cid = match handle_message(&header, payload, &mut state, &mut exists) {
            Message::Found(cid) => cid,
            Message::Missing => {
                searched.missing += 1;
                continue;
            }
            Message::Nothing => continue,
            Message::Malformed => {
                searched.malformed = true;
                break;
            }
        };
        searched.found += 1;
        if out.len() + 24 > MAX_REPLY {
            reply(&out);
            out.clear();
        }
        if out.is_empty() && state.minor >= 11 {
            circuit::datagram_version(state.sequence).encode(&mut out);
        }
        search::encode_found(port, cid, &mut out);
    }
    if !out.is_empty() {
        reply(&out);
    }
    searched.malformed |= !rest.is_empty();
    searched
}

fn handle_message(
    header: &Header,
    payload: &[u8],
    state: &mut Datagram,
    exists: &mut impl FnMut(&str) -> bool,
) -> Message {
    match Command::from_code(header.command) {
        Some(Command::Version) => {
            *state = Datagram { minor: header.count as u16, sequence: header.p1 };
            Message::Nothing
        }
        Some(Command::Search) if state.minor < OLDEST_MINOR => Message::Nothing,
        Some(Command::Search) if header.count < u32::from(OLDEST_MINOR) => Message::Malformed,
        Some(Command::Search) => match name(payload, MAX_REPLY) {
            None => Message::Nothing,
            Some(name) if exists(&name) => Message::Found(Cid(header.p2)),
            Some(_) => Message::Missing,
        },
        _ => Message::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::put_text;

    fn search_for(names: &[&str], version: bool) -> Vec<u8> {
        let mut out = Vec::new();
        if version {
            circuit::datagram_version(7).encode(&mut out);
        }
        for (id, name) in names.iter().enumerate() {
            let mut payload = Vec::new();
            let size = put_text(name.as_bytes(), &mut payload) as u32;
            let id = id as u32;
            Header { command: 6, size, data_type: 5, count: 13, p1: id, p2: id }.encode(&mut out);
            out.extend(payload);
        }
        out
    }

    fn replies(datagram: &[u8]) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        handle_datagram(datagram, 5070, |name| name.starts_with("ours"), |reply| all.push(reply.to_vec()));
        all
    }

    #[test]
    fn known_names_are_answered_in_one_datagram_with_the_sequence_number() {
        let all = replies(&search_for(&["ours:a", "theirs", "ours:b"], true));
        assert_eq!(all.len(), 1);
        let mut expected = Vec::new();
        circuit::datagram_version(7).encode(&mut expected);
        search::encode_found(5070, Cid(0), &mut expected);
        search::encode_found(5070, Cid(2), &mut expected);
        assert_eq!(all[0], expected);
    }

    fn searched(datagram: &[u8]) -> Searched {
        handle_datagram(datagram, 5070, |name| name.starts_with("ours"), |_| {})
    }

    #[test]
    fn found_and_missing_names_are_told_apart_from_what_is_no_search() {
        let mixed = search_for(&["ours:a", "theirs", "", "ours:b", "theirs"], true);
        assert_eq!(searched(&mixed), Searched { found: 2, missing: 2, malformed: false });
        let cut = Searched { found: 2, missing: 1, malformed: true };
        assert_eq!(searched(&mixed[..mixed.len() - 1]), cut);
        for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\0", &[0xFF; 100]] {
            assert_eq!(searched(garbage), Searched { malformed: true, ..Searched::default() });
        }
        for nothing in [vec![], search_for(&[], true), search_for(&["ours:a"], false)] {
            assert_eq!(searched(&nothing), Searched::default());
        }
    }

    #[test]
    fn without_version_or_with_unknown_names_nothing_is_sent() {
        assert!(replies(&search_for(&["ours:a"], false)).is_empty());
        assert!(replies(&search_for(&["theirs"], true)).is_empty());
        assert!(replies(b"GET / HTTP/1.1\r\n\r\n").is_empty());
    }

    #[test]
    fn answers_are_split_at_the_datagram_size_of_base() {
        let names = vec!["ours"; 60];
        let all = replies(&search_for(&names, true));
        assert!(all.len() > 1 && all.iter().all(|reply| reply.len() <= MAX_REPLY));
        assert_eq!(all.iter().map(|reply| (reply.len() - 16) / 24).sum::<usize>(), 60);
    }

    #[test]
    fn a_truncated_datagram_keeps_the_answers_in_front_of_the_cut() {
        let whole = search_for(&["ours:a", "ours:b"], true);
        assert_eq!(replies(&whole[..whole.len() - 1])[0].len(), 40);
    }
}
