//! The background of a chart: what does not change from frame to frame.

use std::sync::OnceLock;

use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::{
    BitMapBackend, Color, DrawingArea, FontStyle, IntoDrawingArea, IntoFont, PathElement, RGBColor, Ranged,
};
use plotters::style::register_font;

use super::{PlotError, failed};
use crate::axis::Range;
use crate::canvas::Area;
use crate::series::Series;
use crate::settings::{Settings, Theme, Trace};
use crate::text;

const FONT: &str = "sans-serif";
/// Heights of names and of the title, in pixels.
const SMALL: f32 = 13.0;
const LARGE: f32 = 17.0;

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

/// How many ticks an axis of this length in pixels has.
pub(super) fn ticks(side: u32) -> usize {
    (side / 80).clamp(2, 10) as usize + 2
}

pub(super) fn color(settings: &Settings, trace: &Trace, at: usize) -> RGBColor {
    let palette = settings.theme.palette();
    trace.color.map_or(palette.traces[at % palette.traces.len()], |(r, g, b)| RGBColor(r, g, b))
}

/// Makes the embedded font known, once.
fn load_font() -> Result<(), PlotError> {
    static LOADED: OnceLock<bool> = OnceLock::new();
    let load = || register_font(FONT, FontStyle::Normal, text::FONT).is_ok();
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
pub(super) fn background(
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
    axes(&root, settings, top, x, y)
}

/// Draws axes and grid below `top`; returns the plot area.
fn axes(root: &Root<'_>, settings: &Settings, top: i32, x: Range, y: Range) -> Result<Area, PlotError> {
    let palette = settings.theme.palette();
    let font = (FONT, 12).into_font().color(&palette.ink);
    let (x_ticks, y_ticks) = (ticks(settings.size.0), ticks(settings.size.1));
    let mut chart = ChartBuilder::on(root)
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
        .label_style(font)
        .x_label_formatter(&|value| x.label(*value, x_ticks))
        .y_label_formatter(&|value| y.label(*value, y_ticks))
        .draw()
        .map_err(failed)?;
    let (across, down) = chart.plotting_area().get_pixel_range();
    let area = Area {
        left: across.start.into(),
        top: down.start.into(),
        right: across.end.into(),
        bottom: down.end.into(),
    };
    name_axes(root, settings, area)?;
    Ok(area)
}

/// Names the axes: x below the middle of the plot, y turned at the left edge.
fn name_axes(root: &Root<'_>, settings: &Settings, area: Area) -> Result<(), PlotError> {
    let (ink, (x, y)) = (settings.theme.palette().ink, &settings.labels);
    let middle = (((area.left + area.right) / 2.0) as i32, ((area.top + area.bottom) / 2.0) as i32);
    let left = (middle.0 - text::width(x, SMALL) / 2).max(4);
    write(root, x, SMALL, ink, |dx, dy| (left + dx, settings.size.1 as i32 - 18 + dy))?;
    let bottom = (middle.1 + text::width(y, SMALL) / 2).min(settings.size.1 as i32 - 4);
    write(root, y, SMALL, ink, |dx, dy| (2 + dy, bottom - dx))
}

/// Writes a text; `place` says where its pixels are in the image.
fn write(
    root: &Root<'_>,
    words: &str,
    size: f32,
    color: RGBColor,
    place: impl Fn(i32, i32) -> (i32, i32),
) -> Result<(), PlotError> {
    let mut result = Ok(());
    text::draw(words, size, |dx, dy, cover| {
        if result.is_ok() {
            result = root.draw_pixel(place(dx, dy), &color.mix(cover.into()));
        }
    });
    result.map_err(failed)
}

/// Title and names of the traces, above the plot; the height they take.
fn head(root: &Root<'_>, settings: &Settings, data: &[Series]) -> Result<i32, PlotError> {
    let (ink, wide) = (settings.theme.palette().ink, settings.size.0 as i32);
    let mut top = 4;
    if !settings.title.is_empty() {
        let left = ((wide - text::width(&settings.title, LARGE)) / 2).max(4);
        write(root, &settings.title, LARGE, ink, |dx, dy| (left + dx, top + dy))?;
        top += 20;
    }
    let mut left = 60;
    for (at, trace) in settings.traces.iter().enumerate() {
        let lost = data.get(at).is_some_and(|series| series.lost);
        let name = if lost { format!("{} (no value)", trace.name) } else { trace.name.clone() };
        let width = 34 + text::width(&name, SMALL);
        if left > 60 && left + width > wide {
            (left, top) = (60, top + 16);
        }
        // Names of traces may take a third of a small image, not all of it.
        if top > settings.size.1 as i32 / 3 {
            break;
        }
        let color = color(settings, trace, at);
        let line = PathElement::new([(left, top + 8), (left + 16, top + 8)], color.stroke_width(3));
        root.draw(&line).map_err(failed)?;
        write(root, &name, SMALL, ink, |dx, dy| (left + 20 + dx, top + dy))?;
        left += width;
    }
    Ok(top + 22)
}
