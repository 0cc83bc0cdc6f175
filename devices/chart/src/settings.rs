//! What commands set: checked here, refused with value and rule.

mod args;
mod commands;

use wrapper::{Arg, Command, DeviceError};

use args::{bounds, choice, color, name, names, outside, within, words};
pub(crate) use commands::commands;

/// Least width and height in pixels: below, the labels leave no room.
pub(crate) const LEAST: (u32, u32) = (160, 120);
/// Width and height at the start, those of the original.
pub(crate) const FIRST: (u32, u32) = (640, 240);
/// Most traces of a chart.
pub(crate) const MAX_TRACES: usize = 8;
/// Frames per second at the start, and the range of what can be asked for.
pub(crate) const RATE: f64 = 10.0;
pub(crate) const RATES: std::ops::RangeInclusive<f64> = 0.1..=1000.0;
/// Seconds shown at the start, and the range of what can be asked for.
pub(crate) const WINDOW: f64 = 60.0;
pub(crate) const WINDOWS: std::ops::RangeInclusive<f64> = 0.1..=604_800.0;
/// Longest title or label in characters.
pub(crate) const MAX_TEXT: usize = 200;
const MAX_BINS: i64 = 1000;

wrapper::pv_enum! {
    /// What an element of `image` is.
    pub(crate) enum Format {
        /// Red, green and blue of each pixel.
        Rgb = "RGB",
        /// The brightness of each pixel.
        Mono = "Mono",
    }
}

wrapper::pv_enum! {
    /// Colours of the chart.
    pub(crate) enum Theme {
        /// Dark on white.
        Light = "Light",
        /// Light on black.
        Dark = "Dark",
    }
}

/// How a trace is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Line,
    Points,
    /// A value holds until the next.
    Steps,
}

/// Where the data comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The chart's own counter.
    Own,
    /// A list that a command gave.
    Given,
    /// PVs, wherever they are served.
    Watched,
}

/// What is drawn of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Values against time.
    Time,
    /// The elements of each array against their index.
    Array,
    /// The second trace against the first.
    Pairs,
    /// How often each value comes.
    Histogram { bins: usize },
}

/// One trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    /// Its label, and the name of its PV where it has one.
    pub(crate) name: String,
    /// Red, green, blue; the theme's without it.
    pub(crate) color: Option<(u8, u8, u8)>,
    pub(crate) style: Style,
}

/// Bounds of an axis, where they do not follow the data.
pub(crate) type Bounds = (Option<f64>, Option<f64>);

/// All that commands set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Grows with each change.
    pub(crate) revision: u64,
    /// Width and height in pixels.
    pub(crate) size: (u32, u32),
    /// The greatest width and height.
    pub(crate) most: (u32, u32),
    pub(crate) format: Format,
    pub(crate) theme: Theme,
    pub(crate) title: String,
    /// Labels of x and y.
    pub(crate) labels: (String, String),
    pub(crate) x: Bounds,
    pub(crate) y: Bounds,
    /// Seconds shown.
    pub(crate) window: f64,
    /// Frames per second at most.
    pub(crate) rate: f64,
    pub(crate) source: Source,
    pub(crate) kind: Kind,
    pub(crate) traces: Vec<Trace>,
}

/// What a command means beyond the settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Nothing.
    None,
    /// The traces are other ones.
    NewTraces,
    /// The trace is this list.
    List(Vec<f64>),
    /// What is known so far is forgotten.
    Clear,
}

impl Settings {
    pub(crate) fn new(most: (u32, u32)) -> Self {
        let mut settings = Self {
            revision: 1,
            size: (FIRST.0.min(most.0), FIRST.1.min(most.1)),
            most,
            format: Format::Rgb,
            theme: Theme::Light,
            title: "Own counter".to_owned(),
            labels: Default::default(),
            x: (None, None),
            y: (None, None),
            window: WINDOW,
            rate: RATE,
            source: Source::Own,
            kind: Kind::Time,
            traces: Vec::new(),
        };
        settings.show(Source::Own, Kind::Time, vec!["y1".to_owned(), "y2".to_owned()], Style::Line);
        settings
    }

    /// The settings after a command, and what else it means.
    ///
    /// # Errors
    /// When an argument breaks a rule; it says which.
    pub(crate) fn after(&self, command: &Command) -> Result<(Self, Effect), DeviceError> {
        let mut next = self.clone();
        let effect = next.apply(command)?;
        next.revision += 1;
        Ok((next, effect))
    }

    fn apply(&mut self, command: &Command) -> Result<Effect, DeviceError> {
        match command.name() {
            "" => return self.list(command),
            "counter" => {
                self.show(Source::Own, Kind::Time, vec!["y1".to_owned(), "y2".to_owned()], Style::Line);
                return Ok(Effect::NewTraces);
            }
            "watch" | "arrays" | "xy" | "histogram" => return self.watch(command),
            "clear" => return Ok(Effect::Clear),
            "look" => self.look(command)?,
            "axes" => {
                self.x = bounds(command, "x_low", "x_high")?;
                self.y = bounds(command, "y_low", "y_high")?;
            }
            "labels" => self.labels = (words(command, "x")?, words(command, "y")?),
            "title" => self.title = words(command, "text")?,
            "window" => self.window = within(command, "seconds", &WINDOWS)?,
            "rate" => self.rate = within(command, "per_second", &RATES)?,
            "theme" => {
                self.theme = choice(command, "name", &[("Light", Theme::Light), ("Dark", Theme::Dark)])?
            }
            "format" => {
                self.format = choice(command, "name", &[("RGB", Format::Rgb), ("Mono", Format::Mono)])?
            }
            "size" => self.resize(command)?,
            other => return Err(DeviceError::new(format!("no command {other:?}"))),
        }
        Ok(Effect::None)
    }

    fn list(&mut self, command: &Command) -> Result<Effect, DeviceError> {
        let values = command.get("values").and_then(Arg::numbers).unwrap_or_default();
        self.show(Source::Given, Kind::Array, vec!["values".to_owned()], Style::Line);
        Ok(Effect::List(values))
    }

    fn watch(&mut self, command: &Command) -> Result<Effect, DeviceError> {
        let (kind, names, style) = match command.name() {
            "xy" => (Kind::Pairs, vec![name(command, "x")?, name(command, "y")?], Style::Line),
            "histogram" => {
                let bins = command.get("bins").and_then(Arg::as_i64).unwrap_or_default();
                let in_range = usize::try_from(bins).ok().filter(|_| (1..=MAX_BINS).contains(&bins));
                let bins = in_range.ok_or_else(|| outside("bins", bins, 1, MAX_BINS))?;
                (Kind::Histogram { bins }, vec![name(command, "name")?], Style::Line)
            }
            "arrays" => (Kind::Array, names(command)?, Style::Line),
            _ => (Kind::Time, names(command)?, Style::Steps),
        };
        self.show(Source::Watched, kind, names, style);
        Ok(Effect::NewTraces)
    }

    /// Starts another chart: bounds and labels were those of the last one.
    fn show(&mut self, source: Source, kind: Kind, names: Vec<String>, style: Style) {
        let label = |text: &str| text.to_owned();
        (self.x, self.y) = Default::default();
        self.labels = match kind {
            Kind::Time => (label("s, 0 is now"), label("")),
            Kind::Array => (label("index"), label("")),
            Kind::Pairs => (names[0].clone(), names[1].clone()),
            Kind::Histogram { .. } => (names[0].clone(), label("count")),
        };
        self.title = match source {
            Source::Own => label("Own counter"),
            Source::Given | Source::Watched => label(""),
        };
        self.traces = names.into_iter().map(|name| Trace { name, color: None, style }).collect();
        (self.source, self.kind) = (source, kind);
    }

    fn look(&mut self, command: &Command) -> Result<(), DeviceError> {
        let number = command.get("trace").and_then(Arg::as_i64).unwrap_or_default();
        let count = self.traces.len();
        let at = usize::try_from(number - 1).ok().filter(|at| *at < count);
        let at = at.ok_or_else(|| outside("trace", number, 1, count as i64))?;
        let color = command.get("color").and_then(Arg::as_text).map(color).transpose()?;
        let styles = [("line", Style::Line), ("points", Style::Points), ("steps", Style::Steps)];
        let style = match command.get("style") {
            Some(Arg::Text(_)) => Some(choice(command, "style", &styles)?),
            _ => None,
        };
        let trace = &mut self.traces[at];
        (trace.color, trace.style) = (color.or(trace.color), style.unwrap_or(trace.style));
        Ok(())
    }

    fn resize(&mut self, command: &Command) -> Result<(), DeviceError> {
        let side = |name: &str, now: u32, least: u32, most: u32| match command.get(name).and_then(Arg::as_i64)
        {
            None => Ok(now),
            Some(pixels) => u32::try_from(pixels)
                .ok()
                .filter(|pixels| (least..=most).contains(pixels))
                .ok_or_else(|| outside(name, pixels, least, most)),
        };
        self.size = (
            side("width", self.size.0, LEAST.0, self.most.0)?,
            side("height", self.size.1, LEAST.1, self.most.1)?,
        );
        Ok(())
    }

    /// Pixels of the image.
    pub(crate) fn pixels(&self) -> usize {
        self.size.0 as usize * self.size.1 as usize
    }
}

#[cfg(test)]
mod tests;
