//! Frames: when they are drawn, how large they are, in which form.

use std::time::Duration;

use wrapper::client::Reading;

use crate::lab::{Lab, SOON, eventually};

fn length(lab: &Lab, name: &str) -> usize {
    lab.get::<Vec<u8>>(name).len()
}

fn sizes(lab: &Lab, plugin: &str) -> Vec<i32> {
    (0..3).map(|at| lab.get(&format!("{plugin}:ArraySize{at}_RBV"))).collect()
}

#[test]
fn the_clock_ticks_and_nothing_is_drawn_while_nobody_looks() {
    let lab = Lab::start();
    eventually("the first frame", || (lab.get::<i32>("COUNTER") == 1).then_some(()));
    let start: f64 = lab.get("t1");
    lab.ticks(5);
    assert!(lab.get::<f64>("t1") > start);
    assert_eq!(lab.get::<i32>("COUNTER"), 1);
}

#[test]
fn frames_come_while_somebody_monitors_and_no_longer() {
    let lab = Lab::start();
    lab.put("RATE", 50.0).expect("in range");
    let mut monitor = lab.pv("image").monitor::<Vec<u8>>();
    let frames: Vec<_> = (0..4).map(|_| monitor.wait(SOON).expect("a frame").expect("pixels")).collect();
    assert!(frames.iter().all(|frame| frame.len() == 640 * 240 * 3));
    assert!(frames[3].iter().any(|byte| *byte != 255), "something is drawn");
    eventually("other pixels, as time goes on", || {
        let frame = monitor.wait(SOON).expect("a frame").expect("pixels");
        (frame != frames[3]).then_some(())
    });
    drop(monitor);
    eventually("nothing more is drawn", || {
        let before: i32 = lab.get("COUNTER");
        lab.ticks(3);
        (lab.get::<i32>("COUNTER") == before).then_some(())
    });
}

#[test]
fn the_rate_is_the_most_that_is_drawn() {
    let lab = Lab::start();
    lab.put("RATE", 20.0).expect("in range");
    let mut monitor = lab.pv("image").monitor::<Reading<Vec<u8>>>();
    let mut next = || monitor.wait(SOON).expect("a frame").expect("pixels").time.expect("a time");
    // The first is the one that was there, the second may follow at once.
    let start = (0..3).map(|_| next()).last().expect("three");
    let end = (0..10).map(|_| next()).last().expect("ten");
    let took = end.duration_since(start).expect("later");
    assert!(took >= Duration::from_millis(10 * 50 - 45), "10 frames in {took:?} at 20 Hz");
    assert!(lab.put("RATE", 0.0).is_err() && lab.put("RATE", 1001.0).is_err());
}

#[test]
fn a_reader_gets_a_frame_that_is_not_old() {
    let lab = Lab::start();
    lab.put("RATE", 200.0).expect("in range");
    let before: i32 = lab.get("COUNTER");
    lab.ticks(1);
    assert_eq!(length(&lab, "image"), 640 * 240 * 3);
    assert_eq!(lab.get::<i32>("COUNTER"), before + 1);
    assert_eq!(lab.get::<i32>("image1:UniqueId_RBV"), before + 1);
    // Within a period the same frame serves all readers.
    lab.put("RATE", 0.1).expect("in range");
    let drawn: i32 = lab.get("COUNTER");
    (0..5).for_each(|_| assert_eq!(length(&lab, "image1:ArrayData"), 640 * 240 * 3));
    assert_eq!(lab.get::<i32>("COUNTER"), drawn);
}

#[test]
fn the_png_file_has_the_pixels_of_the_frame() {
    let lab = Lab::start();
    lab.command("[1, 4, 9, 16]");
    let file: Vec<u8> = lab.get("png");
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().expect("a PNG file");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("an image");
    assert_eq!((info.width, info.height), (640, 240));
    assert!(pixels == lab.get::<Vec<u8>>("image"));
}

#[test]
fn the_size_changes_at_run_time_in_every_form_at_once() {
    let lab = Lab::start();
    lab.command("size(800, 600)");
    assert_eq!((length(&lab, "image"), length(&lab, "image1:ArrayData")), (800 * 600 * 3, 800 * 600 * 3));
    assert_eq!(length(&lab, "image2:ArrayData"), 800 * 600);
    assert_eq!((sizes(&lab, "image1"), sizes(&lab, "image2")), (vec![3, 800, 600], vec![800, 600, 0]));
    lab.put("WIDTH", 320).expect("in range");
    assert_eq!((lab.get::<i32>("WIDTH"), lab.get::<i32>("HEIGHT")), (320, 600));
    assert_eq!(length(&lab, "image"), 320 * 600 * 3);
    assert_eq!(sizes(&lab, "image1"), [3, 320, 600]);
    assert!(lab.put("WIDTH", 801).is_err(), "the capacity is fixed");
    assert_eq!(lab.refused("size(height=601)"), "height 601 is outside 120..=600");
    assert_eq!(lab.get::<i32>("HEIGHT"), 600);
}

#[test]
fn a_monitor_sees_the_new_size_in_its_next_frame() {
    let lab = Lab::start();
    let mut monitor = lab.pv("image").monitor::<Vec<u8>>();
    monitor.wait(SOON).expect("a frame").expect("pixels");
    lab.command("size(200, 150)");
    eventually("a small frame", || {
        let frame = monitor.wait(SOON).expect("a frame").expect("pixels");
        (frame.len() == 200 * 150 * 3).then_some(())
    });
}

#[test]
fn mono_is_one_byte_for_each_pixel() {
    let lab = Lab::start();
    lab.command("[1, 2]");
    lab.command("format('Mono')");
    assert_eq!((lab.get::<i32>("DEPTH"), lab.get::<String>("FORMAT")), (1, "Mono".to_owned()));
    let (image, twin): (Vec<u8>, Vec<u8>) = (lab.get("image"), lab.get("image2:ArrayData"));
    assert_eq!((image.len(), image == twin), (640 * 240, true));
    assert_eq!(length(&lab, "image1:ArrayData"), 640 * 240 * 3);
    assert_eq!(lab.get::<String>("image1:ColorMode_RBV"), "RGB1");
    assert_eq!(lab.get::<String>("image2:ColorMode_RBV"), "Mono");
    assert_eq!((lab.get::<i32>("image1:NDimensions_RBV"), lab.get::<i32>("image2:NDimensions_RBV")), (3, 2));
    lab.put("FORMAT", "RGB").expect("a choice");
    assert_eq!((lab.get::<i32>("DEPTH"), length(&lab, "image")), (3, 640 * 240 * 3));
}

#[test]
fn settings_show_in_their_pvs_whoever_sets_them() {
    let lab = Lab::start();
    let light: Vec<u8> = lab.get("image");
    lab.command("theme('dark')");
    assert_eq!(lab.get::<String>("THEME"), "Dark");
    lab.put("TITLE", "Beam µA").expect("short enough");
    lab.command("window(5)");
    assert_eq!((lab.get::<String>("TITLE"), lab.get::<f64>("WINDOW")), ("Beam µA".to_owned(), 5.0));
    let dark: Vec<u8> = lab.get("image");
    assert_eq!((&light[..3], &dark[..3]), (&[255; 3][..], &[18, 20, 26][..]));
    assert!(lab.refused("theme('blue')").contains("none of Light, Dark"));
    lab.put("dt", 0.02).expect("in range");
    lab.ticks(20);
}
