//! Image PVs as PNG: each frame is encoded once, whoever looks at it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};
use wrapper::view::{Feeds, View};
use wrapper::{ArrayData, EventMask, Scalar, Value};

use crate::shared::Shared;

/// How long somebody counts as looking after a request: equipment draws only while somebody does.
const LOOKING: Duration = Duration::from_secs(5);
/// Pictures that are kept and looked at, at most.
const KEPT: usize = 16;
/// Pictures that are made at once.
const MAKERS: usize = 1;
/// Bytes of pixels, at most.
const PIXELS: usize = 64 << 20;
/// What a PNG begins with.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Why there is no picture.
#[derive(Debug, PartialEq)]
pub(crate) enum NoPicture {
    /// There is no such PV.
    Unknown,
    /// It holds no picture, and why.
    Other(String),
    /// Too many are asked for.
    Busy,
}

/// The form of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    width: u32,
    height: u32,
    color: png::ColorType,
}

struct Picture {
    /// Of the value that it shows.
    time: SystemTime,
    png: Bytes,
    until: Instant,
    /// Looks at the PV.
    _feeds: Feeds,
}

/// The pictures that somebody looks at.
pub(crate) struct Pictures {
    kept: Mutex<HashMap<String, Picture>>,
    makers: Arc<Semaphore>,
}

impl Default for Pictures {
    fn default() -> Self {
        Self { kept: Mutex::default(), makers: Arc::new(Semaphore::new(MAKERS)) }
    }
}

/// The picture of a PV.
///
/// # Errors
/// When there is no such PV, or it holds no picture.
pub(crate) async fn picture(shared: &Arc<Shared>, name: &str) -> Result<Bytes, NoPicture> {
    let channel = shared.view.open(name).ok_or(NoPicture::Unknown)?;
    look(shared, name, &channel)?;
    // Who waits for another one's picture takes that.
    let makers = shared.pictures.makers.clone();
    let place = makers.acquire_owned().await.map_err(|_| NoPicture::Busy)?;
    let snapshot = channel.get();
    if let Some(known) = shared.pictures.known(name, snapshot.time) {
        return Ok(known);
    }
    let pixels = match &snapshot.value {
        Value::Array(array) => match array.data() {
            ArrayData::Char(bytes) | ArrayData::Text(bytes) => bytes.clone(),
            other => {
                return Err(NoPicture::Other(format!("its elements are {:?}, must be Char", other.native())));
            }
        },
        Value::Scalar(_) => return Err(NoPicture::Other("it is a scalar, must be a CHAR array".to_owned())),
    };
    let made = if pixels.starts_with(PNG) {
        pixels
    } else {
        let form = form(&shared.view, name, pixels.len()).map_err(NoPicture::Other)?;
        let making = tokio::task::spawn_blocking(move || encode(form, &pixels));
        making.await.map_err(|_| NoPicture::Busy)?.map_err(NoPicture::Other)?
    };
    shared.counters.pictures.add(1);
    shared.pictures.keep(name, snapshot.time, &made);
    drop(place);
    Ok(made)
}

impl Pictures {
    fn known(&self, name: &str, time: SystemTime) -> Option<Bytes> {
        let kept = self.kept.lock();
        kept.get(name).filter(|kept| kept.time == time && !kept.png.is_empty()).map(|kept| kept.png.clone())
    }

    fn keep(&self, name: &str, time: SystemTime, png: &Bytes) {
        if let Some(kept) = self.kept.lock().get_mut(name) {
            (kept.time, kept.png) = (time, png.clone());
        }
    }

    /// Forgets who is not looked at any more; when the others want to be looked after again.
    fn expire(&self, now: Instant) -> Option<Instant> {
        let mut kept = self.kept.lock();
        kept.retain(|_, picture| picture.until > now);
        kept.values().map(|picture| picture.until).min()
    }
}

/// Looks at a PV for a while.
fn look(shared: &Arc<Shared>, name: &str, channel: &wrapper::view::ViewChannel) -> Result<(), NoPicture> {
    let mut kept = shared.pictures.kept.lock();
    let until = Instant::now() + LOOKING;
    if let Some(known) = kept.get_mut(name) {
        known.until = until;
        return Ok(());
    }
    if kept.len() >= KEPT {
        return Err(NoPicture::Busy);
    }
    let mut feeds = shared.view.feeds(1);
    feeds.subscribe(channel, EventMask::VALUE);
    let first = kept.is_empty();
    let picture = Picture { time: SystemTime::UNIX_EPOCH, png: Bytes::new(), until, _feeds: feeds };
    kept.insert(name.to_owned(), picture);
    if first {
        shared.tasks.spawn(forget(shared.clone(), until));
    }
    Ok(())
}

/// Forgets pictures, until there are none.
async fn forget(shared: Arc<Shared>, mut until: Instant) {
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = sleep_until(until) => {}
        }
        match shared.pictures.expire(Instant::now()) {
            Some(next) => until = next,
            None => return,
        }
    }
}

/// Width, height and colours, from the PVs beside the image.
fn form(view: &View, name: &str, len: usize) -> Result<Form, String> {
    let front = name.rfind([':', '.']).map_or("", |at| &name[..=at]);
    let side = |names: [&str; 2]| {
        names.iter().find_map(|name| number(view, &format!("{front}{name}"))).filter(|side| *side > 0)
    };
    let detector = ["ArraySize0_RBV", "ArraySize1_RBV", "ArraySize2_RBV"]
        .map(|pv| number(view, &format!("{front}{pv}")));
    let (width, height) = match (side(["WIDTH", "width"]), side(["HEIGHT", "height"]), detector) {
        (Some(width), Some(height), _) => (width, height),
        (_, _, [Some(3), Some(width), Some(height)]) if height > 0 => (width, height),
        (_, _, [Some(width), Some(height), _]) => (width, height),
        _ => {
            return Err(format!(
                "{front}WIDTH and {front}HEIGHT, or ArraySize0_RBV and so on, are not there"
            ));
        }
    };
    let pixels = width as usize * height as usize;
    let color = match len.checked_div(pixels) {
        Some(1) if len == pixels => png::ColorType::Grayscale,
        Some(3) if len == 3 * pixels => png::ColorType::Rgb,
        Some(4) if len == 4 * pixels => png::ColorType::Rgba,
        _ => return Err(format!("{len} bytes, must be 1, 3 or 4 for each of {width}x{height} pixels")),
    };
    if len > PIXELS {
        return Err(format!("{len} bytes, must be at most {PIXELS}"));
    }
    Ok(Form { width, height, color })
}

fn number(view: &View, name: &str) -> Option<u32> {
    match view.open(name)?.get().value {
        Value::Scalar(Scalar::Long(number)) => u32::try_from(number).ok(),
        Value::Scalar(scalar) => {
            scalar.as_f64().filter(|number| (0.0..1e9).contains(number)).map(|n| n as u32)
        }
        Value::Array(_) => None,
    }
}

fn encode(form: Form, pixels: &[u8]) -> Result<Bytes, String> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, form.width, form.height);
    encoder.set_color(form.color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels));
    written.map_err(|error| error.to_string())?;
    Ok(out.into())
}
