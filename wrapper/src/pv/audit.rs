//! A line in the log for each put of a client, where that is asked for.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use ca::proto::dbr::{ArrayData, NativeType, Scalar, Value, WireArray};

use super::core::PvCore;
use crate::hooks::PutError;
use crate::pv_type::Shape;

static ON: AtomicBool = AtomicBool::new(false);

/// Logs each put of a client to a PV or a field from now on, or no more: who, from where, the value before and the one put,
/// and what became of it.
///
/// It is for all IOCs of this process; `--audit` of every IOC asks for it. A line has the target `audit`, so that it can be
/// filtered, and the level INFO; it comes when the put is done, with all that followed from it.
///
/// ```
/// wrapper::audit_puts(true);
/// ```
pub fn audit_puts(on: bool) {
    ON.store(on, Relaxed);
}

#[inline]
pub(super) fn is_on() -> bool {
    ON.load(Relaxed)
}

/// A put whose end is to be told.
#[derive(Debug)]
pub(crate) struct Entry(String);

impl Entry {
    /// Tells it.
    pub(crate) fn close(self, outcome: &Result<(), PutError>) {
        let Self(put) = self;
        match outcome {
            Ok(()) => tracing::info!(target: "audit", "{put}: done"),
            Err(error @ PutError::Failed(_)) => tracing::info!(target: "audit", "{put}: failed: {error}"),
            Err(error) => tracing::info!(target: "audit", "{put}: refused: {error}"),
        }
    }
}

impl PvCore {
    /// What is told of a put to the value, or to a field; nothing where no audit is asked for.
    #[inline]
    pub(super) fn audited(
        &self,
        field: &str,
        wire: WireArray<'_>,
        by: impl FnOnce() -> String,
    ) -> Option<Entry> {
        is_on().then(|| self.entry(field, wire, &by()))
    }

    #[cold]
    fn entry(&self, field: &str, wire: WireArray<'_>, by: &str) -> Entry {
        let (name, value) = (&self.name, self.wire_text(wire, field.is_empty()));
        Entry(match field {
            "" => format!("put to {name}: {} -> {value} by {by}", self.value_text()),
            field => format!("put to {name}.{field}: {value} by {by}"),
        })
    }

    /// The value as a line of the log has it: in full, a choice by its label.
    pub(super) fn value_text(&self) -> String {
        let (value, meta) = {
            let state = self.lock();
            (state.value.clone(), state.meta.clone())
        };
        match &value {
            Value::Scalar(scalar) => scalar_text(*scalar, &meta.labels),
            Value::Array(array) => match array.data() {
                ArrayData::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
                data => format!("{} elements", data.len()),
            },
        }
    }

    /// What a client has put, as it came.
    fn wire_text(&self, wire: WireArray<'_>, to_value: bool) -> String {
        let is_text =
            wire.ty == NativeType::Char && (wire.count > 1 || to_value && self.fixed.shape == Shape::Text);
        let text = if is_text { wire.to_text(wire.bytes.len()).ok() } else { None };
        let meta = self.meta();
        let labels = if to_value { &meta.labels[..] } else { &[] };
        let scalar = || wire.element(0).filter(|_| wire.count == 1).map(|scalar| scalar_text(scalar, labels));
        text.map(|text| format!("{text:?}"))
            .or_else(scalar)
            .unwrap_or_else(|| format!("{} elements", wire.count))
    }
}

fn scalar_text(scalar: Scalar, labels: &[Box<str>]) -> String {
    match scalar {
        Scalar::String(text) => format!("{:?}", text.to_text()),
        Scalar::Enum(index) => {
            labels.get(usize::from(index)).map_or_else(|| index.to_string(), ToString::to_string)
        }
        Scalar::Short(v) => v.to_string(),
        Scalar::Char(v) => v.to_string(),
        Scalar::Long(v) => v.to_string(),
        // Tiny and huge ones with an exponent.
        Scalar::Float(v) => format!("{v:?}"),
        Scalar::Double(v) => format!("{v:?}"),
    }
}
