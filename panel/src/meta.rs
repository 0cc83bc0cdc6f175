//! What is told of a PV before its values.

use serde::Serialize;
use wrapper::client::NativeType;
use wrapper::view::ViewChannel;
use wrapper::{ArrayData, LimitPair, Meta, Value};

use crate::json;

/// What is told of a PV; its JSON is also how two are compared.
#[derive(Debug, Serialize)]
pub(crate) struct Told<'a> {
    pub(crate) pv: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) count: u32,
    pub(crate) units: &'a str,
    pub(crate) precision: i16,
    pub(crate) limits: Limits,
    pub(crate) labels: &'a [Box<str>],
    pub(crate) writable: bool,
    pub(crate) description: &'a str,
    pub(crate) record: &'a str,
    pub(crate) as_text: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<[End; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<[End; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm: Option<[End; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<[End; 2]>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum End {
    At(f64),
    None(&'static str),
}

impl Limits {
    fn of(meta: &Meta) -> Self {
        let range = |pair: LimitPair| (pair.low < pair.high).then(|| ends(pair));
        let any = |pair: LimitPair| {
            (!(pair.low.is_nan() && pair.high.is_nan()) && pair != LimitPair::ZERO).then(|| ends(pair))
        };
        Self {
            display: range(meta.display),
            control: range(meta.control),
            alarm: any(meta.alarm),
            warning: any(meta.warning),
        }
    }
}

fn ends(pair: LimitPair) -> [End; 2] {
    [pair.low, pair.high].map(|end| match end {
        end if end.is_nan() => End::None("NaN"),
        end if end == f64::INFINITY => End::None("Infinity"),
        end if end == f64::NEG_INFINITY => End::None("-Infinity"),
        end => End::At(end),
    })
}

/// The name of an element type.
pub(crate) fn kind(native: NativeType) -> &'static str {
    match native {
        NativeType::String => "string",
        NativeType::Short => "short",
        NativeType::Float => "float",
        NativeType::Enum => "enum",
        NativeType::Char => "char",
        NativeType::Long => "long",
        NativeType::Double => "double",
    }
}

impl<'a> Told<'a> {
    pub(crate) fn new(pv: &'a str, (native, count): (NativeType, u32), meta: &'a Meta) -> Self {
        Self {
            pv,
            kind: kind(native),
            count,
            units: &meta.units,
            precision: meta.precision,
            limits: Limits::of(meta),
            labels: &meta.labels,
            writable: false,
            description: "",
            record: "",
            as_text: false,
        }
    }

    /// The fields between the braces of its JSON.
    pub(crate) fn fields(&self) -> String {
        let mut out = Vec::new();
        json::put(&mut out, self);
        out.pop();
        out.remove(0);
        json::text_of(out)
    }
}

/// True for the text of a CHAR array.
pub(crate) fn holds_text(value: &Value) -> bool {
    matches!(value, Value::Array(array) if matches!(array.data(), ArrayData::Text(_)))
}

/// What is told of a PV of this IOC.
pub(crate) fn of_channel(channel: &ViewChannel) -> String {
    let (meta, described) = (channel.meta(), channel.describe());
    let told = Told {
        writable: channel.is_writable(),
        description: &described.doc,
        record: described.record,
        as_text: holds_text(&channel.get().value),
        ..Told::new(channel.name(), channel.shape(), &meta)
    };
    told.fields()
}
