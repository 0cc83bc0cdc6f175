//! The table of devices, their commands and PVs, for all that is made of it: lists, screens, Python classes.

use std::sync::Arc;

use ca::proto::dbr::{LimitPair, Scalar, Value};

use crate::hooks::{HookEnd, PutHook};
use crate::pv::PvCore;
use crate::pv_type::Shape;
use crate::sequence::listing::CommandListing;
use crate::view::{Known, by_device};

/// Name of what has no device.
const PLAIN: &str = "pvs";

/// A device in a table of PVs.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct DeviceListing {
    /// Its name.
    #[serde(rename = "device")]
    pub name: String,
    /// What its PVs begin with; empty for PVs without a device.
    pub prefix: String,
    /// The commands it knows.
    pub commands: Vec<CommandListing>,
    /// Its PVs, the template's too.
    pub pvs: Vec<PvDescription>,
}

/// One PV in a table of PVs.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct PvDescription {
    /// Full name.
    pub name: String,
    /// Element type, `text` for a text.
    pub pv_type: String,
    /// Capacity in elements, bytes for a text.
    pub count: u32,
    /// It is an array or a text, perhaps of one element.
    pub array: bool,
    /// `rw` or `ro`.
    pub access: &'static str,
    /// A put runs a command or a hook, and completes when that has ended.
    pub completes: bool,
    /// For few people.
    pub detail: bool,
    /// Engineering units.
    pub units: String,
    /// Decimals shown, where that is declared.
    pub precision: Option<i16>,
    /// Labels of an enum.
    pub labels: Vec<String>,
    /// Range for displays, in units of the PV, where it is declared.
    pub display_limits: Option<[f64; 2]>,
    /// Range that a put may ask for.
    pub control_limits: Option<[f64; 2]>,
    /// LOLO and HIHI.
    pub alarm_limits: Option<[f64; 2]>,
    /// LOW and HIGH.
    pub warning_limits: Option<[f64; 2]>,
    /// The number that it starts with, the index of an enum; none for arrays, texts and what has no number yet.
    pub start: Option<f64>,
    /// Record type, empty where none is declared.
    pub record: &'static str,
    /// What it is.
    pub doc: String,
}

impl PvDescription {
    pub(crate) fn of(pv: &PvCore) -> Self {
        let (fixed, meta) = (&pv.fixed, pv.meta());
        let native = format!("{:?}", fixed.native).to_lowercase();
        let hooked = pv.hooks().is_some_and(HookEnd::takes_puts);
        Self {
            name: pv.name.to_string(),
            pv_type: if fixed.shape == Shape::Text { "text".to_owned() } else { native },
            count: fixed.capacity,
            array: fixed.shape != Shape::Scalar,
            access: if fixed.read_only { "ro" } else { "rw" },
            completes: !fixed.read_only && (hooked || !matches!(fixed.hook, PutHook::Store)),
            detail: fixed.detail,
            units: meta.units.to_string(),
            precision: (meta.precision != crate::group::UNDECLARED).then_some(meta.precision),
            labels: meta.labels.iter().map(ToString::to_string).collect(),
            display_limits: limits(meta.display),
            control_limits: limits(meta.control),
            alarm_limits: limits(meta.alarm),
            warning_limits: limits(meta.warning),
            start: number(&pv.read(false).update.value),
            record: if fixed.record.is_plain() { "" } else { fixed.record.name },
            doc: fixed.doc.to_string(),
        }
    }
}

/// A range, unless there is none: equal bounds say so, and an absent alarm limit is a NaN.
fn limits(pair: LimitPair) -> Option<[f64; 2]> {
    (pair.low < pair.high).then_some([pair.low, pair.high])
}

fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Scalar(Scalar::Short(v)) => f64::from(*v),
        Value::Scalar(Scalar::Enum(v)) => f64::from(*v),
        Value::Scalar(Scalar::Long(v)) => f64::from(*v),
        Value::Scalar(Scalar::Float(v)) => f64::from(*v),
        Value::Scalar(Scalar::Double(v)) => *v,
        Value::Scalar(Scalar::Char(v)) => f64::from(*v),
        Value::Scalar(Scalar::String(_)) | Value::Array(_) => return None,
    };
    number.is_finite().then_some(number)
}

/// The devices, and what belongs to none.
pub(crate) fn devices(known: &[Known], pvs: &[Arc<PvCore>]) -> Vec<DeviceListing> {
    let own = pvs.iter().filter(|pv| pv.fixed.is_listed());
    by_device(known, own, DeviceListing::of, |device, pv| device.pvs.push(PvDescription::of(pv)))
}

impl DeviceListing {
    fn of(known: Option<&Known>) -> Self {
        Self {
            name: known.map_or(PLAIN, |known| &known.name).to_owned(),
            prefix: known.map(|known| known.prefix.clone()).unwrap_or_default(),
            commands: known.map(Known::commands).unwrap_or_default(),
            pvs: Vec::new(),
        }
    }
}
