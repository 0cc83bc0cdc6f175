//! Other forms of an RGB image: brightness, PNG.

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};

/// The brightness of each pixel, by the weights of ITU-R BT.601.
pub(crate) fn mono(rgb: &[u8], out: &mut [u8]) {
    for (pixel, out) in rgb.chunks_exact(3).zip(out) {
        let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
        *out = ((77 * r + 150 * g + 29 * b) >> 8) as u8;
    }
}

/// The image as a PNG file.
///
/// # Errors
/// When the size is not that of the pixels.
pub(crate) fn png(rgb: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, EncodingError> {
    let mut file = Vec::with_capacity(rgb.len() / 16);
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    encoder.write_header()?.write_image_data(rgb)?;
    Ok(file)
}

/// Most bytes that the PNG file of an image of so many pixels has.
pub(crate) const fn png_bound(pixels: usize) -> usize {
    pixels * 3 + pixels * 3 / 8 + 4096
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_goes_from_black_to_white() {
        let mut out = [9; 4];
        mono(&[0, 0, 0, 255, 255, 255, 0, 255, 0, 0, 0, 255], &mut out);
        assert_eq!(out, [0, 255, 149, 28]);
    }

    #[test]
    fn a_png_file_holds_the_same_pixels() {
        let mut state = 1u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(160 * 120 * 3)
        .collect();
        for pixels in [noise, vec![255; 160 * 120 * 3]] {
            let file = png(&pixels, (160, 120)).expect("it fits");
            assert!(file.len() <= png_bound(160 * 120), "{}", file.len());
            let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().expect("a header");
            let mut read = vec![0; pixels.len()];
            let info = reader.next_frame(&mut read).expect("an image");
            assert_eq!((info.width, info.height, read == pixels), (160, 120, true));
        }
        assert!(png(&[0; 5], (2, 2)).is_err());
    }
}
