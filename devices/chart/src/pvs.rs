//! The chart's PVs.

use wrapper::{Bytes, Command, DevicePort, FixedString, GroupBuilder, GroupError, Pv};

use crate::encode::png_bound;
use crate::settings::{Format, LEAST, MAX_TEXT, RATES, Settings, Theme, WINDOWS};
use crate::signal::{Signal, Viewed};

wrapper::pv_enum! {
    /// Colour modes of areaDetector.
    pub(crate) enum ColorMode {
        /// One value for each pixel.
        Mono = "Mono",
        /// A Bayer pattern.
        Bayer = "Bayer",
        /// Red, green, blue of each pixel.
        Rgb1 = "RGB1",
        /// Rows of red, green, blue.
        Rgb2 = "RGB2",
        /// Planes of red, green, blue.
        Rgb3 = "RGB3",
    }
}

wrapper::pv_enum! {
    /// Data types of areaDetector.
    pub(crate) enum DataType {
        /// Signed bytes.
        Int8 = "Int8",
        /// Bytes.
        UInt8 = "UInt8",
    }
}

/// An image as a plugin of areaDetector shows it.
#[derive(Clone, Debug)]
pub(crate) struct Plugin {
    pub(crate) data: Pv<Bytes>,
    /// The fastest dimension first.
    sizes: [Pv<i32>; 3],
    unique_id: Pv<i32>,
}

impl Plugin {
    /// Shows a frame.
    pub(crate) fn post(&self, frame: Bytes, sizes: [u32; 3], number: i32) {
        for (pv, size) in self.sizes.iter().zip(sizes) {
            pv.post(size as i32);
        }
        self.data.post(frame);
        self.unique_id.post(number);
    }
}

/// What is known of a frame beside its pixels.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    width: Pv<i32>,
    height: Pv<i32>,
    depth: Pv<i32>,
    format: Pv<Format>,
    counter: Pv<i32>,
    render_time: Pv<f64>,
    pub(crate) encode_time: Pv<f64>,
}

impl Frame {
    fn build(group: &mut GroupBuilder, port: &DevicePort, settings: &Settings) -> Result<Self, GroupError> {
        let [across, down] =
            [(settings.size.0, LEAST.0, settings.most.0), (settings.size.1, LEAST.1, settings.most.1)];
        Ok(Self {
            width: side(group, port, ["WIDTH", "width"], across)?,
            height: side(group, port, ["HEIGHT", "height"], down)?,
            depth: group.pv("DEPTH", 3).read_only().doc("bytes per pixel of image").add()?,
            format: group
                .pv("FORMAT", settings.format)
                .doc("what image holds")
                .command(port, |format| Command::new("format").arg("name", label(format)))
                .add()?,
            counter: group.pv("COUNTER", 0).read_only().doc("frames drawn").add()?,
            render_time: time(group, "RENDER_TIME", "time that the last frame took to draw")?,
            encode_time: time(group, "ENCODE_TIME", "time that its other forms took: brightness, PNG")?,
        })
    }

    /// Shows what belongs to a frame.
    pub(crate) fn show(&self, (width, height): (u32, u32), format: Format, number: i32, seconds: f64) {
        self.width.post(width as i32);
        self.height.post(height as i32);
        self.depth.post(if matches!(format, Format::Rgb) { 3 } else { 1 });
        self.format.post(format);
        self.counter.post(number);
        self.render_time.post(seconds);
    }
}

/// Settings that have a PV, beside those of the frame.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    rate: Pv<f64>,
    window: Pv<f64>,
    title: Pv<String>,
    theme: Pv<Theme>,
    traces: Pv<String>,
}

impl Look {
    fn build(group: &mut GroupBuilder, port: &DevicePort, settings: &Settings) -> Result<Self, GroupError> {
        let rate = group.pv("RATE", settings.rate).units("Hz").precision(1).control_limits(RATES);
        let rate = rate.command(port, |rate| Command::new("rate").arg("per_second", rate));
        let rate = rate.doc("most frames per second").autosave_by_put().add()?;
        let window = group.pv("WINDOW", settings.window).units("s").precision(1).control_limits(WINDOWS);
        let window = window.command(port, |seconds| Command::new("window").arg("seconds", seconds));
        let window = window.doc("time shown").autosave_by_put().add()?;
        let title = group.pv("TITLE", settings.title.clone()).max_length(4 * MAX_TEXT);
        let title = title.command(port, |text: String| Command::new("title").arg("text", text));
        let title = title.doc("text above the chart").autosave_by_put().add()?;
        let theme = group.pv("THEME", settings.theme).doc("colours").autosave_by_put();
        let theme = theme.command(port, |theme| Command::new("theme").arg("name", label(theme))).add()?;
        let traces = group.pv("TRACES", names(settings)).read_only().doc("what is drawn").add()?;
        Ok(Self { rate, window, title, theme, traces })
    }

    /// Shows the settings.
    pub(crate) fn show(&self, settings: &Settings) {
        self.rate.post(settings.rate);
        self.window.post(settings.window);
        self.title.post(settings.title.clone());
        self.theme.post(settings.theme);
        self.traces.post(names(settings));
    }
}

/// What the chart publishes, and what it is told.
#[derive(Clone, Debug)]
pub(crate) struct Pvs {
    pub(crate) t1: Pv<f64>,
    pub(crate) dt: Pv<f64>,
    pub(crate) image: Pv<Bytes>,
    pub(crate) png: Pv<Bytes>,
    pub(crate) frame: Frame,
    pub(crate) look: Look,
    pub(crate) connected: Pv<i32>,
    pub(crate) rgb: Plugin,
    pub(crate) mono: Plugin,
}

impl Pvs {
    pub(crate) fn build(
        group: &mut GroupBuilder,
        settings: &Settings,
        signal: &Signal,
    ) -> Result<Self, GroupError> {
        let port = group.port()?;
        let most = settings.most.0 as usize * settings.most.1 as usize;
        let blank = Bytes::from(vec![0; settings.pixels() * 3]);
        let image = group.pv("image", blank.clone()).max_length(most * 3).read_only();
        let image = image.doc("pixels, row by row: WIDTH x HEIGHT x DEPTH bytes");
        let image = signal.watches(image, Viewed::Image).add()?;
        let png = group.pv("png", Bytes::new()).max_length(png_bound(most)).read_only();
        let png = signal.watches(png, Viewed::Png).doc("the image as a PNG file").add()?;
        let t1 =
            group.pv("t1", 0.0).units("s").precision(1).read_only().doc("the chart's own clock").add()?;
        let dt = group.pv("dt", 0.1).units("s").precision(3).control_limits(0.01..=60.0);
        let dt = dt.doc("time between ticks of t1").add()?;
        let frame = Frame::build(group, &port, settings)?;
        let look = Look::build(group, &port, settings)?;
        let connected = group.pv("CONNECTED", settings.traces.len() as i32).read_only();
        let connected = connected.doc("traces that have a value").add()?;
        let [rgb, mono] =
            [("image1:", ColorMode::Rgb1, Viewed::Rgb), ("image2:", ColorMode::Mono, Viewed::Mono)].map(
                |(name, mode, view)| {
                    group.group(name, |group| plugin(group, signal, settings, (mode, view), &blank))
                },
            );
        Ok(Self { t1, dt, image, png, frame, look, connected, rgb: rgb?, mono: mono? })
    }
}

fn label<T: wrapper::PvEnum>(value: T) -> &'static str {
    T::LABELS[usize::from(value.index())]
}

fn names(settings: &Settings) -> String {
    settings.traces.iter().map(|trace| &*trace.name).collect::<Vec<_>>().join(", ")
}

fn time(group: &mut GroupBuilder, name: &str, doc: &str) -> Result<Pv<f64>, GroupError> {
    group.pv(name, 0.0).units("s").precision(6).read_only().doc(doc).add()
}

fn side(
    group: &mut GroupBuilder,
    port: &DevicePort,
    [name, argument]: [&'static str; 2],
    (now, least, most): (u32, u32, u32),
) -> Result<Pv<i32>, GroupError> {
    let pv = group.pv(name, now as i32).units("px").control_limits(f64::from(least)..=f64::from(most));
    let pv = pv.command(port, move |pixels: i32| Command::new("size").arg(argument, pixels));
    pv.doc("size of the image").autosave_by_put().add()
}

/// The PVs of areaDetector that clients need to show an image.
fn plugin(
    group: &mut GroupBuilder,
    signal: &Signal,
    settings: &Settings,
    (mode, viewed): (ColorMode, Viewed),
    blank: &Bytes,
) -> Result<Plugin, GroupError> {
    let (width, height) = settings.size;
    let (depth, sizes) = match mode {
        ColorMode::Mono => (1, [width, height, 0]),
        _ => (3, [3, width, height]),
    };
    let most = settings.most.0 as usize * settings.most.1 as usize * depth;
    let data =
        group.pv("ArrayData", blank.slice(..settings.pixels() * depth)).max_length(most).read_only().detail();
    let data = signal.watches(data, viewed).doc("the image for clients of areaDetector").add()?;
    let dimensions = sizes.iter().filter(|size| **size > 0).count() as i32;
    group.pv("NDimensions_RBV", dimensions).read_only().detail().doc("dimensions of ArrayData").add()?;
    let mut size = |at: usize| {
        let pv = group.pv(&format!("ArraySize{at}_RBV"), sizes[at] as i32).read_only().detail();
        pv.doc("length of a dimension, the fastest first").add()
    };
    let sizes = [size(0)?, size(1)?, size(2)?];
    group.pv("ColorMode_RBV", mode).read_only().detail().doc("order of the colours").add()?;
    group.pv("DataType_RBV", DataType::UInt8).read_only().detail().doc("type of the elements").add()?;
    let kind = FixedString::cut("NDPluginStdArrays");
    group.pv("PluginType_RBV", kind).read_only().detail().doc("what ophyd looks for").add()?;
    let unique_id = group.pv("UniqueId_RBV", 0).read_only().detail().doc("number of the frame").add()?;
    Ok(Plugin { data, sizes, unique_id })
}
