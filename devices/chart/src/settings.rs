//! What commands set: checked here, refused with value and rule.

use wrapper::{Arg, ArgType, Command, CommandSpec, DeviceError};

use crate::axis::NARROWEST;

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
const FARTHEST: f64 = 1e300;

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

fn outside(
    what: &str,
    value: impl std::fmt::Display,
    least: impl std::fmt::Display,
    most: impl std::fmt::Display,
) -> DeviceError {
    DeviceError::new(format!("{what} {value} is outside {least}..={most}"))
}

fn within(command: &Command, name: &str, range: &std::ops::RangeInclusive<f64>) -> Result<f64, DeviceError> {
    let value = command.number(name)?;
    if range.contains(&value) { Ok(value) } else { Err(outside(name, value, range.start(), range.end())) }
}

fn bounds(command: &Command, low: &str, high: &str) -> Result<Bounds, DeviceError> {
    let bound = |name: &str| match command.get(name).and_then(Arg::as_f64) {
        Some(value) if value.abs() <= FARTHEST => Ok(Some(value)),
        Some(value) => Err(outside(name, value, -FARTHEST, FARTHEST)),
        None => Ok(None),
    };
    match (bound(low)?, bound(high)?) {
        (Some(a), Some(b)) if b - a <= NARROWEST * a.abs().max(b.abs()) => Err(DeviceError::new(format!(
            "{low} {a} must be below {high} {b}, by more than {NARROWEST:e} of them"
        ))),
        bounds => Ok(bounds),
    }
}

fn words(command: &Command, name: &str) -> Result<String, DeviceError> {
    let text = command.get(name).and_then(Arg::as_text).unwrap_or_default();
    let count = text.chars().count();
    if count > MAX_TEXT {
        return Err(DeviceError::new(format!("{name} has {count} characters, at most {MAX_TEXT} fit")));
    }
    Ok(text.to_owned())
}

fn choice<T: Copy>(command: &Command, name: &str, choices: &[(&str, T)]) -> Result<T, DeviceError> {
    let asked = command.get(name).and_then(Arg::as_text).unwrap_or_default();
    let found = choices.iter().find(|(label, _)| label.eq_ignore_ascii_case(asked));
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let known: Vec<_> = choices.iter().map(|(label, _)| *label).collect();
        DeviceError::new(format!("{name} {asked:?} is none of {}", known.join(", ")))
    })
}

/// A colour written as `#rrggbb`.
fn color(text: &str) -> Result<(u8, u8, u8), DeviceError> {
    let digits = text
        .strip_prefix('#')
        .filter(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let [_, red, green, blue] = number
        .ok_or_else(|| DeviceError::new(format!("color {text:?} is not written as #rrggbb")))?
        .to_be_bytes();
    Ok((red, green, blue))
}

fn pv_name(text: &str) -> Result<String, DeviceError> {
    if text.is_empty() || text.len() > 128 || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(DeviceError::new(format!("{text:?} is no name of a PV: 1 to 128 bytes without blanks")));
    }
    Ok(text.to_owned())
}

fn name(command: &Command, argument: &str) -> Result<String, DeviceError> {
    pv_name(command.get(argument).and_then(Arg::as_text).unwrap_or_default())
}

fn names(command: &Command) -> Result<Vec<String>, DeviceError> {
    let given = command.get("rest").and_then(Arg::as_list).unwrap_or_default();
    if !(1..=MAX_TRACES).contains(&given.len()) {
        return Err(outside("the number of names", given.len(), 1, MAX_TRACES));
    }
    given.iter().map(|name| pv_name(name.as_text().unwrap_or_default())).collect()
}

/// The commands of the chart.
pub(crate) fn commands() -> Vec<CommandSpec> {
    use ArgType::{Integer, List, Number, Text};
    let none = || Arg::None;
    vec![
        CommandSpec::new("", "draws the list against its index").arg("values", List, ""),
        CommandSpec::new("counter", "draws the chart's own data"),
        CommandSpec::new("watch", "draws PVs against time").rest(Text),
        CommandSpec::new("arrays", "draws the elements of PVs against their index").rest(Text),
        CommandSpec::new("xy", "draws one PV against another: samples, or arrays")
            .arg("x", Text, "")
            .arg("y", Text, ""),
        CommandSpec::new("histogram", "draws how often each value of a PV comes")
            .arg("name", Text, "")
            .optional_arg("bins", Integer, "", 50),
        CommandSpec::new(
            "look",
            "sets colour (#rrggbb) and style (line, points, steps) of a trace, counted from 1",
        )
        .arg("trace", Integer, "")
        .optional_arg("color", Text, "", none())
        .optional_arg("style", Text, "", none()),
        CommandSpec::new("axes", "sets bounds; those left out follow the data")
            .optional_arg("x_low", Number, "", none())
            .optional_arg("x_high", Number, "", none())
            .optional_arg("y_low", Number, "", none())
            .optional_arg("y_high", Number, "", none()),
        CommandSpec::new("labels", "names the axes")
            .optional_arg("x", Text, "", "")
            .optional_arg("y", Text, "", ""),
        CommandSpec::new("title", "sets the title").arg("text", Text, ""),
        CommandSpec::new("window", "sets the time shown").arg("seconds", Number, "s"),
        CommandSpec::new("size", "sets the size of the image")
            .optional_arg("width", Integer, "px", none())
            .optional_arg("height", Integer, "px", none()),
        CommandSpec::new("theme", "sets the colours: Light or Dark").arg("name", Text, ""),
        CommandSpec::new("format", "sets what image holds: RGB or Mono").arg("name", Text, ""),
        CommandSpec::new("rate", "sets the most frames per second").arg("per_second", Number, "Hz"),
        CommandSpec::new("clear", "forgets the data so far"),
    ]
}

#[cfg(test)]
mod tests;
