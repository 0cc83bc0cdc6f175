//! Plots as SVG text: bars of ratios, and lines over a rate.

use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 400.0;
const RIGHT: f64 = 800.0;
const STEP: f64 = 22.0;
const TOP: f64 = 50.0;
const GOOD: &str = "#2a7f62";
const BAD: &str = "#c0492b";
const COLORS: [&str; 3] = ["#2a7f62", "#b5651d", "#3b5b92"];

/// A bar of a ratio, with its target.
pub struct Bar {
    /// What it is.
    pub name: String,
    /// Ours to the peer's.
    pub ratio: f64,
    /// The ratio to reach.
    pub target: f64,
    /// Whether it is reached.
    pub met: Option<bool>,
}

/// A line of a server.
pub struct Line {
    /// The server.
    pub name: String,
    /// Points; both axes are logarithmic.
    pub points: Vec<(f64, f64)>,
}

/// Horizontal bars, cut at 2; a tick marks each target.
pub fn bars(title: &str, bars: &[Bar]) -> String {
    let height = TOP + STEP * bars.len() as f64 + 20.0;
    let mut out = open(title, height);
    let x = |ratio: f64| LEFT + ratio.clamp(0.0, 2.0) / 2.0 * (RIGHT - LEFT);
    line(&mut out, (x(1.0), TOP - 10.0), (x(1.0), height - 15.0), "#888888");
    text(&mut out, (x(1.0), TOP - 14.0), "middle", "1");
    for (i, bar) in bars.iter().enumerate() {
        let y = TOP + STEP * i as f64;
        let color = if bar.met == Some(false) { BAD } else { GOOD };
        text(&mut out, (LEFT - 8.0, y + 12.0), "end", &bar.name);
        let _ = writeln!(
            out,
            r#"<rect x="{LEFT}" y="{:.1}" width="{:.1}" height="14" fill="{color}"/>"#,
            y,
            x(bar.ratio) - LEFT
        );
        text(&mut out, (x(bar.ratio) + 6.0, y + 12.0), "start", &format!("{:.2}", bar.ratio));
        line(&mut out, (x(bar.target), y - 2.0), (x(bar.target), y + 16.0), "#000000");
    }
    out + "</svg>\n"
}

/// Lines over logarithmic axes, with the decades marked.
pub fn lines(title: &str, axes: (&str, &str), lines: &[Line]) -> String {
    let height = 420.0;
    let points = || lines.iter().flat_map(|l| &l.points).filter(|(x, y)| *x > 0.0 && *y > 0.0);
    let range = |of: fn(&(f64, f64)) -> f64| {
        let logs = points().map(of).map(f64::log10);
        let (low, high) = logs.fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)));
        (low.floor(), high.ceil().max(low.floor() + 1.0))
    };
    let mut out = open(title, height);
    if points().next().is_none() {
        return out + "</svg>\n";
    }
    let ((x0, x1), (y0, y1)) = (range(|p| p.0), range(|p| p.1));
    let x = |v: f64| 80.0 + (v - x0) / (x1 - x0) * (RIGHT - 80.0);
    let y = |v: f64| 360.0 - (v - y0) / (y1 - y0) * 300.0;
    for decade in x0 as i32..=x1 as i32 {
        let at = x(f64::from(decade));
        line(&mut out, (at, 60.0), (at, 360.0), "#dddddd");
        text(&mut out, (at, 378.0), "middle", &format!("1e{decade}"));
    }
    for decade in y0 as i32..=y1 as i32 {
        let at = y(f64::from(decade));
        line(&mut out, (80.0, at), (RIGHT, at), "#dddddd");
        text(&mut out, (74.0, at + 4.0), "end", &format!("1e{decade}"));
    }
    text(&mut out, ((80.0 + RIGHT) / 2.0, 402.0), "middle", axes.0);
    text(&mut out, (80.0, 50.0), "start", axes.1);
    for (i, (one, color)) in lines.iter().zip(COLORS).enumerate() {
        let path = one.points.iter().filter(|(a, b)| *a > 0.0 && *b > 0.0);
        let path: Vec<_> = path.map(|(a, b)| format!("{:.1},{:.1}", x(a.log10()), y(b.log10()))).collect();
        let path = path.join(" ");
        let _ = writeln!(out, r#"<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>"#);
        let at = 74.0 + 18.0 * i as f64;
        line(&mut out, (90.0, at), (112.0, at), color);
        text(&mut out, (118.0, at + 4.0), "start", &one.name);
    }
    out + "</svg>\n"
}

fn open(title: &str, height: f64) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    text(&mut out, (10.0, 20.0), "start", title);
    out
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64), color: &str) {
    let ((x1, y1), (x2, y2)) = (from, to);
    // writing to a String cannot fail
    let _ = writeln!(out, r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{color}"/>"#);
}

fn text(out: &mut String, at: (f64, f64), anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(out, r#"<text x="{:.1}" y="{:.1}" text-anchor="{anchor}">{text}</text>"#, at.0, at.1);
}
