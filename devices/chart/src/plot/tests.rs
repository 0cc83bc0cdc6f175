//! Charts of all kinds of data, looked at pixel by pixel.

use super::*;
use crate::settings::{Source, Trace};
use wrapper::{Arg, Command};

fn settings() -> Settings {
    Settings::new((4096, 4096))
}

fn with(settings: &Settings, command: Command) -> Settings {
    settings.after(&command).expect("a good command").0
}

fn sized(width: i32, height: i32) -> Settings {
    with(&settings(), Command::new("size").arg("width", width).arg("height", height))
}

fn of(kind: Kind) -> Settings {
    Settings { kind, source: Source::Watched, ..settings() }
}

fn wave(count: usize) -> Series {
    let mut series = Series::default();
    series.take(0.0, (0..count).map(|i| (i as f64 / 50.0).sin()).collect());
    series
}

fn samples(values: &[f64]) -> Series {
    let mut series = Series::default();
    values.iter().enumerate().for_each(|(at, value)| series.push(at as f64, *value));
    series
}

/// The image at 10 s.
fn drawn(settings: &Settings, data: &[Series]) -> Vec<u8> {
    let mut out = vec![7; settings.pixels() * DEPTH];
    Plot::default().draw(settings, data, 10.0, &mut out).expect("it can be drawn");
    out
}

/// How many pixels below the head have about the colour of trace `at`: slopes are smoothed.
fn lit(settings: &Settings, pixels: &[u8], at: usize) -> usize {
    let RGBColor(r, g, b) = color(settings, &settings.traces[at], at);
    let near =
        |pixel: &&[u8]| pixel.iter().zip([r, g, b]).map(|(a, b)| i32::from(a.abs_diff(b))).sum::<i32>() < 100;
    pixels.chunks(DEPTH).skip(settings.size.0 as usize * 60).filter(near).count()
}

#[test]
fn a_trace_is_drawn_in_its_colour_and_nothing_in_others() {
    let settings = settings();
    let pixels = drawn(&settings, &[samples(&[1.0, 2.0, 3.0]), Series::default()]);
    assert!(lit(&settings, &pixels, 0) > 10);
    assert_eq!(lit(&settings, &pixels, 1), 0);
    let look = Command::new("look").arg("trace", 1).arg("color", "#010203").arg("style", Arg::None);
    let colored = with(&settings, look);
    assert!(lit(&colored, &drawn(&colored, &[samples(&[1.0, 2.0, 3.0])]), 0) > 10);
}

#[test]
fn every_size_is_filled_to_its_last_byte() {
    let mut plot = Plot::default();
    let data = [wave(500), Series::default()];
    for (width, height) in [(640, 240), (160, 120), (1024, 768), (161, 123), (4096, 120)] {
        let settings = Settings { kind: Kind::Array, ..sized(width, height) };
        let mut out = vec![7; settings.pixels() * DEPTH];
        plot.draw(&settings, &data, 0.0, &mut out).expect("it can be drawn");
        assert_eq!(out[out.len() - 3..], [255; 3], "the corner at {width}x{height}");
        assert!(lit(&settings, &out, 0) > 20, "{width}x{height}");
        let refusal = plot.draw(&settings, &data, 0.0, &mut out[3..]).expect_err("too short").to_string();
        assert!(refusal.contains("bytes"), "{refusal}");
    }
}

#[test]
fn the_theme_is_that_of_the_whole_image() {
    let light = drawn(&settings(), &[]);
    let dark = drawn(&with(&settings(), Command::new("theme").arg("name", "Dark")), &[]);
    assert_eq!((&light[..3], &dark[..3]), (&[255, 255, 255][..], &[18, 20, 26][..]));
    let ground = |pixels: &[u8], color: [u8; 3]| pixels.chunks(3).filter(|pixel| **pixel == color).count();
    assert!(ground(&dark, [18, 20, 26]) > 640 * 240 / 2);
    assert_eq!(ground(&dark, [255, 255, 255]), 0);
}

#[test]
fn no_data_and_data_that_is_no_number_give_an_empty_chart() {
    let empty = drawn(&settings(), &[Series::default(), Series::default()]);
    for values in [&[f64::NAN][..], &[f64::INFINITY, f64::NEG_INFINITY], &[]] {
        assert_eq!(drawn(&settings(), &[samples(values), Series::default()]), empty, "{values:?}");
    }
    for kind in [Kind::Array, Kind::Pairs, Kind::Histogram { bins: 10 }] {
        let settings = of(kind);
        let pixels = drawn(&settings, &[samples(&[f64::NAN]), samples(&[])]);
        assert_eq!((lit(&settings, &pixels, 0), lit(&settings, &pixels, 1)), (0, 0), "{kind:?}");
    }
}

#[test]
fn one_point_is_seen() {
    let settings = of(Kind::Time);
    assert!(lit(&settings, &drawn(&settings, &[samples(&[5.0])]), 0) >= 1);
    let steps = with(&settings, Command::new("look").arg("trace", 1).arg("style", "steps"));
    assert!(lit(&steps, &drawn(&steps, &[samples(&[5.0])]), 0) > 50, "it holds until now");
}

#[test]
fn numbers_of_any_size_are_drawn() {
    for values in [&[f64::MAX, f64::MIN][..], &[5e-324, 0.0], &[1e16, 1e16 + 2.0], &[-1e300, 1e-300]] {
        let settings = settings();
        let pixels = drawn(&settings, &[samples(values), Series::default()]);
        assert!(lit(&settings, &pixels, 0) > 1, "{values:?}");
    }
}

#[test]
fn a_million_points_are_a_chart_like_any_other() {
    let settings = of(Kind::Array);
    let pixels = drawn(&settings, &[wave(1_000_000), Series::default()]);
    assert!(lit(&settings, &pixels, 0) > 10_000, "a band from -1 to 1");
    let pairs = of(Kind::Pairs);
    let pixels = drawn(&pairs, &[wave(1_000_000), wave(1_000_000)]);
    assert!(lit(&pairs, &pixels, 1) > 100, "a diagonal");
}

#[test]
fn pairs_are_samples_or_arrays() {
    let settings = of(Kind::Pairs);
    let diagonal = drawn(&settings, &[wave(300), wave(300)]);
    assert!(lit(&settings, &diagonal, 1) > 50);
    let pixels = drawn(&settings, &[samples(&[1.0]), samples(&[0.0, 4.0, 2.0])]);
    assert!(lit(&settings, &pixels, 1) > 50);
}

#[test]
fn a_histogram_has_a_bar_for_each_value() {
    let settings = of(Kind::Histogram { bins: 4 });
    let even = drawn(&settings, &[samples(&[0.0, 1.0, 2.0, 3.0]), Series::default()]);
    let uneven = drawn(&settings, &[samples(&[0.0, 3.0, 3.0, 3.0]), Series::default()]);
    let (even, uneven) = (lit(&settings, &even, 0), lit(&settings, &uneven, 0));
    assert!(even > 10_000 && uneven > 5_000, "{even} {uneven}");
    assert!(even > 2 * uneven, "four full bars, or one full one and a third of one: {even} {uneven}");
    let array = drawn(&settings, &[wave(1000), Series::default()]);
    assert!(lit(&settings, &array, 0) > 10_000);
    let late = Settings { window: 1.0, ..settings.clone() };
    let old = drawn(&late, &[samples(&[0.0, 1.0]), Series::default()]);
    assert_eq!(lit(&late, &old, 0), 0, "samples of 9 s ago in a window of 1 s");
}

#[test]
fn fixed_bounds_cut_the_data() {
    let settings = of(Kind::Array);
    let axes =
        Command::new("axes").arg("x_low", 0.0).arg("x_high", 10.0).arg("y_low", 2.0).arg("y_high", 3.0);
    let axes = with(&settings, axes);
    assert_eq!(lit(&axes, &drawn(&axes, &[wave(1000)]), 0), 0, "the wave stays below 1");
}

#[test]
fn a_lost_pv_is_marked_and_the_mark_goes_when_it_is_back() {
    let mut plot = Plot::default();
    let mut data = [samples(&[1.0, 2.0]), Series::default()];
    let settings = settings();
    let mut image = |data: &[Series]| {
        let mut out = vec![0; settings.pixels() * DEPTH];
        plot.draw(&settings, data, 10.0, &mut out).expect("it can be drawn");
        out
    };
    let there = image(&data);
    data[1].lost = true;
    let lost = image(&data);
    assert_ne!(there, lost);
    data[1].lost = false;
    assert_eq!(image(&data), there);
}

#[test]
fn long_names_and_titles_stay_within_the_image() {
    let mut settings = sized(160, 120);
    settings.title = "ÄÖÜ µ \u{1F600} title ".repeat(12);
    let trace = settings.traces[0].clone();
    settings.traces = vec![Trace { name: "a:very:long:name:of:a:pv".repeat(4), ..trace }; 8];
    settings.labels = ("x".repeat(200), "y".repeat(200));
    let data: Vec<_> = (0..8).map(|_| samples(&[1.0, 2.0])).collect();
    assert_eq!(drawn(&settings, &data).len(), 160 * 120 * 3);
}

#[test]
fn a_time_axis_beyond_the_window_is_empty_and_no_crash() {
    for (low, high) in [(Arg::from(5.0), Arg::None), (Arg::None, Arg::from(-1000.0))] {
        let settings = with(&of(Kind::Time), Command::new("axes").arg("x_low", low).arg("x_high", high));
        let pixels = drawn(&settings, &[samples(&[1.0, 2.0]), Series::default()]);
        assert!(lit(&settings, &pixels, 0) < 700, "at most the line that comes in");
    }
}
