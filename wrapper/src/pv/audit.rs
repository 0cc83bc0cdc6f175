//! A line in the log for each put, where that is asked for.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use ca::proto::dbr::{ArrayData, NativeType, Scalar, Value, WireArray, convert};
use ca::server::PutOutcome;

use super::core::PvCore;

static ON: AtomicBool = AtomicBool::new(false);

/// Logs each put to a PV or a field from now on, or no more: who, from where, the value before and the one put, and what
/// became of it.
///
/// It is for all IOCs of this process; `--audit` of every IOC asks for it. A line has the target `audit`, so
/// that it can be filtered, and the level INFO. What a device is to do is `accepted`: its failure is a line of its own.
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

impl PvCore {
    /// Does a put, and tells of it.
    #[cold]
    pub(super) fn audited(
        &self,
        field: &str,
        wire: WireArray<'_>,
        by: &str,
        put: impl FnOnce() -> PutOutcome,
    ) -> PutOutcome {
        let before = if field.is_empty() { format!("{} -> ", self.value_text()) } else { String::new() };
        let outcome = put();
        let (name, value) = (&self.name, self.wire_text(wire));
        let dot = if field.is_empty() { "" } else { "." };
        let result = match &outcome {
            PutOutcome::Done(Ok(())) => "done".to_owned(),
            PutOutcome::Pending => "accepted".to_owned(),
            PutOutcome::Done(Err(failure)) => format!("refused: {}", failure.reason),
        };
        tracing::info!(target: "audit", "put to {name}{dot}{field}: {before}{value} by {by}: {result}");
        outcome
    }

    /// The value as a line of the log has it.
    pub(super) fn value_text(&self) -> String {
        let (value, meta) = {
            let state = self.lock();
            (state.value.clone(), state.meta.clone())
        };
        match &value {
            Value::Scalar(scalar) => match convert::scalar(scalar, NativeType::String, &meta) {
                Ok(Scalar::String(text)) => text.to_text(),
                _ => format!("{scalar:?}"),
            },
            Value::Array(array) => match array.data() {
                ArrayData::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
                data => format!("{} elements", data.len()),
            },
        }
    }

    /// What a client has put, as it came.
    fn wire_text(&self, wire: WireArray<'_>) -> String {
        if let Some(Scalar::Enum(index)) = wire.element(0).filter(|_| wire.count == 1) {
            let meta = self.meta();
            return meta
                .labels
                .get(usize::from(index))
                .map_or_else(|| index.to_string(), ToString::to_string);
        }
        let text = match wire.ty {
            NativeType::Char if wire.count > 1 => wire.to_text(wire.bytes.len()).ok(),
            NativeType::String if wire.count == 1 => wire.to_text(wire.bytes.len()).ok(),
            _ => None,
        };
        let number = || wire.element(0).filter(|_| wire.count == 1).and_then(|scalar| scalar.as_f64());
        text.map(|text| format!("{text:?}"))
            .or_else(|| number().map(|number| number.to_string()))
            .unwrap_or_else(|| format!("{} elements", wire.count))
    }
}
