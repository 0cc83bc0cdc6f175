//! Room to read into, shared by all circuits of a context: one that has nothing half read holds none.

use bytes::BytesMut;
use parking_lot::Mutex;

use super::circuit::Said;

/// Bytes read at once.
const READ: usize = 64 * 1024;
/// Rooms that are kept: as many as circuits that read at the same time.
const KEPT: usize = 2;

/// Room for what a circuit reads, and for what it says.
#[derive(Default)]
pub(super) struct Room {
    pub(super) bytes: BytesMut,
    pub(super) said: Vec<Said>,
}

/// Rooms that nobody uses.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Room>>);

impl Pool {
    /// Room to read into, behind what a circuit has begun to read.
    pub(super) fn take(&self, begun: BytesMut) -> Room {
        let mut room = self.0.lock().pop().unwrap_or_default();
        if !begun.is_empty() {
            room.bytes = begun;
        }
        // It grows with what has come, not with what was announced.
        room.bytes.reserve(READ.max(room.bytes.len()));
        room
    }

    /// Takes back what is read to its end, unless it has grown; what is not is the circuit's.
    pub(super) fn give(&self, mut room: Room) -> BytesMut {
        let used = !room.bytes.is_empty() || room.bytes.capacity() > 2 * READ;
        let begun = if used { std::mem::take(&mut room.bytes) } else { BytesMut::new() };
        let mut kept = self.0.lock();
        if kept.len() < KEPT {
            kept.push(room);
        }
        if begun.is_empty() { BytesMut::new() } else { begun }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_that_is_read_to_its_end_is_used_again_and_what_has_begun_is_kept() {
        let pool = Pool::default();
        let mut room = pool.take(BytesMut::new());
        assert!(room.bytes.capacity() >= READ);
        room.bytes.extend_from_slice(b"begun");
        let begun = pool.give(room);
        assert_eq!(begun, b"begun"[..]);
        let mut room = pool.take(begun);
        room.bytes.clear();
        let place = room.bytes.as_ptr();
        assert_eq!(pool.give(room).capacity(), 0, "an idle circuit holds nothing");
        assert_eq!(pool.take(BytesMut::new()).bytes.as_ptr(), place);
        pool.give(Room { bytes: BytesMut::with_capacity(3 * READ), said: Vec::new() });
        assert!(
            pool.0.lock().iter().all(|room| room.bytes.capacity() <= 2 * READ),
            "a large one is not kept"
        );
    }
}
