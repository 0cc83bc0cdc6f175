//! Titles and names. Plotters leaves out the space before a glyph, which hides the colon in `TEST:SERVER`.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, GlyphId, ScaleFont, point};

/// The embedded font.
pub(crate) const FONT: &[u8] = include_bytes!("../assets/DejaVuSans.ttf");

fn font() -> Option<&'static FontRef<'static>> {
    static LOADED: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    LOADED.get_or_init(|| FontRef::try_from_slice(FONT).ok()).as_ref()
}

/// Calls `each` with every glyph and where it starts; returns the width in pixels.
fn lay_out(font: &FontRef<'_>, text: &str, size: f32, mut each: impl FnMut(GlyphId, f32)) -> f32 {
    let scaled = font.as_scaled(size);
    let (mut x, mut last) = (0.0, None);
    for c in text.chars().filter(|c| !c.is_control()) {
        let glyph = scaled.glyph_id(c);
        if let Some(last) = last.replace(glyph) {
            x += scaled.kern(last, glyph);
        }
        each(glyph, x);
        x += scaled.h_advance(glyph);
    }
    x
}

/// Width of a text in pixels.
pub(crate) fn width(text: &str, size: f32) -> i32 {
    font().map_or(0, |font| lay_out(font, text, size, |_, _| {}).ceil() as i32)
}

/// Calls `pixel` with each pixel of a text, right and down from its upper left corner, and how much of it is covered, 0 to 1.
pub(crate) fn draw(text: &str, size: f32, mut pixel: impl FnMut(i32, i32, f32)) {
    let Some(font) = font() else { return };
    let ascent = font.as_scaled(size).ascent();
    lay_out(font, text, size, |glyph, x| {
        let placed = glyph.with_scale_and_position(size, point(x.round(), ascent.round()));
        if let Some(outline) = font.outline_glyph(placed) {
            let (left, top) = (outline.px_bounds().min.x as i32, outline.px_bounds().min.y as i32);
            outline.draw(|x, y, cover| pixel(left + x as i32, top + y as i32, cover));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns in which there is ink.
    fn columns(text: &str) -> Vec<i32> {
        let mut columns = Vec::new();
        draw(text, 12.0, |x, _, cover| {
            if cover > 0.3 {
                columns.push(x);
            }
        });
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    #[test]
    fn a_colon_stands_beside_the_letter_before_it() {
        let (letter, both) = (columns("T"), columns("T:"));
        assert!(both.last() > letter.last(), "{letter:?} {both:?}");
        assert!(columns(":").first() > Some(&0), "there is space before it");
    }

    #[test]
    fn the_width_is_that_of_the_ink_and_a_little_space() {
        for text in ["TEST:SERVER.VAL", "Größe in µm", "ill"] {
            let ink = *columns(text).last().expect("ink");
            assert!((0..=3).contains(&(width(text, 12.0) - ink)), "{text}: {} {ink}", width(text, 12.0));
        }
        assert_eq!((width("", 12.0), width("\n\t", 12.0)), (0, 0));
    }
}
