//! Settings and data to pixels. What changes seldom (axes, texts, grid) is drawn once and copied.

use std::sync::OnceLock;

use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::{
    BitMapBackend, Color, DrawingArea, FontStyle, IntoDrawingArea, IntoFont, PathElement, RGBColor, Ranged,
    TextStyle,
};
use plotters::style::register_font;

use crate::axis::{Extent, Range};
use crate::canvas::{Area, Canvas};
use crate::series::{Series, histogram};
use crate::settings::{Bounds, Kind, Settings, Style, Theme, Trace};

const FONT: &str = "sans-serif";
/// Bytes of a pixel.
pub(crate) const DEPTH: usize = 3;

/// Colours of a theme: background, text, grid, traces.
struct Palette {
    ground: RGBColor,
    ink: RGBColor,
    grid: RGBColor,
    traces: [RGBColor; 8],
}

const LIGHT: Palette = Palette {
    ground: RGBColor(255, 255, 255),
    ink: RGBColor(40, 40, 40),
    grid: RGBColor(222, 222, 222),
    traces: [
        RGBColor(0, 90, 180),
        RGBColor(213, 62, 0),
        RGBColor(0, 130, 80),
        RGBColor(150, 40, 150),
        RGBColor(190, 130, 0),
        RGBColor(0, 140, 170),
        RGBColor(190, 30, 90),
        RGBColor(90, 90, 90),
    ],
};

const DARK: Palette = Palette {
    ground: RGBColor(18, 20, 26),
    ink: RGBColor(215, 215, 215),
    grid: RGBColor(56, 60, 70),
    traces: [
        RGBColor(90, 180, 255),
        RGBColor(255, 150, 80),
        RGBColor(100, 220, 140),
        RGBColor(225, 140, 235),
        RGBColor(245, 210, 80),
        RGBColor(80, 220, 230),
        RGBColor(255, 120, 160),
        RGBColor(190, 190, 190),
    ],
};

impl Theme {
    fn palette(self) -> &'static Palette {
        match self {
            Self::Light => &LIGHT,
            Self::Dark => &DARK,
        }
    }
}

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
    let window = -settings.window;
    match settings.kind {
        Kind::Time => {
            let oldest = settings.x.0.unwrap_or(window);
            for (series, trace) in data.iter().zip(&settings.traces) {
                // The one that comes in from outside counts, its time does not.
                let points = over_time(series, trace.style, now, oldest);
                add(&mut points.map(|(age, value)| (age.max(oldest), value)));
            }
            let fixed = (Some(oldest), Some(settings.x.1.unwrap_or(0.0)));
            return (range(x, fixed, settings.size.0), range(y, settings.y, settings.size.1));
        }
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

fn range(extent: Extent, fixed: Bounds, side: u32) -> Range {
    Range::around(extent, fixed, ticks(side))
}

/// How many ticks an axis of this length in pixels has.
fn ticks(side: u32) -> usize {
    (side / 80).clamp(2, 10) as usize + 2
}

fn color(settings: &Settings, trace: &Trace, at: usize) -> RGBColor {
    let palette = settings.theme.palette();
    trace.color.map_or(palette.traces[at % palette.traces.len()], |(r, g, b)| RGBColor(r, g, b))
}

/// Makes the embedded font known, once.
fn load_font() -> Result<(), PlotError> {
    static LOADED: OnceLock<bool> = OnceLock::new();
    let load = || register_font(FONT, FontStyle::Normal, include_bytes!("../assets/DejaVuSans.ttf")).is_ok();
    if *LOADED.get_or_init(load) { Ok(()) } else { Err(PlotError("the embedded font is broken".to_owned())) }
}

/// An axis with ticks of our own: those of plotters end in a loop without end where ticks are closer than doubles.
struct Axis {
    range: Range,
    ticks: Vec<f64>,
}

impl Axis {
    fn new(range: Range, ticks: usize) -> Self {
        Self { range, ticks: range.ticks(ticks) }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        start + (self.range.part(*value) * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.range.low..self.range.high
    }
}

type Root<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// Draws all but the data; returns the plot area.
fn background(
    pixels: &mut [u8],
    settings: &Settings,
    data: &[Series],
    x: Range,
    y: Range,
) -> Result<Area, PlotError> {
    load_font()?;
    let palette = settings.theme.palette();
    let root = BitMapBackend::with_buffer(pixels, settings.size).into_drawing_area();
    root.fill(&palette.ground).map_err(failed)?;
    let top = head(&root, settings, data)?;
    let font = (FONT, 12).into_font().color(&palette.ink);
    let (x_ticks, y_ticks) = (ticks(settings.size.0), ticks(settings.size.1));
    let mut chart = ChartBuilder::on(&root)
        .margin_top(top)
        .margin_right(16)
        .margin_bottom(4)
        .margin_left(4)
        .x_label_area_size(if settings.labels.0.is_empty() { 20 } else { 34 })
        .y_label_area_size(if settings.labels.1.is_empty() { 52 } else { 68 })
        .build_cartesian_2d(Axis::new(x, x_ticks), Axis::new(y, y_ticks))
        .map_err(failed)?;
    chart
        .configure_mesh()
        .bold_line_style(palette.grid)
        .light_line_style(palette.grid)
        .axis_style(palette.ink)
        .label_style(font.clone())
        .axis_desc_style(font)
        .x_desc(settings.labels.0.as_str())
        .y_desc(settings.labels.1.as_str())
        .x_label_formatter(&|value| x.label(*value, x_ticks))
        .y_label_formatter(&|value| y.label(*value, y_ticks))
        .draw()
        .map_err(failed)?;
    let (across, down) = chart.plotting_area().get_pixel_range();
    Ok(Area {
        left: across.start.into(),
        top: down.start.into(),
        right: across.end.into(),
        bottom: down.end.into(),
    })
}

/// Title and names of the traces, above the plot; the height they take.
fn head(root: &Root<'_>, settings: &Settings, data: &[Series]) -> Result<i32, PlotError> {
    let palette = settings.theme.palette();
    let mut top = 6;
    if !settings.title.is_empty() {
        let style = (FONT, 16).into_font().color(&palette.ink);
        let wide = root.estimate_text_size(&settings.title, &style).map_err(failed)?.0;
        let left = (settings.size.0.saturating_sub(wide) / 2).max(4) as i32;
        root.draw_text(&settings.title, &style, (left, top)).map_err(failed)?;
        top += 20;
    }
    let style: TextStyle<'_> = (FONT, 12).into_font().color(&palette.ink);
    let mut left = 60;
    for (at, trace) in settings.traces.iter().enumerate() {
        let lost = data.get(at).is_some_and(|series| series.lost);
        let text = if lost { format!("{} (no value)", trace.name) } else { trace.name.clone() };
        let wide = 34 + root.estimate_text_size(&text, &style).map_err(failed)?.0 as i32;
        if left > 60 && left + wide > settings.size.0 as i32 {
            (left, top) = (60, top + 16);
        }
        let color = color(settings, trace, at);
        let line = PathElement::new([(left, top + 7), (left + 16, top + 7)], color.stroke_width(3));
        root.draw(&line).map_err(failed)?;
        root.draw_text(&text, &style, (left + 20, top + 1)).map_err(failed)?;
        left += wide;
        // Names of traces may take a third of a small image, not all of it.
        if top > settings.size.1 as i32 / 3 {
            break;
        }
    }
    Ok(top + 20)
}

#[cfg(test)]
mod tests;
