//! Settings and data to pixels. What changes seldom (axes, texts, grid) is drawn once and copied.

mod background;

use plotters::prelude::RGBColor;

use crate::axis::{Extent, Range};
use crate::canvas::{Area, Canvas};
use crate::series::{Series, histogram};
use crate::settings::{Bounds, Kind, Settings, Style};
use background::{background, color, ticks};

/// Bytes of a pixel.
pub(crate) const DEPTH: usize = 3;

/// What the background depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    revision: u64,
    x: Range,
    y: Range,
    /// A bit for each trace whose PV is not there.
    lost: u8,
}

/// Draws charts; keeps the background of the last one.
#[derive(Default)]
pub(crate) struct Plot {
    background: Vec<u8>,
    drawn: Option<(Key, Area)>,
    counts: Vec<f64>,
}

/// A chart could not be drawn; names the step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlotError(String);

impl std::fmt::Display for PlotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the chart cannot be drawn: {}", self.0)
    }
}

fn failed(error: impl std::fmt::Display) -> PlotError {
    PlotError(error.to_string())
}

impl Plot {
    /// Draws into `out`, RGB row by row, whose length must be that of the settings' size. `now` is the present time in s.
    ///
    /// # Errors
    /// When a text cannot be drawn, or `out` has another length.
    pub(crate) fn draw(
        &mut self,
        settings: &Settings,
        data: &[Series],
        now: f64,
        out: &mut [u8],
    ) -> Result<(), PlotError> {
        let wanted = settings.pixels() * DEPTH;
        if out.len() != wanted {
            return Err(PlotError(format!("{} bytes, {wanted} are needed", out.len())));
        }
        let bars = self.count(settings, data, now);
        let (x, y) = ranges(settings, data, now, bars, &self.counts);
        let area = self.prepare(settings, data, x, y)?;
        out.copy_from_slice(&self.background);
        let mut canvas = Canvas::new(out, settings.size, area, x, y);
        for (at, (trace, series)) in settings.traces.iter().zip(data).enumerate() {
            let color = color(settings, trace, at);
            let mut pen = Pen { canvas: &mut canvas, style: trace.style, color };
            match settings.kind {
                Kind::Time => pen.draw(over_time(series, trace.style, now, x.low)),
                Kind::Array => pen.draw(against_index(series)),
                Kind::Pairs if at == 1 && series.array().is_empty() => pen.draw(series.pairs()),
                Kind::Pairs if at == 1 => pen.draw(zipped(&data[0], series)),
                Kind::Histogram { .. } if at == 0 => canvas.bars(bars, &self.counts, color),
                Kind::Pairs | Kind::Histogram { .. } => {}
            }
        }
        Ok(())
    }

    /// Counts for a histogram; their bounds.
    fn count(&mut self, settings: &Settings, data: &[Series], now: f64) -> (f64, f64) {
        match (settings.kind, data.first()) {
            (Kind::Histogram { bins }, Some(series)) if series.array().is_empty() => {
                let recent = series
                    .since(now - settings.window)
                    .skip_while(move |(time, _)| *time < now - settings.window);
                histogram(recent.map(|(_, value)| value), bins, &mut self.counts)
            }
            (Kind::Histogram { bins }, Some(series)) => {
                histogram(series.array().iter().copied(), bins, &mut self.counts)
            }
            _ => (0.0, 1.0),
        }
    }

    /// Draws the background unless it is there already; where the plot area is.
    fn prepare(
        &mut self,
        settings: &Settings,
        data: &[Series],
        x: Range,
        y: Range,
    ) -> Result<Area, PlotError> {
        let lost =
            data.iter().enumerate().fold(0, |bits, (at, series)| bits | u8::from(series.lost) << at.min(7));
        let key = Key { revision: settings.revision, x, y, lost };
        if let Some((drawn, area)) = self.drawn
            && drawn == key
        {
            return Ok(area);
        }
        self.drawn = None;
        self.background.resize(settings.pixels() * DEPTH, 0);
        let area = background(&mut self.background, settings, data, x, y)?;
        self.drawn = Some((key, area));
        Ok(area)
    }
}

/// How a trace meets the canvas.
struct Pen<'a, 'b> {
    canvas: &'a mut Canvas<'b>,
    style: Style,
    color: RGBColor,
}

impl Pen<'_, '_> {
    fn draw(&mut self, points: impl Iterator<Item = (f64, f64)>) {
        match self.style {
            Style::Line => self.canvas.line(points, self.color),
            Style::Points => self.canvas.points(points, self.color),
            Style::Steps => self.canvas.steps(points, self.color),
        }
    }
}

/// Samples by their age, 0 now; the last one holds until now where each holds until the next.
fn over_time(
    series: &Series,
    style: Style,
    now: f64,
    oldest: f64,
) -> impl Iterator<Item = (f64, f64)> + Clone {
    let held = series.latest().filter(|_| style == Style::Steps && !series.lost).map(|value| (0.0, value));
    series.since(now + oldest).map(move |(time, value)| (time - now, value)).chain(held)
}

fn against_index(series: &Series) -> impl Iterator<Item = (f64, f64)> + Clone {
    // A PV of one number is an array of one element here.
    let single = series.latest().filter(|_| series.array().is_empty());
    single.into_iter().chain(series.array().iter().copied()).enumerate().map(|(at, value)| (at as f64, value))
}

fn zipped(x: &Series, y: &Series) -> impl Iterator<Item = (f64, f64)> + Clone {
    x.array().iter().copied().zip(y.array().iter().copied())
}

/// The ranges of both axes.
fn ranges(
    settings: &Settings,
    data: &[Series],
    now: f64,
    bars: (f64, f64),
    counts: &[f64],
) -> (Range, Range) {
    let (mut x, mut y) = (Extent::default(), Extent::default());
    let mut add = |points: &mut dyn Iterator<Item = (f64, f64)>| {
        points.for_each(|(px, py)| {
            x.add(px);
            y.add(py);
        });
    };
    match settings.kind {
        Kind::Time => return time_ranges(settings, data, now),
        Kind::Array => data.iter().for_each(|series| add(&mut against_index(series))),
        Kind::Pairs => {
            if let [x, y, ..] = data {
                if y.array().is_empty() { add(&mut y.pairs()) } else { add(&mut zipped(x, y)) }
            }
        }
        Kind::Histogram { .. } => {
            add(&mut [(bars.0, 0.0), (bars.1, 0.0)].into_iter());
            add(&mut counts.iter().map(|count| (bars.0, *count)));
        }
    }
    (range(x, settings.x, settings.size.0), range(y, settings.y, settings.size.1))
}

fn time_ranges(settings: &Settings, data: &[Series], now: f64) -> (Range, Range) {
    let oldest = settings.x.0.unwrap_or(-settings.window);
    let mut y = Extent::default();
    for (series, trace) in data.iter().zip(&settings.traces) {
        over_time(series, trace.style, now, oldest).for_each(|(_, value)| y.add(value));
    }
    let fixed = (Some(oldest), Some(settings.x.1.unwrap_or(0.0)));
    (range(Extent::default(), fixed, settings.size.0), range(y, settings.y, settings.size.1))
}

fn range(extent: Extent, fixed: Bounds, side: u32) -> Range {
    Range::around(extent, fixed, ticks(side))
}

#[cfg(test)]
mod tests;
