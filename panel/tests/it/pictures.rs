//! Image PVs as PNG.

use wrapper::Bytes;

use crate::lab::{Lab, metric, until};

fn decoded(png: &[u8]) -> (u32, u32, png::ColorType, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    (info.width, info.height, info.color_type, pixels)
}

#[test]
fn pixels_come_back_as_they_were_in_colour_and_grey() {
    let lab = Lab::new();
    let rgb: Vec<u8> = (0..24).map(|n| n * 10).collect();
    lab.image.post(Bytes::from(rgb.clone()));
    let answer = lab.get("/api/image/lab:image.png?counter=1");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/png")));
    assert_eq!(decoded(&answer.body), (4, 2, png::ColorType::Rgb, rgb));
    lab.image.post(Bytes::from(vec![9; 8]));
    assert_eq!(
        decoded(&lab.get("/api/image/lab%3Aimage.png").body),
        (4, 2, png::ColorType::Grayscale, vec![9; 8])
    );
    lab.ioc.stop();
}

#[test]
fn a_frame_is_encoded_once_however_many_look() {
    let lab = Lab::new();
    lab.image.post(Bytes::from(vec![1; 24]));
    let first = lab.get("/api/image/lab:image.png").body;
    for _ in 0..5 {
        assert_eq!(lab.get("/api/image/lab:image.png").body, first);
    }
    assert_eq!(metric(&lab, "panel_pictures_total"), 1.0);
    lab.image.post(Bytes::from(vec![2; 24]));
    assert_ne!(lab.get("/api/image/lab:image.png").body, first);
    assert_eq!(metric(&lab, "panel_pictures_total"), 2.0);
    lab.ioc.stop();
}

#[test]
fn what_is_no_picture_says_why() {
    let lab = Lab::new();
    lab.image.post(Bytes::from(vec![1; 23]));
    let odd = lab.get("/api/image/lab:image.png");
    assert_eq!(
        (odd.status, &*odd.error()),
        (409, "lab:image: 23 bytes, must be 1, 3 or 4 for each of 4x2 pixels")
    );
    for (file, status) in [
        ("lab:wave.png", 409),
        ("lab:count.png", 409),
        ("lab:nothing.png", 404),
        ("lab:pump:seq.CMD.png", 409),
    ] {
        let answer = lab.get(&format!("/api/image/{file}"));
        assert_eq!(answer.status, status, "{file}: {}", answer.text());
    }
    lab.ioc.stop();
}

#[test]
fn equipment_draws_while_somebody_fetches_pictures_and_no_longer() {
    let lab = Lab::new();
    assert!(lab.image.watched() == 0);
    lab.get("/api/image/lab:image.png");
    assert!(lab.image.watched() > 0, "since the request");
    until("nobody looks any more", || lab.image.watched() == 0);
    lab.ioc.stop();
}
