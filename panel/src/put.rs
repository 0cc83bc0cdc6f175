//! Puts of pages and scripts: what they mean, who did them.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value as Json;
use tracing::info;
use wrapper::client::NativeType;
use wrapper::view::ViewChannel;
use wrapper::{ArrayData, FixedString, PutError, Putting, Scalar, Value};

use crate::json;
use crate::meta::holds_text;

/// Characters of a value in the audit log.
const SHOWN: usize = 200;

/// Why a put was not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no such PV.
    Unknown,
    /// Nobody may put to it.
    ReadOnly,
    /// The value is none of this PV.
    Value(String),
    /// A limit, a hook, or a device.
    Refused(String),
    /// Too much is under way.
    Busy(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such PV"),
            Self::ReadOnly => f.write_str("this PV is read-only"),
            Self::Value(reason) | Self::Refused(reason) | Self::Busy(reason) => f.write_str(reason),
        }
    }
}

impl From<PutError> for Failure {
    fn from(error: PutError) -> Self {
        let reason = error.to_string();
        match error {
            PutError::ReadOnly => Self::ReadOnly,
            PutError::Convert(_) => Self::Value(reason),
            PutError::QueueFull { .. } => Self::Busy(reason),
            _ => Self::Refused(reason),
        }
    }
}

/// A put under way.
pub(crate) type Outcome = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// Puts a JSON value to a PV of this IOC. It has begun when this returns: puts of one page keep their order.
pub(crate) fn local(channel: &ViewChannel, value: &Json, by: &str) -> Outcome {
    match begin(channel, value, by) {
        Ok(putting) => Box::pin(async { Ok(putting.await?) }),
        Err(reason) => Box::pin(std::future::ready(Err(Failure::Value(reason)))),
    }
}

fn begin(channel: &ViewChannel, value: &Json, by: &str) -> Result<Putting, String> {
    let (native, count) = channel.shape();
    let scalar = count == 1;
    Ok(match value {
        Json::String(text) if scalar && is_odd(text) && native != NativeType::String => {
            channel.put(&Scalar::Double(number(value)?).into(), by)
        }
        Json::String(text) => {
            let is_long = native == NativeType::Char && !scalar;
            if !is_long && text.len() > FixedString::MAX {
                return Err(format!("a text of {} bytes, this PV takes {}", text.len(), FixedString::MAX));
            }
            channel.put_text(text, by)
        }
        Json::Bool(on) => channel.put(&Scalar::Short((*on).into()).into(), by),
        // As texts, whole numbers out of range are refused, not cut.
        Json::Number(number) if is_whole(native) => channel.put_text(&number.to_string(), by),
        Json::Number(_) if native == NativeType::String || holds_text(&channel.get().value) => {
            channel.put_text(&value.to_string(), by)
        }
        Json::Number(_) => channel.put(&Scalar::Double(number(value)?).into(), by),
        Json::Array(items) => channel.put(&Value::array(array(items, native)?), by),
        Json::Null | Json::Object(_) => {
            return Err("a value must be a number, a text or a list of them".to_owned());
        }
    })
}

const fn is_whole(native: NativeType) -> bool {
    matches!(native, NativeType::Short | NativeType::Long)
}

/// What stands for a number that JSON lacks.
fn is_odd(text: &str) -> bool {
    matches!(text, "NaN" | "Infinity" | "-Infinity")
}

fn number(value: &Json) -> Result<f64, String> {
    let odd = match value.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => None,
    };
    odd.or_else(|| value.as_f64()).ok_or_else(|| format!("{} is no number", shown(value)))
}

fn array(items: &[Json], native: NativeType) -> Result<ArrayData, String> {
    if native == NativeType::String {
        let text = |item: &Json| match item {
            Json::String(text) => FixedString::cut(text),
            other => FixedString::cut(&other.to_string()),
        };
        return Ok(ArrayData::String(items.iter().map(text).collect()));
    }
    Ok(ArrayData::Double(items.iter().map(number).collect::<Result<_, _>>()?))
}

/// A value in few words, in which nothing can look like a line of the log.
pub(crate) fn shown(value: &Json) -> String {
    let mut text = value.to_string();
    if text.len() > SHOWN {
        json::cut(&mut text, SHOWN);
        text.push_str("...");
    }
    text
}

/// One entry of the audit log: who put what, and how it ended; also when nobody waits for the end.
pub(crate) struct Audit {
    peer: String,
    pv: String,
    value: String,
    told: bool,
}

impl Audit {
    pub(crate) fn new(peer: &str, pv: &str, value: &Json) -> Self {
        Self { peer: peer.to_owned(), pv: pv.to_owned(), value: shown(value), told: false }
    }

    pub(crate) fn end(mut self, result: &Result<(), Failure>) {
        match result {
            Ok(()) => self.tell("done"),
            Err(failure) => self.tell(&failure.to_string()),
        }
    }

    fn tell(&mut self, result: &str) {
        self.told = true;
        let Self { peer, pv, value, .. } = self;
        info!(target: "panel::audit", "{peer} put {pv:?} = {value}: {result:?}");
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        if !self.told {
            self.tell("it was still under way when the panel stopped");
        }
    }
}
