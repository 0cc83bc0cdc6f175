//! Buffers for images, used again and again.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// Buffers kept for the next frames at most: one being filled, one shown, some on their way to clients.
const KEPT: usize = 8;

/// The buffers of an image: a frame that everybody has got gives its memory to the next one.
///
/// A frame of some MB that is allocated anew costs more in page faults than in copying. Clones share the buffers.
///
/// ```
/// use wrapper::{Bytes, Frames, GroupBuilder};
/// let image = GroupBuilder::new("cam:").pv_undefined::<Bytes>("image").max_length(12).add()?;
/// let frames = Frames::new();
/// for number in 0..3 {
///     let mut frame = frames.take();
///     frame.clear();
///     frame.resize(12, number);
///     image.post(frame.into());
/// }
/// assert_eq!(image.get(), vec![2; 12]);
/// # Ok::<(), wrapper::GroupError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Frames(Arc<Mutex<Vec<Vec<u8>>>>);

impl Frames {
    /// No buffers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An old frame with the bytes that it had, or an empty one.
    pub fn take(&self) -> Frame {
        let bytes = self.0.lock().pop().unwrap_or_default();
        Frame { bytes, home: self.clone() }
    }
}

/// The bytes of a frame, to be filled as a `Vec`; its memory goes back when the last one who shows it has done so.
#[derive(Debug)]
pub struct Frame {
    bytes: Vec<u8>,
    home: Frames,
}

impl From<Frame> for Bytes {
    fn from(frame: Frame) -> Self {
        Self::from_owner(frame)
    }
}

impl Deref for Frame {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Frame {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut kept = self.home.0.lock();
        if kept.len() < KEPT && bytes.capacity() > 0 {
            kept.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::GroupBuilder;

    #[test]
    fn a_frame_that_is_replaced_gives_its_memory_to_the_next() {
        let image = GroupBuilder::new("f:").pv_undefined::<Bytes>("image").max_length(100).add();
        let image = image.expect("a good PV");
        let frames = Frames::new();
        let post = |value: u8| {
            let mut frame = frames.take();
            frame.resize(100, 0);
            frame.fill(value);
            let place = frame.as_ptr();
            image.post(frame.into());
            place
        };
        let (first, second) = (post(1), post(2));
        assert_ne!(first, second, "the first is shown while the second is filled");
        assert_eq!(post(3), first);
        let kept = image.get();
        assert_eq!(post(4), second);
        assert_eq!(kept, vec![3; 100], "what somebody holds stays");
    }

    #[test]
    fn no_more_buffers_are_kept_than_frames_need() {
        let frames = Frames::new();
        let many: Vec<_> = (0..20)
            .map(|_| {
                let mut frame = frames.take();
                frame.push(1);
                frame
            })
            .collect();
        drop(many);
        drop(frames.take());
        assert_eq!(frames.0.lock().len(), KEPT);
    }
}
