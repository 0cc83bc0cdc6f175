//! Buffers of images, used again as soon as nobody sends what is in them.

use wrapper::Bytes;

/// Buffers kept at most: the frames that one slow client and the PV hold, and one to draw into.
const KEPT: usize = 8;

/// The buffers of one kind of image.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    kept: Vec<Bytes>,
}

impl Frames {
    /// A frame of `length` bytes, filled by `fill`, which overwrites all of it.
    pub(crate) fn fill<E>(
        &mut self,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Bytes, E> {
        self.kept.retain(|frame| frame.len() == length);
        let free = self.kept.iter().position(Bytes::is_unique).map(|at| self.kept.swap_remove(at));
        let free = free.unwrap_or_else(|| vec![0; length].into());
        let mut pixels = free.try_into_mut().unwrap_or_else(Into::into);
        fill(&mut pixels)?;
        let frame = pixels.freeze();
        if self.kept.len() == KEPT {
            self.kept.remove(0);
        }
        self.kept.push(frame.clone());
        Ok(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(frames: &mut Frames, length: usize, with: u8) -> Bytes {
        let fill = |pixels: &mut [u8]| {
            pixels.fill(with);
            Ok::<(), ()>(())
        };
        frames.fill(length, fill).expect("it cannot fail")
    }

    #[test]
    fn a_buffer_is_used_again_when_nobody_holds_it() {
        let mut frames = Frames::default();
        let first = filled(&mut frames, 100, 1);
        let second = filled(&mut frames, 100, 2);
        let at = first.as_ptr();
        assert_ne!(at, second.as_ptr());
        assert_eq!((first[99], second[0]), (1, 2), "what somebody holds stays");
        drop(first);
        let third = filled(&mut frames, 100, 3);
        assert_eq!((third.as_ptr(), third[0], third.len()), (at, 3, 100));
    }

    #[test]
    fn buffers_of_another_size_and_too_many_of_them_are_given_back() {
        let mut frames = Frames::default();
        let held: Vec<_> = (0..20).map(|i| filled(&mut frames, 10, i)).collect();
        assert_eq!(frames.kept.len(), KEPT);
        assert!(held.iter().enumerate().all(|(i, frame)| usize::from(frame[0]) == i));
        drop(filled(&mut frames, 20, 0));
        assert_eq!(frames.kept.len(), 1);
        assert!(frames.fill(20, |_| Err("no")).is_err());
    }
}
