//! The chart as a device: its commands, its own data, its drawing thread.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wrapper::client::{ClientConfig, Context, Monitor};
use wrapper::{Command, CommandSpec, DeviceError, DeviceIo, GroupBuilder, GroupError, Reply, SystemDevice};

use crate::painter::Painter;
use crate::pvs::Pvs;
use crate::series::Series;
use crate::settings::{self, Effect, FIRST, LEAST, Settings, Source};
use crate::signal::{Signal, Viewed, Views};

/// The largest image unless [`Chart::largest`] says otherwise.
const LARGEST: (u32, u32) = (1920, 1080);
/// The device looks this often whether `dt` was changed.
const LOOK: Duration = Duration::from_millis(100);

/// A device that draws its own data or PVs of other IOCs, and serves the chart as an image.
///
/// ```
/// let ioc = wrapper::Ioc::builder()
///     .device("chart", "chart:", Box::new(chart::Chart::new()))?
///     .start(wrapper::Config::isolated())?;
/// assert!(ioc.serves("chart:image"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Chart {
    commands: Vec<CommandSpec>,
    largest: (u32, u32),
    config: Option<ClientConfig>,
    painter: Option<Arc<Painter>>,
    thread: Option<JoinHandle<Result<(), DeviceError>>>,
    client: Option<Context>,
    watched: Vec<Monitor<Vec<f64>>>,
    counter: Counter,
}

/// What a chart is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capacity {
    /// Width of the largest image in pixels, 160 to 8192.
    pub max_width: u32,
    /// Its height in pixels, 120 to 8192.
    pub max_height: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { max_width: LARGEST.0, max_height: LARGEST.1 }
    }
}

impl Chart {
    /// A chart whose images fit into this capacity.
    ///
    /// # Errors
    /// When it is outside 160 x 120 to 8192 x 8192.
    pub fn with(capacity: Capacity) -> Result<Self, String> {
        let Capacity { max_width, max_height } = capacity;
        if !(LEAST.0..=8192).contains(&max_width) || !(LEAST.1..=8192).contains(&max_height) {
            let (width, height) = LEAST;
            return Err(format!(
                "arguments: {max_width} x {max_height} is outside {width} x {height}..=8192 x 8192"
            ));
        }
        Ok(Self::new().largest(max_width, max_height))
    }

    /// A chart of its own data; it finds PVs by the settings of the environment (`EPICS_CA_*`).
    pub fn new() -> Self {
        Self {
            commands: settings::commands(),
            largest: LARGEST,
            config: None,
            painter: None,
            thread: None,
            client: None,
            watched: Vec::new(),
            counter: Counter::default(),
        }
    }

    /// The largest image that can be asked for, in pixels: it fixes the capacity of the image PVs. At least 160 x 120, at most
    /// 8192 x 8192, 1920 x 1080 without it.
    #[must_use]
    pub fn largest(mut self, width: u32, height: u32) -> Self {
        self.largest = (width.clamp(LEAST.0, 8192), height.clamp(LEAST.1, 8192));
        self
    }

    /// How PVs of other IOCs are found.
    #[must_use]
    pub fn client(mut self, config: ClientConfig) -> Self {
        self.config = Some(config);
        self
    }

    fn painter(&self) -> Result<Arc<Painter>, DeviceError> {
        self.painter.clone().ok_or_else(|| DeviceError::new("the chart has no PVs"))
    }

    /// The client, made when the first PV is watched.
    fn context(&mut self) -> Result<Context, DeviceError> {
        if self.client.is_none() {
            let client = match &self.config {
                Some(config) => Context::new(config.clone()),
                None => Context::from_env(),
            };
            self.client = Some(client.map_err(|error| DeviceError::new(error.to_string()))?);
        }
        self.client.clone().ok_or_else(|| DeviceError::new("no client"))
    }

    /// Shows other traces; those of PVs have no value before their first update.
    fn show(&mut self, settings: Settings) -> Result<(), DeviceError> {
        let painter = self.painter()?;
        let lost = settings.source == Source::Watched;
        let client = if lost { Some(self.context()?) } else { None };
        let data = settings.traces.iter().map(|_| Series::new(lost)).collect();
        let names: Vec<_> = settings.traces.iter().map(|trace| trace.name.clone()).collect();
        let generation = painter.set(settings, Some(data));
        let monitors = client.into_iter().flat_map(|client| {
            let painter = painter.clone();
            names.iter().enumerate().map(move |(at, name)| {
                let painter = painter.clone();
                client.pv(name).on_update(move |update| painter.update(generation, at, update.ok()))
            })
        });
        // The old ones end here.
        self.watched = monitors.collect();
        Ok(())
    }

    fn apply(&mut self, settings: Settings, effect: Effect) -> Result<Reply, DeviceError> {
        let painter = self.painter()?;
        let reply = match effect {
            Effect::None => {
                painter.set(settings, None);
                Reply::done()
            }
            Effect::Clear => {
                painter.clear();
                Reply::message("cleared")
            }
            Effect::NewTraces => {
                let count = settings.traces.len();
                self.show(settings)?;
                Reply::message(format!("{count} traces"))
            }
            Effect::List(values) => {
                let message = format!("{} values", values.len());
                let mut series = Series::default();
                series.take(0.0, values.clone());
                self.watched.clear();
                painter.set(settings, Some(vec![series]));
                Reply::values(values).with_message(message)
            }
        };
        painter.pvs.look.show(&painter.settings());
        painter.draw(Views::default())?;
        Ok(reply)
    }
}

impl Default for Chart {
    fn default() -> Self {
        Self::new()
    }
}

impl SystemDevice for Chart {
    fn kind(&self) -> &'static str {
        "chart"
    }

    fn commands(&self) -> &[CommandSpec] {
        &self.commands
    }

    fn pvs(&mut self, group: &mut GroupBuilder) -> Result<(), GroupError> {
        let (settings, signal) = (Settings::new(self.largest), Signal::new());
        let pvs = Pvs::build(group, &settings, &signal)?;
        let painter = Arc::new(Painter::new(pvs, signal, settings));
        let pvs = &painter.pvs;
        let shown = [
            (&pvs.image, Viewed::Image),
            (&pvs.png, Viewed::Png),
            (&pvs.rgb.data, Viewed::Rgb),
            (&pvs.mono.data, Viewed::Mono),
        ];
        for (pv, view) in shown {
            let painter = painter.clone();
            group.on_get(pv, move |_| painter.refresh(view))?;
        }
        self.painter = Some(painter);
        Ok(())
    }

    fn startup(&mut self, io: &DeviceIo) -> Result<(), DeviceError> {
        let painter = self.painter()?;
        painter.attach(io);
        painter.draw(Views::default())?;
        if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            let thread = std::thread::Builder::new().name(format!("draw-{}", io.name()));
            self.thread = Some(thread.spawn(move || painter.run())?);
        }
        Ok(())
    }

    fn execute(&mut self, command: Command, _io: &DeviceIo) -> Result<Reply, DeviceError> {
        let (settings, effect) = self.painter()?.settings().after(&command)?;
        self.apply(settings, effect)
    }

    fn idle(&mut self, io: &DeviceIo) -> Option<Duration> {
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            let ended = self.thread.take().map(JoinHandle::join);
            // The supervisor starts the device anew, and startup the thread.
            panic!("the drawing thread ended: {ended:?}");
        }
        let painter = self.painter.as_ref()?;
        Some(io.batch(|| self.counter.tick(painter)))
    }

    fn shutdown(&mut self, _io: &DeviceIo) {
        self.watched.clear();
        if let Some(painter) = &self.painter {
            painter.signal.stop(true);
        }
        if let Some(thread) = self.thread.take() {
            // How it ended has been said when it ended early.
            let _ = thread.join();
        }
    }
}

/// The chart's own data: a wave, and a value that wanders between 0 and 255.
#[derive(Debug)]
struct Counter {
    due: Option<Instant>,
    wander: f64,
    state: u32,
}

impl Default for Counter {
    fn default() -> Self {
        Self { due: None, wander: 128.0, state: 1 }
    }
}

impl Counter {
    /// Ticks when it is time; returns when to look again.
    fn tick(&mut self, painter: &Painter) -> Duration {
        let period = Duration::from_secs_f64(painter.pvs.dt.get().clamp(0.01, 60.0));
        let now = Instant::now();
        let due = self.due.map_or(now, |due| due.min(now + period));
        if now < due {
            self.due = Some(due);
            return (due - now).min(LOOK);
        }
        // A rhythm without drift, unless ticks were missed.
        let next = if now - due < period { due + period } else { now + period };
        self.due = Some(next);
        let time = painter.now();
        painter.pvs.t1.post(time);
        painter.push_own(time, [128.0 + 100.0 * (time * std::f64::consts::TAU / 20.0).sin(), self.wander()]);
        next.saturating_duration_since(Instant::now()).min(LOOK)
    }

    fn wander(&mut self) -> f64 {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let step = f64::from(self.state >> 16) / 65_535.0 * 20.0 - 10.0;
        self.wander = (self.wander + step).clamp(0.0, 255.0);
        self.wander
    }
}

const _: () = assert!(FIRST.0 <= LARGEST.0 && FIRST.1 <= LARGEST.1);
