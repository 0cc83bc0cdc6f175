//! The data lines of a chart: points of any size and number, drawn into pixels within the plot area.

use plotters::prelude::{BitMapBackend, DrawingBackend, RGBColor};

use crate::axis::Range;

/// Pixels outside this cannot be told apart from outside the image.
const FAR: f64 = 1e7;

/// The plot area in pixels, ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

/// What an image is drawn on; nothing is drawn outside the plot area.
pub(crate) struct Canvas<'a> {
    backend: BitMapBackend<'a>,
    area: Area,
    x: Range,
    y: Range,
}

type Point = (f64, f64);

impl<'a> Canvas<'a> {
    /// A canvas on RGB pixels, as many as `size` says.
    pub(crate) fn new(pixels: &'a mut [u8], size: (u32, u32), area: Area, x: Range, y: Range) -> Self {
        Self { backend: BitMapBackend::with_buffer(pixels, size), area, x, y }
    }

    /// Where a value stands, in pixels; `None` for what is no number.
    fn place(&self, (x, y): Point) -> Option<Point> {
        let Area { left, top, right, bottom } = self.area;
        let place = (
            (left + self.x.part(x) * (right - left)).clamp(-FAR, FAR),
            (bottom - self.y.part(y) * (bottom - top)).clamp(-FAR, FAR),
        );
        (x.is_finite() && y.is_finite() && !place.0.is_nan() && !place.1.is_nan()).then_some(place)
    }

    /// Joins points by lines; one that is no number leaves a gap.
    pub(crate) fn line(&mut self, points: impl Iterator<Item = Point>, color: RGBColor) {
        let mut column: Option<Column> = None;
        for point in points {
            let Some(place) = self.place(point) else {
                self.close(column.take(), color);
                continue;
            };
            match &mut column {
                Some(column) if column.at == place.0.round() => column.add(place),
                Some(last) => {
                    let (from, done) = (last.exit, *last);
                    column = Some(Column::new(place));
                    self.close(Some(done), color);
                    self.segment(from, place, color);
                }
                None => column = Some(Column::new(place)),
            }
        }
        self.close(column, color);
    }

    /// As [`Canvas::line`], where each value holds until the next.
    pub(crate) fn steps(&mut self, points: impl Iterator<Item = Point>, color: RGBColor) {
        let mut before: Option<Point> = None;
        let stairs = points.flat_map(move |(x, y)| {
            let corner = before.replace((x, y)).filter(|_| y.is_finite()).map(|(_, held)| (x, held));
            corner.into_iter().chain([(x, y)])
        });
        self.line(stairs, color);
    }

    /// A mark for each point.
    pub(crate) fn points(&mut self, points: impl Iterator<Item = Point>, color: RGBColor) {
        let mut last = None;
        for point in points {
            let Some((x, y)) = self.place(point) else { continue };
            let at = (x.round() as i32, y.round() as i32);
            if last.replace(at) != Some(at) && self.is_inside((x, y)) {
                self.fill((at.0 - 1, at.1 - 1), (at.0 + 1, at.1 + 1), color);
            }
        }
    }

    /// Bars from 0 to each count, side by side over the bounds.
    pub(crate) fn bars(&mut self, (low, high): (f64, f64), counts: &[f64], color: RGBColor) {
        let width = (high - low) / counts.len().max(1) as f64;
        for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0.0) {
            let left = low + bin as f64 * width;
            let (Some(a), Some(b)) = (self.place((left, *count)), self.place((left + width, 0.0))) else {
                continue;
            };
            let Area { left, top, right, bottom } = self.area;
            if b.0 < left || a.0 > right || b.1 < top || a.1 > bottom {
                continue;
            }
            // One pixel of gap between bars that are wide enough to be seen apart.
            let gap = if b.0 - a.0 > 3.0 { 1.0 } else { 0.0 };
            let (upper, lower) = ((a.0.max(left), a.1.max(top)), ((b.0 - gap).min(right), b.1.min(bottom)));
            self.fill(
                (upper.0.round() as i32, upper.1.round() as i32),
                (lower.0.round() as i32, lower.1.round() as i32),
                color,
            );
        }
    }

    fn is_inside(&self, (x, y): Point) -> bool {
        let Area { left, top, right, bottom } = self.area;
        (left..=right).contains(&x) && (top..=bottom).contains(&y)
    }

    /// The points of one column of pixels, as a vertical line.
    fn close(&mut self, column: Option<Column>, color: RGBColor) {
        if let Some(Column { at, low, high, .. }) = column {
            self.segment((at, low), (at, high), color);
        }
    }

    fn segment(&mut self, from: Point, to: Point, color: RGBColor) {
        if let Some((from, to)) = self.clipped(from, to) {
            let whole = |(x, y): Point| (x.round() as i32, y.round() as i32);
            // Pixels in memory cannot fail.
            let _ = self.backend.draw_line(whole(from), whole(to), &color);
        }
    }

    fn fill(&mut self, upper_left: (i32, i32), lower_right: (i32, i32), color: RGBColor) {
        let _ = self.backend.draw_rect(upper_left, lower_right, &color, true);
    }

    /// The part of a segment that is in the plot area.
    fn clipped(&self, (x, y): Point, to: Point) -> Option<(Point, Point)> {
        let Area { left, top, right, bottom } = self.area;
        let (dx, dy) = (to.0 - x, to.1 - y);
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        for (direction, room) in [(-dx, x - left), (dx, right - x), (-dy, y - top), (dy, bottom - y)] {
            if direction == 0.0 && room < 0.0 {
                return None;
            }
            if direction < 0.0 {
                enter = enter.max(room / direction);
            } else if direction > 0.0 {
                leave = leave.min(room / direction);
            }
        }
        let at = |part: f64| (x + part * dx, y + part * dy);
        (enter <= leave).then(|| (at(enter), at(leave)))
    }
}

/// Points that follow each other in one column of pixels: a million of them are one line.
#[derive(Clone, Copy, Debug)]
struct Column {
    at: f64,
    low: f64,
    high: f64,
    exit: Point,
}

impl Column {
    fn new(place: Point) -> Self {
        Self { at: place.0.round(), low: place.1, high: place.1, exit: place }
    }

    fn add(&mut self, place: Point) {
        self.low = self.low.min(place.1);
        self.high = self.high.max(place.1);
        self.exit = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u32, u32) = (100, 50);
    const AREA: Area = Area { left: 10.0, top: 5.0, right: 90.0, bottom: 45.0 };
    const UNIT: Range = Range { low: 0.0, high: 1.0 };
    const RED: RGBColor = RGBColor(255, 0, 0);

    /// The pixels that are not black after drawing.
    fn drawn(draw: impl FnOnce(&mut Canvas<'_>)) -> Vec<(usize, usize)> {
        let mut pixels = vec![0; (SIZE.0 * SIZE.1 * 3) as usize];
        draw(&mut Canvas::new(&mut pixels, SIZE, AREA, UNIT, UNIT));
        let lit = pixels.chunks(3).enumerate().filter(|(_, rgb)| rgb.iter().any(|v| *v > 0));
        lit.map(|(at, _)| (at % SIZE.0 as usize, at / SIZE.0 as usize)).collect()
    }

    #[test]
    fn a_line_goes_from_corner_to_corner() {
        let lit = drawn(|canvas| canvas.line([(0.0, 0.0), (1.0, 1.0)].into_iter(), RED));
        assert!(lit.contains(&(10, 45)) && lit.contains(&(89, 5)), "{lit:?}");
        assert!(lit.len() >= 80);
    }

    #[test]
    fn nothing_is_drawn_outside_the_area() {
        let wild =
            [(-5.0, -9.0), (7.0, 3.0), (0.5, 1e300), (-1e300, 0.5), (0.2, -1e308), (-1.0, 0.4), (2.0, 0.6)];
        for style in 0..4 {
            let lit = drawn(|canvas| match style {
                0 => canvas.line(wild.into_iter(), RED),
                1 => canvas.steps(wild.into_iter(), RED),
                2 => canvas.points(wild.into_iter().chain([(0.5, 0.5)]), RED),
                _ => canvas.bars((-3.0, 4.0), &[5.0, 0.5, 1e300], RED),
            });
            assert!(!lit.is_empty(), "style {style}");
            let inside = |(x, y): &(usize, usize)| (9..=91).contains(x) && (4..=46).contains(y);
            assert!(lit.iter().all(inside), "style {style}: {lit:?}");
        }
    }

    #[test]
    fn lines_along_an_edge_from_outside_are_not_drawn() {
        for (a, b) in [((-0.05, 0.2), (-0.05, 0.8)), ((1.05, 0.2), (1.05, 0.8)), ((0.2, -0.08), (0.8, -0.08))]
        {
            assert!(drawn(|canvas| canvas.line([a, b].into_iter(), RED)).is_empty(), "{a:?} {b:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_a_gap() {
        let gap = [(0.0, 0.5), (0.4, 0.5), (0.5, f64::NAN), (0.6, 0.5), (1.0, 0.5)];
        for steps in [false, true] {
            let lit = drawn(|canvas| {
                if steps { canvas.steps(gap.into_iter(), RED) } else { canvas.line(gap.into_iter(), RED) }
            });
            assert!(lit.contains(&(40, 25)) && lit.contains(&(60, 25)), "{lit:?}");
            assert!(!lit.iter().any(|(x, _)| (45..=56).contains(x)), "{lit:?}");
        }
        assert!(
            drawn(|canvas| canvas.line([(0.5, f64::INFINITY), (f64::NAN, 0.5)].into_iter(), RED)).is_empty()
        );
        assert!(drawn(|canvas| canvas.line(std::iter::empty(), RED)).is_empty());
    }

    #[test]
    fn one_point_is_a_pixel_and_a_mark_is_larger() {
        assert_eq!(drawn(|canvas| canvas.line([(0.5, 0.5)].into_iter(), RED)), [(50, 25)]);
        assert!(drawn(|canvas| canvas.points([(0.5, 0.5)].into_iter(), RED)).len() >= 4);
    }

    #[test]
    fn a_step_holds_the_value_until_the_next() {
        let lit = drawn(|canvas| canvas.steps([(0.0, 0.25), (0.5, 0.75)].into_iter(), RED));
        assert!(lit.contains(&(30, 35)) && lit.contains(&(50, 25)) && lit.contains(&(50, 15)), "{lit:?}");
        assert!(!lit.contains(&(30, 25)), "no slope: {lit:?}");
    }

    #[test]
    fn a_million_points_keep_their_peaks() {
        let points = (0..1_000_000).map(|i| (f64::from(i) / 1e6, if i == 500_000 { 1.0 } else { 0.5 }));
        let lit = drawn(|canvas| canvas.line(points, RED));
        assert!(lit.contains(&(50, 5)), "the peak is one point of a million");
        assert!(lit.contains(&(11, 25)) && lit.contains(&(89, 25)));
        assert!(lit.len() < 250, "{}", lit.len());
    }
}
