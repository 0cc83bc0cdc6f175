//! Draws frames and publishes them, for the drawing thread, for readers, and at each command.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use wrapper::{Alarm, AlarmSeverity, AlarmStatus, Bytes, DeviceError, DeviceIo, Frames, Post};

use crate::encode;
use crate::plot::{DEPTH, Plot};
use crate::pvs::Pvs;
use crate::series::Series;
use crate::settings::{Format, Kind, Settings, Source};
use crate::signal::{Signal, Viewed, Views, lock};

/// Alarm of CONNECTED while a PV is not there.
const LOST: Alarm = Alarm::new(AlarmStatus::Link, AlarmSeverity::Invalid);

/// What is to be drawn.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) settings: Settings,
    pub(crate) data: Vec<Series>,
    /// Grows when the traces become other ones: updates of the old ones are late then.
    generation: u64,
}

/// What was drawn.
#[derive(Default)]
struct Paint {
    plot: Plot,
    frames: Frames,
    mono_frames: Frames,
    frame: Bytes,
    size: (u32, u32),
    format: Option<Format>,
    number: i32,
    drawn: Option<Instant>,
    /// Numbers of the frames that were published in other forms.
    mono: i32,
    png: i32,
}

/// The chart: data comes in from any thread, frames go out. Lock order: paint, scene.
pub(crate) struct Painter {
    pub(crate) pvs: Pvs,
    pub(crate) signal: Signal,
    scene: Mutex<Scene>,
    paint: Mutex<Paint>,
    started: Instant,
    io: OnceLock<DeviceIo>,
}

impl Painter {
    pub(crate) fn new(pvs: Pvs, signal: Signal, settings: Settings) -> Self {
        let data = settings.traces.iter().map(|_| Series::default()).collect();
        signal.pace(settings.rate, settings.kind == Kind::Time);
        Self {
            pvs,
            signal,
            scene: Mutex::new(Scene { settings, data, generation: 0 }),
            paint: Mutex::default(),
            started: Instant::now(),
            io: OnceLock::new(),
        }
    }

    /// The device has started.
    pub(crate) fn attach(&self, io: &DeviceIo) {
        // After a restart it is the same one.
        let _ = self.io.set(io.clone());
    }

    fn batch(&self, posts: impl FnOnce()) {
        match self.io.get() {
            Some(io) => io.batch(posts),
            None => posts(),
        }
    }

    /// Seconds since the chart was made.
    pub(crate) fn now(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    pub(crate) fn settings(&self) -> Settings {
        lock(&self.scene).settings.clone()
    }

    /// Takes over settings; with `data` also other traces. Returns the generation of the traces.
    pub(crate) fn set(&self, settings: Settings, data: Option<Vec<Series>>) -> u64 {
        let mut scene = lock(&self.scene);
        self.signal.pace(settings.rate, settings.kind == Kind::Time);
        scene.settings = settings;
        if let Some(data) = data {
            scene.data = data;
            scene.generation += 1;
        }
        self.show_connected(&scene);
        scene.generation
    }

    /// Forgets what is known of the traces.
    pub(crate) fn clear(&self) {
        lock(&self.scene).data.iter_mut().for_each(Series::clear);
    }

    /// Adds samples of the chart's own data, as long as that is what it shows.
    pub(crate) fn push_own(&self, time: f64, values: [f64; 2]) {
        let mut scene = lock(&self.scene);
        if scene.settings.source == Source::Own {
            scene.data.iter_mut().zip(values).for_each(|(series, value)| series.push(time, value));
            drop(scene);
            self.signal.news();
        }
    }

    /// Takes an update of a watched PV; `None` when it has no value any more.
    pub(crate) fn update(&self, generation: u64, at: usize, values: Option<Vec<f64>>) {
        let now = self.now();
        let mut scene = lock(&self.scene);
        if scene.generation != generation {
            return;
        }
        let lost = values.is_none();
        if let Some(values) = values {
            scene.take(at, now, values);
        }
        if std::mem::replace(&mut scene.data[at].lost, lost) != lost {
            self.show_connected(&scene);
        }
        drop(scene);
        self.signal.news();
    }

    fn show_connected(&self, scene: &Scene) {
        let connected = scene.data.iter().filter(|series| !series.lost).count();
        let alarm = if connected < scene.data.len() { LOST } else { Alarm::NONE };
        self.pvs.connected.post_with(connected as i32, Post::new().alarm(alarm));
    }

    /// Draws and publishes a frame.
    ///
    /// # Errors
    /// When it cannot be drawn.
    pub(crate) fn draw(&self, asked: Views) -> Result<(), DeviceError> {
        let mut paint = lock(&self.paint);
        self.draw_on(&mut paint, asked)
    }

    /// Makes what a reader gets recent: draws when there is news, but not more often than frames may be drawn.
    ///
    /// # Errors
    /// When it cannot be drawn.
    pub(crate) fn refresh(&self, view: Viewed) -> Result<(), DeviceError> {
        let asked = Views::default().with(view);
        let mut paint = lock(&self.paint);
        if paint.drawn.is_some_and(|drawn| self.signal.is_fresh(drawn)) {
            return self.publish_forms(&mut paint, asked);
        }
        self.draw_on(&mut paint, asked)
    }

    fn draw_on(&self, paint: &mut Paint, asked: Views) -> Result<(), DeviceError> {
        let (start, now) = (Instant::now(), self.now());
        {
            let scene = lock(&self.scene);
            let Scene { settings, data, .. } = &*scene;
            let Paint { plot, frames, .. } = paint;
            let mut pixels = frames.take();
            pixels.resize(settings.pixels() * DEPTH, 0);
            let drawn = plot.draw(settings, data, now, &mut pixels);
            drawn.map_err(|error| DeviceError::new(error.to_string()))?;
            paint.frame = pixels.into();
            (paint.size, paint.format) = (settings.size, Some(settings.format));
        }
        paint.number = paint.number.wrapping_add(1);
        paint.drawn = Some(start);
        self.publish(paint, asked, start.elapsed())
    }

    fn publish(&self, paint: &mut Paint, asked: Views, took: Duration) -> Result<(), DeviceError> {
        let mut result = Ok(());
        self.batch(|| {
            let (size, number) = (paint.size, paint.number);
            let format = paint.format.unwrap_or(Format::Rgb);
            self.pvs.frame.show(size, format, number, took.as_secs_f64());
            self.pvs.rgb.post(paint.frame.clone(), [DEPTH as u32, size.0, size.1], number);
            if matches!(format, Format::Rgb) {
                self.pvs.image.post(paint.frame.clone());
            }
            result = self.publish_forms(paint, asked);
        });
        result
    }

    /// Publishes the forms of the present frame that somebody looks at.
    fn publish_forms(&self, paint: &mut Paint, asked: Views) -> Result<(), DeviceError> {
        let views = self.signal.views();
        let wanted = |view| views.contain(view) || asked.contain(view);
        let mono = paint.mono != paint.number && (paint.format == Some(Format::Mono) || wanted(Viewed::Mono));
        let png = paint.png != paint.number && wanted(Viewed::Png);
        let start = Instant::now();
        if mono {
            self.publish_mono(paint)?;
        }
        if png {
            self.publish_png(paint)?;
        }
        if mono || png {
            self.pvs.frame.encode_time.post(start.elapsed().as_secs_f64());
        }
        Ok(())
    }

    fn publish_mono(&self, paint: &mut Paint) -> Result<(), DeviceError> {
        let Paint { frame, mono_frames, size, number, .. } = paint;
        let mut mono = mono_frames.take();
        mono.resize(frame.len() / DEPTH, 0);
        encode::mono(frame, &mut mono);
        let mono = Bytes::from(mono);
        self.pvs.mono.post(mono.clone(), [size.0, size.1, 0], *number);
        if paint.format == Some(Format::Mono) {
            self.pvs.image.post(mono);
        }
        paint.mono = paint.number;
        Ok(())
    }

    fn publish_png(&self, paint: &mut Paint) -> Result<(), DeviceError> {
        let file = encode::png(&paint.frame, paint.size);
        self.pvs.png.post(file.map_err(|error| DeviceError::new(error.to_string()))?.into());
        paint.png = paint.number;
        Ok(())
    }

    /// The loop of the drawing thread.
    ///
    /// # Errors
    /// When a frame cannot be drawn.
    pub(crate) fn run(&self) -> Result<(), DeviceError> {
        let mut last = Instant::now();
        while let Some(due) = self.signal.wait(last) {
            last = due;
            self.draw(Views::default())?;
        }
        Ok(())
    }
}

impl Scene {
    fn take(&mut self, at: usize, now: f64, values: Vec<f64>) {
        let x = self.data.first().and_then(Series::latest);
        let series = &mut self.data[at];
        match (self.settings.kind, &values[..]) {
            (Kind::Time, []) => {}
            (Kind::Time, [value, ..]) => series.push(now, *value),
            // Samples are paired when y comes: x is moved, then y is measured.
            (Kind::Pairs, [value]) if at == 1 => {
                if let Some(x) = x {
                    series.push(x, *value);
                }
            }
            _ => series.take(now, values),
        }
    }
}

#[cfg(test)]
mod tests;
